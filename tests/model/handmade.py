"""What does a history look like that is made of a few hand-written spans, logs and tickets?"""

from __future__ import annotations

from typing import Any

import polars as pl

from handoff_analytics import model
from handoff_analytics.history import History
from handoff_analytics.identity import key

START = 1_767_225_600_000_000  # 2026-01-01


def span(  # noqa: PLR0917 - a row of a table: read by column
    name: str, trace: str, parent: str | None, system: str, kind: str, start: int, duration: int, /, **more: Any
) -> dict[str, Any]:
    """One span; `start` in microseconds after the start of 2026, `name` is its id as well as its operation."""
    row: dict[str, Any] = {
        "span_uid": key(trace, name, None, 1),
        "trace_id": trace,
        "span_id": name,
        "parent_span_id": parent,
        "trace_key": key(trace),
        "span_key": key(name),
        "parent_key": key(parent) if parent else None,
        "system": system,
        "kind": kind,
        "name": "op",
        "start_us": START + start,
        "duration_us": duration,
        "status": "unset",
        "weight": 1.0,
        "load_id": 1,
        "record_no": start,
    }
    return row | more


def link(trace: str, name: str, linked_trace: str, linked_name: str) -> dict[str, Any]:
    """One link from a span to another."""
    return {
        "trace_key": key(trace),
        "span_key": key(name),
        "linked_trace_id": linked_trace,
        "linked_span_id": linked_name,
        "linked_trace_key": key(linked_trace),
        "linked_span_key": key(linked_name),
        "load_id": 1,
    }


def insert(connection: Any, table: str, rows: list[dict[str, Any]]) -> None:
    """Put rows into a table of evidence."""
    if not rows:
        return
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if table == "spans":
        frame = frame.with_columns(started_at=pl.from_epoch("start_us", time_unit="us"))
    connection.register("rows_to_insert", frame.to_arrow())
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_insert").fetchall()
    connection.unregister("rows_to_insert")


def history_of(**tables: list[dict[str, Any]]) -> History:
    """Make a history in memory from rows of evidence, and build its model."""
    history = History()
    with history._store.writer() as connection:
        for name, rows in tables.items():
            insert(connection, name, rows)
        model.build(connection)
    return history
