"""What is the case for one measure, or a set, in draws?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError
from .cash import Investment, Stream, accounts
from .choice import best
from .effects import Rest, drawn_effects, menu_of, streams_of
from .exposure import Exposure, exposure
from .measures import Measure, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ..history import History

    Floats = npt.NDArray[np.float64]

DRAWS = 2000
INPUTS = {
    "incidents": "incidents a year",
    "cost": "cost of an incident",
    "effect": "share saved",
    "one_off": "outlay",
    "yearly": "upkeep",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One measure, or a set, in draws: what its frame, its tornado and its account are read from."""

    streams: list[Stream]
    rest: Rest
    investment: Investment
    loss: Floats
    saving: Floats
    net: Floats
    """Net present value of each set of parameters."""

    def account(self, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Simulate losses and balance month by month; what enters by expectation comes in even parts."""
        lost, balances = accounts(self.streams, self.investment, random)
        balances[:, 1:] += np.cumsum(self.rest.saving[:, None] / 12 * self.investment.working, axis=1)
        return lost + self.rest.loss[:, None] / 12, balances

    def inputs(self) -> dict[str, Floats]:
        """Return what the net present value is made of, one number a draw."""
        incidents = sum((stream.per_year for stream in self.streams), np.zeros_like(self.loss))
        some = np.maximum(incidents, 1e-12)
        return {
            "incidents": incidents,
            "cost": self.loss / some,
            "effect": np.divide(self.saving, self.loss, out=np.zeros_like(self.loss), where=self.loss > 0),
            "one_off": self.investment.one_off,
            "yearly": self.investment.yearly,
        }

    def value(self, inputs: dict[str, float]) -> float:
        """Return the net present value at given inputs."""
        saving = inputs["incidents"] * inputs["cost"] * inputs["effect"]
        weight = float(self.investment.working @ self.investment.discounts) / 12
        return saving * weight - inputs["one_off"] - inputs["yearly"] / 12 * float(self.investment.discounts.sum())


def case_of(exposed: Exposure, measures: Sequence[Measure], *, discount_rate: float, draws: int, seed: int) -> Case:
    """Draw what some measures together cost and do, on the incidents that they are aimed at."""
    effects = [drawn_effects(measure, draws=draws, seed=seed) for measure in measures]
    incidents, costs = exposed.drawn(draws)
    # The measures' draws must not run along with the order of the losses.
    shuffled = np.random.default_rng(seed).permutation(draws)
    streams, rest = streams_of(exposed, measures, effects, incidents=incidents[shuffled], costs=costs[shuffled])
    investment = Investment(
        one_off=sum((one["one_off"] for one in effects), np.zeros(draws)),
        yearly=sum((one["yearly"] for one in effects), np.zeros(draws)),
        ramp_up_months=max((measure.ramp_up_months for measure in measures), default=0.0),
        # A set is judged over the shortest of its lives: what lives longer is worth more than it is given here.
        months=max(round(12 * min((measure.life_years for measure in measures), default=1.0)), 1),
        discount_rate=discount_rate,
    )
    saving = sum((stream.saving for stream in streams), np.zeros(draws)) + rest.saving
    loss = sum((stream.loss for stream in streams), np.zeros(draws)) + rest.loss
    net = investment.present_benefit(saving) - investment.present_cost()
    return Case(streams, rest, investment, loss, saving, net)


def measures_to_judge(
    history: History,
    measures: Iterable[Measure] | str | Path | None,
    *,
    discount_rate: float,
    budget: float | None = None,
) -> tuple[Measure, ...]:
    """Return the measures under study, and refuse what cannot be judged."""
    if discount_rate < 0:
        raise ArgumentError(f"discount_rate = {discount_rate} is negative; 0.08 means that a year costs 8 %.")
    if budget is not None and budget < 0:
        raise ArgumentError(f"budget = {budget} is negative.")
    found = measures_of(history, measures)
    if not found:
        raise ArgumentError(
            "There are no measures to judge. Declare them as [[measure]] in a catalogue and load it, or give measures=."
        )
    return found


def studied(
    history: History,
    measure: str | None,
    measures: Iterable[Measure] | str | Path | None,
    *,
    discount_rate: float,
    seed: int,
    budget: float | None = None,
) -> tuple[Exposure, list[Measure]]:
    """Return the loss, and the measure named or those of the best set."""
    found = measures_to_judge(history, measures, discount_rate=discount_rate, budget=budget)
    exposed = exposure(history, seed=seed)
    if measure is not None:
        named = [one for one in found if one.name == measure]
        if not named:
            raise ArgumentError(f"There is no measure {measure!r}; there are {', '.join(one.name for one in found)}.")
        return exposed, named
    menu = menu_of(found, exposed, discount_rate=discount_rate)
    spend = float(menu.costs.sum()) if budget is None else budget
    return exposed, [found[place] for place in sorted(best(menu, spend).chosen)]
