"""Which tables follow from the evidence?

Every table of the model is made by the SQL file of its name; `build` runs them in the order in which they need each
other. The first statement of a file is the SELECT, the rest say what table and columns mean. The files in `working/`
make tables that are gone when the build ends.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from . import rules, silent

if TYPE_CHECKING:
    import duckdb

_HERE = files(__package__)
TABLES = (
    "systems",
    "crossings",
    "silent_findings",
    "failures",
    "handoffs",
    "cascades",
    "team_handoffs",
    "recoveries",
    "attention",
)


def build(connection: duckdb.DuckDBPyConnection, touched: set[str] | None = None) -> None:
    """Rebuild the model from the evidence, in the transaction of the caller."""
    del touched
    # DuckDB names it make_timestamp, Spark timestamp_micros; the portable files say it in one way.
    connection.execute("CREATE OR REPLACE TEMP MACRO timestamp_micros(us) AS make_timestamp(us)").fetchall()
    home = f'"{connection.execute("SELECT current_database()").fetchall()[0][0]}".main'
    connection.execute(f"CREATE OR REPLACE TEMP VIEW evidence_spans AS SELECT * FROM {home}.spans").fetchall()
    _working(connection, "repeats")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW spans AS
        SELECT * FROM {home}.spans AS s
        WHERE NOT EXISTS (
            SELECT 1 FROM repeats AS r
            WHERE r.span_uid = s.span_uid AND r.load_id = s.load_id AND r.record_no = s.record_no
        )
        """
    ).fetchall()
    for name in ("names", "nodes", "tree", "visits"):
        _working(connection, name)
    _climb_visits(connection)
    for name in ("links", "pairs", "calls", "retries", "offsets", "pairing", "troubled"):
        _working(connection, name)
    rules.classify(connection)
    _working(connection, "labels")
    _working(connection, "contexts")
    _find_cycles(connection)
    _table(connection, "systems")
    _table(connection, "crossings")
    _table(connection, "silent_findings")
    silent.find(connection)
    connection.execute(
        """
        UPDATE crossings
        SET silent = TRUE, detector = f.detector, origin = 'boundary', rule = 'A11', side = 'boundary',
            fate = 'swallowed'
        FROM silent_findings AS f
        WHERE f.crossing_id = crossings.crossing_id AND NOT crossings.failed
        """
    ).fetchall()
    _blame(connection)
    for name in ("failures", "handoffs", "cascades", "team_handoffs", "recoveries", "attention"):
        _table(connection, name)
    for name, kind in connection.execute(
        "SELECT view_name, 'VIEW' FROM duckdb_views() WHERE temporary AND NOT internal "
        "UNION ALL SELECT table_name, 'TABLE' FROM duckdb_tables() WHERE temporary"
    ).fetchall():
        connection.execute(f'DROP {kind} temp."{name}"').fetchall()


def is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the tables of the model exist."""
    known = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'crossings'").fetchall()
    return bool(known[0][0])


def _select(path: str) -> tuple[str, str]:
    text = _HERE.joinpath(path).read_text(encoding="utf-8")
    select, _, comments = text.partition(";\n")
    return select, comments


def _working(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    select, _ = _select(f"working/{name}.sql")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}").fetchall()


def _table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    select, comments = _select(f"{name}.sql")
    connection.execute(f"CREATE OR REPLACE TABLE main.{name} AS {select}").fetchall()
    connection.execute(comments).fetchall()


def _count(connection: duckdb.DuckDBPyConnection, text: str) -> int:
    return int(connection.execute(text).fetchall()[0][0])


def _climb_visits(connection: duckdb.DuckDBPyConnection) -> None:
    """Step up from span to span until every one has reached the span at which its system was entered."""
    while _count(connection, "SELECT count(*) FROM visits WHERE NOT is_top"):
        connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE visits AS
            SELECT v.trace_key, v.span_key, coalesce(u.visit_key, v.visit_key) AS visit_key,
                coalesce(u.is_top, TRUE) AS is_top
            FROM visits AS v
            LEFT JOIN visits AS u ON NOT v.is_top AND u.trace_key = v.trace_key AND u.span_key = v.visit_key
            """
        ).fetchall()


def _find_cycles(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the calls whose target is among the systems that led to them."""
    connection.execute("CREATE OR REPLACE TEMP TABLE cycles (crossing_id BIGINT)").fetchall()
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE climb AS
        SELECT crossing_id, target, source_trace AS trace_key, caller_key AS span_key FROM calls
        WHERE caller_key IS NOT NULL
        """
    ).fetchall()
    while _count(connection, "SELECT count(*) FROM climb"):
        connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE climb AS
            SELECT climb.crossing_id, climb.target, up.source, up.source_trace AS trace_key, up.caller_key AS span_key
            FROM climb
            JOIN calls AS up ON up.target_trace = climb.trace_key AND up.target_key = climb.span_key
            WHERE up.caller_key IS NOT NULL OR up.source = climb.target
            """
        ).fetchall()
        connection.execute("INSERT INTO cycles SELECT DISTINCT crossing_id FROM climb WHERE source = target").fetchall()
        connection.execute(
            "DELETE FROM climb WHERE span_key IS NULL OR crossing_id IN (SELECT crossing_id FROM cycles)"
        ).fetchall()


def _blame(connection: duckdb.DuckDBPyConnection) -> None:
    """Follow each failure down to its origin and each origin up to what it caused."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE causes AS
        SELECT
            up.crossing_id AS failure_id,
            down.crossing_id AS cause_id,
            row_number() OVER (PARTITION BY up.crossing_id ORDER BY down.start_us, down.crossing_id) AS place,
            count(*) OVER (PARTITION BY up.crossing_id) AS n_causes,
            row_number() OVER (PARTITION BY down.crossing_id ORDER BY up.start_us, up.crossing_id) AS consequence
        FROM troubled AS up
        JOIN labels ON labels.crossing_id = up.crossing_id AND labels.origin = 'propagated'
        JOIN troubled AS down
            ON down.source_trace = up.target_trace AND down.caller_key = up.target_key AND down.goes_up
        """
    ).fetchall()
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE spread AS
        WITH RECURSIVE climb AS (
            SELECT t.crossing_id AS root_id, t.crossing_id AS failure_id, 0 AS depth, 1.0::DOUBLE AS share
            FROM troubled AS t JOIN labels AS l USING (crossing_id) WHERE l.origin <> 'propagated'
            UNION ALL
            SELECT climb.root_id, causes.failure_id, climb.depth + 1, climb.share / causes.n_causes
            FROM climb JOIN causes ON causes.cause_id = climb.failure_id
            WHERE climb.depth < 100
        )
        SELECT climb.root_id, climb.failure_id, climb.depth, climb.share,
            t.failed_us, r.failed_us AS root_failed_us
        FROM climb
        JOIN troubled AS t ON t.crossing_id = climb.failure_id
        JOIN troubled AS r ON r.crossing_id = climb.root_id
        """
    ).fetchall()
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE blame AS
        WITH RECURSIVE down AS (
            SELECT crossing_id AS failure_id, crossing_id AS root_id, 0 AS depth FROM troubled
            UNION ALL
            SELECT down.failure_id, causes.cause_id, down.depth + 1
            FROM down JOIN causes ON causes.failure_id = down.root_id AND causes.place = 1
            WHERE down.depth < 100
        ),
        roots AS (
            SELECT failure_id, arg_max(root_id, depth) AS root_id, max(depth) AS depth FROM down GROUP BY failure_id
        ),
        weights AS (
            -- One path up: what an origin answers for is its part of the topmost failure that it led to.
            SELECT crossing_id AS origin_id, crossing_id AS at_id, 1.0::DOUBLE AS w, 0 AS depth FROM troubled
            UNION ALL
            SELECT weights.origin_id, causes.failure_id, weights.w / causes.n_causes, weights.depth + 1
            FROM weights JOIN causes ON causes.cause_id = weights.at_id AND causes.consequence = 1
            WHERE weights.depth < 100
        )
        SELECT roots.failure_id, roots.root_id, roots.depth, w.w AS origin_weight
        FROM roots
        JOIN (SELECT origin_id, arg_max(w, depth) AS w FROM weights GROUP BY origin_id) AS w
            ON w.origin_id = roots.failure_id
        """
    ).fetchall()
    connection.execute("DELETE FROM spread WHERE depth = 0").fetchall()
