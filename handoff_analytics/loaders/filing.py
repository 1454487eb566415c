"""How does one file become part of a history, whole or not at all?"""

from __future__ import annotations

import contextlib
import gc
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

from .. import __version__, model
from ..errors import HandoffError, HistoryFullError, TooManyRejectsError, UnreadableFileError
from ..model.statements import note
from ..store import roll_back
from . import aliases
from .ledger import UNEXPECTED, Sink, now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .detect import Detection
    from .readers import Source

# A file is too small to speak of shares below this many records.
_FEW_RECORDS = 20
_FULL = (
    *("No space left", "File too large", "Disk quota"),
    *("Out of Memory", "out of memory", "failed to allocate", "could not allocate"),
)
# Parsing makes millions of objects and hardly a cycle: looking for cycles as often as usual takes most of the time.
_COLLECT_EVERY = 500_000


def last_load(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the newest load; 0 if there is none."""
    return int(connection.execute("SELECT coalesce(max(load_id), 0) FROM loads").fetchall()[0][0])


def known_as(connection: duckdb.DuckDBPyConnection, source: Source) -> int | None:
    """Return the load that brought these very bytes; null if they are new."""
    same_size = connection.execute(
        "SELECT count(*) FROM loads WHERE file_bytes = $size AND container IS NOT DISTINCT FROM $packing",
        {"size": source.size_bytes, "packing": source.packing},
    ).fetchall()
    if not same_size[0][0]:
        return None
    found = connection.execute(
        "SELECT min(load_id) FROM loads WHERE file_sha256 = $sha256 AND container IS NOT DISTINCT FROM $packing",
        {"sha256": source.sha256, "packing": source.packing},
    ).fetchall()
    return None if found[0][0] is None else int(found[0][0])


def file_in(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Detection,
    *,
    limit: float,
    salvage: bool,
    last: bool,
    **options: Any,
) -> bool:
    """Load one file in one transaction, and tell whether it changed the evidence.

    Parameters
    ----------
    connection
        The history.
    source
        The file.
    found
        Its format.
    limit
        Share of rejects above which the file is given up, from 0 to 1.
    salvage
        Load what comes before a fault of the bytes.
    last
        Whether the model is to be built with this file, so that both are seen at once.
    **options
        What the sink is told.

    Raises
    ------
    UnreadableFileError
        If the bytes are at fault.
    TooManyRejectsError
        If too much of it is rejected.
    HistoryFullError
        If disk or memory do not suffice.
    """
    started_at = now()
    salt = connection.execute("SELECT content FROM history_facts WHERE fact = 'salt'").fetchall()[0][0]
    load_id = last_load(connection) + 1
    before = source.path.stat()
    with _transaction(connection, source.name) as abandoned, ThreadPoolExecutor(1) as hasher, _few_collections():
        # The hash is computed while the file is read: it is in the cache then.
        sha256 = hasher.submit(lambda: source.sha256)
        sink = Sink(connection, load_id, salt=salt, **options)
        abandoned.append(sink)
        with expecting(source.name, sink, found):
            found.format.parse(source, sink, found)
        if source.fault is not None:
            if not salvage:
                raise UnreadableFileError(
                    f"{source.name}: {source.fault}; {sink.counts['seen']:,} whole records come before. "
                    "Fetch the file again, or load what there is with salvage=True."
                )
            sink.reject(sink.record(None, offset=source.read_bytes), "DECOMPRESS", source.fault)
        after = source.path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            sink.note("the file changed while it was read: load it again when it is complete")
        with expecting(source.name, sink, found):
            sink.flush()
        sink.balance()
        counts = sink.counts
        if counts["seen"] >= _FEW_RECORDS and counts["rejected"] > limit * counts["seen"]:
            raise TooManyRejectsError(
                f"{source.name}: {counts['rejected']:,} of {counts['seen']:,} records are rejected, more than "
                f"{limit:.0%}: {sink.first_rejects()} Nothing was loaded. Load it with on_reject='keep' to keep what "
                "can be read, or with format= or mapping= if it was taken for another format."
            )
        _book(connection, source, found, sink, sha256=sha256.result(), started_at=started_at)
        if sink.touched:
            mark(connection, stale=True)
        if last and (sink.touched or is_stale(connection)):
            _build(connection)
    return bool(sink.touched)


@contextlib.contextmanager
def expecting(name: str, sink: Sink, found: Detection) -> Iterator[None]:
    """Turn what a reader stumbles over, beyond what it rejects, into an error that says where in the file it stands."""
    try:
        yield
    except HandoffError:
        raise
    except (*UNEXPECTED, duckdb.DataError, duckdb.ProgrammingError) as fault:
        said = str(fault).splitlines()[0][:300] if str(fault) else "no more is known"
        raise UnreadableFileError(
            f"{name}: record {sink.counts['seen']:,}, or one near it, has a shape that the reader of "
            f"{found.format.name} does not know ({type(fault).__name__}: {said}). Correct or remove the record, and "
            "load the file again; if the record is as its program writes it, please report it."
        ) from fault


def refresh(connection: duckdb.DuckDBPyConnection, *, always: bool = False) -> None:
    """Renew the model in a transaction of its own if evidence came in since it was built; build it anew if `always`."""
    if always or is_stale(connection):
        with _transaction(connection, "the model"):
            _build(connection, whole=always)


def mark(connection: duckdb.DuckDBPyConnection, *, stale: bool) -> None:
    """Note whether the model lacks evidence; a load that is killed between two files leaves the note."""
    note(connection, "model", "stale" if stale else "current")


def is_stale(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether evidence came in since the model was built."""
    noted = connection.execute("SELECT content FROM history_facts WHERE fact = 'model'").fetchall()
    return not model.is_built(connection) or noted == [("stale",)]


def _build(connection: duckdb.DuckDBPyConnection, *, whole: bool = False) -> None:
    aliases.meet(connection)
    (model.build if whole else model.renew)(connection)
    mark(connection, stale=False)


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection, what: str) -> Iterator[list[Sink]]:
    """Commit what is done inside, or leave the history as it was; sinks that are handed over stop writing first."""
    writing: list[Sink] = []
    # Asked for now: a database whose disk is full answers nothing any more.
    path = connection.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall()[0][0]
    connection.execute("BEGIN").fetchall()
    try:
        yield writing
        connection.execute("COMMIT").fetchall()
    except BaseException as fault:
        for sink in writing:
            sink.abandon()
        roll_back(connection)
        if _is_interrupt(fault):
            raise KeyboardInterrupt from fault
        if not isinstance(fault, HandoffError) and (full := _full(fault, path, what)) is not None:
            raise full from fault
        raise


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make what the database raises after Ctrl-C the interrupt that it is."""
    try:
        yield
    except (duckdb.Error, RuntimeError) as fault:
        if _is_interrupt(fault):
            raise KeyboardInterrupt from fault
        raise


def _is_interrupt(fault: BaseException) -> bool:
    # A query that waits raises the one, a query that begins the other.
    return isinstance(fault, duckdb.InterruptException) or (
        isinstance(fault, RuntimeError) and str(fault) == "Query interrupted"
    )


def _full(fault: BaseException, path: str | None, what: str) -> HistoryFullError | None:
    """Return what to do if a fault means that disk or memory do not suffice; null for any other fault."""
    if not isinstance(fault, MemoryError) and not any(sign in str(fault) for sign in _FULL):
        return None
    text = str(fault).splitlines()[0] if str(fault) else "out of memory"
    free = f" {shutil.disk_usage(Path(path).parent).free:,} bytes are free beside {path}." if path else ""
    return HistoryFullError(
        f"{what} does not fit: {text}.{free} Make room, or load it into {'another place' if path else 'a file'}. "
        "The history is as it was."
    )


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    usual = gc.get_threshold()
    gc.set_threshold(_COLLECT_EVERY, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _book(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Detection,
    sink: Sink,
    *,
    sha256: str,
    started_at: datetime,
) -> None:
    """Write the line of the ledger."""
    notes = {"notes": sink.notes, "skipped": sink.skipped, "flags": sink.flags}
    first_at, last_at = sink.span_of_time()
    values = {
        "load_id": sink.load_id,
        "file_name": source.name,
        "file_sha256": sha256,
        "file_bytes": source.size_bytes,
        "container": source.packing,
        "format": found.format.name,
        "kind": found.format.kind,
        "format_confidence": found.confidence,
        "format_evidence": found.evidence,
        "encoding": found.encoding,
        "mapping": found.format.name if sink.mapping is not None else None,
        "loader_version": __version__,
        "started_at": started_at,
        "finished_at": now(),
        **{name: sink.counts[name] for name in ("seen", "loaded", "rejected", "duplicate", "skipped", "redacted")},
        "first_at": first_at,
        "last_at": last_at,
        "notes": orjson.dumps(notes).decode(),
    }
    columns = ", ".join(f'"{name}"' for name in values)
    connection.execute(
        f"INSERT INTO main.loads ({columns}) VALUES ({', '.join(f'${name}' for name in values)})", values
    ).fetchall()
