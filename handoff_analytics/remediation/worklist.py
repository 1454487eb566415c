"""What is to be repaired, in which order, by whom, with which measure, and what will that save?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..economics.assumptions import assumptions, in_short
from ..economics.effects import annuity, drawn_effects, streams_of
from ..economics.exposure import exposure
from ..economics.measures import Measure, measures_of
from ..errors import ArgumentError
from .entries import latest_entries
from .suggestions import suggested_measures, usual_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from ..economics.exposure import Exposure
    from ..history import History

    Floats = npt.NDArray[np.float64]

KEYS = ("source", "target", "channel")
_EXAMPLES = 5
_DRAWS = 500
LIST = pl.Schema(
    {
        "rank": pl.Int64(),
        **dict.fromkeys(("source", "target", "channel", "owner", "handoff_type", "mode", "what", "why"), pl.String()),
        "failures": pl.Float64(),
        "silent_share": pl.Float64(),
        "last_failed_at": pl.Datetime("us"),
        **dict.fromkeys(("failure_ids", "example", "example_text"), pl.String()),
        "expected_annual_loss": pl.Float64(),
        **dict.fromkeys(("measure", "title", "category", "declared_by"), pl.String()),
        **dict.fromkeys(("cost", "yearly_cost", "saving", "saving_low", "saving_high"), pl.Float64()),
        "pays": pl.Boolean(),
        **dict.fromkeys(("status", "reference", "currency"), pl.String()),
        "assumed_share": pl.Float64(),
        "assumptions": pl.String(),
    }
)


def remediation_list(
    history: History,
    *,
    measures: Iterable[Measure] | str | Path | None = None,
    top: int | None = None,
    discount_rate: float = 0.08,
    seed: int = 1,
) -> pl.DataFrame:
    """List what to repair, as it is handed over to those who will do it.

    One row is one way in which one handoff fails. The order is by the loss to expect from it in a year, which is
    business impact times probability. The measure is the one that saves most there after its own costs: of those the
    catalogue declares, else of the shipped ones for that type and mode.

    Parameters
    ----------
    history
        What to measure, and in which window.
    measures
        Measures to choose from instead of the declared and the shipped ones: made in Python, or a TOML file.
    top
        How many rows at most; null means all.
    discount_rate
        By what a year makes money worth less.
    seed
        Of the draws.

    Returns
    -------
    polars.DataFrame
        =========================== ======== ========================================================================
        rank                        Int64    1 is to be repaired first
        source, target, channel     String   the handoff
        owner                       String   who answers for it; null where nobody is named
        handoff_type, mode          String   how it fails
        what                        String   what fails, in words
        why                         String   the rule and side that say so, in words
        failures                    Float64  origins that no retry saved, weighted
        silent_share                Float64  share of them that no status told
        last_failed_at              Datetime UTC
        failure_ids                 String   the latest failures, for `explain` and the table failures
        example                     String   a transaction to look at, for `trace`
        example_text                String   what its error said
        expected_annual_loss        Float64  to expect from this way of failing, in currency a year
        measure, title, category    String   what is suggested; null where nothing fits
        declared_by                 String   catalogue (this organisation's) or suggestion (shipped; built-in numbers)
        cost, yearly_cost           Float64  its outlay and its upkeep, wherever else it helps
        saving                      Float64  what it saves here in a year, mean; saving_low, _high are 5 and 95 %
        pays                        Boolean  whether it earns upkeep and the annuity of its outlay by what it saves
                                             at all handoffs that it is aimed at
        status                      String   open, in_progress, done or rejected: the last word of `mark_remediation`
        reference                   String   ticket or change that does it
        currency                    String   ISO 4217
        assumed_share               Float64  share of the loss that rests on assumptions
        assumptions                 String   the register in a sentence
        =========================== ======== ========================================================================

    Raises
    ------
    ArgumentError
        If `top` is not positive.
    EmptyHistoryError
        If the scope holds no crossings.
    """
    if top is not None and top < 1:
        raise ArgumentError(f"top = {top}, must be 1 or more.")
    declared = measures_of(history, measures)
    shipped = suggested_measures() if measures is None else ()
    exposed = exposure(history, seed=seed)
    evidence = {_cell(row): row for row in _evidence(history).to_dicts()}
    entries = latest_entries(history)
    register = in_short(assumptions(history, measures=declared), exposed.assumed_share)
    rows = []
    for cell in _cells(exposed).to_dicts():
        seen = evidence.get(_cell(cell))
        if seen is None:
            continue
        row = {name: cell[name] for name in (*KEYS, "handoff_type", "mode", "owner")}
        row |= {"expected_annual_loss": cell["loss"], "silent_share": cell["silent_share"]}
        row |= {name: seen[name] for name in ("failures", "last_failed_at", "failure_ids", "example", "example_text")}
        row |= _words(row, seen)
        row |= _suggestion(exposed, cell, declared, shipped, discount_rate=discount_rate, seed=seed)
        entry = entries.get((row["source"], row["target"], row["channel"], row.get("measure") or ""), {})
        row |= {
            "status": entry.get("status", "open"),
            "reference": entry.get("reference"),
            "owner": entry.get("owner") or row["owner"],
            "currency": exposed.currency,
            "assumed_share": exposed.assumed_share,
            "assumptions": register,
        }
        rows.append(row)
    rows.sort(key=lambda row: (-row["expected_annual_loss"], *(row[name] or "" for name in (*KEYS, "mode"))))
    return pl.DataFrame([row | {"rank": place} for place, row in enumerate(rows[:top], start=1)], schema=LIST)


def _cell(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*KEYS, "handoff_type", "mode"))


def _cells(exposed: Exposure) -> pl.DataFrame:
    """Return the loss of each way of failing, silent and loud together."""
    placed = exposed.handoffs.with_row_index("column").select(
        pl.col("column").cast(pl.Int64), "expected_annual_loss", "owner"
    )
    return (
        exposed.cells.join(placed, on="column", how="left", maintain_order="left")
        .group_by("column", *KEYS, "handoff_type", "mode", "owner", maintain_order=True)
        .agg(
            loss=(pl.col("expected_annual_loss") * pl.col("share")).sum(),
            silent_share=(pl.col("share") * pl.col("silent")).sum() / pl.col("share").sum(),
        )
    )


def _evidence(history: History) -> pl.DataFrame:
    """Return, for each way of failing, its latest failures, and what one of them said."""
    return history.sql(
        """
        WITH ordered AS (
            SELECT *, row_number() OVER (
                PARTITION BY source, target, channel, coalesce(handoff_type, 'unclassified'), mode
                ORDER BY failed_at DESC NULLS LAST, failure_id
            ) AS place
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
        )
        SELECT
            source,
            target,
            channel,
            coalesce(handoff_type, 'unclassified')                                         AS handoff_type,
            mode,
            sum(origin_weight * weight)                                                    AS failures,
            max(failed_at)                                                                 AS last_failed_at,
            string_agg(failure_id::VARCHAR, ', ' ORDER BY place) FILTER (WHERE place <= $n) AS failure_ids,
            min_by(coalesce(correlation_id, trace_id), place)
                FILTER (WHERE coalesce(correlation_id, trace_id) IS NOT NULL)              AS example,
            min_by(error_text, place) FILTER (WHERE error_text IS NOT NULL)                AS example_text,
            min_by(type_rule, place) FILTER (WHERE type_rule IS NOT NULL)                  AS type_rule,
            min_by(detector, place) FILTER (WHERE detector IS NOT NULL)                    AS detector,
            mode(side)                                                                     AS side
        FROM ordered
        GROUP BY source, target, channel, coalesce(handoff_type, 'unclassified'), mode
        ORDER BY source, target, channel, handoff_type, mode
        """,
        n=_EXAMPLES,
    )


_SIDES = {
    "caller": "what is sent has to change",
    "boundary": "what both sides agreed on has to change",
    "callee": "the receiving system has to change",
    "boundary_or_callee": "the receiver sends no telemetry: the boundary or the receiving system has to change",
}


def _words(row: dict[str, Any], seen: dict[str, Any]) -> dict[str, str]:
    """Say what fails and why that is believed."""
    name = (row["mode"] or "unknown cause").replace("_", " ")
    kind = row["handoff_type"].replace("_", " ")
    what = f"{row['source']} -> {row['target']} fails by {name} ({kind}), {_times(row['failures'])} in the window"
    if row["silent_share"] > 0:
        what += f", {row['silent_share']:.0%} of them without a status that says so"
    reasons = []
    if seen["type_rule"]:
        reasons.append(f"rule {seen['type_rule']}")
    if seen["detector"]:
        reasons.append(f"detector {seen['detector'].replace('_', ' ')}")
    if seen["side"] in _SIDES:
        reasons.append(_SIDES[seen["side"]])
    return {"what": f"{what}.", "why": "; ".join(reasons) or "no rule says"}


def _times(count: float) -> str:
    return "once" if round(count) == 1 else f"{count:,.0f} times"


def _suggestion(
    exposed: Exposure,
    cell: dict[str, Any],
    declared: Iterable[Measure],
    shipped: Iterable[Measure],
    *,
    discount_rate: float,
    seed: int,
) -> dict[str, Any]:
    """Choose the measure that saves most on a way of failing after its share of its own costs."""
    where = (cell["source"], cell["target"], cell["handoff_type"], cell["mode"])
    own = [measure for measure in declared if measure.is_aimed_at(*where)]
    # What is aimed at everything says nothing of this way of failing: it comes last.
    meant = [measure for measure in own if measure.targets or measure.handoffs]
    # The shipped numbers are for one handoff.
    usual = usual_for(shipped, cell["handoff_type"], cell["mode"])
    here = [replace(one, handoffs=((cell["source"], cell["target"]),)) for one in usual]
    declares = {id(measure) for measure in own}
    best: tuple[float, str, dict[str, Any]] | None = None
    for measure in meant or here or own:
        saving = _saving(exposed, cell, measure, seed=seed)
        total = float(_all_savings(exposed, measure, seed=seed).mean())
        yearly = measure.yearly_cost + annuity(measure, discount_rate)
        mean = float(saving.mean())
        if total <= 0 or mean <= 0:
            continue
        net = mean * (1 - yearly / total)
        low, high = np.quantile(saving, [0.05, 0.95])
        found = {
            "measure": measure.name,
            "title": measure.title,
            "category": measure.category,
            "declared_by": "catalogue" if id(measure) in declares else "suggestion",
            "cost": measure.cost,
            "yearly_cost": measure.yearly_cost,
            "saving": mean,
            "saving_low": float(low),
            "saving_high": float(high),
            "pays": total > yearly,
        }
        if best is None or (-net, measure.name) < (-best[0], best[1]):
            best = (net, measure.name, found)
    return best[2] if best else {}


def _saving(exposed: Exposure, cell: dict[str, Any], measure: Measure, *, seed: int) -> Floats:
    """Draw what a measure saves a year on one way of failing."""
    chosen = (pl.col("column") == cell["column"]) & (pl.col("handoff_type") == cell["handoff_type"])
    only = exposed.cells.filter(chosen & pl.col("mode").eq_missing(cell["mode"]))
    return _all_savings(replace(exposed, cells=only), measure, seed=seed)


def _all_savings(exposed: Exposure, measure: Measure, *, seed: int) -> Floats:
    incidents, costs = exposed.drawn(_DRAWS)
    effects = drawn_effects(measure, draws=_DRAWS, seed=seed)
    streams, rest = streams_of(exposed, [measure], [effects], incidents=incidents, costs=costs)
    return np.asarray(sum((stream.saving for stream in streams), np.zeros(_DRAWS)) + rest.saving, dtype=np.float64)
