"""Which fixes fit the budget?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..economics.choice import Menu, best, greedy
from ..economics.measures import Measure, measures_of
from ..errors import ArgumentError
from ..ranking import KEYS, Losses, losses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ..history import History

    Floats = NDArray[np.float64]


def plan(
    history: History,
    *,
    budget: float,
    measures: Iterable[Measure] | str | Path | None = None,
    capacity_days: Mapping[str, float] | None = None,
    draws: int = 200,
    seed: int = 1,
) -> pl.DataFrame:
    """Choose the measures that save most within a budget.

    The loss of a handoff is split over the ways in which it fails; a measure takes a share of the parts at which it is
    aimed, and measures of one overlap group count only by the strongest. The set is the best there is, found by a
    mixed-integer programme and checked against its bound, so that the gap is known; its order is by what each adds to
    those above it for its price.

    Parameters
    ----------
    history
        What to measure, and in which window; its catalogue declares the measures.
    budget
        What may be spent once, in the catalogue's currency.
    measures
        Measures to choose from instead: made in Python, or a TOML file.
    capacity_days
        Days that each team has; a team that is not named has no limit.
    draws
        Posterior draws of the losses over which the choice is repeated.
    seed
        Of the draws.

    Returns
    -------
    polars.DataFrame
        One row a measure, the chosen ones first in the order in which to take them.

        ================= ============ ====================================================================
        column            dtype        meaning
        ================= ============ ====================================================================
        place             Int64        order in which to take it; null when it is not chosen
        measure, title    String       name, and the same in words
        chosen            Boolean      whether it is in the plan
        category          String       auditing, error_handling, monitoring or training
        team              String       who would do it
        cost              Float64      expected outlay, once
        yearly_cost       Float64      expected upkeep a year
        saving_alone      Float64      loss that it takes away in a year if nothing else is done
        saving            Float64      what it adds a year to those above it, after upkeep; null when not chosen
        cumulative_cost   Float64      outlay of the plan down to here
        cumulative_saving Float64      saving of the plan down to here, a year, after upkeep
        chosen_share      Float64      share of posterior draws in which it is chosen, from 0 to 1
        handoffs          List(String) the handoffs at which it is aimed, the dearest first
        gap               Float64      share of the best saving that the plan may be missing, from 0 to 1
        currency          String       ISO 4217
        ================= ============ ====================================================================

    Raises
    ------
    ArgumentError
        If the budget is negative, or there are no measures.

    References
    ----------
    Khuller, Moss and Naor 1999; Krause and Golovin 2014 for the greedy choice.
    """
    if budget < 0:
        raise ArgumentError(f"budget = {budget} is negative.")
    found = _measures(history, measures)
    lost = losses(history, seed=seed)
    cells = _cells(history, lost)
    menu = _menu(found, cells, capacity_days or {})
    chosen = best(menu, budget)
    share = _chosen_share(menu, lost, cells, budget=budget, draws=draws)
    saved = [menu.value(chosen.chosen[: place + 1]) for place in range(len(chosen.chosen))]
    added = np.diff([0.0, *saved])
    spent = np.cumsum(menu.costs[list(chosen.chosen)])
    names = [f"{source} -> {target}" for source, target in cells.select("source", "target").iter_rows()]
    order = [*chosen.chosen, *(place for place in range(len(found)) if place not in chosen.chosen)]
    rows = []
    for position, place in enumerate(order):
        measure, taken = found[place], position < len(chosen.chosen)
        aimed = sorted(np.flatnonzero(menu.reductions[place] > 0), key=lambda cell: -menu.losses[cell])
        rows.append(
            {
                "place": position + 1 if taken else None,
                "measure": measure.name,
                "title": measure.title,
                "chosen": taken,
                "category": measure.category,
                "team": measure.team,
                "cost": measure.cost,
                "yearly_cost": measure.yearly_cost,
                "saving_alone": float(menu.losses @ menu.reductions[place]),
                "saving": float(added[position]) if taken else None,
                "cumulative_cost": float(spent[position]) if taken else None,
                "cumulative_saving": saved[position] if taken else None,
                "chosen_share": float(share[place]),
                "handoffs": list(dict.fromkeys(names[cell] for cell in aimed)),
                "gap": chosen.gap,
                "currency": lost.frame["currency"][0],
            }
        )
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: dict[str, Any] = {
    "place": pl.Int64,
    **dict.fromkeys(("measure", "title"), pl.String),
    "chosen": pl.Boolean,
    **dict.fromkeys(("category", "team"), pl.String),
    **dict.fromkeys(("cost", "yearly_cost", "saving_alone", "saving"), pl.Float64),
    **dict.fromkeys(("cumulative_cost", "cumulative_saving", "chosen_share"), pl.Float64),
    "handoffs": pl.List(pl.String),
    "gap": pl.Float64,
    "currency": pl.String,
}


def budget_frontier(
    history: History, *, measures: Iterable[Measure] | str | Path | None = None, steps: int = 20
) -> pl.DataFrame:
    """Say how much each budget saves at best.

    Parameters
    ----------
    history
        What to measure, and in which window; its catalogue declares the measures.
    measures
        Measures to choose from instead: made in Python, or a TOML file.
    steps
        How many budgets, from nothing to the price of everything.

    Returns
    -------
    polars.DataFrame
        One row a budget, rising: budget (Float64), cost (Float64, what the best set of it costs), saving (Float64, a
        year, after upkeep), measures (List(String)), gap (Float64) and currency (String).

    Raises
    ------
    ArgumentError
        If there are no measures.
    """
    found = _measures(history, measures)
    lost = losses(history)
    menu = _menu(found, _cells(history, lost), {})
    rows = []
    for budget in np.linspace(0, float(menu.costs.sum()), steps):
        chosen = best(menu, float(budget), seconds=0.5)
        cost = float(menu.costs[list(chosen.chosen)].sum())
        names = sorted(found[place].name for place in chosen.chosen)
        rows.append((float(budget), cost, chosen.value, names, chosen.gap, lost.frame["currency"][0]))
    return pl.DataFrame(
        rows,
        schema={
            "budget": pl.Float64,
            "cost": pl.Float64,
            "saving": pl.Float64,
            "measures": pl.List(pl.String),
            "gap": pl.Float64,
            "currency": pl.String,
        },
        orient="row",
    )


def _measures(history: History, measures: Iterable[Measure] | str | Path | None) -> tuple[Measure, ...]:
    found = measures_of(history, measures)
    if not found:
        raise ArgumentError(
            "There are no measures to choose from. Declare them as [[measure]] in a catalogue and load it, or give "
            "measures=."
        )
    return found


def _cells(history: History, lost: Losses) -> pl.DataFrame:
    """Split the loss of each handoff over the ways in which it fails."""
    failed = history.sql("""
        SELECT source, target, channel, handoff_type, mode, sum(origin_weight * weight) AS failed
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        GROUP BY source, target, channel, handoff_type, mode
        ORDER BY source, target, channel, handoff_type, mode
    """).with_columns(share=pl.col("failed") / pl.col("failed").sum().over(KEYS))
    silent, reach = pl.col("silent_share"), pl.col("reach_expected").fill_null(0.0)
    return (
        lost.frame.with_row_index("column")
        .join(failed, on=KEYS, how="left", suffix="_cell", maintain_order="left")
        .select(
            "column",
            *KEYS,
            pl.col("handoff_type_cell").fill_null("unclassified").alias("handoff_type"),
            pl.col("mode_cell").alias("mode"),
            pl.col("share").fill_null(1.0),
            silent.alias("silent"),
            (pl.col("work_per_failure") * reach / pl.col("cost_per_failure")).fill_nan(0.0).alias("cascading"),
            (pl.col("expected_annual_loss") * pl.col("share").fill_null(1.0)).alias("loss"),
        )
    )


def _menu(found: tuple[Measure, ...], cells: pl.DataFrame, capacity_days: Mapping[str, float]) -> Menu:
    """Put measures and cells into numbers."""
    places = {measure.name: place for place, measure in enumerate(found)}
    teams = {team: number for number, team in enumerate(sorted({measure.team for measure in found if measure.team}))}
    groups = {group: number for number, group in enumerate(sorted({m.overlap_group for m in found if m.overlap_group}))}
    reductions = np.zeros((len(found), cells.height))
    for place, measure in enumerate(found):
        for cell, row in enumerate(cells.iter_rows(named=True)):
            if measure.is_aimed_at(row["source"], row["target"], row["handoff_type"], row["mode"]):
                kept = (1 - measure.rate_reduction.mean) * (1 - measure.magnitude_reduction.mean)
                kept *= 1 - measure.detection_reduction.mean * row["silent"]
                kept *= 1 - measure.propagation_reduction.mean * row["cascading"]
                reductions[place, cell] = 1 - kept
    return Menu(
        losses=cells["loss"].to_numpy(),
        reductions=reductions,
        costs=np.array([measure.cost for measure in found]),
        running=np.array([measure.yearly_cost for measure in found]),
        groups=np.array(
            [groups[m.overlap_group] if m.overlap_group else len(groups) + place for place, m in enumerate(found)]
        ),
        requires=tuple((places[m.name], places[other]) for m in found for other in m.requires),
        excludes=tuple((places[m.name], places[other]) for m in found for other in m.excludes),
        teams=np.array([teams[m.team] if m.team else -1 for m in found]),
        days=np.array([m.days for m in found]),
        capacity={teams[team]: days for team, days in capacity_days.items() if team in teams},
    )


def _chosen_share(menu: Menu, lost: Losses, cells: pl.DataFrame, *, budget: float, draws: int) -> Floats:
    """Return how often each measure is chosen when the losses are drawn anew."""
    columns, shares = cells["column"].to_numpy(), cells["share"].to_numpy()
    counted = np.zeros(len(menu.costs))
    for drawn in lost.draws[:draws]:
        again = Menu(
            losses=drawn[columns] * shares,
            reductions=menu.reductions,
            costs=menu.costs,
            running=menu.running,
            groups=menu.groups,
            requires=menu.requires,
            excludes=menu.excludes,
            teams=menu.teams,
            days=menu.days,
            capacity=menu.capacity,
        )
        counted[list(greedy(again, budget))] += 1
    return counted / max(1, min(draws, len(lost.draws)))
