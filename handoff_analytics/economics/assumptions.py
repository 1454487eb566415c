"""Which numbers rest on somebody's word?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ..prices import ASSUMED_HOURS, ASSUMED_TEAM_HOURS, prices
from ..vocabulary import Basis
from .measures import Measure, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..history import History
    from ..statistics.ranges import Range

REGISTER = pl.Schema(
    {
        "subject": pl.String(),
        "name": pl.String(),
        "low": pl.Float64(),
        "likely": pl.Float64(),
        "high": pl.Float64(),
        "unit": pl.String(),
        "basis": pl.String(),
        "reference": pl.String(),
        "used_for": pl.String(),
    }
)
_EFFECTS = {
    "one_off": "outlay",
    "yearly": "upkeep",
    "rate_reduction": "share of incidents prevented",
    "magnitude_reduction": "share of an incident's cost saved",
    "detection_reduction": "share of a silent failure's delay, and of its cost, saved",
    "propagation_reduction": "share of its failures kept from spreading",
}


def assumptions(history: History, *, measures: Iterable[Measure] | str | Path | None = None) -> pl.DataFrame:
    """List every number that no evidence measured, with its range and what it is used for.

    Parameters
    ----------
    history
        The history; its catalogue declares prices and measures.
    measures
        Measures to list instead of the declared ones.

    Returns
    -------
    polars.DataFrame
        The register, by subject and name. It belongs beside every result of this package.

        ========= ======= =====================================================================
        subject   String  price, incidence, hours, measure or method
        name      String  what the number is
        low       Float64 low end
        likely    Float64 most likely
        high      Float64 high end
        unit      String  such as EUR/hour
        basis     String  assumed, derived or measured
        reference String  where it comes from, as declared; null if nobody said
        used_for  String  which results it enters
        ========= ======= =====================================================================
    """
    priced = prices(history)
    told = dict(history.sql("SELECT item, reference FROM cost_rates ORDER BY item, reference").iter_rows())
    rows: list[dict[str, Any]] = [
        _row(
            "price",
            f"hour of work ({priced.role})",
            priced.hour,
            unit=f"{priced.currency}/hour",
            basis="assumed",
            reference=told.get(f"role:{priced.role}"),
            used_for="work on tickets",
        )
    ]
    for price in priced.items:
        rows.append(
            _row(
                "price",
                price.item,
                price.amount,
                unit=price.unit,
                basis=price.basis.value,
                reference=told.get(price.item),
                used_for=price.category,
            )
        )
        units, basis = priced.units(price)
        if basis == Basis.ASSUMED:
            rows.append(
                _row(
                    "incidence",
                    price.item,
                    units,
                    unit="units a failure",
                    basis=basis.value,
                    reference="built-in range; give your own as incidence=",
                    used_for=price.category,
                )
            )
    rows += _hours(history)
    for measure in measures_of(history, measures):
        for name, words in _EFFECTS.items():
            value: Range = getattr(measure, name)
            if value.high > 0:
                unit = (
                    priced.currency if name == "one_off" else f"{priced.currency}/year" if name == "yearly" else "share"
                )
                rows.append(
                    _row(
                        "measure",
                        f"{measure.name}: {words}",
                        value,
                        unit=unit,
                        basis="assumed",
                        reference=None,
                        used_for="prevention",
                    )
                )
    return pl.DataFrame(rows, schema=REGISTER).sort("subject", "name", maintain_order=True)


def _hours(history: History) -> list[dict[str, Any]]:
    """List the hours that stand in for what no ticket books."""
    tickets, booked = history.sql(
        "SELECT count(*) AS n, count(*) FILTER (WHERE worked_s > 0) AS booked FROM tickets"
    ).row(0)
    if not tickets:
        return [
            _row(
                "hours",
                "work on one failed handoff",
                ASSUMED_HOURS,
                unit="hours",
                basis="assumed",
                reference="built-in range: no tickets are loaded",
                used_for="work on tickets",
            )
        ]
    if booked == tickets:
        return []
    return [
        _row(
            "hours",
            f"work of each team on a ticket without bookings ({tickets - booked} of {tickets})",
            ASSUMED_TEAM_HOURS,
            unit="hours",
            basis="assumed",
            reference="built-in range",
            used_for="work on tickets",
        )
    ]


def _row(
    subject: str, name: str, value: Any, *, unit: str, basis: str, reference: str | None, used_for: str
) -> dict[str, Any]:
    return {
        "subject": subject,
        "name": name,
        "low": value.low,
        "likely": value.likely,
        "high": value.high,
        "unit": unit,
        "basis": basis,
        "reference": reference,
        "used_for": used_for,
    }


def in_short(register: pl.DataFrame, assumed_share: float | None) -> str:
    """Return the register as one sentence, for the column that travels with a result."""
    assumed = register.filter(pl.col("basis") == "assumed").height
    share = "nothing has failed yet" if assumed_share is None else f"{assumed_share:.0%} of the loss rests on them"
    return f"{assumed} of {register.height} numbers are assumed; {share}. assumptions(history) lists them."
