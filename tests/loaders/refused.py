"""What must be as it was when a load is refused? One history, made once, that no refused load may change."""

from __future__ import annotations

import atexit
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha

if TYPE_CHECKING:
    import polars as pl

LINE = b'{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "kept"}\n'
TABLES = ("loads", "rejects", "log_records", "spans", "tickets", "ticket_events", "runs", "quality_flags")


@cache
def _kept() -> tuple[Path, list[pl.DataFrame]]:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    first = Path(folder.name, "first.jsonl")
    first.write_bytes(LINE)
    path = Path(folder.name, "kept.duckdb")
    ha.load(first, into=path, quiet=True)
    return path, content(path)


def content(path: Path) -> list[pl.DataFrame]:
    history = ha.open(path)
    return [history.sql(f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES]


def refused(path: Path | str, error: type[Exception], match: str, **options: Any) -> None:
    """Check that a load is refused with a message, and that the history has exactly what it had."""
    into, before = _kept()
    with pytest.raises(error, match=match):
        ha.load(path, into=into, quiet=True, **options)
    assert all(one.equals(other) for one, other in zip(before, content(into), strict=True))
