"""How long do simulation and plan take, and how much memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import child
import numpy as np
from goals import Figure, Measured, seconds

from handoff_analytics.economics.choice import Menu, best

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


GOALS = (
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
