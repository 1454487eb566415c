"""How does a file of evidence become part of a history?"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from ..declarations import zone_fault
from ..errors import ArgumentError, HandoffError, UnknownFormatError, UnreadableFileError
from ..history import History
from ..model import require_evidence
from ..store import MEMORY
from .detect import Detection, Format, detect
from .filing import file_in, interruptible, known_as, last_load, refresh
from .ledger import Sink
from .progress import Progress
from .rawtables import opened
from .readers import Source, sources
from .redact import KINDS
from .report import LoadReport, report

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

__all__ = ["Detection", "Format", "LoadReport", "Sink", "Source", "detect", "formats", "load", "sources"]


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
    redact: bool | Collection[str] = True,
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
        Whether card numbers and secrets are masked before they are stored; or which of ``"cards"``, ``"secrets"`` and
        ``"emails"`` are.
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
    ArgumentError
        If an option is none of those above.
    TooManyRejectsError
        If more of a file is rejected than allowed.
    HistoryLockedError, HistoryFullError
        If the history cannot be written.
    KeyboardInterrupt
        After Ctrl-C: nothing of the file that was being read is kept, files read before it stay, and the model is as
        it was until the next load.

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
    if timezone is not None and (wrong := zone_fault(timezone)) is not None:
        raise ArgumentError(f"timezone = {timezone!r}: {wrong}")
    _check(on_reject=on_reject, people=people, redact=redact, max_reject_share=max_reject_share)
    history = into if isinstance(into, History) else History(into)
    options = {"timezone": timezone, "people": people, "mapping": mapping, "redact": redact, "salvage": salvage}
    options["limit"] = max_reject_share if on_reject == "rollback" else 1.0
    found = list(sources(paths))
    left_out: list[str] = []
    again: list[tuple[str, int]] = []
    with (
        interruptible(),
        Progress(total_bytes=sum(source.size_bytes for source in found), quiet=quiet) as progress,
        history._store.writer() as connection,  # noqa: SLF001 - the loader is the one writer of a history
    ):
        require_evidence(connection)
        before = last_load(connection)
        try:
            for source, what, last in _one_ahead(_recognised(found, format, mapping, left_out)):
                progress.start(source)
                load_id = known_as(connection, source) if what.format.kind != "catalogue" else None
                if load_id is None:
                    file_in(connection, source, what, last=last, **options)
                else:
                    again.append((source.name, load_id))
                progress.finish(source)
        except KeyboardInterrupt:
            # Who interrupts waits for no model: it stays as it was, the history notes which files it lacks, and the
            # next load shows them.
            raise
        except BaseException:
            # Files before one that failed stay loaded: the model must show them. Where not even that can be written,
            # the history notes that its model lacks them.
            with contextlib.suppress(HandoffError, duckdb.Error):
                refresh(connection)
            raise
        progress.say("building the model")
        refresh(connection)
    result = History(history.path) if history.path != MEMORY else history
    if not quiet:
        _show(report(result, after=before, left_out=left_out, known=again))
    return result


def _check(*, on_reject: str, people: str, redact: bool | Collection[str], max_reject_share: float) -> None:
    if on_reject not in {"rollback", "keep"}:
        raise ArgumentError(f"on_reject = {on_reject!r}, must be 'rollback' or 'keep'.")
    if people not in {"hash", "names"}:
        raise ArgumentError(f"people = {people!r}, must be 'hash' or 'names'.")
    if not 0 <= max_reject_share <= 1:
        raise ArgumentError(f"max_reject_share = {max_reject_share}, must be from 0 to 1.")
    if not isinstance(redact, bool) and (isinstance(redact, str) or set(redact) - set(KINDS)):
        raise ArgumentError(f"redact = {redact!r}, must be True, False or some of {', '.join(map(repr, KINDS))}.")


def _recognised(
    found: list[Source],
    format: str | None,  # noqa: A002 - as in load
    mapping: Any,
    left_out: list[str],
) -> Iterator[tuple[Source, Detection]]:
    """Yield the files that some format fits; in a folder the others are left out, with the reason."""
    known = formats()
    tabular = importlib.import_module(".tabular", __name__)
    mappings = [source for source in found if _is_mapping(source)] if format is None and mapping is None else []
    if mapping is not None:
        known = (tabular.mapped(mapping),)
        format = known[0].name  # noqa: A001 - as above
    known = (*(tabular.mapped(source.path) for source in mappings), *known)
    for given in found:
        if given in mappings:
            continue
        source = opened(given)
        try:
            what = detect(source, known, wanted=format)
        except (UnknownFormatError, UnreadableFileError) as fault:
            if given.given:
                raise
            left_out.append(str(fault))
            continue
        # There may be many files: only the one that is read keeps its first bytes.
        vars(given).pop("head", None)
        yield source, what


def _one_ahead(files: Iterator[tuple[Source, Detection]]) -> Iterator[tuple[Source, Detection, bool]]:
    """Yield each file, and whether it is the last one."""
    before = next(files, None)
    while before is not None:
        after = next(files, None)
        yield *before, after is None
        before = after


def _is_mapping(source: Source) -> bool:
    """Tell whether a file of a folder is a mapping for the files beside it."""
    return not source.given and source.name.endswith(".toml") and b"[mapping]" in source.head


def _show(made: LoadReport) -> None:
    """Print a report; stdout is for answers."""
    from rich.console import Console  # noqa: PLC0415 - only where something is shown

    Console(stderr=True).print(made, soft_wrap=True)
