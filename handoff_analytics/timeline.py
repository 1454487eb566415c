"""What happened to this transaction?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from .errors import ArgumentError
from .vocabulary import UNDOING

if TYPE_CHECKING:
    from .history import History

TIMELINE = pl.Schema(
    {
        "place": pl.Int64(),
        **dict.fromkeys(("at", "until_at"), pl.Datetime("us")),
        **dict.fromkeys(("event", "source", "target", "channel"), pl.String()),
        "attempt": pl.Int64(),
        **dict.fromkeys(("status", "text", "reference", "trace_id", "evidence"), pl.String()),
        "confidence": pl.Float64(),
    }
)
_REMEDY = r"(?i)fall.?back|compensat|roll.?back|circuit|undo"

# The parts of a transaction, each a question of its own to the evidence. What one moment holds is told in this order.
_PARTS = (
    """
    SELECT
        started_at AS "at", make_timestamp(start_us + coalesce(duration_us, callee_us, 0)) AS until_at,
        CASE
            WHEN regexp_matches(coalesce(operation, ''), $undoing) THEN 'recovery'
            WHEN is_duplicate THEN 'duplicate'
            WHEN attempt > 1 THEN 'retry'
            ELSE 'attempt'
        END AS event,
        source, target, channel, attempt::BIGINT AS attempt,
        CASE WHEN silent THEN 'silent failure' WHEN failed THEN 'failed' ELSE 'done' END AS status,
        operation AS text, crossing_id::VARCHAR AS reference, trace_id, evidence, confidence
    FROM main.crossings
    WHERE correlation_id = $id OR list_contains($traces, trace_id)
    """,
    """
    SELECT
        failed_at, NULL, CASE WHEN silent THEN 'silent failure' ELSE 'error' END, source, target, channel, NULL,
        CASE WHEN origin = 'propagated' THEN 'from further down' ELSE fate END,
        concat_ws(': ', coalesce(mode, handoff_type), coalesce(error_text, error_type, error_code)),
        failure_id::VARCHAR, trace_id, concat_ws(' ', rule, type_rule), type_confidence
    FROM main.failures
    WHERE correlation_id = $id OR list_contains($traces, trace_id)
    """,
    """
    SELECT
        recovered_at, NULL, 'recovery', source, target, channel, NULL, 'done',
        concat('recovered by ', replace(recovery_kind, '_', ' ')), failure_id::VARCHAR, trace_id, recovery_kind, NULL
    FROM main.failures
    WHERE (correlation_id = $id OR list_contains($traces, trace_id)) AND recovered_at IS NOT NULL
    """,
    """
    SELECT
        s.started_at, make_timestamp(s.start_us + coalesce(s.duration_us, 0)), 'recovery',
        coalesce(n.system, s.system), NULL, s.channel, NULL,
        CASE WHEN s.status IN ('error', 'timeout') THEN 'failed' ELSE 'done' END, s.name, s.span_id, s.trace_id,
        'span', NULL
    FROM main.spans AS s
    LEFT JOIN main.system_names AS n ON n.name = s.system
    WHERE list_contains($all_traces, s.trace_id) AND s.kind = 'internal' AND regexp_matches(s.name, $remedy)
    """,
    """
    SELECT
        l.logged_at, NULL, CASE WHEN l.severity >= 17 THEN 'error log' ELSE 'log' END, coalesce(n.system, l.system),
        l.peer, NULL, NULL, lower(l.severity_text), coalesce(l.exception_message, l.body), l.log_uid::VARCHAR,
        l.trace_id, 'log', NULL
    FROM main.log_records AS l
    LEFT JOIN main.system_names AS n ON n.name = l.system
    WHERE l.correlation_id = $id OR list_contains($all_traces, l.trace_id)
        OR list_contains($records, l.log_uid::VARCHAR)
    """,
    """
    SELECT
        started_at, ended_at, 'run', platform, NULL, NULL, attempt::BIGINT, technical_status,
        concat_ws(': ', workflow, error_message), run_id, NULL, 'run', NULL
    FROM main.runs
    WHERE correlation_id = $id
    """,
    """
    SELECT
        o.checked_at, NULL, 'outcome', coalesce(n.system, o.system), NULL, NULL, NULL,
        CASE WHEN o.passed THEN 'done' ELSE 'failed' END,
        concat(o.check_name, ': wanted ', coalesce(o.expected, '?'), ', found ', coalesce(o.actual, '?')),
        o.outcome_uid::VARCHAR, o.trace_id, 'outcome', NULL
    FROM main.outcomes AS o
    LEFT JOIN main.system_names AS n ON n.name = o.system
    WHERE o.correlation_id = $id OR list_contains($records, o.outcome_uid::VARCHAR)
    """,
    """
    SELECT
        opened_at, coalesce(resolved_at, closed_at), 'ticket', NULL, NULL, 'human', NULL, state_category, title,
        ticket_id, trace_id, 'ticket', NULL
    FROM about
    """,
    """
    SELECT
        e.changed_at, NULL, 'ticket handed over', e.old_value, e.new_value, 'human', NULL, NULL,
        about.title, about.ticket_id, NULL, e.basis, NULL
    FROM main.ticket_events AS e
    JOIN about ON about.ticket_uid = e.ticket_uid
    WHERE e.field = 'team' AND e.new_value IS NOT NULL
    """,
    """
    SELECT
        coalesce(resolved_at, closed_at), NULL, 'ticket resolved', team, NULL, 'human', NULL, 'done',
        coalesce(resolution, title), ticket_id, trace_id, 'ticket', NULL
    FROM about
    WHERE coalesce(resolved_at, closed_at) IS NOT NULL
    """,
)


def trace(history: History, id: str, *, matches: pl.DataFrame | None = None) -> pl.DataFrame:  # noqa: A002 - the word of the interface
    """Tell everything that happened to one transaction, in the order of time.

    Parameters
    ----------
    history
        Where to look: in all of it, whatever its window, since a transaction does not end with one.
    id
        Correlation id of the transaction, or the id of one of its traces.
    matches
        What `fallback_matches` returned: records without an id that it gives to this transaction are told as well,
        with the confidence of the match.

    Returns
    -------
    polars.DataFrame
        One row an event.

        ============= ============ =============================================================================
        column        dtype        meaning
        ============= ============ =============================================================================
        place         Int64        from 1
        at            Datetime(us) when it began, UTC; null where the evidence does not say
        until_at      Datetime(us) when it ended; null for what has no length or has not ended
        event         String       attempt, retry, duplicate, error, silent failure, recovery (a compensation, a
                                   fallback, a retry that won), log, error log, run, outcome, ticket, ticket handed
                                   over or ticket resolved
        source        String       system, or team, that handed over, logged or held
        target        String       system, or team, that took over
        channel       String       channel of a handoff; human for tickets
        attempt       Int64        1 for the first attempt of a call
        status        String       done, failed, silent failure; the fate of an error; the state of a ticket
        text          String       operation, error, message, check or title, redacted
        reference     String       crossing_id, failure_id, log_uid, run_id, outcome_uid or the ticket's number
        trace_id      String       its trace
        evidence      String       what shows it
        confidence    Float64      how sure it is that it belongs here or is what it says, from 0 to 1; null where the
                                   evidence states it
        ============= ============ =============================================================================

    Raises
    ------
    ArgumentError
        If nothing in the history carries the id.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.trace(ha.History(), "SO-1")
    Traceback (most recent call last):
    ...
    handoff_analytics.errors.ArgumentError: Nothing carries the id 'SO-1': take a correlation_id of crossings.
    """
    fault = ArgumentError(f"Nothing carries the id {id!r}: take a correlation_id of crossings.")
    if not id or history.tables.filter(pl.col("table_name") == "failures").is_empty():
        raise fault
    key = _key_of(history, id)
    given = _accepted(matches, key)
    records = given.filter(pl.col("kind") != "trace")["fragment"].to_list()
    # A trace that names no transaction stands for itself.
    traces = given.filter(kind="trace")["fragment"].to_list() + ([id] if key == id else [])
    every = sorted({*traces, *_traces(history, key)})
    told = "\nUNION ALL\n".join(f"SELECT {place} AS kind, * FROM ({part})" for place, part in enumerate(_PARTS))
    found = history.sql(
        f"""
        WITH about AS (
            SELECT *
            FROM main.tickets
            WHERE ticket_uid IN (SELECT ticket_uid FROM main.ticket_ids WHERE correlation_id = $id)
                OR list_contains($all_traces, trace_id)
        )
        SELECT * FROM ({told})
        ORDER BY "at" NULLS LAST, kind, until_at, source, target, reference
        """,
        id=key,
        traces=traces or [""],
        all_traces=every or [""],
        records=records or [""],
        undoing=UNDOING,
        remedy=_REMEDY,
    )
    if found.is_empty():
        raise fault
    return _sure(found, given).with_row_index("place", offset=1).select(TIMELINE.names()).cast(TIMELINE)


def _key_of(history: History, id: str) -> str:  # noqa: A002 - as in `trace`
    """Return the business key of a trace, where the id is a trace's and it has one."""
    named = history.sql("SELECT min(correlation_id) AS named FROM main.crossings WHERE trace_id = $id", id=id).item()
    return str(named) if named is not None else id


def _traces(history: History, key: str) -> list[str]:
    """Return the traces any part of which states the key."""
    return history.sql(
        """
        SELECT trace_id FROM main.spans WHERE correlation_id = $key
        UNION
        SELECT trace_id FROM main.log_records WHERE correlation_id = $key AND trace_id IS NOT NULL
        UNION
        SELECT s.trace_id FROM main.spans AS s JOIN main.runs AS r ON r.run_id = s.run_id WHERE r.correlation_id = $key
        ORDER BY trace_id
        """,
        key=key,
    )["trace_id"].to_list()


def _accepted(matches: pl.DataFrame | None, key: str) -> pl.DataFrame:
    """Return the records that fallback matches give to the transaction."""
    columns = {"fragment": pl.String(), "kind": pl.String(), "confidence": pl.Float64()}
    if matches is None:
        return pl.DataFrame(schema=columns)
    return matches.filter("accepted", correlation_id=key).select(*columns)


def _sure(found: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Give what belongs here by a match the confidence of the match."""
    if given.is_empty():
        return found
    matched = dict(given.select("fragment", "confidence").iter_rows())
    sure = pl.coalesce(
        pl.col(name).replace_strict(matched, default=None, return_dtype=pl.Float64)
        for name in ("trace_id", "reference")
    )
    return found.with_columns(
        confidence=pl.coalesce(sure, "confidence"),
        evidence=pl.when(sure.is_not_null()).then(pl.lit("fallback_match")).otherwise("evidence"),
    )
