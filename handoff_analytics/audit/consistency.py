"""Do the systems agree in the end, and was coming back rehearsed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from .entries import audit_entries

if TYPE_CHECKING:
    from ..history import History


_COUNTS = ("failures", "recovered", "by_machine", "by_hand", "compound", "compound_recovered", "recovery_failed")


def state_consistency(history: History) -> pl.DataFrame:
    """Count, for each handoff, how its two systems came to disagree, and how long that lasted.

    Parameters
    ----------
    history
        What to look at.

    Returns
    -------
    polars.DataFrame
        One row a handoff at which two states were left, most open ones first.

        ================= ======= ============================================================================
        source, target    String  the two systems
        channel           String  between them
        authority         String  whose state counts, as declared; null where nobody said
        divergences       Int64   failures of state, and differences that a reconciliation found
        conflicts         Int64   two writers of one thing
        duplicates        Int64   one thing twice
        missing           Int64   lost messages and references to what is not there
        out_of_order      Int64   in the wrong order, or read before it was visible
        other             Int64   the rest
        reconciliation    Int64   differences between sums or counts of two systems
        resolved          Int64   divergences known to be repaired
        open              Int64   divergences not known to be repaired
        hours_to_agree    Float64 median hours until they agreed again, of those repaired
        longest_open_days Float64 age of the oldest open one at the end of the history
        value_open        Float64 sum of the amounts of the open ones
        example           String  correlation id of the oldest open one
        ================= ======= ============================================================================
    """
    return history.sql(
        """
        WITH diverged AS (
            SELECT source, target, channel, correlation_id, failed_at, recovered_at, mode, amount, detector
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
              AND (handoff_type = 'state_sync' OR detector = 'reconciliation')
        ),
        ends AS (SELECT max(started_at) AS end_at FROM crossings),
        promised AS (
            SELECT source, target, min(authority) AS authority FROM declared_handoffs GROUP BY source, target
        )
        SELECT
            d.source,
            d.target,
            d.channel,
            min(p.authority)                                                                    AS authority,
            count(*)                                                                            AS divergences,
            count(*) FILTER (WHERE mode IN ('write_conflict', 'deadlock'))                      AS conflicts,
            count(*) FILTER (WHERE mode = 'duplicate')                                          AS duplicates,
            count(*) FILTER (WHERE mode IN ('lost_message', 'stale_or_missing_reference'))      AS missing,
            count(*) FILTER (WHERE mode IN ('ordering', 'replication_lag'))                     AS out_of_order,
            count(*) FILTER (WHERE detector IS DISTINCT FROM 'reconciliation' AND (mode IS NULL OR mode NOT IN (
                'write_conflict', 'deadlock', 'duplicate', 'lost_message', 'stale_or_missing_reference', 'ordering',
                'replication_lag')))                                                            AS other,
            count(*) FILTER (WHERE detector = 'reconciliation')                                 AS reconciliation,
            count(recovered_at)                                                                 AS resolved,
            count(*) - count(recovered_at)                                                      AS open,
            median(date_diff('second', failed_at, recovered_at)) / 3600                         AS hours_to_agree,
            date_diff('second', min(failed_at) FILTER (WHERE recovered_at IS NULL), max(end_at)) / 86400
                                                                                                AS longest_open_days,
            coalesce(sum(amount) FILTER (WHERE recovered_at IS NULL), 0.0)                      AS value_open,
            arg_min(correlation_id, failed_at) FILTER (WHERE recovered_at IS NULL)              AS example
        FROM diverged AS d
        CROSS JOIN ends
        LEFT JOIN promised AS p ON p.source = d.source AND p.target = d.target
        GROUP BY d.source, d.target, d.channel
        ORDER BY open DESC, d.source, d.target, d.channel
        """
    )


def recovery_drills(history: History) -> pl.DataFrame:
    """Set beside each handoff what was rehearsed and what life rehearsed: recoveries, compound and failed ones.

    Parameters
    ----------
    history
        What to look at; drills are entered with `record_audit`.

    Returns
    -------
    polars.DataFrame
        One row a handoff that failed or was drilled, the least rehearsed first.

        ================== ======== ===========================================================================
        source             String
        target             String
        channel            String
        drills             Int64    drills and tests of recovery on record
        drills_passed      Int64    of them, those that passed
        last_drill_at      Datetime UTC
        drill_seconds      Float64  median time until the state was consistent again, in drills
        failures           Int64    failures that began here and that no retry saved
        recovered          Int64    of them, those known to be recovered
        by_machine         Int64    recovered by retry, replay or compensation
        by_hand            Int64    recovered by people
        recovery_hours     Float64  median hours until recovered
        compound           Int64    failures in a transaction in which another handoff failed by itself, too
        compound_recovered Int64    of them, those known to be recovered
        recovery_failed    Int64    failures of the recovery itself: rollback, compensation, retries used up
        rehearsed          Boolean  whether a drill or test of recovery passed
        ================== ======== ===========================================================================
    """
    lived = history.sql(
        """
        WITH roots AS (
            SELECT *,
                   count(*) OVER (PARTITION BY correlation_id) AS in_transaction,
                   min(source || '>' || target) OVER (PARTITION BY correlation_id)
                       <> max(source || '>' || target) OVER (PARTITION BY correlation_id) AS several
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
        )
        SELECT
            source,
            target,
            channel,
            count(*)                                                                                AS failures,
            count(recovered_at)                                                                     AS recovered,
            count(recovered_at) FILTER (WHERE recovery_kind IS DISTINCT FROM 'manual')              AS by_machine,
            count(recovered_at) FILTER (WHERE recovery_kind = 'manual')                             AS by_hand,
            median(date_diff('second', failed_at, recovered_at)) / 3600                             AS recovery_hours,
            count(*) FILTER (WHERE correlation_id IS NOT NULL AND several)                          AS compound,
            count(recovered_at) FILTER (WHERE several AND correlation_id IS NOT NULL)             AS compound_recovered,
            count(*) FILTER (WHERE mode IN ('rollback_failed', 'recovery_failed', 'retry_exhausted', 'dead_letter',
                                            'partial_commit'))                                      AS recovery_failed
        FROM roots
        GROUP BY source, target, channel
        ORDER BY source, target, channel
        """
    )
    checks = ["recovery_rehearsed", "compound_failure_survived", "effects_are_undone"]
    drilled = (
        audit_entries(history)
        .filter(
            pl.col("check_name").is_in(checks)
            & pl.col("basis").is_in(["drill", "test"])
            & (pl.col("state") != "not_run")
        )
        .group_by("source", "target", "channel")
        .agg(
            drills=pl.len().cast(pl.Int64),
            drills_passed=(pl.col("state") == "pass").sum().cast(pl.Int64),
            last_drill_at=pl.col("entered_at").max(),
            drill_seconds=pl.col("seconds").median(),
        )
    )
    counts = (*_COUNTS, "drills", "drills_passed")
    return (
        lived.join(drilled, on=["source", "target", "channel"], how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(rehearsed=pl.col("drills_passed") > 0)
        .sort("rehearsed", -pl.col("failures"), "source", "target", "channel")
        .select(
            *("source", "target", "channel", "drills", "drills_passed", "last_drill_at", "drill_seconds", "failures"),
            *("recovered", "by_machine", "by_hand", "recovery_hours", "compound", "compound_recovered"),
            *("recovery_failed", "rehearsed"),
        )
    )
