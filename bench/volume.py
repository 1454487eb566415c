"""Where do histories of a million and of ten million spans come from, when loading is not what is timed?

Spans of the volume generator are loaded once; a larger history holds copies of that one with other ids, a day apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

import handoff_analytics as ha
from handoff_analytics import samples

if TYPE_CHECKING:
    from pathlib import Path

BASE = 100_000
_DAY_US = 86_400_000_000
# Spread over all 64 bits, so that a copy's ids meet no other's.
_STEP = 0x1E3779B97F4A7C15
_IDS = {
    "crossing_id",
    "call_id",
    "failure_id",
    "root_id",
    "trace_key",
    "span_key",
    "parent_key",
    "span_uid",
    "source_trace_key",
    "source_span_key",
    "target_span_key",
    "caller_span_key",
}
_TIMES = {"started_at", "failed_at", "detected_at", "recovered_at"}
_COPIED = ("spans", "crossings", "failures", "cascades")
# What no goal here reads.
_LEFT_OUT = {"attributes", "resource", "span_id", "parent_span_id", "trace_id", "correlation_id", "host"}


def history_of(folder: Path, spans: int) -> Path:
    """Return a history of about so many spans; it is made when it is missing."""
    base = folder / f"history-{min(spans, BASE)}.duckdb"
    if not base.exists():
        files = folder / f"otlp-{min(spans, BASE)}"
        if not files.exists():
            samples.write_spans(files, spans=min(spans, BASE), form="otlp")
        ha.load(str(files / "*.jsonl"), into=base, quiet=True)
    copies = spans // BASE
    if copies <= 1:
        return base
    path = folder / f"history-{spans}.duckdb"
    if not path.exists():
        _copied(base, path, copies)
    return path


def _copied(base: Path, path: Path, copies: int) -> None:
    started = path.with_suffix(".part")
    started.unlink(missing_ok=True)
    with duckdb.connect(str(started)) as connection:
        connection.execute(f"ATTACH '{base}' AS one (READ_ONLY)").fetchall()
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'one' ORDER BY table_name"
        ).fetchall()
        for (table,) in tables:
            if table not in _COPIED:
                connection.execute(f"CREATE TABLE {table} AS FROM one.{table}").fetchall()
                continue
            columns = connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'one' AND table_name = ? "
                "ORDER BY column_index",
                [table],
            ).fetchall()
            chosen = ", ".join(f"{_one(name, kind)} AS {name}" for name, kind in columns)
            connection.execute(
                f"CREATE TABLE {table} AS SELECT {chosen} FROM one.{table} CROSS JOIN range({copies}) AS copy(k)"
            ).fetchall()
    started.rename(path)


def _one(name: str, kind: str) -> str:
    if name in _LEFT_OUT:
        return f"CAST(NULL AS {kind})"
    if name in _IDS:
        return f"xor({name}, (k * {_STEP}::HUGEINT % 9223372036854775807)::BIGINT)"
    if name in _TIMES:
        return f"{name} + to_days(k::INTEGER)"
    return f"{name} + k * {_DAY_US}" if name == "start_us" else name
