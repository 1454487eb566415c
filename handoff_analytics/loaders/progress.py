"""What is an analyst told while files load, and after?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..history import History
    from .readers import Source


def watched(found: Iterable[Source], *, quiet: bool) -> Iterator[Source]:
    """Yield sources with a progress bar on stderr, in a terminal and in a notebook; it goes when they are done."""
    files = list(found)
    if quiet:
        yield from files
        return
    from rich.console import Console  # noqa: PLC0415 - only where something is shown
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    total = sum(source.size_bytes for source in files)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading", total=total)
        for source in files:
            bar.update(task, description=source.path.name)
            yield source
            bar.advance(task, source.size_bytes)


def told(sentence: str) -> None:
    """Say something to the person who loads; stdout is for answers."""
    sys.stderr.write(f"{sentence}\n")


def announced(history: History, *, after: int, skipped: list[str]) -> None:
    """Print what became of the records of the newest loads, and which files were left out."""
    loads = history.sql("SELECT * FROM loads WHERE load_id > $after ORDER BY load_id", after=after)
    for row in loads.iter_rows(named=True):
        parts = [f"{row['loaded']:,} loaded"]
        parts += [f"{row[name]:,} {name}" for name in ("rejected", "duplicate", "skipped") if row[name]]
        notes = orjson.loads(row["notes"])
        flags = sum(notes["flags"].values())
        parts += [f"{flags:,} doubtful"] if flags else []
        parts += [f"{row['redacted']:,} secrets masked"] if row["redacted"] else []
        told(f"{row['file_name']}: {row['format']}, {', '.join(parts)}")
        for note in notes["notes"]:
            told(f"    {note}")
    rejects = history.sql(
        "SELECT load_id, line, code, reason FROM rejects WHERE load_id > $after ORDER BY load_id, record_no LIMIT 3",
        after=after,
    )
    for row in rejects.iter_rows(named=True):
        where = f" line {row['line']}" if row["line"] else ""
        told(f"    rejected in load {row['load_id']}{where}: {row['code']}, {row['reason']}")
    for name in skipped:
        told(f"left out: {name}")
