"""How far does the ranking depend on the weeks that happened to be seen?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from scipy.stats import kendalltau

from .errors import ArgumentError
from .frequency import window
from .ranking import KEYS, rank

if TYPE_CHECKING:
    from .history import History

_TOP = 10
_WEEK = timedelta(days=7)
STABILITY = pl.Schema(
    {
        "resample": pl.Int64(),
        "left_out": pl.Date(),
        "weeks": pl.Int64(),
        "kendall_tau": pl.Float64(),
        "top10_shared": pl.Float64(),
        "top10_jaccard": pl.Float64(),
        "first_same": pl.Boolean(),
    }
)


def rank_stability(
    history: History,
    *,
    by: Literal["bootstrap", "leave_one_out"] = "bootstrap",
    resamples: int = 20,
    draws: int = 500,
    seed: int = 1,
) -> pl.DataFrame:
    """Measure how far the ranking depends on the weeks that were seen.

    The ranking is computed again, priors and all, from weeks drawn with replacement (a block bootstrap, which keeps
    bursts whole), or with one week left out.

    Parameters
    ----------
    history
        What to measure; at least three weeks.
    by
        ``"bootstrap"`` or ``"leave_one_out"``.
    resamples
        How many times; when leaving one out, at most the number of weeks.
    draws
        Draws of each ranking.
    seed
        Of the choice of weeks.

    Returns
    -------
    polars.DataFrame
        One row a repetition.

        ============= ======= =================================================================
        column        dtype   meaning
        ============= ======= =================================================================
        resample      Int64   number, from 1
        left_out      Date    Monday of the week left out; null in the bootstrap
        weeks         Int64   different weeks used
        kendall_tau   Float64 agreement of the two orders, 1 is the same (Kendall's tau-b)
        top10_shared  Float64 share of the first ten that stay among the first ten
        top10_jaccard Float64 the same over all that are among the first ten of either
        first_same    Boolean whether the first handoff stays first
        ============= ======= =================================================================

    Raises
    ------
    ArgumentError
        If there are fewer than three weeks, or `by` is neither.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 8.6; Kendall, Rank Correlation Methods, 1948.
    """
    if by not in ("bootstrap", "leave_one_out"):
        raise ArgumentError(f"by={by!r} is no way to repeat. Choose bootstrap or leave_one_out.")
    since, until = window(history)
    seen = history.sql("SELECT DISTINCT date_trunc('week', started_at) AS week FROM crossings ORDER BY week")["week"]
    weeks = [datetime(day.year, day.month, day.day) for day in seen]  # noqa: DTZ001 - UTC without a zone
    if len(weeks) < 3:
        raise ArgumentError(f"There are {len(weeks)} weeks from {since} to {until}: stability needs three.")
    order = _order(history, draws)
    random = np.random.default_rng(seed)
    count = len(weeks) if by == "bootstrap" else len(weeks) - 1
    if by == "bootstrap":
        chosen = [(None, sorted(random.integers(0, count, count))) for _ in range(resamples)]
    else:
        left = sorted(random.choice(len(weeks), min(resamples, len(weeks)), replace=False))
        chosen = [(weeks[out], [n for n in range(len(weeks)) if n != out]) for out in left]
    rows: list[dict[str, Any]] = []
    for number, (left_out, numbers) in enumerate(chosen, start=1):
        drawn = tuple((weeks[n], weeks[place]) for place, n in enumerate(numbers))
        scope = replace(history.scope, since=weeks[0], until=weeks[count - 1] + _WEEK, weeks=drawn)
        again = _order(history._narrowed(scope), draws)  # noqa: SLF001 - no analyst sees drawn weeks
        row = {"resample": number, "left_out": left_out and left_out.date(), "weeks": len(set(numbers))}
        rows.append(row | _agreement(order, again))
    return pl.DataFrame(rows, schema=STABILITY, orient="row")


def _order(history: History, draws: int) -> list[tuple[str, ...]]:
    return rank(history, draws=draws).select(KEYS).rows()


def _agreement(order: list[tuple[str, ...]], again: list[tuple[str, ...]]) -> dict[str, Any]:
    """Compare two orders; what one of them lacks stands after all that it has."""
    there = {name: place for place, name in enumerate(again)}
    places = [there.get(name, len(again)) for name in order]
    tau = float(kendalltau(range(len(order)), places).statistic) if len(order) > 1 else 1.0
    first, second = set(order[:_TOP]), set(again[:_TOP])
    return {
        "kendall_tau": tau,
        "top10_shared": len(first & second) / len(first),
        "top10_jaccard": len(first & second) / len(first | second),
        "first_same": order[0] == again[0],
    }
