"""Was what had been done undone when a later step failed?

A transaction that fails part of the way leaves effects behind: a reservation, a charge, a booking. Each needs a
compensation: a call that cancels, deletes, refunds or reverses it. The ledger counts, for each handoff, how many
effects had to be undone, for how many that was tried, how often it worked, how often people did it by hand, and what
was left behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vocabulary import UNDOING

if TYPE_CHECKING:
    import polars as pl

    from ..history import History

_READING = r"(?i)^(get|head|options|select|read|list|query|fetch|lookup)\b"


def compensations(history: History, *, undoing: str = UNDOING, reading: str = _READING) -> pl.DataFrame:
    """Count effects that had to be undone, and what became of them.

    Parameters
    ----------
    history
        What to look at. Transactions are told apart by correlation id; those without one are left out.
    undoing
        Pattern (RE2) of operations that undo.
    reading
        Pattern of operations that leave nothing behind.

    Returns
    -------
    polars.DataFrame
        One row a handoff that left an effect in a transaction which then failed, most orphans first.

        =================== ======= ==========================================================================
        source              String  the handoff that left the effect
        target              String
        channel             String
        needed              Int64   effects in transactions that failed at a later step
        attempted           Int64   of them, those for which an undoing call to the same target followed
        succeeded           Int64   of them, those whose undoing call succeeded
        manual              Int64   not undone by a call, but the transaction was recovered by people
        orphaned            Int64   needed - succeeded - manual: still there
        share_orphaned      Float64 orphaned / needed
        value_orphaned      Float64 sum of the amounts of the transactions that left orphans
        example             String  correlation id of an orphan; null if there is none
        declared_rollback   String  how the catalogue says it is undone
        transaction_model   String  as declared
        =================== ======= ==========================================================================

    Notes
    -----
    A transaction failed when one of its crossings failed at its origin and the caller could not go on (fate
    surfaced). An effect is a successful last attempt of an operation that writes, at or before that moment.
    """
    return history.sql(
        """
        WITH broken AS (
            SELECT correlation_id, min(failed_at) AS broke_at,
                   bool_or(recovery_kind = 'manual' AND recovered_at IS NOT NULL) AS by_hand
            FROM failures
            WHERE correlation_id IS NOT NULL AND fate = 'surfaced' AND origin <> 'propagated'
              AND NOT regexp_matches(coalesce(operation, ''), $undoing)
            GROUP BY correlation_id
        ),
        steps AS (
            SELECT c.source, c.target, c.channel, c.correlation_id, c.crossing_id, c.operation, c.started_at, c.amount,
                   c.failed, broken.broke_at, broken.by_hand,
                   regexp_matches(coalesce(c.operation, ''), $undoing) AS undoes
            FROM crossings AS c
            JOIN broken ON broken.correlation_id = c.correlation_id
            WHERE c.is_last_attempt AND NOT coalesce(c.is_duplicate, FALSE)
        ),
        effects AS (
            SELECT source, target, channel, correlation_id, max(amount) AS amount, bool_or(by_hand) AS by_hand,
                   min(started_at) AS done_at
            FROM steps
            WHERE NOT failed AND NOT undoes AND started_at <= broke_at
              AND NOT regexp_matches(coalesce(operation, 'get'), $reading)
            GROUP BY source, target, channel, correlation_id
        ),
        undone AS (
            SELECT target, correlation_id, count(*) AS attempts, count(*) FILTER (WHERE NOT failed) AS successes,
                   max(started_at) AS last_at
            FROM steps
            WHERE undoes
            GROUP BY target, correlation_id
        ),
        ledger AS (
            SELECT e.source, e.target, e.channel, e.correlation_id, e.amount,
                   coalesce(u.attempts, 0) > 0 AS tried,
                   coalesce(u.successes, 0) > 0 AS worked,
                   coalesce(u.successes, 0) = 0 AND coalesce(e.by_hand, FALSE) AS by_hand
            FROM effects AS e
            LEFT JOIN undone AS u
                ON u.target = e.target AND u.correlation_id = e.correlation_id AND u.last_at >= e.done_at
        ),
        promised AS (
            SELECT source, target, min(rollback_procedure) AS declared_rollback,
                   min(transaction_model) AS transaction_model
            FROM declared_handoffs
            GROUP BY source, target
        )
        SELECT
            ledger.source,
            ledger.target,
            ledger.channel,
            count(*)                                                                    AS needed,
            count(*) FILTER (WHERE tried)                                               AS attempted,
            count(*) FILTER (WHERE worked)                                              AS succeeded,
            count(*) FILTER (WHERE by_hand)                                             AS manual,
            count(*) FILTER (WHERE NOT worked AND NOT by_hand)                          AS orphaned,
            count(*) FILTER (WHERE NOT worked AND NOT by_hand) / count(*)               AS share_orphaned,
            coalesce(sum(amount) FILTER (WHERE NOT worked AND NOT by_hand), 0.0)        AS value_orphaned,
            min(correlation_id) FILTER (WHERE NOT worked AND NOT by_hand)               AS example,
            min(declared_rollback)                                                      AS declared_rollback,
            min(transaction_model)                                                      AS transaction_model
        FROM ledger
        LEFT JOIN promised USING (source, target)
        GROUP BY ledger.source, ledger.target, ledger.channel
        ORDER BY orphaned DESC, ledger.source, ledger.target, ledger.channel
        """,
        undoing=undoing,
        reading=reading,
    )
