"""Which uncertain input decides, and what is it worth to know it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .case import DRAWS, INPUTS, case_of, studied
from .cash import expected_value_of_perfect_information, value_of_knowing, variance_share

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..history import History
    from .measures import Measure

TORNADO = pl.Schema(
    {
        "measure": pl.String(),
        "input": pl.String(),
        "unit": pl.String(),
        **dict.fromkeys(("input_low", "input_mean", "input_high", "npv_at_low", "npv_at_high"), pl.Float64()),
        **dict.fromkeys(("npv", "swing", "variance_share", "evppi", "evpi"), pl.Float64()),
        "changes_decision": pl.Boolean(),
        "currency": pl.String(),
    }
)


def tornado(
    history: History,
    *,
    measure: str | None = None,
    measures: Iterable[Measure] | str | Path | None = None,
    discount_rate: float = 0.08,
    draws: int = DRAWS,
    seed: int = 1,
) -> pl.DataFrame:
    """Say which uncertain input moves the case of a measure most.

    Parameters
    ----------
    history
        What to measure; its catalogue declares the measures.
    measure
        Name of the measure; null takes the best set without a budget.
    measures, discount_rate, draws, seed
        As for `prevention_case`.

    Returns
    -------
    polars.DataFrame
        One row an input, the widest swing first.

        ======================= ======= ===========================================================================
        measure                 String  the measure; null for the set
        input                   String  incidents a year, cost of an incident, share saved, outlay or upkeep
        unit                    String  of the input
        input_low, _mean, _high Float64 its 5 %, mean and 95 %
        npv_at_low, _at_high    Float64 net present value there, all other inputs at their mean
        npv                     Float64 with all inputs at their mean
        swing                   Float64 distance between the two
        variance_share          Float64 part of the variance of the net present value that it explains alone
        evppi                   Float64 what it is worth to know it before deciding, in currency
        evpi                    Float64 what it is worth to know everything
        changes_decision        Boolean whether the sign differs between the two ends
        currency                String  ISO 4217
        ======================= ======= ===========================================================================

    Raises
    ------
    ArgumentError
        If there is no such measure.

    References
    ----------
    Eschenbach (1992), Spiderplots versus tornado diagrams for sensitivity analysis, Interfaces 22(6).
    """
    exposed, chosen = studied(history, measure, measures, discount_rate=discount_rate, seed=seed)
    case = case_of(exposed, chosen, discount_rate=discount_rate, draws=draws, seed=seed)
    inputs = case.inputs()
    means = {name: float(values.mean()) for name, values in inputs.items()}
    middle, evpi = case.value(means), expected_value_of_perfect_information(case.net)
    money = exposed.currency
    units = {"incidents": "a year", "cost": money, "effect": "share", "one_off": money, "yearly": f"{money}/year"}
    rows = []
    for name, values in inputs.items():
        low, high = (float(value) for value in np.quantile(values, [0.05, 0.95]))
        ends = [case.value(means | {name: value}) for value in (low, high)]
        rows.append(
            {
                "measure": measure,
                "input": INPUTS[name],
                "unit": units[name],
                "input_low": low,
                "input_mean": means[name],
                "input_high": high,
                "npv_at_low": ends[0],
                "npv_at_high": ends[1],
                "npv": middle,
                "swing": abs(ends[1] - ends[0]),
                "variance_share": variance_share(case.net, values),
                "evppi": value_of_knowing(case.net, values),
                "evpi": evpi,
                "changes_decision": (ends[0] > 0) != (ends[1] > 0),
                "currency": exposed.currency,
            }
        )
    rows.sort(key=lambda row: (-float(row["swing"]), row["input"]))  # type: ignore[arg-type] # swing is a number
    return pl.DataFrame(rows, schema=TORNADO)
