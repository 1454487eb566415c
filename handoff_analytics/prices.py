"""What does an hour, and what does a failure cost?

Prices come from the catalogue. What is missing is assumed, as a range, and says so: an assumption that can be seen can
be corrected, a cost left out cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

import numpy as np

from . import catalogue
from .catalogue.sections import CostCategory
from .errors import ArgumentError
from .statistics.ranges import Range
from .vocabulary import Basis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .history import History

CATEGORIES: tuple[str, ...] = get_args(CostCategory)
"""The five kinds of recovery cost, and the three indirect ones."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit of one kind of cost."""

    item: str
    category: str
    amount: Range
    unit: str
    basis: Basis

    @property
    def driver(self) -> str:
        """What it is counted by: tickets, hours, customers, value or failures, as its unit says."""
        words = self.unit.lower()
        for driver, names in _DRIVERS.items():
            if any(name in words for name in names):
                return driver
        return "failures"


# Words of a unit, and what of a history it counts.
_DRIVERS = {
    "value": ("share of", "% of"),
    "hours": ("/hour", "per hour"),
    "tickets": ("/ticket", "/incident", "per ticket", "per incident"),
    "customers": ("/customer", "per customer"),
}
# How many units one failure takes, where nobody says: low, likely, high.
_INCIDENCE = {
    "manual_intervention": Range(0.1, 0.4, 0.9),
    "data_cleanup": Range(0.2, 0.8, 2.0),
    "customer_support": Range(0.05, 0.2, 0.6),
    "opportunity": Range(0.2, 0.6, 1.0),
    "customer_impact": Range(0.0, 0.02, 0.06),
    "regulatory": Range(0.0, 0.05, 0.3),
    "productivity": Range(0.0, 0.5, 2.0),
}
# Which failures take any: records to clean up and authorities to tell come from data that went wrong without a stop.
_APPLIES = {
    "data_cleanup": "inconsistent",
    "regulatory": "inconsistent",
    "manual_intervention": "unrecovered",
    "opportunity": "unrecovered",
}
ASSUMED_ROLE = Range(60.0, 85.0, 120.0)
"""Hourly rate where no role is priced."""
ASSUMED_HOURS = Range(0.1, 0.3, 1.0)
"""Hours of work for one failed handoff where no ticket tells."""
ASSUMED_TEAM_HOURS = Range(0.5, 1.5, 4.0)
"""Hours that each team works on a ticket that has no record of work."""


@dataclass(frozen=True, slots=True)
class Prices:
    """All that costs are computed with."""

    currency: str
    hour: Range
    hour_basis: Basis
    role: str
    items: tuple[Price, ...]
    incidence: dict[str, Range] = field(default_factory=dict)

    def applies_to(self, price: Price) -> str:
        """Say which failures take units of an item: inconsistent, unrecovered or all."""
        return "all" if price.item in self.incidence else _APPLIES.get(price.category, "all")

    def units(self, price: Price) -> tuple[Range, Basis]:
        """Return how many units of an item one of what it is counted by takes, and who says so."""
        if price.item in self.incidence:
            return self.incidence[price.item], Basis.DERIVED
        if price.driver == "tickets":
            return Range(1, 1, 1), Basis.DERIVED
        return _INCIDENCE.get(price.category, Range(1, 1, 1)), Basis.ASSUMED


def prices(
    history: History,
    *,
    role: str = "engineer",
    currency: str | None = None,
    incidence: Mapping[str, float | tuple[float, float, float]] | None = None,
) -> Prices:
    """Collect the prices that the catalogue declares.

    Parameters
    ----------
    history
        Whose catalogue.
    role
        Who works on tickets; where this role has no rate, the mean of those that have.
    currency
        Overrides the catalogue's; without either it is EUR.
    incidence
        Units of an item that one failure takes, by item: a number, or low, likely, high.

    Returns
    -------
    Prices
        Declared prices, and assumed ones where the catalogue has none.

    Raises
    ------
    ArgumentError
        If an incidence names no item of the catalogue.
    """
    rows = history.sql(
        """
        SELECT item, category, low, likely, high, unit, currency, basis
        FROM cost_rates
        ORDER BY item, likely, low, high
        """
    ).rows(named=True)
    roles = {
        row["item"].removeprefix("role:"): _range(row["low"], row["likely"], row["high"])
        for row in rows
        if row["item"].startswith("role:")
    }
    items = tuple(
        Price(
            row["item"],
            row["category"],
            _range(row["low"], row["likely"], row["high"]),
            row["unit"] or "",
            Basis(row["basis"] or "assumed"),
        )
        for row in rows
        if row["category"] in CATEGORIES and row["category"] != "debugging"
    )
    known = {price.item for price in items}
    given = {
        name: _range(*value) if isinstance(value, tuple) else _range(value, value, value)
        for name, value in (incidence or {}).items()
    }
    for name in given:
        if name not in known:
            raise ArgumentError(
                f"incidence names {name!r}, which the catalogue has no price for. "
                f"Priced: {', '.join(sorted(known)) or 'nothing'}."
            )
    if role in roles:
        hour = roles[role]
    elif roles:
        hour = Range(*(float(np.mean([getattr(r, end) for r in roles.values()])) for end in ("low", "likely", "high")))
    else:
        hour = ASSUMED_ROLE
    declared = currency or catalogue.currency(history._store.reader())  # noqa: SLF001 - the catalogue reads connections
    said = next((row["currency"] for row in rows if row["currency"]), None)
    return Prices(
        currency=declared or said or "EUR",
        hour=hour,
        hour_basis=Basis.DERIVED if roles else Basis.ASSUMED,
        role=role if role in roles else ("mean of all roles" if roles else "assumed"),
        items=items,
        incidence=given,
    )


def _range(low: float | None, likely: float | None, high: float | None) -> Range:
    middle = next(value for value in (likely, low, high, 0.0) if value is not None)
    return Range(*sorted((middle if low is None else low, middle, middle if high is None else high)))
