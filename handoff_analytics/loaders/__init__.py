"""How does a file of evidence become part of a history?"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import orjson

from .. import __version__, model
from ..history import MEMORY, History
from .detect import Detection, Format, detect
from .ledger import Sink, now
from .readers import Source, sources

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

__all__ = ["Detection", "Format", "Sink", "Source", "detect", "formats", "load", "sources"]


def formats() -> tuple[Format, ...]:
    """Return every format that can be recognised, each module of the loaders bringing its own."""
    found: list[Format] = []
    for package in ("traces", "logs", "runs", "tickets", "eventlogs"):
        if find_spec(f"{__name__}.{package}") is None:
            continue
        home = importlib.import_module(f".{package}", __name__)
        for entry in sorted(pkgutil.iter_modules(home.__path__), key=lambda entry: entry.name):
            found += getattr(importlib.import_module(f".{package}.{entry.name}", __name__), "FORMATS", ())
    for module in (f"{__name__}.tabular", f"{__name__.rpartition('.')[0]}.catalogue"):
        if find_spec(module) is not None:
            found += getattr(importlib.import_module(module), "FORMATS", ())
    return tuple(found)


def load(
    paths: str | Path | Iterable[str | Path],
    *,
    into: str | Path | History | None = None,
    format: str | None = None,  # noqa: A002 - the word that an analyst would use
    mapping: Any = None,
    timezone: str | None = None,
    on_reject: str = "rollback",
    max_reject_share: float = 0.05,
    salvage: bool = False,
    people: str = "hash",
    redact: bool = True,
    progress: bool | None = None,
) -> History:
    """Load evidence files into a history."""
    del on_reject, max_reject_share, salvage, redact, progress
    history = into if isinstance(into, History) else History(into)
    with history._store.writer() as connection:  # noqa: SLF001 - the loader is the one writer of a history
        touched: set[str] = set()
        for source in sources(paths):
            touched |= _load_one(connection, source, wanted=format, mapping=mapping, timezone=timezone, people=people)
        connection.execute("BEGIN").fetchall()
        model.build(connection, touched)
        connection.execute("COMMIT").fetchall()
    return History(history.path) if history.path != MEMORY else history


def _load_one(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    *,
    wanted: str | None,
    mapping: Any,
    timezone: str | None,
    people: str,
) -> set[str]:
    started_at = now()
    if mapping is not None:
        tabular = importlib.import_module(f"{__name__}.tabular")
        found = detect(source, [tabular.mapped(mapping)], wanted=tabular.mapped(mapping).name)
    else:
        found = detect(source, formats(), wanted=wanted)
    salt = connection.execute("SELECT content FROM history_facts WHERE fact = 'salt'").fetchall()[0][0]
    load_id = connection.execute("SELECT coalesce(max(load_id), 0) + 1 FROM loads").fetchall()[0][0]
    connection.execute("BEGIN").fetchall()
    try:
        sink = Sink(connection, load_id, timezone=timezone, people=people, mapping=mapping, salt=salt)
        found.format.parse(source, sink, found)
        sink.flush()
        sink.balance()
        connection.execute(
            """
            INSERT INTO loads BY NAME
            SELECT $load_id AS load_id, $file_name AS file_name, $file_sha256 AS file_sha256, $file_bytes AS file_bytes,
                $container AS container, $format AS format, $kind AS kind, $confidence AS format_confidence,
                $evidence AS format_evidence, $encoding AS encoding, $version AS loader_version,
                $started_at AS started_at, $finished_at AS finished_at, $seen AS seen, $loaded AS loaded,
                $rejected AS rejected, $duplicate AS duplicate, $skipped AS skipped, 0 AS redacted, $notes AS notes
            """,
            {
                "load_id": load_id,
                "file_name": source.name,
                "file_sha256": source.sha256,
                "file_bytes": source.size_bytes,
                "container": source.container,
                "format": found.format.name,
                "kind": found.format.kind,
                "confidence": found.confidence,
                "evidence": found.evidence,
                "encoding": found.encoding,
                "version": __version__,
                "started_at": started_at,
                "finished_at": now(),
                **{name: sink.counts[name] for name in ("seen", "loaded", "rejected", "duplicate", "skipped")},
                "notes": orjson.dumps({"notes": sink.notes, "skipped": sink.skipped, "flags": sink.flags}).decode(),
            },
        ).fetchall()
        connection.execute("COMMIT").fetchall()
    except BaseException:
        connection.execute("ROLLBACK").fetchall()
        raise
    return sink.touched
