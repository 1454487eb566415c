"""Which fixes fit the budget?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..economics.choice import best, greedy
from ..economics.effects import loss_cells, menu_of
from ..economics.exposure import exposure
from ..economics.measures import Measure, measures_of
from ..errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ..economics.choice import Menu
    from ..economics.exposure import Exposure
    from ..history import History

    Floats = NDArray[np.float64]


def plan(
    history: History,
    *,
    budget: float,
    measures: Iterable[Measure] | str | Path | None = None,
    capacity_days: Mapping[str, float] | None = None,
    discount_rate: float = 0.08,
    draws: int = 200,
    seed: int = 1,
) -> pl.DataFrame:
    """Choose the measures that save most within a budget.

    The loss of a handoff is split over the ways in which it fails; a measure takes a share of the parts at which it is
    aimed, and measures of one overlap group count only by the strongest. The set is the best there is, found by a
    mixed-integer programme and checked against its bound, so that the gap is known; its order is by what each adds to
    those above it for its price.

    What measures that stop cascades leave of them is computed again from the impact graph. Two on parallel ways can do
    more together than their shares say; so the best set by shares is improved by adding, dropping and swapping
    measures, and `gap`, which knows only the shares, is no proof there.

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
    discount_rate
        By what a year makes money worth less: a measure has to earn the annuity of its outlay, too, to be chosen.
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
    exposed = exposure(history, seed=seed)
    cells = loss_cells(exposed)
    menu = menu_of(found, exposed, discount_rate=discount_rate, capacity_days=capacity_days)
    chosen = best(menu, budget)
    share = _chosen_share(menu, exposed, cells, budget=budget, draws=draws)
    # The choice charges the outlay by the year; what is shown as saved is after upkeep alone.
    shown = replace(menu, running=np.array([measure.yearly_cost for measure in found]))
    saved = [shown.value(chosen.chosen[: place + 1]) for place in range(len(chosen.chosen))]
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
                "currency": exposed.currency,
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
    history: History,
    *,
    measures: Iterable[Measure] | str | Path | None = None,
    steps: int = 20,
    discount_rate: float = 0.08,
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
    discount_rate
        As for `plan`.

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
    exposed = exposure(history)
    menu = menu_of(found, exposed, discount_rate=discount_rate)
    shown = replace(menu, running=np.array([measure.yearly_cost for measure in found]))
    rows = []
    for budget in np.linspace(0, float(menu.costs.sum()), steps):
        chosen = best(menu, float(budget), seconds=0.5)
        cost = float(menu.costs[list(chosen.chosen)].sum())
        names = sorted(found[place].name for place in chosen.chosen)
        rows.append((float(budget), cost, shown.value(chosen.chosen), names, chosen.gap, exposed.currency))
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


def _chosen_share(menu: Menu, exposed: Exposure, cells: pl.DataFrame, *, budget: float, draws: int) -> Floats:
    """Return how often each measure is chosen when the losses are drawn anew."""
    columns = cells["column"].to_numpy()
    parts = cells["share"].to_numpy() * cells["part"].to_numpy()
    incidents, costs = exposed.drawn(draws)
    counted = np.zeros(len(menu.costs))
    for annual in incidents * costs:
        counted[list(greedy(replace(menu, losses=annual[columns] * parts), budget))] += 1
    return counted / draws
