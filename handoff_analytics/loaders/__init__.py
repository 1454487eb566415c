"""How does a file of evidence become part of a history?"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

from .. import __version__, model
from ..errors import (
    ArgumentError,
    HistoryFullError,
    TooManyRejectsError,
    UnknownFormatError,
    UnreadableFileError,
)
from ..history import MEMORY, History
from . import aliases
from .detect import Detection, Format, detect
from .ledger import Sink, now
from .progress import announced, told, watched
from .readers import Source, sources

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Detection", "Format", "Sink", "Source", "detect", "formats", "load", "sources"]

# A file is too small to speak of shares below this many records.
_FEW_RECORDS = 20


@cache
def formats() -> tuple[Format, ...]:
    """Return every format that can be recognised, each module of the loaders bringing its own."""
    found: list[Format] = []
    for package in ("traces", "logs", "runs", "tickets", "eventlogs"):
        home = importlib.import_module(f".{package}", __name__)
        for entry in sorted(pkgutil.iter_modules(home.__path__), key=lambda entry: entry.name):
            found += getattr(importlib.import_module(f".{package}.{entry.name}", __name__), "FORMATS", ())
    found += importlib.import_module(".tabular", __name__).FORMATS
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
    quiet: bool = False,
) -> History:
    """Load evidence into a history: traces, logs, workflow runs, tickets, catalogues.

    Formats are recognised by content, never by name. Each file is one transaction: it is loaded with every record
    accounted for, or the history is as it was. Loading a file twice, or overlapping exports, changes nothing.

    Parameters
    ----------
    paths
        Files, folders, patterns or archives; or several. In a folder, files of no known format are left out and
        named; a mapping file (TOML) that lies in it is used for the files beside it.
    into
        The history to add to: a file, made if absent, or a `History`. Left out, a new history in memory.
    format
        Read as this format instead of recognising it.
    mapping
        A mapping for a format of your own: a path to TOML, or the same as dictionaries.
    timezone
        Zone of times that do not say theirs, such as ``"Europe/Berlin"``.
    on_reject
        ``"rollback"`` to give up a file of which too much is rejected, ``"keep"`` to keep what loads.
    max_reject_share
        How much is too much, from 0 to 1; files of fewer than 20 records are never given up for it.
    salvage
        Load what can be read of a damaged archive, instead of refusing it.
    people
        ``"hash"`` to store people as salted hashes, ``"names"`` to store their names.
    redact
        Whether secrets are masked before they are stored.
    quiet
        Print neither progress nor the report.

    Returns
    -------
    History
        The history, with its model rebuilt; `History.loads` says what became of each file.

    Raises
    ------
    UnreadableFileError, UnknownFormatError, UnsafeArchiveError, MappingError
        If a file cannot be read; the files before it stay loaded.
    TooManyRejectsError
        If more of a file is rejected than allowed.
    HistoryLockedError, HistoryFullError
        If the history cannot be written.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> line = '{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "%032x", "spanId": "%016x", ' % (1, 1)
    >>> line += '"startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225600000005000"}]}]}]}'
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "traces.jsonl").write_text(line)
    ...     ha.load(folder, quiet=True).loads.select("format", "seen", "loaded").row(0)
    ('otlp', 1, 1)
    """
    if on_reject not in {"rollback", "keep"}:
        raise ArgumentError(f"on_reject = {on_reject!r}, must be 'rollback' or 'keep'.")
    if people not in {"hash", "names"}:
        raise ArgumentError(f"people = {people!r}, must be 'hash' or 'names'.")
    history = into if isinstance(into, History) else History(into)
    options = {"timezone": timezone, "people": people, "mapping": mapping, "redact": redact}
    limit = max_reject_share if on_reject == "rollback" else 1.0
    with history._store.writer() as connection:  # noqa: SLF001 - the loader is the one writer of a history
        before = _last_load(connection)
        known = formats()
        found = list(sources(paths))
        if mapping is not None:
            tabular = importlib.import_module(".tabular", __name__)
            known = (tabular.mapped(mapping),)
            format = known[0].name  # noqa: A001 - as above
        mappings = [source for source in found if _is_mapping(source)] if format is None else []
        if mappings:
            tabular = importlib.import_module(".tabular", __name__)
            known = (*(tabular.mapped(source.path) for source in mappings), *known)
        skipped: list[str] = []
        touched: set[str] = set()
        try:
            for source in watched(found, quiet=quiet):
                if source in mappings:
                    continue
                try:
                    what = detect(source, known, wanted=format)
                except UnknownFormatError as fault:
                    if source.given:
                        raise
                    skipped.append(f"{source.name}: {fault}")
                    continue
                touched |= _load_one(connection, source, what, limit=limit, salvage=salvage, **options)
        finally:
            # Files before the one that failed stay loaded: the model must show them.
            if touched or not model.is_built(connection):
                connection.execute("BEGIN").fetchall()
                try:
                    aliases.meet(connection)
                    model.build(connection)
                    connection.execute("COMMIT").fetchall()
                except BaseException:
                    connection.execute("ROLLBACK").fetchall()
                    raise
    result = History(history.path) if history.path != MEMORY else history
    if not quiet:
        announced(result, after=before, skipped=skipped)
    return result


def _last_load(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("SELECT coalesce(max(load_id), 0) FROM loads").fetchall()[0][0])


def _is_mapping(source: Source) -> bool:
    """Tell whether a file of a folder is a mapping for the files beside it."""
    return not source.given and source.name.endswith(".toml") and b"[mapping]" in source.head


def _load_one(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Detection,
    *,
    limit: float,
    salvage: bool,
    **options: Any,
) -> set[str]:
    """Load one file in one transaction, and return the tables that changed."""
    started_at = now()
    again = connection.execute(
        "SELECT load_id FROM loads WHERE file_sha256 = $sha256 AND container IS NOT DISTINCT FROM $packing",
        {"sha256": source.sha256, "packing": source.packing},
    ).fetchall()
    if again and found.format.kind != "catalogue":
        told(f"{source.name}: already loaded as load {again[0][0]}")
        return set()
    salt = connection.execute("SELECT content FROM history_facts WHERE fact = 'salt'").fetchall()[0][0]
    load_id = _last_load(connection) + 1
    connection.execute("BEGIN").fetchall()
    try:
        sink = Sink(connection, load_id, salt=salt, **options)
        size = source.size_bytes
        found.format.parse(source, sink, found)
        if source.fault is not None:
            if not salvage:
                raise UnreadableFileError(
                    f"{source.name}: {source.fault}; {sink.counts['seen']:,} whole records come before. "
                    "Fetch the file again, or load what there is with salvage=True."
                )
            sink.reject(sink.record(None, offset=source.read_bytes), "DECOMPRESS", source.fault)
        if source.path.stat().st_size != size:
            sink.note("the file changed while it was read: load it again when it is complete")
        sink.flush()
        sink.balance()
        if sink.counts["seen"] >= _FEW_RECORDS and sink.counts["rejected"] > limit * sink.counts["seen"]:
            raise TooManyRejectsError(_summary(source, sink, limit))
        _book(connection, source, found, sink, load_id=load_id, started_at=started_at)
        connection.execute("COMMIT").fetchall()
    except duckdb.Error as fault:
        connection.execute("ROLLBACK").fetchall()
        text = str(fault).splitlines()[0]
        if "No space left" in text or "Out of Memory" in text or "memory" in text.lower():
            raise HistoryFullError(f"{source.name} does not fit: {text}. The history is as it was.") from fault
        raise
    except BaseException:
        connection.execute("ROLLBACK").fetchall()
        raise
    return sink.touched


def _summary(source: Source, sink: Sink, limit: float) -> str:
    counts = sink.counts
    return (
        f"{source.name}: {counts['rejected']:,} of {counts['seen']:,} records are rejected, more than {limit:.0%}: "
        f"{sink.first_rejects()} Nothing was loaded. Load it with on_reject='keep' to keep what can be read, or with "
        "format= or mapping= if it was taken for another format."
    )


def _book(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Detection,
    sink: Sink,
    *,
    load_id: int,
    started_at: Any,
) -> None:
    """Write the line of the ledger."""
    notes = {"notes": sink.notes, "skipped": sink.skipped, "flags": sink.flags}
    first_at, last_at = sink.span_of_time()
    connection.execute(
        """
        INSERT INTO loads BY NAME
        SELECT $load_id AS load_id, $file_name AS file_name, $file_sha256 AS file_sha256, $file_bytes AS file_bytes,
            $container AS container, $format AS format, $kind AS kind, $confidence AS format_confidence,
            $evidence AS format_evidence, $encoding AS encoding, $mapping AS mapping, $version AS loader_version,
            $started_at AS started_at, $finished_at AS finished_at, $seen AS seen, $loaded AS loaded,
            $rejected AS rejected, $duplicate AS duplicate, $skipped AS skipped, $redacted AS redacted,
            $first_at AS first_at, $last_at AS last_at, $notes AS notes
        """,
        {
            "load_id": load_id,
            "file_name": source.name,
            "file_sha256": source.sha256,
            "file_bytes": source.size_bytes,
            "container": source.packing,
            "format": found.format.name,
            "kind": found.format.kind,
            "confidence": found.confidence,
            "evidence": found.evidence,
            "encoding": found.encoding,
            "mapping": found.format.name if sink.mapping is not None else None,
            "version": __version__,
            "started_at": started_at,
            "finished_at": now(),
            **{name: sink.counts[name] for name in ("seen", "loaded", "rejected", "duplicate", "skipped", "redacted")},
            "first_at": first_at,
            "last_at": last_at,
            "notes": orjson.dumps(notes).decode(),
        },
    ).fetchall()
