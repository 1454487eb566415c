"""Where did each failed attempt begin, and what became of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rules
from .statements import count, drop, home, make_table, make_working, run, select

if TYPE_CHECKING:
    import duckdb

# A call that closes a circle closes it within so many handoffs.
_LONGEST_CIRCLE = 64


def sum_up(connection: duckdb.DuckDBPyConnection, *, part: bool = False) -> None:
    """Make what all calls decide together: clock_offsets, systems, and the working table `pairing`.

    Parameters
    ----------
    connection
        Inside a build, with the working table `calls` made.
    part
        Whether `calls` are those of the traces in `touched`; the others are as their crossings tell.
    """
    text = """
        SELECT
            source, target, channel, start_us, duration_us, callee_us, raw_transit_us,
            source_host, target_host, source_status, target_status
        FROM calls
        """
    if part:
        text += f"""
        UNION ALL
        SELECT
            c.source, c.target, c.channel, c.start_us, c.duration_us, c.callee_us,
            c.transit_us + coalesce(o.offset_us, 0), c.source_host, c.target_host, c.source_status, c.target_status
        FROM {home(connection)}.crossings AS c
        ANTI JOIN touched AS t ON t.trace_key = c.trace_key
        LEFT JOIN offsets_before AS o
            ON o.source_host = c.source_host
            AND o.target_host = c.target_host
            AND o.day = CAST(floor(c.start_us / 86400000000.0) AS BIGINT)
        """
    run(connection, f"CREATE OR REPLACE TEMP VIEW every_call AS {text}")
    make_table(connection, "clock_offsets", "systems")
    make_working(connection, "pairing")


def make_crossings(connection: duckdb.DuckDBPyConnection, *, part: bool = False) -> None:
    """Make crossings from `calls`, and the working table `classified`.

    Parameters
    ----------
    connection
        Inside a build, with what all calls decide together made.
    part
        Replace those of the traces in `touched`, and leave the others.
    """
    make_working(connection, "deliveries", "retries", "troubled")
    rules.classify(connection)
    make_working(connection, "fallbacks", "labels", "contexts")
    _find_cycles(connection)
    make_working(connection, "verdicts")
    drop(connection, "labels", "retries", "troubled", "cycles")
    if part:
        _replace_crossings(connection)
    else:
        make_table(connection, "crossings")


def _replace_crossings(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the crossings of the part in place of the stored ones, and keep how the other failures were classified."""
    stored = f"{home(connection)}.crossings"
    # A structure names a failure without its rule, here and when all are built.
    run(
        connection,
        f"""
        INSERT INTO classified BY NAME
        SELECT f.crossing_id, f.type_rule AS rule, f.mode, f.handoff_type, f.type_confidence AS confidence, f.ambiguous
        FROM {home(connection)}.failures AS f
        ANTI JOIN touched AS t ON t.trace_key = f.trace_key
        WHERE NOT f.silent AND f.type_rule IS NOT NULL AND f.type_rule NOT LIKE 'structure:%'
        """,
    )
    run(connection, f"DELETE FROM {stored} WHERE trace_key IN (SELECT trace_key FROM touched)")
    run(connection, f"INSERT INTO {stored} BY NAME {select('crossings')}")
    # As they were before a detector found them: no status tells of a failure.
    run(
        connection,
        f"""
        UPDATE {stored}
        SET silent = FALSE, detector = NULL, origin = NULL, rule = NULL, side = NULL, fate = NULL
        WHERE silent
        """,
    )


def mark_silent(connection: duckdb.DuckDBPyConnection) -> None:
    """Mark the crossings that both sides call a success and a detector does not."""
    run(
        connection,
        """
        UPDATE crossings
        SET silent = TRUE, detector = f.detector, origin = 'boundary', rule = 'A11', side = 'boundary',
            fate = 'swallowed'
        FROM (
            SELECT crossing_id, arg_max(detector, (probability, detector)) AS detector
            FROM silent_findings
            GROUP BY crossing_id
        ) AS f
        WHERE f.crossing_id = crossings.crossing_id AND NOT crossings.failed
        """,
    )


def _find_cycles(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the calls whose target is among the systems that led to them."""
    run(connection, "CREATE OR REPLACE TEMP TABLE cycles (crossing_id BIGINT)")
    edges = connection.execute("SELECT DISTINCT source, target FROM calls WHERE caller_key IS NOT NULL").fetchall()
    core = circular(set(edges))
    if not core:
        return
    run(connection, "CREATE OR REPLACE TEMP TABLE core (source VARCHAR, target VARCHAR)")
    connection.executemany("INSERT INTO core VALUES (?, ?)", sorted(core))
    run(
        connection,
        """
        CREATE OR REPLACE TEMP TABLE climbing AS
        SELECT calls.crossing_id, calls.target, calls.source_trace AS trace_key, calls.caller_key AS span_key
        FROM calls
        JOIN core USING (source, target)
        WHERE calls.caller_key IS NOT NULL
        """,
    )
    for _ in range(_LONGEST_CIRCLE):
        if not count(connection, "SELECT count(*) FROM climbing"):
            break
        run(
            connection,
            """
            CREATE OR REPLACE TEMP TABLE climbing AS
            SELECT
                climbing.crossing_id,
                climbing.target,
                above.source,
                above.source_trace AS trace_key,
                above.caller_key AS span_key
            FROM climbing
            JOIN calls AS above
                ON above.target_trace = climbing.trace_key AND above.target_key = climbing.span_key
            """,
        )
        run(connection, "INSERT INTO cycles SELECT DISTINCT crossing_id FROM climbing WHERE source = target")
        run(
            connection,
            "DELETE FROM climbing WHERE span_key IS NULL OR crossing_id IN (SELECT crossing_id FROM cycles)",
        )
    run(connection, "CREATE OR REPLACE TEMP TABLE cycles AS SELECT DISTINCT crossing_id FROM cycles")
    drop(connection, "climbing", "core")


def circular(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave only the edges that may lie on a circle: sources that nobody calls, and targets that call nobody, go."""
    while True:
        sources, targets = {source for source, _ in edges}, {target for _, target in edges}
        kept = {(source, target) for source, target in edges if source in targets and target in sources}
        if kept == edges:
            return edges
        edges = kept
