"""How often does each handoff fail?

A failure counts where it began: propagated ones belong to another handoff, masked ones were saved by a retry. Rates
are shrunk towards what is usual among similar handoffs, as far as the evidence of each is thin, and their intervals
are widened for failures that come in bursts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from .errors import ArgumentError, EmptyHistoryError
from .statistics.bursts import overdispersion
from .statistics.posterior import Posterior, rate_posterior, share_posterior
from .statistics.priors import beta_binomial_prior, gamma_poisson_prior
from .statistics.ranks import rank_summary

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from .history import History

    Floats = NDArray[np.float64]

Per = Literal["call", "attempt", "day"]
KEYS = ["source", "target", "channel"]
YEAR_DAYS = 365.25
_COUNTS = ["attempts", "calls", "failures", "masked", "handled", "silent", "failed_attempts", "squared_crossings"]
# Below this many failing buckets an overdispersion rests on a handful of bursts.
_FEW_BUCKETS = 10
# A platform type has a prior of its own when it has this many handoffs.
_OWN_PRIOR = 20


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How often each handoff fails, with all that is believed of it: the frame's rows are the posterior's rows."""

    frame: pl.DataFrame
    posterior: Posterior
    per_year: Floats
    """What a rate is multiplied with to give failures a year: calls, attempts or days a year."""


def failure_frequency(
    history: History, *, per: Per = "call", confidence: float = 0.9, draws: int = 4000, seed: int = 1
) -> pl.DataFrame:
    """Estimate how often each handoff fails.

    Failures are the origins that no retry saved, weighted by inverse sampling probability. The rate of a handoff is
    the mean of its posterior: a prior learnt from all handoffs (or from those of its platform type, where there are
    20), times a likelihood whose variance grows with the bursts that were measured. In simulations with bursts from
    none to twenty times the Poisson variance a day, 90 % intervals cover the truth in 85 to 93 % of cases.

    Parameters
    ----------
    history
        What to measure, and in which window.
    per
        ``"call"`` counts a call once, however often it was tried; ``"attempt"`` counts every try, and the failed tries
        that a retry saved; ``"day"`` is for handoffs whose volume is not known.
    confidence
        Probability that an interval holds the truth.
    draws
        Posterior draws behind the ranks.
    seed
        Of the draws.

    Returns
    -------
    polars.DataFrame
        One row a handoff, the highest failures_per_year first:

        ===================  =======  ==========================================================================
        source               String   system that hands over
        target               String   system that takes over
        channel              String   http, rpc, messaging, database, file, step, human
        platform             String   platform type of the handoff
        crossings            Float64  attempts, weighted
        calls                Float64  logical calls, weighted
        failures             Float64  origins, weighted; with ``per="attempt"`` every failed try
        masked               Float64  failed attempts that a retry saved
        silent               Float64  failures that both sides reported as success
        handled              Float64  failures that a fallback or compensation caught
        raw_rate             Float64  failures / calls, attempts or days, unshrunk; null when never exercised
        failure_rate         Float64  posterior mean of the same
        rate_low, rate_high  Float64  its interval
        failures_per_year    Float64  failure_rate times calls, attempts or days a year
        per_year_low, _high  Float64  its interval
        calls_per_year       Float64  calls (attempts, days) a year; declared ones where none was seen
        overdispersion       Float64  variance of the failures over that of independent ones, at least 1
        failing_buckets      Int64    days (hours in windows under two weeks) with a failure
        sparse               Boolean  fewer than 10 of them: the interval rests on other handoffs' bursts
        status               String   failing, no_failure or never_exercised
        prior                String   which handoffs the prior was learnt from
        window_days          Float64  length of the window, at least one day
        rank_median          Float64  rank by failures a year, over the draws
        rank_low, rank_high  Float64  5 and 95 % of the same
        p_top10              Float64  probability to be among the ten most frequent
        ===================  =======  ==========================================================================

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.
    ArgumentError
        If `per` or `confidence` is none of the above.

    References
    ----------
    Empirical Bayes: Robbins 1956; negative binomial and beta-binomial likelihoods: Greenwood and Yule 1920; ranks:
    Goldstein and Spiegelhalter, League tables and their limitations, JRSS A 159, 1996.
    """
    return frequencies(history, per=per, confidence=confidence, draws=draws, seed=seed).frame


def frequencies(
    history: History, *, per: Per = "call", confidence: float = 0.9, draws: int = 4000, seed: int = 1
) -> Frequencies:
    """Estimate the same as `failure_frequency`, and keep the posterior for those who compute on."""
    if per not in ("call", "attempt", "day"):
        raise ArgumentError(f"per={per!r} is no way to count. Choose call, attempt or day.")
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence={confidence} is no probability: it must lie between 0 and 1, such as 0.9.")
    since, until = window(history)
    days = max((until - since).total_seconds() / 86_400, 1.0)
    unit = "hour" if days < 14 else "day"
    handoffs = _handoffs(history)
    buckets = handoff_buckets(history, unit=unit)
    return estimated(
        handoffs, buckets, window_days=days, unit=unit, per=per, confidence=confidence, draws=draws, seed=seed
    )


def window(history: History) -> tuple[datetime, datetime]:
    """Return the start and end of what is measured: of the scope, or of the crossings in it where it is open."""
    row = history.sql("SELECT min(started_at) AS first_at, max(started_at) AS last_at FROM crossings").row(0)
    since, until = history.scope.since or row[0], history.scope.until or row[1]
    if since is None or until is None:
        raise EmptyHistoryError(
            f"There are no crossings in {history.scope}. Load traces, logs or runs, or widen the scope."
        )
    return since, until


def handoff_buckets(history: History, *, unit: str) -> pl.DataFrame:
    """Count crossings and failures of each handoff in each hour, day or week that saw any."""
    return history.sql(
        """
        WITH crossed AS (
            SELECT source, target, channel, date_trunc($unit, started_at) AS bucket_at,
                   sum(weight) AS attempts,
                   sum(CASE WHEN is_last_attempt THEN weight ELSE 0 END) AS calls,
                   sum(weight * weight) AS squared_crossings
            FROM crossings
            WHERE NOT coalesce(is_duplicate, FALSE)
            GROUP BY source, target, channel, date_trunc($unit, started_at)
        ),
        failed AS (
            SELECT source, target, channel, date_trunc($unit, failed_at) AS bucket_at,
                   sum(CASE WHEN fate = 'masked' THEN 0 ELSE origin_weight * weight END) AS failures,
                   sum(CASE WHEN fate = 'masked' THEN origin_weight * weight ELSE 0 END) AS masked,
                   sum(CASE WHEN fate = 'handled' THEN origin_weight * weight ELSE 0 END) AS handled,
                   sum(CASE WHEN silent AND fate <> 'masked' THEN origin_weight * weight ELSE 0 END) AS silent,
                   sum(CASE WHEN crossing_id IS NULL THEN origin_weight * weight ELSE 0 END) AS never_crossed,
                   sum(CASE WHEN fate = 'masked' THEN 0 ELSE origin_weight * weight * weight END) AS squared,
                   -- Tries that a further try replaced have no weight as origins, and yet they failed.
                   sum(weight) AS failed_attempts,
                   sum(weight * weight) AS squared_attempts
            FROM failures
            WHERE origin <> 'propagated'
            GROUP BY source, target, channel, date_trunc($unit, failed_at)
        )
        SELECT coalesce(c.source, f.source) AS source,
               coalesce(c.target, f.target) AS target,
               coalesce(c.channel, f.channel) AS channel,
               coalesce(c.bucket_at, f.bucket_at) AS bucket_at,
               -- A crossing that should have happened and did not was a call as well.
               coalesce(attempts, 0) + coalesce(never_crossed, 0) AS attempts,
               coalesce(calls, 0) + coalesce(never_crossed, 0) AS calls,
               coalesce(failures, 0) AS failures,
               coalesce(masked, 0) AS masked,
               coalesce(handled, 0) AS handled,
               coalesce(silent, 0) AS silent,
               coalesce(failed_attempts, 0) AS failed_attempts,
               coalesce(squared, 0) AS squared,
               coalesce(squared_attempts, 0) AS squared_attempts,
               coalesce(squared_crossings, 0) AS squared_crossings
        FROM crossed AS c
        FULL JOIN failed AS f
            ON f.source = c.source AND f.target = c.target AND f.channel = c.channel AND f.bucket_at = c.bucket_at
        ORDER BY source, target, channel, bucket_at
        """,
        unit=unit,
    )


def _handoffs(history: History) -> pl.DataFrame:
    """Return the handoffs that were seen in scope or declared, with what was declared of their volume."""
    return history.sql(
        """
        WITH promised AS (
            SELECT source, target, channel, max(expected_per_day) AS expected_per_day
            FROM declared_handoffs
            GROUP BY source, target, channel
        )
        SELECT h.source, h.target, h.channel, h.platform, coalesce(h.declared, FALSE) AS declared, p.expected_per_day
        FROM handoffs AS h
        LEFT JOIN promised AS p ON p.source = h.source AND p.target = h.target AND p.channel = h.channel
        ORDER BY h.source, h.target, h.channel
        """
    )


def estimated(
    handoffs: pl.DataFrame,
    buckets: pl.DataFrame,
    *,
    window_days: float,
    unit: str = "day",
    per: Per = "call",
    confidence: float = 0.9,
    draws: int = 4000,
    seed: int = 1,
) -> Frequencies:
    """Estimate frequencies from counts alone; `failure_frequency` says how.

    Parameters
    ----------
    handoffs
        source, target, channel, platform, declared, expected_per_day.
    buckets
        source, target, channel, bucket_at, attempts, calls, failures, masked, handled, silent, failed_attempts,
        squared, squared_attempts, squared_crossings: as `handoff_buckets` counts them.
    window_days
        Length of the window.
    unit
        Of the buckets: hour or day.
    per, confidence, draws, seed
        As in `failure_frequency`.

    Returns
    -------
    Frequencies
        The frame, and the posterior behind it.
    """
    totals = buckets.group_by(KEYS).agg(
        pl.col(*_COUNTS).sum(),
        (pl.col("failures") > 0).sum().cast(pl.Int64).alias("failing_buckets"),
    )
    frame = (
        handoffs.join(totals, on=KEYS, how="full", coalesce=True)
        .with_columns(
            pl.col(*_COUNTS).fill_null(0.0).cast(pl.Float64),
            pl.col("failing_buckets").fill_null(0),
            pl.col("declared").fill_null(value=False),
        )
        .filter((pl.col("attempts") > 0) | (pl.col("failures") > 0) | pl.col("declared"))
        .sort(KEYS)
    )
    if frame.is_empty():
        raise EmptyHistoryError("No handoff is in scope. Load evidence with two systems in it, or widen the scope.")
    counted = _counted(frame, buckets, unit=unit, per=per, window_days=window_days)
    groups = _prior_groups(frame)
    posterior = _believed(counted, groups, per=per)
    expected = frame["expected_per_day"].fill_null(0.0).to_numpy()
    volume = np.where(counted.exposure > 0, counted.exposure / window_days, expected) * YEAR_DAYS
    if per == "day":
        volume = np.full(frame.height, YEAR_DAYS)
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    random = np.random.default_rng(seed)
    ranks = rank_summary(posterior.draws(random, draws) * volume)
    exercised = pl.Series(counted.exposure > 0) if per != "day" else (frame["attempts"] > 0)
    # Nothing seen and nothing promised: the rate is the prior's, the yearly number is not known.
    known = pl.Series(volume > 0)

    def yearly(rates: Floats) -> pl.Expr:
        return pl.when(known).then(pl.Series(rates * volume))

    result = frame.select(
        *KEYS,
        "platform",
        pl.col("attempts").alias("crossings"),
        "calls",
        pl.Series("failures", counted.failures),
        "masked",
        "silent",
        "handled",
        pl.when(exercised)
        .then(pl.Series(counted.failures / np.where(counted.exposure > 0, counted.exposure, 1.0)))
        .alias("raw_rate"),
        pl.Series("failure_rate", posterior.mean),
        pl.Series("rate_low", posterior.quantile(low)),
        pl.Series("rate_high", posterior.quantile(high)),
        yearly(posterior.mean).alias("failures_per_year"),
        yearly(posterior.quantile(low)).alias("per_year_low"),
        yearly(posterior.quantile(high)).alias("per_year_high"),
        pl.when(known).then(pl.Series(volume)).alias("calls_per_year"),
        pl.Series("overdispersion", counted.factor),
        "failing_buckets",
        (pl.col("failing_buckets") < _FEW_BUCKETS).alias("sparse"),
        pl.when(~exercised)
        .then(pl.lit("never_exercised"))
        .when(pl.Series(counted.failures) > 0)
        .then(pl.lit("failing"))
        .otherwise(pl.lit("no_failure"))
        .alias("status"),
        pl.Series("prior", groups),
        pl.lit(window_days).alias("window_days"),
        pl.Series("rank_median", ranks.median),
        pl.Series("rank_low", ranks.low),
        pl.Series("rank_high", ranks.high),
        pl.Series("p_top10", ranks.p_top),
    )
    order = result.with_row_index("row").sort(
        ["failures_per_year", *KEYS], descending=[True, False, False, False], nulls_last=True
    )
    rows = order["row"].to_numpy()
    return Frequencies(order.drop("row"), Posterior(posterior.mean[rows], posterior.table[rows]), volume[rows])


@dataclass(frozen=True, slots=True)
class _Counted:
    failures: Floats
    exposure: Floats
    excess: Floats
    factor: Floats
    worth: Floats
    """How many failures one that was seen stands for."""


def _counted(frame: pl.DataFrame, buckets: pl.DataFrame, *, unit: str, per: Per, window_days: float) -> _Counted:
    """Bring counts, exposure and bursts of each row of the frame into arrays."""
    wanted, squared = ("failed_attempts", "squared_attempts") if per == "attempt" else ("failures", "squared")
    trials = "calls" if per == "call" else "attempts"
    placed = buckets.join(frame.select(*KEYS).with_row_index("place"), on=KEYS).with_columns(failed=pl.col(wanted))
    counts = frame[wanted].to_numpy()
    exposure = frame[trials].to_numpy()
    if per == "day":
        exposure = np.full(frame.height, window_days)
    else:
        # A share of a shared origin may round above its calls.
        counts = np.minimum(counts, exposure)
    if per == "day":
        placed = _every_bucket(placed, unit=unit)
    placed = _coarser(placed, unit=unit).sort("place", "bucket_at")
    place = placed["place"].to_numpy().astype(np.int64)
    if per == "day":
        length = placed["length_days"].to_numpy()
        mean = (counts / window_days)[place] * length
        shares = None
    else:
        rate = np.divide(counts, exposure, out=np.zeros(len(counts)), where=exposure > 0)
        mean, shares = rate[place] * placed[trials].to_numpy(), rate
    found = overdispersion(
        place,
        placed["failed"].to_numpy(),
        mean,
        groups=frame.height,
        shares=shares,
        squared_weights=placed[squared].to_numpy(),
    )
    # A sampled failure that stands for ten is worth one; without failures the crossings tell what they stand for.
    attempts = frame["attempts"].to_numpy()
    stands_for = np.divide(
        frame["squared_crossings"].to_numpy(), attempts, out=np.ones(len(attempts)), where=attempts > 0
    )
    worth = np.maximum(np.where(counts > 0, found.inflation, stands_for), 1.0)
    return _Counted(counts, exposure, found.excess, found.factor, worth)


def _every_bucket(placed: pl.DataFrame, *, unit: str) -> pl.DataFrame:
    """Add the buckets in which a handoff was not crossed: in time, they are quiet ones."""
    first, last = placed["bucket_at"].min(), placed["bucket_at"].max()
    buckets = pl.select(
        pl.datetime_range(pl.lit(first), pl.lit(last), {"hour": "1h", "day": "1d"}[unit]).alias("bucket_at")
    )
    grid = placed.select("place").unique().join(buckets, how="cross")
    return grid.join(placed, on=["place", "bucket_at"], how="left").fill_null(0)


def _coarser(placed: pl.DataFrame, *, unit: str) -> pl.DataFrame:
    """Merge days to weeks (hours to days) where a handoff fails less than once a bucket, unless too few are left."""
    wide = {"hour": "1d", "day": "1w"}[unit]
    days = {"hour": (1 / 24, 1.0), "day": (1.0, 7.0)}[unit]
    span = pl.col("bucket_at").dt.truncate(wide)
    rare = (pl.col("failed").mean().over("place") < 1) & (span.n_unique().over("place") >= 4)
    return (
        placed.with_columns(rare=rare)
        .with_columns(
            bucket_at=pl.when("rare").then(span).otherwise("bucket_at"),
            length_days=pl.when("rare").then(pl.lit(days[1])).otherwise(pl.lit(days[0])),
        )
        .group_by("place", "bucket_at", "length_days")
        .agg(pl.col("attempts", "calls", "failed", "squared", "squared_attempts").sum())
    )


def _prior_groups(frame: pl.DataFrame) -> list[str]:
    """Name the handoffs that each handoff's prior is learnt from: its platform type where that is large enough."""
    sizes = dict(frame.filter(pl.col("attempts") > 0).group_by("platform").len().iter_rows())
    return [
        f"platform {platform}" if platform is not None and sizes.get(platform, 0) >= _OWN_PRIOR else "all handoffs"
        for platform in frame["platform"]
    ]


def _believed(counted: _Counted, groups: list[str], *, per: Per) -> Posterior:
    """Learn the priors and return the posterior of every row."""
    means, table = np.empty(len(groups)), None
    for group in sorted(set(groups)):
        rows = np.array([name == group for name in groups])
        learnt = np.ones(len(groups), dtype=bool) if group == "all handoffs" else rows
        worth_x, worth_n = (
            counted.failures[learnt] / counted.factor[learnt],
            counted.exposure[learnt] / counted.factor[learnt],
        )
        worth = counted.worth[rows]
        x, n, excess = counted.failures[rows] / worth, counted.exposure[rows] / worth, counted.excess[rows]
        if per == "day":
            believed = rate_posterior(x, n, excess, gamma_poisson_prior(worth_x, worth_n))
        else:
            believed = share_posterior(x, n, excess, beta_binomial_prior(worth_x, worth_n))
        table = np.empty((len(groups), believed.table.shape[1])) if table is None else table
        means[rows], table[rows] = believed.mean, believed.table
    assert table is not None  # noqa: S101 - there is at least one row
    return Posterior(means, table)
