"""Did the fix work?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .errors import ArgumentError
from .frequency import KEYS, handoff_buckets, window
from .statistics.bursts import overdispersion
from .statistics.rates import rate_ratio

if TYPE_CHECKING:
    from datetime import date

    from .history import History

EFFECT = pl.Schema(
    {
        **dict.fromkeys(KEYS, pl.String()),
        **dict.fromkeys(("failures_before", "calls_before", "failures_after", "calls_after"), pl.Float64()),
        **dict.fromkeys(("rate_before", "rate_after", "rate_ratio", "ratio_low", "ratio_high"), pl.Float64()),
        **dict.fromkeys(("p_fell", "overdispersion"), pl.Float64()),
        "verdict": pl.String(),
    }
)


def fix_effect(history: History, *, at: str | date, confidence: float = 0.9) -> pl.DataFrame:
    """Compare how often each handoff failed before a moment and after it: did the fix work?

    The ratio of two rates, each a posterior of its failures and calls with as many bursts as were measured inside of
    the two periods. Scope the history to the weeks that are to be compared, and to the handoff that was repaired.

    Parameters
    ----------
    history
        What to compare, and in which window.
    at
        When it was repaired: a datetime, a date or ISO text, UTC.
    confidence
        Probability that an interval holds the truth.

    Returns
    -------
    polars.DataFrame
        One row a handoff with calls on both sides, the surest fall first:

        ==============================  =======  ==================================================================
        source, target, channel         String   the handoff
        failures_before, calls_before   Float64  weighted, origins that no retry saved
        failures_after, calls_after     Float64  the same
        rate_before, rate_after         Float64  failures a call
        rate_ratio                      Float64  after / before, median; ratio_low and ratio_high are its interval
        p_fell                          Float64  probability that the rate is lower
        overdispersion                  Float64  variance of the failures over that of independent ones
        verdict                         String   fails less, fails more or no effect shown
        ==============================  =======  ==================================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.
    ArgumentError
        If `confidence` is no probability, or `at` lies outside of what was measured.

    Notes
    -----
    Whatever else changed at that moment counts as well: two periods are no experiment.

    References
    ----------
    Przyborowski and Wilenski, Biometrika 31, 1940.
    """
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence={confidence} is no probability: it must lie between 0 and 1, such as 0.9.")
    since, until = window(history)
    moment = history.between(at, None).scope.since
    if moment is None or not since < moment < until:
        raise ArgumentError(
            f"at={at} leaves nothing to compare: the history runs from {since} to {until}. Name a moment between them."
        )
    unit = "hour" if (until - since).total_seconds() < 14 * 86_400 else "day"
    parts = [
        handoff_buckets(part, unit=unit).with_columns(after=pl.lit(after, pl.Int64))
        for after, part in enumerate((history.between(since, moment), history.between(moment, None)))
    ]
    buckets = pl.concat(parts).filter(pl.col("calls") > 0).sort(*KEYS, "after", "bucket_at")
    both = buckets.filter(pl.col("after").n_unique().over(KEYS) == 2)
    rows = []
    names = both.select(KEYS).unique(maintain_order=True)
    placed = both.join(names.with_row_index("place"), on=KEYS, how="left", maintain_order="left")
    place, after = placed["place"].cast(pl.Int64).to_numpy(), placed["after"].to_numpy()
    period = 2 * place + after
    calls, failures = placed["calls"].to_numpy(), placed["failures"].to_numpy()
    called, failed = (np.bincount(period, weights=w, minlength=2 * names.height) for w in (calls, failures))
    rate = failed / np.where(called > 0, called, 1.0)
    found = overdispersion(
        place, failures, rate[period] * calls, groups=names.height, squared_weights=placed["squared"].to_numpy()
    )
    worth = np.maximum(found.inflation, 1.0)
    spread = np.bincount(period, weights=calls**2, minlength=2 * names.height) / np.where(called > 0, called, 1.0) ** 2
    for number, name in enumerate(names.iter_rows()):
        one, two = 2 * number, 2 * number + 1
        ratio = rate_ratio(
            (failed[one] / worth[number], called[one] / worth[number]),
            (failed[two] / worth[number], called[two] / worth[number]),
            excess=(found.alpha[number] * spread[one], found.alpha[number] * spread[two]),
            confidence=confidence,
        )
        sure = (1 + confidence) / 2
        rows.append(
            dict(zip(KEYS, name, strict=True))
            | {"failures_before": failed[one], "calls_before": called[one]}
            | {"failures_after": failed[two], "calls_after": called[two]}
            | {"rate_before": rate[one], "rate_after": rate[two]}
            | {"rate_ratio": ratio.ratio, "ratio_low": ratio.low, "ratio_high": ratio.high, "p_fell": ratio.p_fell}
            | {"overdispersion": found.factor[number]}
            | {
                "verdict": "fails less"
                if ratio.p_fell >= sure
                else "fails more"
                if ratio.p_fell <= 1 - sure
                else "no effect shown"
            }
        )
    return pl.DataFrame(rows, schema=EFFECT, orient="row").sort(
        ["p_fell", *KEYS], descending=[True, False, False, False], nulls_last=True
    )
