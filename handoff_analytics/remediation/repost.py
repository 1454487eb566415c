"""Which transactions have to be sent again, and which of them may be?

Nothing is sent from here: the list says what is missing, where its payload lies, and why sending it again does harm or
does not. Payloads and credentials never leave the files that they were loaded from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ..errors import ArgumentError
from ..terminal import spreadsheet_safe

if TYPE_CHECKING:
    from ..history import History

REPOSTS = pl.Schema(
    {
        "place": pl.Int64(),
        **dict.fromkeys(("correlation_id", "trace_id", "source", "target", "channel", "operation"), pl.String()),
        "failed_at": pl.Datetime("us"),
        "attempts": pl.Int64(),
        **dict.fromkeys(("handoff_type", "mode", "error_text", "payload_file"), pl.String()),
        "payload_record": pl.Int64(),
        **dict.fromkeys(("payload_span", "idempotency_key", "idempotency"), pl.String()),
        "safe": pl.Boolean(),
        **dict.fromkeys(("why", "first"), pl.String()),
        "amount": pl.Float64(),
        **dict.fromkeys(("customer", "tickets"), pl.String()),
        "failure_id": pl.Int64(),
    }
)
# Methods that RFC 9110 calls idempotent or safe, and the like of databases.
_REPEATABLE = r"(?i)^(get|head|options|put|delete|select|read|fetch|query|upsert|merge)\b"
# What shows whether a repetition does harm: the first that holds decides.
_WHY = {
    "never_arrived": (True, "the receiver reports its other calls and saw nothing of this one"),
    "refused": (True, "the receiver refused it before it did anything"),
    "declared": (True, "the catalogue declares the handoff idempotent"),
    "method": (True, "the operation does the same when it is repeated"),
    "takes_twice": (False, "the receiver has taken other messages twice"),
    "key_unproven": (False, "it has a message id, but nothing shows that the receiver refuses a repetition"),
    "did_act": (False, "the receiver reports that it did it; only the answer was late or lost"),
    "may_have_acted": (False, "the receiver may have done it, or a part of it"),
}
_FIRST = {
    "data_validation": "correct the data",
    "authentication": "renew the credentials or widen their scope",
    "rollback_recovery": "find out what was undone",
}


def repost_list(history: History) -> pl.DataFrame:
    """List what did not reach its outcome and was not delivered since, with whether it may be sent again.

    A failure is on the list when it began at its handoff, no retry and no fallback made it good, and no later crossing
    of the same transaction over the same handoff with the same operation succeeded. Sending again is safe when the
    receiver never got it, refused it, or does the same when asked twice; where nothing shows that, it is not.

    Parameters
    ----------
    history
        The part of a history to look at.

    Returns
    -------
    polars.DataFrame
        One row a logical call, the latest attempt of it; those that are safe first, then by money.

        ================ ============ ==========================================================================
        column           dtype        meaning
        ================ ============ ==========================================================================
        place            Int64        from 1
        correlation_id   String       transaction; null where none is known
        trace_id         String       trace
        source, target   String       the handoff
        channel          String       its channel
        operation        String       what was asked for
        failed_at        Datetime(us) when it failed last, UTC
        attempts         Int64        attempts so far
        handoff_type     String       how it failed
        mode             String       the finer word
        error_text       String       what was said, redacted
        payload_file     String       file that the sender's record was loaded from
        payload_record   Int64        its place in the file, from 1
        payload_span     String       its span id
        idempotency_key  String       message id or idempotency key; null without one
        idempotency      String       never_arrived, refused, declared, method, takes_twice, key_unproven, did_act or
                                      may_have_acted: what shows whether a repetition does harm
        safe             Boolean      whether it may be sent again
        why              String       the same in words
        first            String       what has to be done before; null where nothing has
        amount           Float64      money of the transaction
        customer         String       customer, hashed unless opted in
        tickets          String       tickets that name the transaction
        failure_id       Int64        the failure, for `explain`
        ================ ============ ==========================================================================

    References
    ----------
    RFC 9110, 9.2.2 for idempotent methods.
    """
    why = "\n".join(f"WHEN '{word}' THEN '{text}'" for word, (_, text) in _WHY.items())
    safe = ", ".join(f"'{word}'" for word, (may, _) in _WHY.items() if may)
    first = "\n".join(f"WHEN '{kind}' THEN '{text}'" for kind, text in _FIRST.items())
    return (
        history.sql(
            f"""
        WITH wanted AS (
            SELECT f.*, c.call_id, c.source_trace_key, c.source_span_key, c.target_span_key
            FROM failures AS f
            LEFT JOIN main.crossings AS c ON c.crossing_id = f.crossing_id
            WHERE f.origin <> 'propagated' AND f.fate IN ('surfaced', 'swallowed')
                AND coalesce(c.is_last_attempt, TRUE) AND NOT coalesce(c.is_duplicate, FALSE)
                AND coalesce(f.correlation_id, f.trace_id) IS NOT NULL
        ),
        delivered AS (
            SELECT source, target, channel, correlation_id, coalesce(operation, '') AS operation,
                max(started_at) AS last_at
            FROM main.crossings
            WHERE NOT failed AND NOT silent AND correlation_id IS NOT NULL
            GROUP BY ALL
        ),
        attempted AS (SELECT call_id, count(*) AS attempts FROM main.crossings GROUP BY call_id),
        sent AS (
            SELECT trace_key, span_key, any_value(span_id) AS span_id, min(load_id) AS load_id,
                min(record_no) AS record_no, min(message_id) AS message_id
            FROM main.spans
            GROUP BY trace_key, span_key
        ),
        -- A crossing that never happened has no span of its own: what its sender published stands for it.
        published AS (
            SELECT s.trace_key, coalesce(n.system, s.system) AS system, s.destination, min(s.span_key) AS span_key
            FROM main.spans AS s
            LEFT JOIN system_names AS n ON n.name = s.system
            WHERE s.kind = 'producer'
            GROUP BY ALL
        ),
        declared AS (
            SELECT coalesce(a.system, d.source) AS source, coalesce(b.system, d.target) AS target,
                bool_or(d.transaction_model ILIKE '%idempotent%') AS is_idempotent
            FROM declared_handoffs AS d
            LEFT JOIN system_names AS a ON a.name = d.source
            LEFT JOIN system_names AS b ON b.name = d.target
            GROUP BY ALL
        ),
        ticketed AS (
            SELECT
                i.correlation_id AS word,
                string_agg(DISTINCT t.ticket_id, ', ' ORDER BY t.ticket_id) AS tickets_named
            FROM main.ticket_ids AS i
            JOIN main.tickets AS t ON t.ticket_uid = i.ticket_uid
            GROUP BY i.correlation_id
        ),
        judged AS (
            SELECT
                w.*, a.attempts, s.span_id, s.message_id, s.load_id, s.record_no, t.tickets_named,
                CASE
                    WHEN w.rule = 'A1' THEN 'never_arrived'
                    WHEN w.rule = 'A3' THEN 'refused'
                    WHEN w.http_status BETWEEN 400 AND 499 AND w.http_status NOT IN (408, 499) AND NOT w.silent
                        THEN 'refused'
                    WHEN d.is_idempotent THEN 'declared'
                    WHEN regexp_matches(coalesce(w.operation, ''), $repeatable) THEN 'method'
                    WHEN h.n_duplicates > 0 THEN 'takes_twice'
                    WHEN w.rule IN ('A4', 'A5') THEN 'did_act'
                    WHEN s.message_id IS NOT NULL THEN 'key_unproven'
                    ELSE 'may_have_acted'
                END AS idempotency
            FROM wanted AS w
            LEFT JOIN attempted AS a ON a.call_id = w.call_id
            LEFT JOIN published AS p
                ON w.crossing_id IS NULL AND p.trace_key = w.trace_key AND p.system = w.source
                AND (w.channel = 'messaging')
                AND (position(coalesce(p.destination, ' ') IN coalesce(w.error_text, '')) > 0)
            LEFT JOIN sent AS s
                ON s.trace_key = coalesce(w.source_trace_key, w.trace_key)
                AND s.span_key = coalesce(w.source_span_key, p.span_key, w.target_span_key)
            LEFT JOIN declared AS d ON d.source = w.source AND d.target = w.target
            LEFT JOIN main.handoffs AS h ON h.source = w.source AND h.target = w.target AND h.channel = w.channel
            LEFT JOIN ticketed AS t ON t.word = w.correlation_id
            LEFT JOIN delivered
                ON delivered.source = w.source AND delivered.target = w.target AND delivered.channel = w.channel
                AND delivered.correlation_id = w.correlation_id
                AND delivered.operation = coalesce(w.operation, '') AND delivered.last_at > w.failed_at
            WHERE delivered.last_at IS NULL
            QUALIFY row_number() OVER (
                PARTITION BY coalesce(w.call_id, w.failure_id) ORDER BY w.failed_at DESC, w.failure_id, p.span_key
            ) = 1
        )
        SELECT
            j.correlation_id, j.trace_id, j.source, j.target, j.channel, j.operation, j.failed_at,
            coalesce(j.attempts, 0) AS attempts, j.handoff_type, j.mode, j.error_text,
            l.file_name AS payload_file, j.record_no AS payload_record, j.span_id AS payload_span,
            j.message_id AS idempotency_key, j.idempotency, j.idempotency IN ({safe}) AS safe,
            CASE j.idempotency {why} END AS why,
            CASE j.handoff_type {first} END AS first,
            j.amount, j.customer, j.tickets_named AS tickets, j.failure_id
        FROM judged AS j
        LEFT JOIN loads AS l ON l.load_id = j.load_id
        ORDER BY safe DESC, j.amount DESC NULLS LAST, j.failed_at, j.failure_id
        """,
            repeatable=_REPEATABLE,
        )
        .with_row_index("place", offset=1)
        .cast(REPOSTS)
        .select(REPOSTS.names())
    )


def export_reposts(worklist: pl.DataFrame, path: str | Path) -> Path:
    """Write a repost list for the tool or the people that send again.

    Parameters
    ----------
    worklist
        What `repost_list` returned, or part of it.
    path
        The file to write: .csv for people, .jsonl for programs.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ArgumentError
        If the suffix is neither, or the frame is no repost list.

    Notes
    -----
    References and ids only: no payload, no credential. Text that a spreadsheet would run as a formula gets a leading
    quote in CSV.
    """
    file = Path(path)
    missing = [name for name in REPOSTS.names() if name not in worklist.columns]
    if missing:
        raise ArgumentError(f"The frame has no column {', '.join(missing)}. Give it what repost_list returned.")
    listed = worklist.select(REPOSTS.names())
    if file.suffix.lower() == ".csv":
        spreadsheet_safe(listed).write_csv(file)
    elif file.suffix.lower() in {".jsonl", ".ndjson"}:
        listed.write_ndjson(file)
    else:
        raise ArgumentError(f"{file.name}: no format is known for {file.suffix!r}. Use .csv or .jsonl.")
    return file
