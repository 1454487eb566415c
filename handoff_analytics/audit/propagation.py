"""Does every error reach those who have to act on it, and how fast?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from .observed import ERROR_TOLERANCE, share_interval

if TYPE_CHECKING:
    from ..history import History

KINDS = ("timeout", "authentication", "validation", "unavailable", "state", "rollback", "other")
"""The kinds of error whose propagation the article wants verified, and those that fit none."""


def error_propagation(history: History) -> pl.DataFrame:
    """Cross handoffs with kinds of error: who was expected to learn of it, who did, and after how long.

    Parameters
    ----------
    history
        What to look at.

    Returns
    -------
    polars.DataFrame
        One row a handoff and kind of error that was seen there or is declared, worst first.

        ================== ======= ============================================================================
        source, target     String  the caller, and the system called
        channel            String  how
        kind               String  timeout, authentication, validation, unavailable, state, rollback or other
        expected           Boolean the catalogue's error conditions name this kind; null if it names none at all
        errors             Int64   failures of this kind that began here, those saved by a retry included
        reached_caller     Int64   of them, those that the caller acted on: it failed, retried or fell back
        reached_share      Float64 reached_caller / errors
        reached_low        Float64 90 % interval of the share
        reached_high       Float64
        spread             Int64   further failures that these errors caused
        spread_seconds     Float64 median time until the first of them; null where none
        detected           Int64   errors that could be known: a status, a check or an alert is on record
        detected_share     Float64 detected / errors
        detected_hours     Float64 median hours until they could be known, of those
        declared_errors    String  the error conditions as declared
        verdict            String  as expected; swallowed (callers went on); unexpected (not declared); unseen
                                   (declared, never seen: nothing is proven); not shown (too few to tell)
        ================== ======= ============================================================================
    """
    frame = history.sql(
        """
        WITH kinds AS (
            SELECT failure_id, source, target, channel, failed_at, detected_at, fate, silent,
                CASE
                    WHEN mode IN ('timeout', 'rate_limit') THEN 'timeout'
                    WHEN handoff_type = 'authentication' THEN 'authentication'
                    WHEN handoff_type = 'data_validation' THEN 'validation'
                    WHEN handoff_type = 'error_propagation' THEN 'unavailable'
                    WHEN handoff_type = 'state_sync' THEN 'state'
                    WHEN handoff_type = 'rollback_recovery' THEN 'rollback'
                    ELSE 'other'
                END AS kind
            FROM failures
            WHERE origin <> 'propagated' AND crossing_id IS NOT NULL
        ),
        caused AS (
            SELECT root_id, count(*) AS n_caused, min(delay_us) / 1e6 AS first_seconds
            FROM cascades
            GROUP BY root_id
        ),
        promised AS (
            SELECT source, target, string_agg(DISTINCT error_conditions, ', ' ORDER BY error_conditions) AS conditions
            FROM declared_handoffs
            GROUP BY source, target
        ),
        counted AS (
            SELECT k.source, k.target, k.channel, k.kind, count(*) AS errors,
                   count(*) FILTER (WHERE fate IN ('surfaced', 'handled', 'masked') AND NOT coalesce(silent, FALSE))
                       AS reached_caller,
                   coalesce(sum(n_caused), 0) AS spread,
                   median(first_seconds) AS spread_seconds,
                   count(detected_at) AS detected,
                   median(date_diff('second', failed_at, detected_at)) / 3600 AS detected_hours
            FROM kinds AS k
            LEFT JOIN caused ON caused.root_id = k.failure_id
            GROUP BY k.source, k.target, k.channel, k.kind
        ),
        expected AS (
            SELECT p.source, p.target, p.conditions, words.kind
            FROM promised AS p
            JOIN (VALUES
                ('timeout', '(?i)time.?out|408|429|504|deadline|rate'),
                ('authentication', '(?i)\\b40[13]\\b|auth|token|credential|permission'),
                ('validation', '(?i)\\b(400|406|410|413|415|422)\\b|valid|schema|format'),
                ('unavailable', '(?i)\\b(500|502|503|508)\\b|unavail|down|08006|outage'),
                ('state', '(?i)\\b(404|409|412)\\b|conflict|duplicate|40P01|40001|deadlock'),
                ('rollback', '(?i)roll.?back|compensat|abort')
            ) AS words (kind, pattern) ON regexp_matches(coalesce(p.conditions, ''), words.pattern)
        )
        SELECT
            coalesce(c.source, e.source) AS source,
            coalesce(c.target, e.target) AS target,
            c.channel,
            coalesce(c.kind, e.kind)     AS kind,
            CASE WHEN p.conditions IS NOT NULL THEN e.kind IS NOT NULL END AS expected,
            coalesce(c.errors, 0)         AS errors,
            coalesce(c.reached_caller, 0) AS reached_caller,
            coalesce(c.spread, 0)         AS spread,
            c.spread_seconds,
            coalesce(c.detected, 0) AS detected,
            c.detected_hours,
            p.conditions                  AS declared_errors
        FROM counted AS c
        FULL JOIN expected AS e ON e.source = c.source AND e.target = c.target AND e.kind = c.kind
        LEFT JOIN promised AS p
            ON p.source = coalesce(c.source, e.source) AND p.target = coalesce(c.target, e.target)
        ORDER BY source, target, c.channel, kind
        """
    )
    intervals = [
        share_interval(reached, errors) if errors else (None, None)
        for reached, errors in frame.select("reached_caller", "errors").rows()
    ]
    shares = frame.with_columns(
        reached_share=pl.when(pl.col("errors") > 0).then(pl.col("reached_caller") / pl.col("errors")),
        detected_share=pl.when(pl.col("errors") > 0).then(pl.col("detected") / pl.col("errors")),
        reached_low=pl.Series([low for low, _ in intervals], dtype=pl.Float64),
        reached_high=pl.Series([high for _, high in intervals], dtype=pl.Float64),
    )
    enough = 1 - ERROR_TOLERANCE
    verdict = (
        pl.when(pl.col("errors") == 0)
        .then(pl.lit("unseen"))
        .when(pl.col("reached_high") < enough)
        .then(pl.lit("swallowed"))
        .when(~pl.col("expected"))
        .then(pl.lit("unexpected"))
        .when(pl.col("reached_low") >= enough)
        .then(pl.lit("as expected"))
        .otherwise(pl.lit("not shown"))
    )
    order = pl.Enum(["swallowed", "unexpected", "not shown", "unseen", "as expected"])
    return (
        shares.with_columns(verdict=verdict)
        .sort(pl.col("verdict").cast(order), -pl.col("errors"), "source", "target", "channel", "kind")
        .select(
            *("source", "target", "channel", "kind", "expected", "errors", "reached_caller", "reached_share"),
            *("reached_low", "reached_high", "spread", "spread_seconds", "detected", "detected_share"),
            *("detected_hours", "declared_errors", "verdict"),
        )
    )
