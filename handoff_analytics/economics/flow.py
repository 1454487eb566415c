"""When does prevention overtake recovery?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .case import DRAWS, case_of, studied
from .cash import payback_months

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..history import History
    from .measures import Measure

FLOW = pl.Schema(
    {
        "month": pl.Int64(),
        **dict.fromkeys(("recovery", "recovery_low", "recovery_high"), pl.Float64()),
        **dict.fromkeys(("prevention", "prevention_low", "prevention_high"), pl.Float64()),
        **dict.fromkeys(("balance", "balance_low", "balance_high", "repaid_share"), pl.Float64()),
        "break_even": pl.String(),
        "currency": pl.String(),
    }
)


def cash_flow(
    history: History,
    *,
    measure: str | None = None,
    measures: Iterable[Measure] | str | Path | None = None,
    budget: float | None = None,
    discount_rate: float = 0.08,
    draws: int = DRAWS,
    seed: int = 1,
) -> pl.DataFrame:
    """Set what failing costs beside what preventing costs, month by month, added up.

    Parameters
    ----------
    history
        What to measure; its catalogue declares the measures.
    measure
        Name of the measure; null takes the best set within the budget.
    measures, budget, discount_rate, draws, seed
        As for `prevention_case`.

    Returns
    -------
    polars.DataFrame
        One row a month, from 0, as long as the measure lives.

        ==================== ======= =================================================================================
        month                Int64   months since the outlay
        recovery             Float64 doing nothing: median of what the failures have cost until then, in currency
        recovery_low, _high  Float64 its 10 and 90 %
        prevention           Float64 doing it: outlay, upkeep and the failures that are left, median
        prevention_low, ...  Float64 its 10 and 90 %
        balance              Float64 recovery less prevention, median of the accounts
        balance_low, _high   Float64 its 10 and 90 %
        repaid_share         Float64 share of the accounts that have been out of debt once until then
        break_even           String  earliest, median and latest, in the months by which 10, 50 and 90 % of the accounts
                                     have been out of debt; with commas where they fall together
        currency             String  ISO 4217
        ==================== ======= =================================================================================
    """
    exposed, chosen = studied(history, measure, measures, discount_rate=discount_rate, seed=seed, budget=budget)
    case = case_of(exposed, chosen, discount_rate=discount_rate, draws=draws, seed=seed)
    lost, balances = case.account(np.random.default_rng(seed))
    recovery = np.concatenate([np.zeros((draws, 1)), np.cumsum(lost, axis=1)], axis=1)
    paid = payback_months(balances)
    reached = [float((paid <= month).mean()) for month in range(balances.shape[1])]
    marks: dict[int, str] = {}
    for words, share in (("earliest", 0.1), ("median", 0.5), ("latest", 0.9)):
        months = [month for month, value in enumerate(reached) if value >= share]
        if months:
            marks[months[0]] = f"{marks[months[0]]}, {words}" if months[0] in marks else words
    bands = {
        name: np.quantile(values, [0.1, 0.5, 0.9], axis=0)
        for name, values in (("recovery", recovery), ("prevention", recovery - balances), ("balance", balances))
    }
    rows = [
        {
            "month": month,
            **{
                f"{name}{end}": float(values[place, month])
                for name, values in bands.items()
                for place, end in enumerate(("_low", "", "_high"))
            },
            "repaid_share": reached[month],
            "break_even": marks.get(month),
            "currency": exposed.currency,
        }
        for month in range(balances.shape[1])
    ]
    return pl.DataFrame(rows, schema=FLOW)
