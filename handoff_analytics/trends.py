"""Does a handoff fail more and more often?

Failures a call are meant: more traffic is no trend. Bursts are allowed for, else every bad week would pass for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .errors import ArgumentError
from .frequency import KEYS, handoff_buckets, window
from .statistics.bursts import overdispersion
from .statistics.multiple import adjusted
from .statistics.rates import change_points, rate_ratio, rate_trend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .history import History

    Floats = NDArray[np.float64]

# Fewer failures than this make no trend, whatever their times.
_FEWEST_FAILURES = 5
_FEWEST_BUCKETS = 6
_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0}
_NAMES = {**dict.fromkeys(KEYS, pl.String())}
TREND = pl.Schema(
    {
        **_NAMES,
        "unit": pl.String(),
        "buckets": pl.Int64(),
        **dict.fromkeys(("failures", "calls", "growth_per_week", "growth_low", "growth_high"), pl.Float64()),
        **dict.fromkeys(("p_value", "q_value", "overdispersion"), pl.Float64()),
        "direction": pl.String(),
    }
)
CHANGES = pl.Schema(
    {
        **_NAMES,
        "changed_at": pl.Datetime("us"),
        "unit": pl.String(),
        **dict.fromkeys(("failures_before", "calls_before", "failures_after", "calls_after"), pl.Float64()),
        **dict.fromkeys(("rate_before", "rate_after", "rate_ratio", "ratio_low", "ratio_high"), pl.Float64()),
    }
)


def failure_trend(history: History, *, confidence: float = 0.9) -> pl.DataFrame:
    """Say of each handoff whether it fails more and more often.

    Quasi-Poisson regression of failures on time, with calls as the offset and a level for each day of the week (each
    hour of the day in windows under two weeks). Handoffs that fail less than once a day are counted by weeks.

    Parameters
    ----------
    history
        What to measure, and in which window.
    confidence
        Probability that an interval holds the truth; 1 - confidence is the share of false alarms that is accepted
        among the handoffs called rising or falling.

    Returns
    -------
    polars.DataFrame
        One row a handoff with a call, the steepest certain rise first:

        ========================  =======  =====================================================================
        source, target, channel   String   the handoff
        unit                      String   hour, day or week: what was counted by
        buckets                   Int64    how many of them had calls
        failures                  Float64  origins that no retry saved, weighted
        calls                     Float64  logical calls, weighted
        growth_per_week           Float64  growth of the failures a call, a week: 0.03 is 3 % more each week
        growth_low, growth_high   Float64  its interval
        p_value                   Float64  probability of a slope as steep without any trend
        q_value                   Float64  the same, corrected for the number of handoffs (Benjamini-Hochberg)
        overdispersion            Float64  variance of the failures over that of independent ones
        direction                 String   rising, falling, no trend shown or too few failures
        ========================  =======  =====================================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.
    ArgumentError
        If `confidence` is no probability.

    References
    ----------
    McCullagh and Nelder, Generalized Linear Models, 1989; Benjamini and Hochberg, JRSS B 57, 1995.
    """
    _checked(confidence)
    rows = []
    for name, unit, at, failures, calls in _series(history):
        row: dict[str, Any] = dict(zip(KEYS, name, strict=True))
        row |= {"unit": unit, "buckets": int((calls > 0).sum())}
        row |= {"failures": float(failures.sum()), "calls": float(calls.sum())}
        found = None
        if failures.sum() >= _FEWEST_FAILURES and row["buckets"] >= _FEWEST_BUCKETS:
            weeks = (at - at.min()) / 7
            season = {"hour": np.floor(at * 24) % 24, "day": np.floor(at) % 7, "week": np.zeros(len(at))}[unit]
            found = rate_trend(failures, calls, weeks, season=season.astype(int).tolist(), confidence=confidence)
        if found is not None:
            row |= {"growth_per_week": np.expm1(found.growth), "p_value": found.p_value}
            row |= {"growth_low": np.expm1(found.low), "growth_high": np.expm1(found.high)}
            row["overdispersion"] = found.dispersion
        rows.append(row)
    frame = pl.DataFrame(rows, schema=TREND, orient="row")
    judged = frame["p_value"].is_not_null().to_numpy()
    corrected = np.full(frame.height, np.nan)
    if judged.any():
        corrected[judged] = adjusted(frame["p_value"].drop_nulls().to_numpy())
    sure = pl.col("q_value") <= 1 - confidence
    return (
        frame.with_columns(q_value=pl.Series(corrected).fill_nan(None))
        .with_columns(
            direction=pl.when(pl.col("q_value").is_null())
            .then(pl.lit("too few failures"))
            .when(sure & (pl.col("growth_per_week") > 0))
            .then(pl.lit("rising"))
            .when(sure)
            .then(pl.lit("falling"))
            .otherwise(pl.lit("no trend shown"))
        )
        .sort(
            [pl.col("direction") == "rising", "growth_per_week", *KEYS],
            descending=[True, True, False, False, False],
            nulls_last=True,
        )
    )


def failure_changes(history: History, *, confidence: float = 0.9) -> pl.DataFrame:
    """Find the moments at which a handoff began to fail more, or less, often.

    Optimal partitioning of the failures a call with a Poisson cost, deflated by how much neighbouring buckets differ,
    and a penalty of 3 log(buckets) a change: where nothing changes, it finds a change in 3 % of handoffs, with few
    failures and strong bursts in 9 %.

    Parameters
    ----------
    history
        What to measure, and in which window.
    confidence
        Probability that an interval holds the truth.

    Returns
    -------
    polars.DataFrame
        One row a change, in the order of handoffs and time:

        ==============================  ========  ===========================================================
        source, target, channel         String    the handoff
        changed_at                      Datetime  start of the first hour, day or week of the new rate, UTC
        unit                            String    hour, day or week: how exactly that is known
        failures_before, calls_before   Float64   since the change before, or the start
        failures_after, calls_after     Float64   until the next change, or the end
        rate_before, rate_after         Float64   failures a call
        rate_ratio                      Float64   after / before; ratio_low and ratio_high are its interval
        ==============================  ========  ===========================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.
    ArgumentError
        If `confidence` is no probability.

    Notes
    -----
    The interval of the ratio treats the moment of the change as known; it was chosen by the same data, so that the
    interval flatters a little.

    References
    ----------
    Killick, Fearnhead and Eckley, JASA 107, 2012.
    """
    _checked(confidence)
    rows = []
    for name, unit, at, failures, calls in _series(history):
        cuts = change_points(failures, calls)
        edges = [0, *cuts, len(at)]
        stretch = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        failed, called = (np.bincount(stretch, weights=values) for values in (failures, calls))
        excess = _excess(failures, calls, stretch, len(failed))
        for number, place in enumerate(cuts):
            found = rate_ratio(
                (failed[number], called[number]),
                (failed[number + 1], called[number + 1]),
                excess=(excess[number], excess[number + 1]),
                confidence=confidence,
            )
            row: dict[str, Any] = dict(zip(KEYS, name, strict=True))
            row |= {"changed_at": np.datetime64(round(float(at[place]) * 86_400_000_000), "us").item(), "unit": unit}
            row |= {"failures_before": failed[number], "calls_before": called[number]}
            row |= {"failures_after": failed[number + 1], "calls_after": called[number + 1]}
            row |= {"rate_before": failed[number] / called[number]}
            row |= {"rate_after": failed[number + 1] / called[number + 1]}
            rows.append(row | {"rate_ratio": found.ratio, "ratio_low": found.low, "ratio_high": found.high})
    return pl.DataFrame(rows, schema=CHANGES, orient="row")


def _checked(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence={confidence} is no probability: it must lie between 0 and 1, such as 0.9.")


def _excess(failures: Floats, calls: Floats, stretch: NDArray[np.int64], stretches: int) -> Floats:
    """Measure the relative variance that bursts add to the total of each stretch, bursts being alike in all."""
    called, failed = np.bincount(stretch, weights=calls), np.bincount(stretch, weights=failures)
    rate = failed / np.where(called > 0, called, 1.0)
    found = overdispersion(np.zeros(len(calls), dtype=np.int64), failures, rate[stretch] * calls, groups=1)
    squares = np.bincount(stretch, weights=calls**2, minlength=stretches)
    return np.asarray(found.alpha[0] * squares / np.where(called > 0, called, 1.0) ** 2, dtype=np.float64)


def _series(history: History) -> Iterator[tuple[tuple[str, str, str], str, Floats, Floats, Floats]]:
    """Give each handoff's buckets: its name, their unit, days since 1970, failures and calls."""
    since, until = window(history)
    unit = "hour" if (until - since).total_seconds() < 14 * 86_400 else "day"
    wider = {"hour": "day", "day": "week"}[unit]
    buckets = handoff_buckets(history, unit=unit).filter(pl.col("calls") > 0)
    for name, part in buckets.group_by(KEYS, maintain_order=True):
        used, series = unit, part.select("bucket_at", "failures", "calls")
        merged = (
            series.with_columns(pl.col("bucket_at").dt.truncate({"day": "1d", "week": "1w"}[wider]))
            .group_by("bucket_at", maintain_order=True)
            .agg(pl.col("failures", "calls").sum())
        )
        # Where days are mostly without a failure, their differences show no bursts, and weeks do.
        if (series["failures"].mean() or 0.0) < 1 and merged.height >= _FEWEST_BUCKETS:  # type: ignore[operator]
            used, series = wider, merged
        at = series["bucket_at"].dt.epoch("us").to_numpy() / 86_400_000_000
        yield (
            (str(name[0]), str(name[1]), str(name[2])),
            used,
            at,
            series["failures"].to_numpy(),
            series["calls"].to_numpy(),
        )
