"""Which system handed work to which, attempt by attempt?

Spans are paired by parent, by link, by message id, by the order of steps, by tables and files that two systems share,
and where only one side reports, by the name that it gives the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import inference
from .statements import count, drop, home, make_table, make_working, note, run

if TYPE_CHECKING:
    import duckdb

# No tree of spans is deeper than 2 to this power; spans that are their own ancestors would be climbed for ever.
_DOUBLINGS = 16
# The names under which the SQL files read the evidence; as temporary ones they stand in front of the stored tables.
_VIEWS = ("evidence_spans", "evidence_logs", "spans", "every_call")
_WORKING = (
    *("repeats", "nodes", "tree", "adoptions", "links", "messages", "sequences", "stores", "taken", "first_steps"),
    *("lone_calls", "visits", "pairs", "dark", "learnt", "other_calls", "other_errors", "calls", "deliveries"),
    *("retries", "pairing", "troubled", "fallbacks", "labels", "contexts", "cycles", "verdicts"),
    *("dead_letters", "log_steps", "found_edges", "checked_traces", "checked_systems", "span_edges"),
)


def name_systems(connection: duckdb.DuckDBPyConnection) -> None:
    """Make system_names, of all evidence."""
    stored = home(connection)
    run(connection, f"CREATE OR REPLACE TEMP VIEW evidence_spans AS SELECT * FROM {stored}.spans")
    run(connection, f"CREATE OR REPLACE TEMP VIEW evidence_logs AS SELECT * FROM {stored}.log_records")
    make_table(connection, "system_names")


def make_calls(connection: duckdb.DuckDBPyConnection, *, part: bool = False) -> None:
    """Make the working table `calls`, and with it `answering`.

    Parameters
    ----------
    connection
        Inside a build, with system_names made.
    part
        Only of the traces in `touched`; the others are as their crossings tell.
    """
    _see_each_span_once(connection, part=part)
    make_working(connection, "nodes", "tree")
    drop(connection, "nodes")
    make_working(connection, "adoptions", "links", "messages", "sequences", "stores", "taken", "first_steps")
    make_working(connection, "dead_letters", "lone_calls", "visits")
    _climb(connection)
    make_working(connection, "pairs")
    drop(connection, "tree", "links", "messages", "sequences", "stores", "taken", "first_steps")
    drop(connection, "lone_calls", "dead_letters")
    if part:
        _learn_from_all(connection)
    else:
        make_working(connection, "dark", "learnt")
    make_working(connection, "other_calls", "other_errors")
    make_table(connection, "answering")
    inference.infer(connection)
    make_working(connection, "calls")
    drop(connection, "pairs", "visits", "dark", "adoptions")


def leave(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what the build has put in front of the stored tables, and its working tables."""
    for name in _VIEWS:
        run(connection, f"DROP VIEW IF EXISTS temp.{name}")
    drop(connection, *_WORKING)


def _see_each_span_once(connection: duckdb.DuckDBPyConnection, *, part: bool) -> None:
    """Put a view named spans in front of the table: without repetitions, halves of a call apart."""
    shown = _shown(connection, part=part)
    run(connection, f"CREATE OR REPLACE TEMP VIEW evidence_spans AS SELECT * FROM {shown}")
    make_working(connection, "repeats")
    run(connection, f"CREATE OR REPLACE TEMP VIEW evidence_spans AS SELECT * FROM {_shown(connection, part=False)}")
    if not count(connection, "SELECT count(*) FROM repeats"):
        _see_every_span(connection, part=part)
        return
    note(connection, "model_repeats", "some")
    run(
        connection,
        f"""
        CREATE OR REPLACE TEMP VIEW spans AS
        SELECT s.* REPLACE (
            CASE WHEN r.is_half THEN -s.span_key ELSE s.span_key END AS span_key,
            CASE WHEN r.is_half THEN s.span_key ELSE s.parent_key END AS parent_key
        )
        FROM {shown} AS s
        LEFT JOIN repeats AS r
            ON r.span_uid = s.span_uid AND r.load_id = s.load_id AND r.record_no = s.record_no
        WHERE r.span_uid IS NULL OR r.is_half
        """,
    )


def _see_every_span(connection: duckdb.DuckDBPyConnection, *, part: bool) -> None:
    """Put a view named spans in front of the table: of evidence in which nothing is repeated."""
    run(connection, f"CREATE OR REPLACE TEMP VIEW spans AS SELECT * FROM {_shown(connection, part=part)}")


def _shown(connection: duckdb.DuckDBPyConnection, *, part: bool) -> str:
    return "temp.part_spans" if part else f"{home(connection)}.spans"


def _learn_from_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `dark` and `learnt` of all spans: of the part as it was paired, of the others as their crossings tell."""
    repeated = count(connection, "SELECT count(*) FROM history_facts WHERE fact = 'model_repeats' AND content = 'some'")
    see = _see_each_span_once if repeated else _see_every_span
    see(connection, part=False)
    run(connection, "ALTER TABLE temp.pairs RENAME TO part_pairs")
    run(
        connection,
        f"""
        CREATE OR REPLACE TEMP VIEW pairs AS
        SELECT source_trace, source_key, source_system, target_key, target_system, evidence FROM part_pairs
        UNION ALL
        SELECT c.source_trace_key, c.source_span_key, c.source, c.target_span_key,
            CASE WHEN c.target_span_key IS NOT NULL THEN c.target END, c.evidence
        FROM {home(connection)}.crossings AS c
        ANTI JOIN touched AS t ON t.trace_key = c.trace_key
        """,
    )
    make_working(connection, "dark", "learnt")
    run(connection, "DROP VIEW temp.pairs")
    run(connection, "ALTER TABLE temp.part_pairs RENAME TO pairs")
    see(connection, part=True)


def _climb(connection: duckdb.DuckDBPyConnection) -> None:
    """Lift every span of `visits` to the top of its visit; each round doubles the steps."""
    for _ in range(_DOUBLINGS):
        if not count(connection, "SELECT count(*) FROM visits WHERE NOT is_top"):
            return
        run(
            connection,
            """
            CREATE OR REPLACE TEMP TABLE visits AS
            SELECT
                v.trace_key,
                v.span_key,
                coalesce(above.visit_key, v.visit_key) AS visit_key,
                coalesce(above.is_top, TRUE) AS is_top
            FROM visits AS v
            LEFT JOIN visits AS above
                ON NOT v.is_top AND above.trace_key = v.trace_key AND above.span_key = v.visit_key
            """,
        )
