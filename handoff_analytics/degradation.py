"""What is getting worse, and since when?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .errors import ArgumentError
from .signals import KEYS, Bucket, handoff_signals
from .statistics.multiple import adjusted
from .statistics.sequential import log_ratio, overshoot, start, statistic, step, threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .history import History

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

SERIES = [*KEYS, "metric"]
# What is usual is learnt from so many days, the last week left out, so that a slow change does not become usual.
# After an alarm, two weeks without another end the episode.
_MEMORY_DAYS = (56, 7, 14)
# Fewer calls than this say too little of what is usual.
_FEWEST_TRIALS = 20
# Nobody should ever use a token that has expired: this share is tolerated, and nothing has to be learnt.
_TOLERATED = {"token_slack": 0.001}
_SMOOTHING = 0.2
_DEVIATIONS = 3.0


def degradation(
    history: History,
    *,
    false_alarm_days: float = 90.0,
    false_discovery_rate: float = 0.1,
    learning_days: int = 28,
    bucket: Bucket = "day",
) -> pl.DataFrame:
    """Follow every handoff by every metric, and raise an alarm when one becomes worse.

    Each bucket is judged with what was known at its end and never again, so that the result is what a watch would
    have said on the day (a replay). Usual is the handoff's share of the eight weeks that end a week before, without
    the stretches of earlier alarms; its uncertainty and the bursts of failures widen what is expected. The detector is
    Shiryaev and Roberts' over negative binomial counts; it adds up small excesses over days and weeks.

    Parameters
    ----------
    history
        What to watch, and in which window.
    false_alarm_days
        Wanted mean days between false alarms of one handoff; its metrics share them.
    false_discovery_rate
        Of the alarms that are `confirmed`, the share that may be false, over all handoffs and metrics together.
    learning_days
        Days from a handoff's first call in which nothing is judged.
    bucket
        ``"day"`` or ``"hour"``.

    Returns
    -------
    polars.DataFrame
        One row a handoff, metric and bucket, sorted by these:

        =======================  ========  ====================================================================
        column                   dtype     meaning
        =======================  ========  ====================================================================
        source, target, channel  String    the handoff
        metric                   String    see `handoff_signals`
        bucket_at                Datetime  start of the bucket, UTC
        trials, events           Float64   calls, and those of them that the metric counts
        seconds, threshold       Float64   see `handoff_signals`
        share                    Float64   events / trials, null without calls
        smoothed                 Float64   the same as a moving average (EWMA, a fifth of each bucket)
        usual                    Float64   share that was expected; null while it was learnt
        burst                    Float64   how events cluster: variance = mean + burst * mean², doubt about usual in it
        limit                    Float64   upper control limit of `smoothed`: three standard deviations, at most 1
        calm_days                Float64   a handoff that is well shows so much evidence once in so many days
        alarm                    Boolean   the evidence passed the threshold in this bucket
        confirmed                Boolean   it is above the false discovery rate's bar, over all series
        since                    Datetime  when the change began, as it seemed in a bucket with an alarm
        degraded                 Boolean   an alarm is less than two weeks old
        =======================  ========  ====================================================================

    Raises
    ------
    EmptyHistoryError
        If there are no crossings in scope.
    ArgumentError
        If a parameter is outside what it means.

    References
    ----------
    Shiryaev 1963, Roberts 1966, Pollak 1987 for the detector; Shin, Ramdas and Rinaldo, E-detectors, 2022, for its
    guarantee; Roberts 1959 for the moving average and its limit; Benjamini and Yekutieli 2001 for many series.

    Examples
    --------
    Ten calls of one day say how it is, not yet whether it becomes worse.

    >>> import handoff_analytics as ha
    >>> watch = ha.degradation(ha.samples.three_systems())
    >>> watch.filter(metric="transformation_success").select("source", "target", "share", "usual", "alarm").row(0)
    ('a', 'b', 0.1, None, False)
    """
    if false_alarm_days < 1:
        raise ArgumentError(f"false_alarm_days={false_alarm_days} is an alarm every day: give days, such as 90.")
    if not 0 < false_discovery_rate < 1:
        raise ArgumentError(f"false_discovery_rate={false_discovery_rate} must lie between 0 and 1, such as 0.1.")
    signals = handoff_signals(history, bucket=bucket, learning_days=learning_days)
    return watched(
        signals,
        bucket_days={"day": 1.0, "hour": 1 / 24}[bucket],
        false_alarm_days=false_alarm_days,
        false_discovery_rate=false_discovery_rate,
        learning_days=learning_days,
    )


def watched(
    signals: pl.DataFrame,
    *,
    bucket_days: float = 1.0,
    false_alarm_days: float = 90.0,
    false_discovery_rate: float = 0.1,
    learning_days: int = 28,
) -> pl.DataFrame:
    """Watch series of counts alone; `degradation` says how, `handoff_signals` what they are.

    Parameters
    ----------
    signals
        source, target, channel, metric, bucket_at, trials, events, seconds, threshold.
    bucket_days
        Length of a bucket.
    false_alarm_days, false_discovery_rate, learning_days
        As in `degradation`.

    Returns
    -------
    polars.DataFrame
        As `degradation` returns.
    """
    grid = _grid(signals, bucket_days)
    series = grid.select(SERIES).unique(maintain_order=True)
    shape = (series.height, -1)
    trials, events = (grid[name].to_numpy().reshape(shape) for name in ("trials", "events"))
    metrics = series["metric"].to_numpy()
    # The metrics of one handoff that can raise an alarm share its false alarms.
    sharing = series.with_columns(n=pl.len().over(KEYS))["n"].to_numpy()
    seen = _watch(
        trials,
        events,
        metrics,
        mean_steps=false_alarm_days * sharing / bucket_days,
        rate=false_discovery_rate,
        buckets=[max(1, round(days / bucket_days)) for days in (learning_days, *_MEMORY_DAYS)],
    )
    moments = grid["bucket_at"].to_numpy().reshape(shape)[0]
    since = np.where(seen.onset >= 0, moments[seen.onset], np.datetime64("NaT"))
    share = np.divide(events, trials, out=np.full_like(events, np.nan), where=trials > 0)
    added = {
        "share": share,
        "smoothed": _smoothed(share),
        "usual": seen.usual,
        "burst": seen.burst,
        "limit": _limit(trials, seen.usual, seen.burst),
        "calm_days": seen.calm_steps * bucket_days,
        "alarm": seen.alarm,
        "confirmed": seen.confirmed,
        "since": since,
        "degraded": seen.degraded,
    }
    frame = grid.with_columns(
        pl.Series(name, values.ravel()).fill_nan(None)
        if values.dtype == np.float64
        else pl.Series(name, values.ravel())
        for name, values in added.items()
    )
    return frame.filter(pl.col("begun")).drop("begun")


def _grid(signals: pl.DataFrame, bucket_days: float) -> pl.DataFrame:
    """Give every series the same buckets, those without calls too, and mark those before its first."""
    step_us = round(bucket_days * 86_400e6)
    moments = pl.select(
        bucket_at=pl.datetime_range(
            pl.lit(signals["bucket_at"].min()), pl.lit(signals["bucket_at"].max()), f"{step_us}us", time_unit="us"
        )
    )
    series = signals.group_by(SERIES, maintain_order=True).agg(first_at=pl.col("bucket_at").min())
    return (
        series.with_row_index("place")
        .join(moments, how="cross")
        .join(signals, on=[*SERIES, "bucket_at"], how="left")
        .with_columns(pl.col("trials", "events").fill_null(0.0), begun=pl.col("bucket_at") >= pl.col("first_at"))
        .sort("place", "bucket_at")
        .select(*SERIES, "bucket_at", "trials", "events", "seconds", "threshold", "begun")
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a watch has seen: one row a series, one column a bucket."""

    usual: Floats
    burst: Floats
    calm_steps: Floats
    alarm: Flags
    confirmed: Flags
    degraded: Flags
    onset: NDArray[np.int64]


def _watch(
    trials: Floats, events: Floats, metrics: NDArray[np.str_], *, mean_steps: Floats, rate: float, buckets: list[int]
) -> _Seen:
    """Go through the buckets once, all series side by side, knowing nothing of later ones."""
    learning, baseline, guard, quiet = buckets
    series, length = trials.shape
    tolerated = np.array([_TOLERATED.get(metric, np.nan) for metric in metrics])
    kinds = np.unique(metrics, return_inverse=True)[1]
    age = np.cumsum(np.cumsum(trials > 0, axis=1) > 0, axis=1)
    in_control = np.ones_like(trials, dtype=bool)
    usual, burst = np.full_like(trials, np.nan), np.zeros_like(trials)
    calm, onset = np.zeros_like(trials), np.full(trials.shape, -1)
    alarm, confirmed, degraded = (np.zeros_like(trials, dtype=bool) for _ in range(3))
    # Two detectors: one starts anew after each alarm, the other only when the episode is over, to say how sure it is.
    fresh, whole = start(series), start(series)
    rising, began = np.zeros((series, fresh.shape[-1])), np.zeros((series, fresh.shape[-1]), dtype=np.int64)
    last_alarm, highest, judged = np.full(series, -length - quiet), np.zeros(series), np.zeros(series)
    rows = np.arange(series)
    for now in range(length):
        past = slice(max(0, now - baseline - guard), max(0, now - guard))
        expected, level, doubt = _expected(trials[:, past], events[:, past], in_control[:, past], kinds)
        expected = np.where(np.isnan(tolerated), expected, tolerated)
        ready = np.isfinite(expected) & ((age[:, now] > learning) | ~np.isnan(tolerated))
        alpha = _bursts(trials[:, past], events[:, past], in_control[:, past], kinds) + doubt
        alpha = np.where(np.isnan(tolerated), alpha, 0.0)
        mean = np.where(ready, expected * trials[:, now], 0.0)
        ratio = np.where(ready[:, None], log_ratio(np.where(ready, events[:, now], 0.0), mean, alpha), 0.0)
        usual[ready, now], burst[:, now] = expected[ready], alpha
        fresh, whole = (np.where(ready[:, None], step(state, ratio), state) for state in (fresh, whole))
        rising = rising + ratio
        began[rising <= 0] = now + 1
        rising = np.maximum(rising, 0.0)
        level = np.where(np.isnan(tolerated), level, expected * trials[:, : now + 1].mean(axis=1))
        jump = overshoot(level, alpha)
        # A statistic that only time carried over the threshold waits for something to happen.
        over = ready & (events[:, now] > mean) & (statistic(fresh) >= threshold(mean_steps, level, alpha))
        alarm[:, now] = over
        onset[over, now] = np.minimum(began[rows, rising.argmax(axis=1)], now)[over]
        judged += ready
        calm[:, now] = np.where(ready, np.exp(np.minimum(statistic(whole), 690.0)) * jump, 0.0)
        highest = np.maximum(highest, calm[:, now])
        chance = np.where(highest > 0, -np.expm1(-judged / np.maximum(highest, 1e-300)), 1.0)
        sure = np.zeros(series, dtype=bool)
        sure[judged > 0] = adjusted(chance[judged > 0], dependent=True) <= rate
        last_alarm[over] = now
        running = last_alarm > now - quiet
        confirmed[:, now] = sure & running
        degraded[:, now] = running
        for place in np.nonzero(over)[0]:
            fresh[place], rising[place], began[place] = -np.inf, 0.0, now + 1
            # Only what is surely no chance is left out of what is usual, for that would else become ever rarer.
            if confirmed[place, now]:
                in_control[place, onset[place, now] : now + 1] = False
        in_control[confirmed[:, now], now] = False
        ended = last_alarm == now - quiet
        whole[ended], highest[ended], judged[ended] = -np.inf, 0.0, 0.0
    return _Seen(usual, burst, calm, alarm, confirmed, degraded, onset)


def _expected(
    trials: Floats, events: Floats, in_control: Flags, kinds: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Return what past buckets make usual: the share of events, events a bucket, and how unsure that is (a variance).

    Half an event at the pace of the metric's other handoffs is added, so that what never failed may fail.
    """
    n, x = (np.where(in_control, values, 0.0).sum(axis=1) for values in (trials, events))
    # A change that has lasted for the whole of the baseline is what is usual now.
    stale = n < _FEWEST_TRIALS
    n, x = np.where(stale, trials.sum(axis=1), n), np.where(stale, events.sum(axis=1), x)
    everybody = (np.bincount(kinds, x) + 0.5) / (np.bincount(kinds, n) + 1.0)
    share = np.minimum((x + 0.5) / (n + 0.5 / everybody[kinds]), 1.0)
    share = np.where(n >= _FEWEST_TRIALS, share, np.nan)
    level = np.nan_to_num(share) * trials.mean(axis=1) if trials.shape[1] else np.zeros(len(trials))
    return share, level, 1 / (x + 0.5)


def _bursts(trials: Floats, events: Floats, in_control: Flags, kinds: NDArray[np.int64]) -> Floats:
    """Return how past events cluster: alpha in variance = mean + alpha * mean², by moments.

    Bursts of one handoff are seldom seen often enough: it borrows from all of the metric, as much as one of them knows.
    """
    n, x = (np.where(in_control, values, 0.0) for values in (trials, events))
    buckets, whole = (n > 0).sum(axis=1), n.sum(axis=1)
    share = np.divide(x.sum(axis=1), whole, out=np.zeros(len(n)), where=whole > 0)
    mean = share[:, None] * n
    # The share was estimated from the same buckets, which takes one degree of freedom.
    freedom = np.divide(buckets, buckets - 1.0, out=np.zeros(len(n)), where=buckets > 1)
    spread, weight = (((x - mean) ** 2 * freedom[:, None] - mean).sum(axis=1), (mean**2).sum(axis=1))
    of_kind, known = np.bincount(kinds, weight)[kinds], np.bincount(kinds, weight > 0)[kinds]
    pooled = np.divide(np.bincount(kinds, spread)[kinds], of_kind, out=np.zeros(len(n)), where=of_kind > 0)
    typical = of_kind / np.maximum(known, 1.0) + 1e-9
    return np.asarray(np.clip((spread + pooled * typical) / (weight + typical), 0.0, None), dtype=np.float64)


def _limit(trials: Floats, usual: Floats, burst: Floats) -> Floats:
    """Return the upper control limit of the moving average: usual, and three standard deviations of it above."""
    mean = np.where((trials > 0) & np.isfinite(usual), usual * trials, np.nan)
    noise = (mean + burst * mean**2) / np.maximum(trials, 1.0) ** 2
    limit, state = np.full_like(trials, np.nan), np.zeros(len(trials))
    for place in range(trials.shape[1]):
        now = noise[:, place]
        state = np.where(np.isnan(now), state, (1 - _SMOOTHING) ** 2 * state + _SMOOTHING**2 * np.nan_to_num(now))
        limit[:, place] = np.minimum(usual[:, place] + _DEVIATIONS * np.sqrt(state), 1.0)
    return limit


def _smoothed(share: Floats) -> Floats:
    """Return the moving average of each series; buckets without calls leave it where it was."""
    smooth, state = np.full_like(share, np.nan), np.full(len(share), np.nan)
    for place in range(share.shape[1]):
        now = share[:, place]
        moved = np.where(np.isnan(state), now, state + _SMOOTHING * (now - state))
        state = np.where(np.isnan(now), state, moved)
        smooth[:, place] = state
    return smooth
