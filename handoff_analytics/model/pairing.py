"""Which system handed work to which, attempt by attempt?

Spans are paired by parent, by link, by message id, by the order of steps, by tables and files that two systems share,
and where only one side reports, by the name that it gives the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import inference
from .statements import count, drop, make_table, make_working, run

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


def make_calls(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the working table `calls`, and with it system_names."""
    name = connection.execute("SELECT current_database()").fetchall()[0][0].replace('"', '""')
    home = f'"{name}".main'
    run(connection, f"CREATE OR REPLACE TEMP VIEW evidence_spans AS SELECT * FROM {home}.spans")
    run(connection, f"CREATE OR REPLACE TEMP VIEW evidence_logs AS SELECT * FROM {home}.log_records")
    make_working(connection, "repeats")
    _see_each_span_once(connection, home)
    make_table(connection, "system_names")
    make_working(connection, "nodes", "tree")
    drop(connection, "nodes")
    make_working(connection, "adoptions", "links", "messages", "sequences", "stores", "taken", "first_steps")
    make_working(connection, "dead_letters", "lone_calls", "visits")
    _climb(connection)
    make_working(connection, "pairs")
    drop(connection, "tree", "links", "messages", "sequences", "stores", "taken", "first_steps")
    drop(connection, "lone_calls", "dead_letters")
    make_working(connection, "dark", "learnt", "other_calls", "other_errors")
    inference.infer(connection)
    make_working(connection, "calls")
    drop(connection, "pairs", "visits", "dark", "learnt", "adoptions")


def leave(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what the build has put in front of the stored tables, and its working tables."""
    for name in _VIEWS:
        run(connection, f"DROP VIEW IF EXISTS temp.{name}")
    drop(connection, *_WORKING)


def _see_each_span_once(connection: duckdb.DuckDBPyConnection, home: str) -> None:
    """Put a view named spans in front of the table: without repetitions, halves of a call apart."""
    if not count(connection, "SELECT count(*) FROM repeats"):
        run(connection, f"CREATE OR REPLACE TEMP VIEW spans AS SELECT * FROM {home}.spans")
        return
    run(
        connection,
        f"""
        CREATE OR REPLACE TEMP VIEW spans AS
        SELECT s.* REPLACE (
            CASE WHEN r.is_half THEN -s.span_key ELSE s.span_key END AS span_key,
            CASE WHEN r.is_half THEN s.span_key ELSE s.parent_key END AS parent_key
        )
        FROM {home}.spans AS s
        LEFT JOIN repeats AS r
            ON r.span_uid = s.span_uid AND r.load_id = s.load_id AND r.record_no = s.record_no
        WHERE r.span_uid IS NULL OR r.is_half
        """,
    )


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
