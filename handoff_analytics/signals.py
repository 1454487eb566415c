"""How does each handoff do, day by day?

System monitoring watches processors and memory; these series watch the boundary between two systems: whether the data
was taken over, whether the credentials were still good, how late an error was told, how late a state arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from .errors import ArgumentError, EmptyHistoryError

if TYPE_CHECKING:
    from .history import History

Bucket = Literal["hour", "day"]
KEYS = ["source", "target", "channel"]
METRICS = {
    "transformation_success": "calls that did not deliver their outcome",
    "validation_errors": "calls with data that the other side refused or could not read",
    "token_slack": "calls with a token that had expired",
    "propagation_latency": "errors that took longer to be known upstream than 95 % used to",
    "state_sync_delay": "hand-overs that arrived later than 95 % used to",
    "latency_gap": "calls that lost more time between the systems than 95 % used to",
}
"""Each metric, and what its events are."""
# Fewer values than this do not say what 95 % of them are.
_FEWEST_VALUES = 20

_SHARES = """
    WITH counted AS (
        SELECT source, target, channel, date_trunc($unit, started_at) AS bucket_at,
               count(DISTINCT call_id) AS trials
        FROM crossings
        WHERE NOT coalesce(is_duplicate, FALSE)
        GROUP BY source, target, channel, date_trunc($unit, started_at)
    ),
    found AS (
        SELECT coalesce(crossing_id, finding_id) AS failure_id, min(detectable_at) AS detectable_at
        FROM silent_findings
        GROUP BY coalesce(crossing_id, finding_id)
    ),
    failed AS (
        SELECT f.source, f.target, f.channel,
               -- A silent failure counts when a detector can know it, not when it happened.
               date_trunc($unit, CASE WHEN f.silent THEN coalesce(s.detectable_at, f.failed_at) ELSE c.started_at END)
                   AS bucket_at,
               sum(CASE WHEN f.fate = 'masked' THEN 0 ELSE f.origin_weight END) AS undelivered,
               count(DISTINCT CASE WHEN f.handoff_type = 'data_validation' THEN coalesce(c.call_id, f.failure_id) END)
                   AS refused
        FROM failures AS f
        LEFT JOIN found AS s ON s.failure_id = f.failure_id
        LEFT JOIN main.crossings AS c ON c.crossing_id = f.crossing_id
        WHERE f.origin <> 'propagated'
        GROUP BY ALL
    )
    SELECT coalesce(c.source, f.source) AS source, coalesce(c.target, f.target) AS target,
           coalesce(c.channel, f.channel) AS channel, coalesce(c.bucket_at, f.bucket_at) AS bucket_at,
           greatest(coalesce(trials, 0), coalesce(undelivered, 0))::DOUBLE AS trials,
           coalesce(undelivered, 0)::DOUBLE AS transformation_success,
           coalesce(refused, 0)::DOUBLE AS validation_errors
    FROM counted AS c
    FULL JOIN failed AS f
        ON f.source = c.source AND f.target = c.target AND f.channel = c.channel AND f.bucket_at = c.bucket_at
    WHERE coalesce(c.bucket_at, f.bucket_at) IS NOT NULL
"""
_TOKENS = """
    WITH used AS (
        SELECT c.source, c.target, c.channel, c.started_at,
               coalesce(
                   try_cast(s.attributes ->> '$."auth.token.expires_in_s"' AS DOUBLE),
                   epoch(try_cast(s.attributes ->> '$."auth.token.expires_at"' AS TIMESTAMP)) - c.start_us / 1e6
               ) AS seconds
        FROM crossings AS c
        JOIN main.spans AS s
            ON s.trace_key = coalesce(c.source_trace_key, c.trace_key) AND s.span_key = c.source_span_key
    )
    SELECT source, target, channel, date_trunc($unit, started_at) AS bucket_at, count(*)::DOUBLE AS trials,
           sum(CASE WHEN seconds <= 0 THEN 1 ELSE 0 END)::DOUBLE AS events,
           min(seconds) AS seconds,
           0.0 AS threshold
    FROM used
    WHERE seconds IS NOT NULL
    GROUP BY source, target, channel, date_trunc($unit, started_at)
"""
_LATENESS = {
    "propagation_latency": """
        SELECT root_source AS source, root_target AS target, root_channel AS channel, max(failed_at) AS known_at,
               max(delay_us) / 1e6 AS seconds,
               -- Few errors of one handoff reach anybody: all handoffs together say how long it takes.
               'all' AS peers
        FROM cascades
        -- A sender that was done before the receiver failed learns nothing of it.
        WHERE delay_us >= 0
        GROUP BY root_id, root_source, root_target, root_channel
    """,
    "state_sync_delay": """
        SELECT source, target, channel, started_at AS known_at, transit_us / 1e6 AS seconds,
               concat_ws(' ', source, target, channel) AS peers
        FROM crossings
        WHERE channel IN ('messaging', 'database', 'file') AND transit_us IS NOT NULL
            AND NOT coalesce(is_duplicate, FALSE)
    """,
    "latency_gap": """
        SELECT source, target, channel, started_at AS known_at, (duration_us - callee_us) / 1e6 AS seconds,
               concat_ws(' ', source, target, channel) AS peers
        FROM crossings
        WHERE channel NOT IN ('messaging', 'database', 'file') AND duration_us IS NOT NULL AND callee_us IS NOT NULL
    """,
}
_EXCEEDED = """
    WITH observed AS ({observed}),
    begun AS (SELECT peers, min(known_at) AS first_at FROM observed GROUP BY peers),
    usual AS (
        SELECT o.peers, quantile_cont(o.seconds, 0.95) AS threshold, count(*) AS learnt
        FROM observed AS o
        JOIN begun AS b ON b.peers = o.peers
        WHERE o.known_at < b.first_at + to_days($learning_days::INTEGER)
        GROUP BY o.peers
    )
    SELECT o.source, o.target, o.channel, date_trunc($unit, o.known_at) AS bucket_at, count(*)::DOUBLE AS trials,
           sum(CASE WHEN o.seconds > u.threshold THEN 1 ELSE 0 END)::DOUBLE AS events,
           median(o.seconds) AS seconds,
           any_value(u.threshold) AS threshold
    FROM observed AS o
    JOIN usual AS u ON u.peers = o.peers
    WHERE u.learnt >= $fewest
    GROUP BY o.source, o.target, o.channel, date_trunc($unit, o.known_at)
"""
_SCHEMA: dict[str, Any] = {
    "source": pl.String,
    "target": pl.String,
    "channel": pl.String,
    "metric": pl.String,
    "bucket_at": pl.Datetime("us"),
    "trials": pl.Float64,
    "events": pl.Float64,
    "seconds": pl.Float64,
    "threshold": pl.Float64,
}


def handoff_signals(history: History, *, bucket: Bucket = "day", learning_days: int = 28) -> pl.DataFrame:
    """Count what each handoff did in each bucket of time, by six metrics.

    A token's time ahead is read from the caller's span: ``auth.token.expires_in_s`` (seconds), or
    ``auth.token.expires_at`` (ISO time). Times become counts, so that one detector serves all: how many were longer
    than the 95th percentile of the handoff's first days (of all handoffs', for error propagation). Every count is
    placed where it could be known: a silent failure when a detector can see it, an error when the last system that it
    reached knew of it.

    Parameters
    ----------
    history
        What to count, and in which window.
    bucket
        ``"day"`` or ``"hour"``.
    learning_days
        Days from a handoff's first value that say how long 95 % of its times are.

    Returns
    -------
    polars.DataFrame
        One row a handoff, metric and bucket that saw any, sorted by these:

        =======================  ========  ====================================================================
        column                   dtype     meaning
        =======================  ========  ====================================================================
        source, target, channel  String    the handoff
        metric                   String    transformation_success, validation_errors, token_slack,
                                           propagation_latency, state_sync_delay or latency_gap
        bucket_at                Datetime  start of the bucket, UTC
        trials                   Float64   calls; for propagation_latency, errors that reached somebody
        events                   Float64   calls not delivered, refused, or with an expired token; errors, hand-overs
                                           and calls that took longer than `threshold`
        seconds                  Float64   median time of the bucket; for token_slack, the least time that the
                                           token had left (negative: expired); null for the two shares
        threshold                Float64   beyond this many seconds (for token_slack: below) is an event
        =======================  ========  ====================================================================

    Raises
    ------
    EmptyHistoryError
        If there are no crossings in scope.
    ArgumentError
        If the bucket is another, or nothing would be learnt.

    References
    ----------
    The metrics: transformation success, token refresh timing, error propagation latency and state synchronisation
    delay are those that the article behind this library asks for.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> signals = ha.handoff_signals(ha.samples.three_systems())
    >>> signals.filter(metric="transformation_success").select("source", "target", "trials", "events").rows()
    [('a', 'b', 10.0, 1.0), ('b', 'c', 9.0, 1.0)]
    """
    if bucket not in ("hour", "day"):
        raise ArgumentError(f"bucket={bucket!r} is no bucket of time. Choose hour or day.")
    if learning_days < 1:
        raise ArgumentError(f"learning_days={learning_days} learns nothing: give at least 1, such as 28.")
    shares = history.sql(_SHARES, unit=bucket)
    if shares.is_empty():
        raise EmptyHistoryError(
            f"There are no crossings in {history.scope}. Load traces, logs or runs, or widen the scope."
        )
    parts = [
        shares.select(*KEYS, "bucket_at", "trials", events=pl.col(name)).with_columns(metric=pl.lit(name))
        for name in ("transformation_success", "validation_errors")
    ]
    parts.append(history.sql(_TOKENS, unit=bucket).with_columns(metric=pl.lit("token_slack")))
    for name, observed in _LATENESS.items():
        found = history.sql(
            _EXCEEDED.replace("{observed}", observed), unit=bucket, learning_days=learning_days, fewest=_FEWEST_VALUES
        )
        parts.append(found.with_columns(metric=pl.lit(name)))
    whole = pl.concat([_typed(part) for part in parts])
    order = list(METRICS)
    return whole.sort(*KEYS, pl.col("metric").replace_strict(order, list(range(len(order)))), "bucket_at")


def _typed(part: pl.DataFrame) -> pl.DataFrame:
    return part.select(
        (pl.col(name) if name in part.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in _SCHEMA.items()
    )
