"""What if an hour, a failure or a measure cost something else?

The slow part, the posterior of the losses, does not depend on prices: a loss is work times the price of an hour, plus
the rest. So it is drawn once, and each further question costs a fraction of a second, at any size of the history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import ArgumentError
from ..ranking import KEYS, rank
from ..statistics.ranges import Range
from .case import case_of
from .choice import best, greedy
from .effects import EFFECTS, menu_of
from .exposure import exposure
from .measures import measures_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from ..history import History
    from .choice import Menu
    from .exposure import Exposure
    from .measures import Measure

    Floats = npt.NDArray[np.float64]

_DRAWS = 400
CHOSEN = pl.Schema(
    {
        "measure": pl.String(),
        "title": pl.String(),
        "chosen": pl.Boolean(),
        "cost": pl.Float64(),
        "yearly_cost": pl.Float64(),
        "saving_alone": pl.Float64(),
        "currency": pl.String(),
    }
)
FRONTIER = pl.Schema(
    {
        "budget": pl.Float64(),
        "cost": pl.Float64(),
        "saving": pl.Float64(),
        "measures": pl.List(pl.String()),
        "currency": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What to assume instead, each as a multiple of what the history and its catalogue say."""

    hour: float = 1.0
    """The price of an hour of work on tickets."""
    other: float = 1.0
    """Everything else that a failure costs: repairs, contacts, value lost."""
    outlay: float = 1.0
    """What measures cost, once and every year."""
    effect: float = 1.0
    """The shares that measures save; no share exceeds 1."""

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        for name in ("hour", "other", "outlay", "effect"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ArgumentError(f"{name} = {getattr(self, name)} is no multiple: give a number from 0 up.")


@dataclass(frozen=True, slots=True)
class Basis:
    """All that the answers are computed from: drawn once for a history."""

    exposed: Exposure
    measures: tuple[Measure, ...]
    worked: Floats
    """Share of each handoff's loss that is work on tickets, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The case under other assumptions, in currency and years."""

    loss: float
    """Expected yearly loss of all handoffs."""
    cost: float
    yearly_cost: float
    saving: float
    """Expected yearly saving of the chosen measures before upkeep; the next two are its 5 and 95 %."""
    saving_low: float
    saving_high: float
    npv: float
    """Net present value over the shortest life among the chosen; the next two are its 5 and 95 %."""
    npv_low: float
    npv_high: float
    p_npv_positive: float
    life_years: float
    currency: str
    measures: pl.DataFrame
    """One row a measure, the chosen first: measure, title, chosen, cost, yearly_cost, saving_alone, currency."""
    frontier: pl.DataFrame
    """One row a step: measures taken one after the other, the best for its price first, until none adds anything."""


def basis(history: History, *, measures: Iterable[Measure] | str | Path | None = None, seed: int = 1) -> Basis:
    """Draw the losses of a history, once for all questions.

    Parameters
    ----------
    history
        What to measure, and in which window; its catalogue declares the measures.
    measures
        Measures to choose from instead: made in Python, or a TOML file.
    seed
        Of the draws.

    Returns
    -------
    Basis
        What `what_if` needs.

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.
    """
    exposed = exposure(history, seed=seed)
    costs = rank(history, seed=seed).select(*KEYS, "work_per_failure", "cost_per_failure")
    placed = exposed.handoffs.select(KEYS).join(costs, on=KEYS, how="left", maintain_order="left")
    own, each = placed["work_per_failure"].to_numpy(), placed["cost_per_failure"].to_numpy()
    # The work on what fails in consequence is work, too.
    worked = np.divide(own, each, out=np.zeros_like(own), where=each > 0) + exposed.cascading
    return Basis(exposed, measures_of(history, measures), np.clip(worked, 0.0, 1.0))


def what_if(
    known: Basis,
    *,
    budget: float | None = None,
    assumed: Assumed = Assumed(),
    discount_rate: float = 0.08,
    seed: int = 1,
) -> Answer:
    """Make the case again under other assumptions.

    Parameters
    ----------
    known
        What `basis` returned.
    budget
        What may be spent once; no limit if not given.
    assumed
        Multiples of the prices and effects.
    discount_rate
        By what a year makes money worth less, from 0.
    seed
        Of the draws of what measures cost and do.

    Returns
    -------
    Answer
        The best set within the budget and its value.

    Raises
    ------
    ArgumentError
        If the budget or the rate is negative.
    """
    if budget is not None and budget < 0:
        raise ArgumentError(f"budget = {budget} is negative.")
    if discount_rate < 0:
        raise ArgumentError(f"discount_rate = {discount_rate} is negative; 0.08 means that a year costs 8 %.")
    exposed = priced(known, assumed)
    measures = [believed(measure, assumed) for measure in known.measures]
    menu = menu_of(measures, exposed, discount_rate=discount_rate)
    spend = float(menu.costs.sum()) if budget is None else budget
    places = best(menu, spend, seconds=0.5).chosen if measures else ()
    chosen = [measures[place] for place in places]
    order = [*places, *(place for place in range(len(measures)) if place not in places)]
    case = case_of(exposed, chosen, discount_rate=discount_rate, draws=_DRAWS, seed=seed)
    ends = np.quantile([case.saving, case.net], [0.05, 0.95], axis=1)
    return Answer(
        loss=float(exposed.handoffs["expected_annual_loss"].sum()),
        cost=float(case.investment.one_off.mean()),
        yearly_cost=float(case.investment.yearly.mean()),
        saving=float(case.saving.mean()),
        saving_low=float(ends[0, 0]),
        saving_high=float(ends[1, 0]),
        npv=float(case.net.mean()),
        npv_low=float(ends[0, 1]),
        npv_high=float(ends[1, 1]),
        p_npv_positive=float((case.net > 0).mean()),
        life_years=case.investment.months / 12,
        currency=exposed.currency,
        measures=pl.DataFrame(
            [
                {
                    "measure": measures[place].name,
                    "title": measures[place].title,
                    "chosen": place in places,
                    "cost": measures[place].cost,
                    "yearly_cost": measures[place].yearly_cost,
                    "saving_alone": float(menu.losses @ menu.reductions[place]),
                    "currency": exposed.currency,
                }
                for place in order
            ],
            schema=CHOSEN,
        ),
        frontier=_frontier(menu, measures, exposed.currency),
    )


def priced(known: Basis, assumed: Assumed) -> Exposure:
    """Return the losses at other prices: work and the rest are scaled each by its own multiple."""
    scale = known.worked * assumed.hour + (1 - known.worked) * assumed.other
    exposed = known.exposed
    cascading = np.divide(
        exposed.cascading * assumed.hour, scale, out=np.zeros_like(exposed.cascading), where=scale > 0
    )
    return replace(
        exposed,
        costs=exposed.costs * scale,
        cascading=cascading,
        handoffs=exposed.handoffs.with_columns(expected_annual_loss=pl.col("expected_annual_loss") * pl.Series(scale)),
    )


def believed(measure: Measure, assumed: Assumed) -> Measure:
    """Return a measure with other costs and effects."""
    costs = {name: _times(getattr(measure, name), assumed.outlay) for name in ("one_off", "yearly")}
    effects = {name: _times(getattr(measure, name), assumed.effect, 1.0) for name in EFFECTS}
    changed: dict[str, Any] = costs | effects
    return replace(measure, **changed)


def _times(value: Range, multiple: float, most: float = float("inf")) -> Range:
    return Range(*(min(end * multiple, most) for end in (value.low, value.likely, value.high)))


def _frontier(menu: Menu, measures: list[Measure], currency: str) -> pl.DataFrame:
    """Return what is saved as measures are taken one after the other, the best for its price first."""
    shown = replace(menu, running=np.array([measure.yearly_cost for measure in measures]))
    order = list(greedy(menu, float(menu.costs.sum())))
    rows = []
    for taken in range(len(order) + 1):
        places = order[:taken]
        cost = float(menu.costs[places].sum())
        rows.append((cost, cost, shown.value(places), [measures[place].name for place in places], currency))
    return pl.DataFrame(rows, schema=FRONTIER, orient="row")
