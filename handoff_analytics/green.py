"""For how long were all systems green while a handoff failed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import stats

from .errors import ArgumentError, EmptyHistoryError
from .signals import KEYS

if TYPE_CHECKING:
    from .history import History

_MINUTES = """
    WITH reported AS (
        SELECT system, check_name, checked_at, passed,
               lead(checked_at) OVER (PARTITION BY system, check_name ORDER BY checked_at, outcome_uid) AS next_at
        FROM main.outcomes
        -- A check of one transaction says nothing of a system's health.
        WHERE correlation_id IS NULL AND run_id IS NULL AND trace_id IS NULL
            AND system IS NOT NULL AND passed IS NOT NULL AND checked_at IS NOT NULL
    ),
    usual AS (
        SELECT system, check_name, median(epoch_us(next_at) - epoch_us(checked_at)) AS spacing_us
        FROM reported
        WHERE next_at > checked_at
        GROUP BY system, check_name
    ),
    health AS (
        SELECT r.system, r.check_name, r.passed, r.checked_at,
               -- A report holds until the next one, but not for longer than two usual distances.
               least(
                   coalesce(r.next_at, TIMESTAMP '9999-01-01'),
                   r.checked_at + to_microseconds((2 * coalesce(u.spacing_us, 60000000))::BIGINT)
               ) AS ended_at
        FROM reported AS r
        LEFT JOIN usual AS u ON u.system = r.system AND u.check_name = r.check_name
    ),
    watched AS (SELECT count(*) AS checks FROM (SELECT DISTINCT system, check_name FROM reported) AS names),
    failing AS (
        SELECT source, target, channel, date_trunc('minute', failed_at) AS minute_at, min(silent::INTEGER) AS silent
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked' AND failed_at IS NOT NULL
        GROUP BY source, target, channel, date_trunc('minute', failed_at)
    ),
    states AS (
        SELECT m.minute_at,
               count(h.passed) AS told,
               sum(CASE WHEN NOT h.passed THEN 1 ELSE 0 END) AS red
        FROM (SELECT DISTINCT minute_at FROM failing) AS m
        LEFT JOIN health AS h ON h.checked_at <= m.minute_at AND m.minute_at < h.ended_at
        GROUP BY m.minute_at
    )
    SELECT f.source, f.target, f.channel, f.minute_at, f.silent = 1 AS silent,
           CASE WHEN s.red > 0 THEN 'red' WHEN s.told >= w.checks THEN 'green' ELSE 'unknown' END AS state,
           w.checks
    FROM failing AS f
    JOIN states AS s ON s.minute_at = f.minute_at
    CROSS JOIN watched AS w
    ORDER BY f.source, f.target, f.channel, f.minute_at
"""


def green_but_failing(history: History, *, by_handoff: bool = True, confidence: float = 0.9) -> pl.DataFrame:
    """Measure for how many of the minutes in which a handoff failed every system said that it was well.

    A system's health is every check in the outcomes that belongs to no transaction, run or trace. A report holds until
    the next one of the same check, at most for twice their usual distance; where one is missing, nobody knows. A
    minute counts once, however many of its calls failed. Minutes of one day share what was reported of that day, so
    that the interval counts days, not minutes.

    Parameters
    ----------
    history
        What to measure, and in which window.
    by_handoff
        Whether to have a row a handoff; else one row for all together, in which source, target and channel are null.
    confidence
        Probability that the interval holds the share.

    Returns
    -------
    polars.DataFrame
        One row a handoff that failed, most green minutes first.

        =======================  =======  =====================================================================
        column                   dtype    meaning
        =======================  =======  =====================================================================
        source, target, channel  String   the handoff
        failing_minutes          Int64    minutes in which it failed; a failure that a retry saved is none
        green_minutes            Int64    those in which every watched system reported to be well
        red_minutes              Int64    those in which at least one did not
        unknown_minutes          Int64    those for which a report is missing
        silent_minutes           Int64    green minutes in which the handoff, too, reported success
        green_share              Float64  green / (green + red), from 0 to 1; null when nothing is known
        green_low, green_high    Float64  its interval
        days                     Int64    days with a minute that is known
        checks                   Int64    health checks that are watched
        =======================  =======  =====================================================================

    Raises
    ------
    EmptyHistoryError
        If no system reports its health.
    ArgumentError
        If `confidence` is no probability.

    References
    ----------
    Jeffreys' interval (Brown, Cai and DasGupta 2001) on the effective number of days (Kish 1965).
    """
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence={confidence} is no probability: it must lie between 0 and 1, such as 0.9.")
    minutes = history.sql(_MINUTES)
    if minutes.is_empty() or not minutes["checks"][0]:
        known = history.sql(
            "SELECT count(*) FROM main.outcomes WHERE correlation_id IS NULL AND run_id IS NULL AND system IS NOT NULL"
        ).item()
        if not known:
            raise EmptyHistoryError(
                "No system reports its health. Load checks with a system and no transaction, such as the samples' "
                "health.csv, with a mapping to outcomes."
            )
    if not by_handoff:
        minutes = (
            minutes.group_by("minute_at", maintain_order=True)
            .agg(pl.col("state", "checks").first(), pl.col("silent").all())
            .with_columns(pl.lit(None, pl.String).alias(key) for key in KEYS)
        )
    return _shares(minutes, confidence)


def _shares(minutes: pl.DataFrame, confidence: float) -> pl.DataFrame:
    """Count the minutes by state; source, target, channel, minute_at, silent, state, checks."""
    state = pl.col("state")
    daily = (
        minutes.filter(state != "unknown")
        .group_by(*KEYS, pl.col("minute_at").dt.date())
        .agg(n=pl.len().cast(pl.Float64))
        .group_by(KEYS)
        # A day with many minutes says hardly more of the share than a day with one.
        .agg(days=pl.len().cast(pl.Int64), worth=pl.col("n").sum() ** 2 / (pl.col("n") ** 2).sum())
    )
    frame = (
        minutes.group_by(KEYS)
        .agg(
            failing_minutes=pl.len().cast(pl.Int64),
            green_minutes=(state == "green").sum().cast(pl.Int64),
            red_minutes=(state == "red").sum().cast(pl.Int64),
            unknown_minutes=(state == "unknown").sum().cast(pl.Int64),
            silent_minutes=((state == "green") & pl.col("silent")).sum().cast(pl.Int64),
            checks=pl.col("checks").first().cast(pl.Int64),
        )
        .join(daily, on=KEYS, how="left", nulls_equal=True)
        .with_columns(
            pl.col("days").fill_null(0),
            green_share=pl.when(pl.col("green_minutes") + pl.col("red_minutes") > 0).then(
                pl.col("green_minutes") / (pl.col("green_minutes") + pl.col("red_minutes"))
            ),
        )
        .sort("green_minutes", "failing_minutes", *KEYS, descending=[True, True, False, False, False])
    )
    share, worth = (frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("green_share", "worth"))
    low, high = jeffreys(share, worth, confidence)
    return frame.select(
        *KEYS,
        *("failing_minutes", "green_minutes", "red_minutes", "unknown_minutes", "silent_minutes", "green_share"),
        pl.Series("green_low", low).fill_nan(None),
        pl.Series("green_high", high).fill_nan(None),
        *("days", "checks"),
    )


def jeffreys(
    share: np.ndarray[tuple[int], np.dtype[np.float64]],
    worth: np.ndarray[tuple[int], np.dtype[np.float64]],
    confidence: float,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return Jeffreys' interval of shares that rest on so many observations, not necessarily whole."""
    tail = (1 - confidence) / 2
    hits, misses = share * worth, (1 - share) * worth
    low = np.where(share > 0, stats.beta.ppf(tail, hits + 0.5, misses + 0.5), np.where(np.isnan(share), np.nan, 0.0))
    high = np.where(
        share < 1, stats.beta.ppf(1 - tail, hits + 0.5, misses + 0.5), np.where(np.isnan(share), np.nan, 1.0)
    )
    return low, high
