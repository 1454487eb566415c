"""How long do simulation and plan take, and how much memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import child
import numpy as np
from goals import Figure, Measured, seconds

import handoff_analytics as ha
from handoff_analytics import charts, samples
from handoff_analytics.economics.choice import Menu, best
from handoff_analytics.economics.whatif import Assumed, basis, what_if

if TYPE_CHECKING:
    from pathlib import Path


def simulation(folder: Path, years: int) -> Measured:
    """Measure the memory that the simulation of so many years of 500 handoffs takes, over the imports."""
    del folder
    found = child.measured("simulate", "500", str(years))
    return Measured(
        found["over_mb"],
        "",
        found["cpu_s"],
        f"{found['seconds']:.3g} s; over the {found['peak_mb'] - found['over_mb']:.0f} MB of the imports",
    )


def plan(folder: Path, measures: int) -> Measured:
    """Measure the seconds until a plan of measures for 200 handoffs is proven within one per cent."""
    del folder
    random = np.random.default_rng(99)
    losses = np.exp(random.normal(9, 1.3, 200))
    reductions = np.zeros((measures, 200))
    for place in range(measures):
        size = random.integers(1, 7)
        reductions[place, random.choice(200, size, replace=False)] = random.uniform(0.1, 0.8, size)
    costs = np.exp(random.normal(8.6, 0.8, measures))
    menu = Menu(losses, reductions, costs, np.zeros(measures), np.arange(measures))
    budget = 0.3 * float(costs.sum())
    found = best(menu, budget, seconds=5)
    assert found.gap <= 0.01, found.gap
    took = sorted(seconds(lambda: best(menu, budget, seconds=5)) for _ in range(5))
    return Measured(took[2][0], f"{took[0][0]:.3g} to {took[-1][0]:.3g}", took[2][1], f"gap {found.gap:.2g}")


def what_if_redrawn(folder: Path, answers: int) -> Measured:
    """Measure the seconds from a moved slider to a new chart, on the samples."""
    path = folder / "samples.duckdb"
    history = ha.open(path) if path.exists() else samples.load(into=path)
    known = basis(history)
    budget = sum(measure.cost for measure in known.measures) / 2
    took = []
    for number in range(answers):
        assumed = Assumed(hour=1 + number / 10)
        took.append(
            seconds(
                lambda assumed=assumed: charts.frontier(
                    what_if(known, budget=budget, assumed=assumed).frontier, budget=budget, history=history
                ).to_dict()
            )
        )
    took.sort()
    middle = took[len(took) // 2]
    return Measured(
        middle[0], f"{took[0][0]:.3g} to {took[-1][0]:.3g}", middle[1], "aggregates only: the history's size is no part"
    )


GOALS = (
    Figure(
        "7.2", "what-if slider to chart, on the samples", what_if_redrawn, {"quick": 5, "full": 9, "goal": 5}, 0.3, "s"
    ),
    Figure(
        "5.7",
        "memory of a simulation of 500 handoffs",
        simulation,
        {"quick": 2_000, "full": 10_000},
        100,
        "MB",
    ),
    Figure("6.3", "plan for 200 handoffs", plan, {"quick": 60, "full": 60}, 2, "s"),
)
