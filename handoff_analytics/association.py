"""Which handoffs fail together, though no transaction links them?

A shared pool that runs dry, a batch that waits for another: such failures meet in time alone. What follows more often
than by chance is an association, no proof of a cause, and what strikes everywhere at once is set apart first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import polars as pl
from scipy import stats

from .errors import ArgumentError
from .graph import KEYS, handoffs_in_scope, impact_of
from .statistics.multiple import adjusted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .history import History

_MINUTE_US = 60_000_000
_DAY_MINUTES = 1440
# Fewer episodes of the first handoff than this make no pattern.
_FEWEST = 5
# A window in which this share of the receiving systems fails, and so many handoffs, has one cause behind it.
_EVERYWHERE, _FEWEST_TOGETHER = 0.3, 3
THEN = ["then_source", "then_target", "then_channel"]
ASSOCIATIONS = pl.Schema(
    {
        **dict.fromkeys((*KEYS, *THEN), pl.String()),
        "episodes": pl.Int64(),
        "followed": pl.Int64(),
        **dict.fromkeys(("expected", "excess", "lag_minutes", "p_value", "q_value"), pl.Float64()),
        "could_reach": pl.Boolean(),
    }
)
COMMON = pl.Schema(
    {
        "since": pl.Datetime("us"),
        "until": pl.Datetime("us"),
        "systems": pl.Int64(),
        "share": pl.Float64(),
        "failures": pl.Float64(),
        "handoffs": pl.List(pl.String()),
    }
)


def failure_associations(
    history: History, *, window_minutes: int = 15, bucket_minutes: int = 5, reachable_only: bool = True
) -> pl.DataFrame:
    """Find handoffs at which failures begin soon after they began at another, more often than by chance.

    Failures that one transaction carried on are left out: `cascade_reach` counts them. An episode is a run of failing
    buckets of the first handoff; the second follows if a failure of its own begins in the same bucket or in the window
    after it. What is expected is how often windows at the same hour of other days hold one. Windows with a common
    cause are left out on both sides; `common_causes` lists them.

    Parameters
    ----------
    history
        What to search, and in which window.
    window_minutes
        How long after the start of an episode a failure follows it.
    bucket_minutes
        Into how fine parts time is cut.
    reachable_only
        Whether only pairs count of which the impact graph says that the first could reach the second. Others are
        biased upwards: by .4 to .9 failures an incident in simulations.

    Returns
    -------
    polars.DataFrame
        One row a pair, the least q_value first:

        ==============================  =======  =============================================================
        source, target, channel         String   the handoff that fails first
        then_source, _target, _channel  String   the handoff that follows
        episodes                        Int64    of the first
        followed                        Int64    of them, followed by a failure of the second
        expected                        Float64  the same by chance
        excess                          Float64  (followed - expected) / episodes: further failures an episode
        lag_minutes                     Float64  median time to it, where it followed; to half a bucket
        p_value                         Float64  probability of so many by chance
        q_value                         Float64  corrected for the number of pairs (Benjamini-Hochberg)
        could_reach                     Boolean  the impact graph leads from the first to the second
        ==============================  =======  =============================================================

    Raises
    ------
    ArgumentError
        If a length is not positive.
    EmptyHistoryError
        If no handoff is in scope.

    References
    ----------
    Benjamini and Hochberg, JRSS B 57, 1995.
    """
    handoffs = handoffs_in_scope(history)
    names = [(str(one), str(two), str(three)) for one, two, three in handoffs.select(KEYS).iter_rows()]
    failing, _ = _failing(history, handoffs, bucket_minutes)
    if window_minutes <= 0:
        raise ArgumentError(f"window_minutes={window_minutes} is no length of time: it must be positive.")
    common = _everywhere(failing, handoffs)
    calm = failing.copy()
    calm[common] = False
    ahead = max(1, round(window_minutes / bucket_minutes))
    total = np.vstack([np.zeros((1, len(names)), dtype=np.int64), np.cumsum(calm, axis=0)])
    last = np.minimum(np.arange(len(calm)) + ahead + 1, len(calm))
    holds = total[last] - total[:-1] > 0
    by_hour = _by_hour(holds, common, bucket_minutes)
    graph = impact_of(handoffs.select(*KEYS, "evidence", "mechanism").iter_rows(named=True))
    rows: list[dict[str, Any]] = []
    for first, name in enumerate(names):
        begun = _episodes(calm[:, first], ahead)
        if len(begun) < _FEWEST:
            continue
        reachable = nx.descendants(graph, name)
        chance = by_hour[begun % len(by_hour)]
        for second, other in enumerate(names):
            if second == first or (reachable_only and other not in reachable) or not calm[:, second].any():
                continue
            followed = holds[begun, second]
            expected = float(chance[:, second].sum())
            count = int(followed.sum())
            lags = [int(np.argmax(calm[start : start + ahead + 1, second])) for start in begun[followed]]
            rows.append(
                dict(zip(KEYS, name, strict=True))
                | dict(zip(THEN, other, strict=True))
                | {"episodes": len(begun), "followed": count, "expected": expected}
                | {"excess": (count - expected) / len(begun), "could_reach": other in reachable}
                | {"lag_minutes": float(np.median(lags)) * bucket_minutes if lags else None}
                | {"p_value": float(stats.binom.sf(count - 1, len(begun), expected / len(begun)))}
            )
    frame = pl.DataFrame(rows, schema=ASSOCIATIONS, orient="row")
    if frame.is_empty():
        return frame
    return frame.with_columns(q_value=pl.Series(adjusted(frame["p_value"].to_numpy()))).sort(["q_value", *KEYS, *THEN])


def common_causes(history: History, *, bucket_minutes: int = 5) -> pl.DataFrame:
    """List the moments at which so much failed at once that one cause lies behind it.

    Parameters
    ----------
    history
        What to search, and in which window.
    bucket_minutes
        Into how fine parts time is cut.

    Returns
    -------
    polars.DataFrame
        One row a run of buckets in each of which 30 % of the receiving systems fail, and three handoffs or more, in
        order of time:

        ==========  ============  ======================================================
        since       Datetime      start of the first bucket, UTC
        until       Datetime      end of the last
        systems     Int64         receiving systems at which failures began
        share       Float64       of all receiving systems in scope
        failures    Float64       origins that no retry saved, weighted
        handoffs    List(String)  where, as source -> target (channel), by name
        ==========  ============  ======================================================

    Raises
    ------
    ArgumentError
        If `bucket_minutes` is not positive.
    EmptyHistoryError
        If no handoff is in scope.
    """
    handoffs = handoffs_in_scope(history)
    failing, first = _failing(history, handoffs, bucket_minutes)
    places = np.flatnonzero(_everywhere(failing, handoffs))
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []
    targets = handoffs["target"].to_numpy()
    rows = []
    for run in runs:
        hit = failing[run].any(axis=0)
        since, until = (
            np.datetime64((first + int(place)) * bucket_minutes * _MINUTE_US, "us").item()
            for place in (run[0], run[-1] + 1)
        )
        failures = history.sql(
            """
            SELECT coalesce(sum(origin_weight * weight), 0.0) AS failures
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked' AND failed_at >= $since AND failed_at < $until
            """,
            since=since,
            until=until,
        ).item()
        systems = len(set(targets[hit]))
        told = [
            f"{one} -> {two} ({three})" for one, two, three in handoffs.select(KEYS).filter(pl.Series(hit)).iter_rows()
        ]
        rows.append(
            {"since": since, "until": until, "systems": systems, "share": systems / len(set(targets))}
            | {"failures": float(failures), "handoffs": told}
        )
    return pl.DataFrame(rows, schema=COMMON, orient="row")


def _failing(history: History, handoffs: pl.DataFrame, bucket_minutes: int) -> tuple[NDArray[np.bool_], int]:
    """Tell in which buckets failures began at which handoff: one row a bucket; and the number of the first bucket."""
    if bucket_minutes <= 0:
        raise ArgumentError(f"bucket_minutes={bucket_minutes} is no length of time: it must be positive.")
    seen = history.sql(
        """
        SELECT DISTINCT source, target, channel, epoch_us(failed_at) // $length AS bucket
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked' AND failed_at IS NOT NULL
        ORDER BY ALL
        """,
        length=bucket_minutes * _MINUTE_US,
    ).join(handoffs.select(KEYS).with_row_index("place"), on=KEYS)
    if seen.is_empty():
        return np.zeros((1, handoffs.height), dtype=bool), 0
    bucket = seen["bucket"].to_numpy()
    # Whole days, so that the hour of a bucket follows from its number.
    day = max(1, _DAY_MINUTES // bucket_minutes)
    first = int(bucket.min()) // day * day
    failing = np.zeros((int(bucket.max()) - first + 1, handoffs.height), dtype=bool)
    failing[bucket - first, seen["place"].to_numpy()] = True
    return failing, first


def _everywhere(failing: NDArray[np.bool_], handoffs: pl.DataFrame) -> NDArray[np.bool_]:
    """Tell in which buckets so many systems fail that one cause lies behind it."""
    names, number = np.unique(handoffs["target"].to_numpy(), return_inverse=True)
    systems = np.zeros((len(failing), len(names)), dtype=bool)
    for place, system in enumerate(number):
        systems[:, system] |= failing[:, place]
    share = systems.sum(axis=1) / len(names)
    return np.asarray((share >= _EVERYWHERE) & (failing.sum(axis=1) >= _FEWEST_TOGETHER))


def _episodes(failing: NDArray[np.bool_], quiet: int) -> NDArray[np.int64]:
    """Return the buckets at which episodes begin: failing ones after at least so many quiet ones."""
    places = np.flatnonzero(failing)
    if not len(places):
        return places
    return np.asarray(places[np.concatenate([[True], np.diff(places) > quiet])], dtype=np.int64)


def _by_hour(holds: NDArray[np.bool_], common: NDArray[np.bool_], bucket_minutes: int) -> NDArray[np.float64]:
    """Return how often a window holds a failure of each handoff, by the bucket of the day that it begins in."""
    day = max(1, _DAY_MINUTES // bucket_minutes)
    hour = max(1, 60 // bucket_minutes)
    hours = -(-day // hour)
    of_hour = np.arange(len(holds)) % day // hour
    kept = ~common
    windows = np.bincount(of_hour[kept], minlength=hours).astype(np.float64)
    share = (
        np.stack([np.bincount(of_hour[kept], weights=column[kept], minlength=hours) for column in holds.T], axis=1)
        / np.maximum(windows, 1)[:, None]
    )
    # A single day says little of one hour of it: the hours share half a window of the whole day's.
    overall = holds[kept].mean(axis=0) if kept.any() else np.zeros(holds.shape[1])
    share = (share * windows[:, None] + overall * hour) / (windows[:, None] + hour)
    return np.asarray(share[np.arange(day) // hour], dtype=np.float64)
