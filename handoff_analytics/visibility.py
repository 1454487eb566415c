"""Which failures did nobody see, and where is the thread of a transaction lost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .errors import ArgumentError
from .statistics.survival import survival

if TYPE_CHECKING:
    from .history import History

_HANDOFF = ("source", "target", "channel")


def visibility(history: History) -> pl.DataFrame:
    """Count the failures of each handoff that no status told, and how long they stayed unseen.

    A failure is silent when both sides reported success: a detector found that the outcome is missing or contradicts
    it. Time to detect runs from the failure to the first ticket that names its transaction; failures that nobody has
    reported yet are censored at the end of the history, not left out.

    Parameters
    ----------
    history
        The part of a history to measure.

    Returns
    -------
    polars.DataFrame
        One row a handoff, most silent failures first.

        ======================= ============ ===================================================================
        column                  dtype        meaning
        ======================= ============ ===================================================================
        source, target, channel String       the handoff
        crossings               Int64        crossings, silent or not
        failures                Int64        failures that are on record by status, each call once
        silent_failures         Int64        failures found by detectors only
        silent_share            Float64      silent / (silent + failures), from 0 to 1; null without either
        detectors               List(String) which detectors found them
        reported                Int64        silent failures that a ticket names
        hours_to_detect         Float64      median (Kaplan-Meier) hours until a ticket names it; null if never
        hours_to_detect_mean    Float64      mean hours, restricted to the length of the history
        exposed_transactions    Int64        transactions concerned
        exposed_value           Float64      their money, where known
        correlation_coverage    Float64      share of crossings that carry a business key, from 0 to 1
        ======================= ============ ===================================================================

    References
    ----------
    Kaplan & Meier 1958 for times with censoring.
    """
    counted = history.sql("""
        SELECT
            source, target, channel, count(*) AS n,
            avg((correlation_id IS NOT NULL)::INTEGER) AS correlation_coverage
        FROM crossings
        GROUP BY source, target, channel
        ORDER BY source, target, channel
    """).rename({"n": "crossings"})
    failed = history.sql("""
        SELECT source, target, channel, count(*) AS n
        FROM failures
        WHERE NOT silent AND origin <> 'propagated' AND fate <> 'masked'
            AND origin_weight > 0 -- a try that a further try replaced is no failure of its own
        GROUP BY source, target, channel
        ORDER BY source, target, channel
    """).rename({"n": "failures"})
    found = _found(history)
    silent = (
        found.group_by(_HANDOFF)
        .agg(
            silent_failures=pl.len().cast(pl.Int64),
            detectors=pl.col("detector").unique().sort(),
            reported=pl.col("reported").sum().cast(pl.Int64),
            exposed_transactions=pl.col("transactions").sum(),
            exposed_value=pl.col("amount").sum(),
            times=pl.struct("hours", "reported"),
        )
        .sort(_HANDOFF)
    )
    times = [_times(group) for group in silent["times"]]
    silent = silent.drop("times").with_columns(
        hours_to_detect=pl.Series([median for median, _ in times], dtype=pl.Float64),
        hours_to_detect_mean=pl.Series([mean for _, mean in times], dtype=pl.Float64),
    )
    frame = (
        counted.join(failed, on=_HANDOFF, how="left")
        .join(silent, on=_HANDOFF, how="full", coalesce=True)
        .with_columns(
            pl.col("crossings", "failures", "silent_failures", "reported", "exposed_transactions").fill_null(0),
            detectors=pl.col("detectors").fill_null([]),
        )
    )
    share = pl.col("silent_failures") / (pl.col("silent_failures") + pl.col("failures"))
    return (
        frame.with_columns(silent_share=pl.when(pl.col("silent_failures") + pl.col("failures") > 0).then(share))
        .select(
            *_HANDOFF,
            *("crossings", "failures", "silent_failures", "silent_share", "detectors", "reported"),
            *("hours_to_detect", "hours_to_detect_mean", "exposed_transactions", "exposed_value"),
            "correlation_coverage",
        )
        .sort("silent_failures", *_HANDOFF, descending=[True, False, False, False])
    )


def _found(history: History) -> pl.DataFrame:
    """Return the silent failures, one a crossing, with the hours until reported or until the end of the history."""
    return history.sql("""
        SELECT
            f.source, f.target, f.channel, f.detector, f.transactions, f.amount,
            f.detected_at IS NOT NULL AS reported,
            date_diff('second', f.occurred_at, coalesce(f.detected_at, greatest(l.last_at, f.occurred_at))) / 3600.0
                AS hours
        FROM silent_findings AS f
        CROSS JOIN (SELECT max(started_at) AS last_at FROM main.crossings) AS l
        WHERE f.detector <> 'swallowed_error'
        QUALIFY row_number() OVER (
            PARTITION BY coalesce(f.crossing_id, f.finding_id) ORDER BY f.probability DESC, f.detector, f.finding_id
        ) = 1
        ORDER BY f.source, f.target, f.channel, f.finding_id
    """)


def _times(group: pl.Series) -> tuple[float | None, float | None]:
    """Return median and restricted mean of the hours until reported."""
    hours = group.struct.field("hours").to_numpy()
    reported = group.struct.field("reported").to_numpy()
    if not reported.any():
        return None, None
    curve = survival(hours, reported)
    return (curve.median if np.isfinite(curve.median) else None), curve.restricted_mean(float(hours.max()))


def unseen_failures(history: History) -> pl.DataFrame:
    """Estimate how many silent failures neither the detectors nor the tickets have found.

    Two lists of the same failures, what the detectors found and what tickets report, overlap. The smaller the overlap,
    the more are on neither list (capture and recapture). Tickets are opened more readily about what detectors find
    easily, so that the lists depend on each other: the estimate is a lower bound.

    Parameters
    ----------
    history
        The part of a history to measure.

    Returns
    -------
    polars.DataFrame
        One row.

        =================== ======= =========================================================
        column              dtype   meaning
        =================== ======= =========================================================
        detected            Int64   transactions with a silent failure that a detector found
        reported            Int64   transactions that a ticket names and no status explains
        both                Int64   transactions on both lists
        estimated           Float64 Chapman's estimate of all, a lower bound
        estimated_sd        Float64 its standard deviation
        unseen              Float64 estimated minus those on either list, at least 0
        =================== ======= =========================================================

    References
    ----------
    Chapman 1951.
    """
    lists = history.sql("""
        WITH detected AS (
            SELECT DISTINCT correlation_id FROM silent_findings WHERE correlation_id IS NOT NULL
        ),
        explained AS (
            SELECT DISTINCT correlation_id FROM failures WHERE NOT silent AND fate <> 'masked'
        ),
        reported AS (
            SELECT DISTINCT t.correlation_id
            FROM ticket_ids AS t
            WHERE t.correlation_id NOT IN (SELECT correlation_id FROM explained WHERE correlation_id IS NOT NULL)
        )
        SELECT
            (SELECT count(*) FROM detected) AS detected,
            (SELECT count(*) FROM reported) AS reported,
            (SELECT count(*) FROM detected JOIN reported USING (correlation_id)) AS both_lists
    """).row(0)
    estimated, deviation = chapman(*lists)
    detected, reported, both = lists
    return pl.DataFrame(
        {
            "detected": [detected],
            "reported": [reported],
            "both": [both],
            "estimated": [estimated],
            "estimated_sd": [deviation],
            "unseen": [max(0.0, estimated - (detected + reported - both))],
        }
    )


def chapman(first: int, second: int, both: int) -> tuple[float, float]:
    """Estimate the size of a population from two lists and their overlap.

    Parameters
    ----------
    first, second
        Length of each list.
    both
        Members on both.

    Returns
    -------
    tuple of float
        Estimate and standard deviation.

    Raises
    ------
    ArgumentError
        If the overlap is longer than a list.

    References
    ----------
    Chapman 1951; Seber 1970 for the variance.

    Examples
    --------
    >>> chapman(9, 9, 9)
    (9.0, 0.0)
    >>> chapman(199, 99, 49)[0]
    399.0
    """
    if both > min(first, second):
        raise ArgumentError(f"The overlap of {both} is longer than a list of {min(first, second)}.")
    estimate = (first + 1) * (second + 1) / (both + 1) - 1
    variance = (first + 1) * (second + 1) * (first - both) * (second - both) / ((both + 1) ** 2 * (both + 2))
    return estimate, variance**0.5
