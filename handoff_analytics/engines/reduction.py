"""Which tables follow from evidence that lies on an engine, and what of them comes back?

The SELECTs are the model's own, run as they are in the order of the model. What passed is counted there by hour; what
failed, was tried again or is unusual in any other way comes back row by row. Here the counts become rows again, so
that every measure finds the table that it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import polars as pl

from .. import model
from ..history import History
from ..model import attribution, rules
from ..model.statements import drop, run, select
from ..schema import EVIDENCE, columns
from ..store import transaction

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


class Asked(Protocol):
    """What the reduction asks of an engine."""

    def sql(self, text: str, **parameters: object) -> pl.DataFrame:
        """Answer a query."""

    def keep(self, name: str, text: str) -> None:
        """Keep the answer to a query as a table."""

    def show(self, name: str, frame: pl.DataFrame) -> None:
        """Lend a small frame as a table."""

    def view(self, name: str, text: str) -> None:
        """Give a query a name."""


STAYS = frozenset(
    {"spans", "span_links", "log_records", "runs", "event_objects", "object_changes", "object_links", "history_facts"}
)
"""Evidence that is too much to travel; all other tables do."""
_BEFORE_CALLS = (
    *("nodes", "tree", "adoptions", "links", "messages", "sequences", "stores", "taken", "first_steps"),
    *("dead_letters", "lone_calls", "visits"),
)
_AFTER_VISITS = ("pairs", "dark", "learnt", "other_calls", "other_errors", "calls")
_DOUBLINGS = 16
_LONGEST_CIRCLE = 64
_ASKED = ("http_status", "error_code", "error_type", "error_text")
_ALIKE = (
    *("source", "target", "channel", "via", "operation", "workflow", "platform", "source_status", "target_status"),
    *("evidence", "confidence", "tier", "weight", "is_orphan", "in_cycle"),
)
"""What crossings that are counted together have in common, beside the hour."""
_HOUR_US = 3_600_000_000


def reduced(engine: Asked, *, into: str | Path | None = None) -> History:
    """Run the model on an engine and make a history of what comes back; `Engine.history` says what that is."""
    classified = make_crossings(engine)
    unusual, counted = come_back(engine)
    small = {name: engine.sql(f"SELECT * FROM {name}") for name in sorted(set(EVIDENCE) - STAYS)}
    made = {name: engine.sql(f"SELECT * FROM {name}") for name in ("system_names", "systems", "clock_offsets")}
    history = History(into)
    with history._store.writer() as connection, transaction(connection):  # noqa: SLF001 - its one writer's door
        _fill(connection, small, made | {"crossings": unusual}, counted, classified)
    return history


def make_crossings(engine: Asked) -> pl.DataFrame:
    """Make the crossings on the engine; return how the failed ones are classified, which is done here."""
    engine.view("evidence_spans", "SELECT * FROM spans")
    engine.view("evidence_logs", "SELECT * FROM log_records")
    engine.view("all_spans", "SELECT * FROM spans")
    engine.keep("repeats", select("repeats", folder="working"))
    _see_each_span_once(engine)
    engine.keep("system_names", select("system_names"))
    for name in _BEFORE_CALLS:
        engine.keep(name, select(name, folder="working"))
    _climb(engine)
    for name in _AFTER_VISITS:
        engine.keep(name, select(name, folder="working"))
    engine.view(
        "every_call",
        """
        SELECT source, target, channel, start_us, duration_us, callee_us, raw_transit_us, source_host, target_host,
            source_status, target_status
        FROM calls
        """,
    )
    for name in ("clock_offsets", "systems"):
        engine.keep(name, select(name))
    for name in ("pairing", "deliveries", "retries", "troubled"):
        engine.keep(name, select(name, folder="working"))
    classified = _classified(engine)
    engine.show("classified", classified)
    for name in ("fallbacks", "labels", "contexts"):
        engine.keep(name, select(name, folder="working"))
    _find_cycles(engine)
    engine.keep("verdicts", select("verdicts", folder="working"))
    engine.keep("crossings", select("crossings"))
    return classified


def _see_each_span_once(engine: Asked) -> None:
    """Put a view named spans in front of the table: without repetitions, halves of a call apart."""
    if not engine.sql("SELECT count(*) AS n FROM repeats").item():
        return
    halves = {
        "span_key": "CASE WHEN r.is_half THEN -s.span_key ELSE s.span_key END AS span_key",
        "parent_key": "CASE WHEN r.is_half THEN s.span_key ELSE s.parent_key END AS parent_key",
    }
    chosen = ", ".join(halves.get(name, f"s.{name}") for name in columns()["spans"])
    engine.view(
        "spans",
        f"""
        SELECT {chosen}
        FROM all_spans AS s
        LEFT JOIN repeats AS r ON r.span_uid = s.span_uid AND r.load_id = s.load_id AND r.record_no = s.record_no
        WHERE r.span_uid IS NULL OR r.is_half
        """,
    )


def _climb(engine: Asked) -> None:
    """Lift every span of `visits` to the top of its visit; each round doubles the steps."""
    for _ in range(_DOUBLINGS):
        if not engine.sql("SELECT count(*) AS n FROM visits WHERE NOT is_top").item():
            return
        engine.keep(
            "visits",
            """
            SELECT v.trace_key, v.span_key, coalesce(above.visit_key, v.visit_key) AS visit_key,
                coalesce(above.is_top, TRUE) AS is_top
            FROM visits AS v
            LEFT JOIN visits AS above
                ON NOT v.is_top AND above.trace_key = v.trace_key AND above.span_key = v.visit_key
            """,
        )


def _classified(engine: Asked) -> pl.DataFrame:
    troubled = engine.sql(f"SELECT crossing_id, {', '.join(_ASKED)} FROM troubled")
    troubled = troubled.with_columns(pl.col("http_status").cast(pl.Int32))
    asked = (
        troubled.select(_ASKED)
        .unique()
        .sort(_ASKED, nulls_last=True)
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )
    answers = asked.join(rules.classified(asked, rules.shipped_rules()), on="place").drop("place")
    return troubled.join(answers, on=_ASKED, nulls_equal=True).drop(_ASKED).sort("crossing_id")


def _find_cycles(engine: Asked) -> None:
    """Find the calls whose target is among the systems that led to them."""
    pairs = engine.sql("SELECT DISTINCT source, target FROM calls WHERE caller_key IS NOT NULL")
    core = attribution.circular(set(pairs.iter_rows()))
    engine.view("cycles", "SELECT crossing_id FROM calls WHERE FALSE")
    if not core:
        return
    engine.show("core", pl.DataFrame(sorted(core), schema={"source": pl.String, "target": pl.String}, orient="row"))
    engine.keep(
        "climbing",
        """
        SELECT calls.crossing_id, calls.target, calls.source, calls.source_trace AS trace_key,
            calls.caller_key AS span_key
        FROM calls
        JOIN core ON core.source = calls.source AND core.target = calls.target
        WHERE calls.caller_key IS NOT NULL
        """,
    )
    found = []
    for number in range(_LONGEST_CIRCLE):
        if not engine.sql("SELECT count(*) AS n FROM climbing").item():
            break
        engine.keep(
            "climbing",
            """
            SELECT climbing.crossing_id, climbing.target, above.source, above.source_trace AS trace_key,
                above.caller_key AS span_key
            FROM climbing
            JOIN calls AS above ON above.target_trace = climbing.trace_key AND above.target_key = climbing.span_key
            """,
        )
        engine.keep(f"closed_{number}", "SELECT DISTINCT crossing_id FROM climbing WHERE source = target")
        found.append(f"SELECT crossing_id FROM closed_{number}")
        engine.keep(
            "climbing",
            f"""
            SELECT climbing.*
            FROM climbing
            LEFT JOIN closed_{number} AS closed ON closed.crossing_id = climbing.crossing_id
            WHERE climbing.span_key IS NOT NULL AND closed.crossing_id IS NULL
            """,
        )
    if found:
        engine.view("cycles", " UNION ".join(found))


def come_back(engine: Asked) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the crossings that travel row by row, and the counts of the others.

    Every crossing is in one of the two: a call of which any attempt failed, was repeated or delivered twice comes
    back whole.
    """
    engine.keep(
        "unusual_calls",
        "SELECT DISTINCT call_id FROM crossings WHERE failed OR NOT is_last_attempt OR attempt > 1 OR is_duplicate",
    )
    unusual = engine.sql(
        "SELECT c.* FROM crossings AS c JOIN unusual_calls AS u ON u.call_id = c.call_id ORDER BY c.crossing_id"
    )
    alike = ", ".join(f"c.{name}" for name in _ALIKE)
    counted = engine.sql(f"""
        SELECT {alike}, min(c.start_us) AS first_us, max(c.start_us) AS last_us, CAST(count(*) AS BIGINT) AS n
        FROM crossings AS c
        LEFT JOIN unusual_calls AS u ON u.call_id = c.call_id
        WHERE u.call_id IS NULL
        GROUP BY {alike}, c.start_us - c.start_us % {_HOUR_US}
    """)
    return unusual, counted.sort(*_ALIKE, "first_us", nulls_last=True)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    small: dict[str, pl.DataFrame],
    made: dict[str, pl.DataFrame],
    counted: pl.DataFrame,
    classified: pl.DataFrame,
) -> None:
    """Write what came back, and build on it the rest of the model, which is small."""
    for name in EVIDENCE:
        if name != "history_facts":
            run(connection, f"DELETE FROM {name}")
    for name, frame in small.items():
        _insert(connection, name, frame)
    run(connection, "DELETE FROM history_facts WHERE fact = 'built_on'")
    # Without spans the model is built in a moment, and every table of it has its columns.
    model.build(connection)
    for name, frame in made.items():
        run(connection, f"DELETE FROM {name}")
        _insert(connection, name, frame)
    _expand(connection, counted)
    _lend(connection, "classified", classified)
    model.conclude(connection)
    run(connection, "INSERT INTO history_facts VALUES ('built_on', 'engine')")


def _insert(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    connection.register("came_back", frame.to_arrow())
    run(connection, f"INSERT INTO {name} BY NAME SELECT * FROM came_back")
    connection.unregister("came_back")


def _lend(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    connection.register("came_back", frame.to_arrow())
    run(connection, f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM came_back")
    connection.unregister("came_back")


def _expand(connection: duckdb.DuckDBPyConnection, counted: pl.DataFrame) -> None:
    """Make rows of the counts, the first and the last of an hour at their times and the others between them."""
    _lend(connection, "counted", counted.with_row_index("place"))
    run(
        connection,
        f"""
        INSERT INTO crossings BY NAME
        SELECT
            row_number() OVER (ORDER BY place, number) AS crossing_id,
            row_number() OVER (ORDER BY place, number) AS call_id,
            {", ".join(_ALIKE)},
            1 AS attempt,
            TRUE AS is_last_attempt,
            first_us + CASE WHEN n > 1 THEN (last_us - first_us) * number // (n - 1) ELSE 0 END AS start_us,
            make_timestamp(first_us + CASE WHEN n > 1 THEN (last_us - first_us) * number // (n - 1) ELSE 0 END)
                AS started_at,
            FALSE AS failed,
            FALSE AS silent,
            FALSE AS is_duplicate
        FROM (SELECT *, unnest(range(n)) AS number FROM counted)
        """,
    )
    drop(connection, "counted")
