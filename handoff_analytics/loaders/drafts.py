"""What might a mapping for this file say, and what would it load?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .. import schema, store
from ..errors import UnreadableFileError
from . import batches, delimited, paths, stages, tabular, times
from .detect import Detection
from .filing import expecting
from .ledger import Sink
from .mapping import TARGETS, mapping
from .readers import json_documents, sources
from .status import normalised

if TYPE_CHECKING:
    from .batches import Table
    from .readers import Source

# What a column of each target is called in exports, best guess first.
_WORDS = {
    "ticket_id": r"number|(ticket|issue|incident|case).?(id|key|number|no)|key|id",
    "title": r"title|subject|summary|short.?description|name",
    "description": r"description|details|body",
    "state": r"state|status",
    "priority": r"priority|severity|urgency",
    "opened_at": r"(opened|created|reported|start(ed)?).?(at|on|time|date)?|date",
    "resolved_at": r"(resolved|solved|fixed).?(at|on|time|date)?",
    "closed_at": r"closed.?(at|on|time|date)?",
    "updated_at": r"(updated|modified|changed|last.?update).?(at|on|time|date)?",
    "team": r"team|group|assign(ed|ment).?(group|team)|queue",
    "person": r"assignee|assigned.?to|owner|agent",
    "affected": r"(affected.?)?(system|service|component|application|ci|configuration.?item)s?",
    "run_id": r"(run|execution|job|build|flow.?run).?(id|key|number)|id",
    "workflow": r"workflow|pipeline|flow|scenario|recipe|job|dag|zap|process.?name|name",
    "technical_status": r"status|state|result|outcome|conclusion",
    "started_at": r"(start(ed)?|begin|execution|created).?(at|on|time|date)?|timestamp|time",
    "ended_at": r"(end(ed)?|finish(ed)?|completed|stopped).?(at|on|time|date)?",
    "duration_s": r"duration|elapsed|took|run.?time",
    "error_message": r"error|(error.?)?message|failure.?reason",
    "correlation_id": r"correlation.?id|order.?(id|no|number)|reference|business.?key",
    "logged_at": r"timestamp|time|date|@timestamp|ts",
    "body": r"message|msg|body|text|content",
    "severity_text": r"level|severity",
    "system": r"service|system|app(lication)?|host|source",
    "trace_id": r"trace.?id",
    "span_id": r"span.?id",
    "parent_span_id": r"parent.?(span.?)?id",
    "status": r"status|state|result",
}
_COLUMNS = {
    "tickets": (
        "ticket_id", "title", "description", "state", "priority", "opened_at", "resolved_at", "closed_at", "updated_at",
        "team", "person", "affected", "correlation_id",
    ),
    "runs": (
        "run_id", "workflow", "technical_status", "started_at", "ended_at", "duration_s", "error_message",
        "correlation_id",
    ),
    "spans": ("trace_id", "span_id", "parent_span_id", "system", "started_at", "ended_at", "duration_s", "status"),
    "events": ("logged_at", "severity_text", "system", "body", "trace_id", "correlation_id"),
}  # fmt: skip
_NEEDED = {
    "tickets": {"ticket_id"},
    "runs": {"run_id", "started_at"},
    "spans": {"system", "started_at"},
    "events": {"logged_at"},
}
_FORMATS = (
    "iso", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%m-%d-%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d/%b/%y %H:%M",
    "%d/%b/%y %I:%M %p", "%m/%d/%Y %I:%M %p", "%b %d, %Y, %I:%M %p",
)  # fmt: skip
_SAMPLE = 200


def draft_mapping(path: str | Path, *, target: str | None = None) -> str:
    r"""Write a mapping for a file of a format of your own, to be corrected and used.

    Parameters
    ----------
    path
        The file: delimited text, a workbook, Parquet, JSON or JSON lines.
    target
        What its records are: tickets, runs, spans or events. Guessed from the columns where left out.

    Returns
    -------
    str
        TOML. Each column of the file is there, with its first three values as a comment; those that were not
        recognised are commented out.

    Raises
    ------
    UnreadableFileError
        If the file holds no rows of any of these kinds.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "tickets.csv")
    ...     _ = file.write_text("Case no;Subject;Opened\nA1;It broke;05.01.2026 10:00\nA2;Again;16.01.2026 09:30\n")
    ...     print(ha.draft_mapping(file).split("[column.opened_at]")[1].strip())
    # 05.01.2026 10:00 | 16.01.2026 09:30
    from = "Opened"
    type = "time"
    formats = ["%d.%m.%Y %H:%M"]
    """
    source = next(iter(sources(path)))
    reader, table = _opened(source)
    columns = _sampled(table)
    if not columns:
        raise UnreadableFileError(f"{source.name} has no rows that a mapping could read.")
    target = target or _likeliest(columns)
    found = _matched(target, columns)
    lines = [
        f"# Drafted from {source.name}: correct what is wrong, then load with mapping=.",
        "[mapping]",
        "format = 1",
        f"name = {_quoted(re.sub(r'[^a-z0-9]+', '_', Path(source.name).stem.lower()).strip('_') or 'my_format')}",
        f"target = {_quoted(target)}                # {' | '.join(TARGETS)}",
        f"reader = {_quoted(reader)}",
        "[mapping.match]",
        f"keys_all = {_list(list(dict.fromkeys(columns))[:4])}",
        "[mapping.values]",
        'null = ["", "NULL", "null", "?"]',
        '# timezone = "Europe/Berlin"      # needed when times name no zone',
    ]
    for name in _COLUMNS[target]:
        if name in found:
            lines += [
                "",
                f"[column.{name}]",
                *_described(name, found[name], columns[found[name]], needed=name in _NEEDED[target]),
            ]
        elif name in _NEEDED[target]:
            lines += [
                "",
                "# Needed, and not recognised: say which column it is.",
                f"[column.{name}]",
                'from = ""',
                "required = true",
            ]
    for source_name in columns:
        if source_name not in found.values():
            lines += [
                "",
                f"# [column.{_quoted('attributes.' + source_name)}]",
                *(f"# {line}" for line in _plain(source_name, columns[source_name])),
            ]
    return "\n".join(lines) + "\n"


def _opened(source: Source) -> tuple[str, Table]:
    """Return the reader that fits a file, and its rows."""
    sink = _scratch("UTC")
    head = source.head.lstrip()
    if head.startswith(b"PK"):
        return "xlsx", batches.sheet_table(source, sink, wanted=())
    if head.startswith(b"PAR1"):
        return "parquet", batches.parquet_table(source, sink)
    if head[:1] in {b"{", b"["}:
        wanted = _json_paths(source, sink)
        by_line = b"\n{" in head or b"\n[" in head
        return ("jsonl" if by_line else "json"), batches.json_table(source, sink, batches.JsonShape(wanted))
    return "csv", batches.csv_table(source, sink, encoding=delimited.encoding(source.head))


def _json_paths(source: Source, sink: Sink) -> tuple[str, ...]:
    """Return the paths that the first records have."""
    found: dict[str, None] = {}
    shape = batches.JsonShape(())
    for document in json_documents(source, sink):
        for count, (_, value) in enumerate(batches.json_records(document.value, shape)):
            if isinstance(value, dict):
                found |= dict.fromkeys(paths.flat(value))
            if count >= _SAMPLE:
                break
        if len(found) > 0 and sink.counts["seen"] >= _SAMPLE:
            break
    return tuple(found)


def _scratch(timezone: str | None) -> Sink:
    """Return a sink whose history nobody will see."""
    connection = store.connect(store.MEMORY)
    schema.prepare(connection, store.MEMORY)
    return Sink(connection, 1, timezone=timezone)


def _sampled(table: Table) -> dict[str, pl.Series]:
    """Return the first texts of each column by its name; of columns of one name, the first."""
    batch = next(iter(table.batches), None)
    if batch is None:
        return {}
    columns: dict[str, pl.Series] = {}
    for place, name in enumerate(table.names):
        if name.strip():
            texts = batch.frame[f"c{place}"].head(_SAMPLE).str.strip_chars()
            columns.setdefault(name.strip(), texts.filter(texts.is_not_null() & (texts != "")))
    return columns


def _likeliest(columns: dict[str, pl.Series]) -> str:
    return max(
        _COLUMNS, key=lambda target: (len(_matched(target, columns)) / len(_COLUMNS[target]), target == "tickets")
    )


def _matched(target: str, columns: dict[str, pl.Series]) -> dict[str, str]:
    """Return which column of the file is which of the target, by its name and, for times, by its values."""
    found: dict[str, str] = {}
    for name in _COLUMNS[target]:
        for source_name, texts in columns.items():
            if source_name in found.values():
                continue
            plain = re.sub(r"[^a-z0-9@]+", "_", source_name.lower()).strip("_")
            if re.fullmatch(_WORDS[name], plain) and (not name.endswith("_at") or _formats(texts)):
                found[name] = source_name
                break
    return found


def _formats(texts: pl.Series) -> list[str]:
    """Return the formats that read all of some texts; both orders of day and month where none decides."""
    if texts.is_empty():
        return []
    if texts.str.contains(r"^\d+(\.\d+)?$").all():
        unit = times.epoch_unit(texts)
        return [unit] if unit is not None else []
    fits = [fmt for fmt in _FORMATS if not times.instants(texts, formats=[fmt]).unreadable.any()]
    return fits[:1] + [fmt for fmt in fits[1:] if fmt in times.ambiguous(fits)]


def _described(name: str, source_name: str, texts: pl.Series, *, needed: bool) -> list[str]:
    lines = _plain(source_name, texts)
    if name.endswith("_at"):
        lines += ['type = "time"', f"formats = {_list(_formats(texts))}"]
    elif name == "duration_s":
        lines += ['type = "duration"', 'unit = "s"               # ns | us | ms | s | min | h | d | iso8601 | hh:mm:ss']
    elif name == "affected":
        lines += ["collect = true"]
    elif name in {"technical_status", "status"}:
        words = {word: found.value if (found := normalised(word)) else "unset" for word in _words(texts)}
        lines += [f"map = {_table(words)}"]
    elif name == "state":
        unknown = [word for word in _words(texts) if stages.stage(word) is None]
        lines += [f"# not known as a stage: {', '.join(unknown)}"] if unknown else []
    return lines + (["required = true"] if needed else [])


def _words(texts: pl.Series) -> list[str]:
    return [str(word) for word in texts.unique().sort().head(20)]


def _plain(source_name: str, texts: pl.Series) -> list[str]:
    shown = " | ".join(re.sub(r"\s+", " ", str(text))[:60] for text in texts.unique(maintain_order=True).head(3))
    return [f"# {shown}", f"from = {_quoted(source_name)}"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(texts: list[str]) -> str:
    return "[" + ", ".join(_quoted(text) for text in texts) + "]"


def _table(words: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{_quoted(word)} = {_quoted(value)}" for word, value in words.items()) + " }"


def check_mapping(path: str | Path, mapping_file: Any, *, timezone: str | None = None) -> pl.DataFrame:
    r"""Say what a mapping would load of a file, and which records it would reject; nothing is written.

    Parameters
    ----------
    path
        The file.
    mapping_file
        The mapping: a path to TOML, the TOML itself, or the same as dictionaries.
    timezone
        Zone of times that name none, as for `load`.

    Returns
    -------
    polars.DataFrame
        ====== ====== ==============================================================================
        what   String seen, loaded, duplicate, skipped, rejected; then one row a reject, at most ten
        count  Int64  records
        line   Int64  physical line of a reject; null where it has none
        column String column at fault
        reason String what was found and what was wanted
        ====== ====== ==============================================================================

    Raises
    ------
    MappingError
        If the mapping is wrong, or fits nothing in the file.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> from tempfile import TemporaryDirectory
    >>> said = {"mapping": {"format": 1, "name": "x", "target": "tickets", "reader": "csv"},
    ...         "column": {"ticket_id": {"from": "Case", "required": True}}}
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "tickets.csv")
    ...     _ = file.write_text("Case,Subject\nA1,It broke\n,Again\n")
    ...     ha.check_mapping(file, said).select("what", "count", "reason").rows()[-2:]
    [('rejected', 1, None), ('MISSING', 1, 'Case is empty')]
    """
    source = next(iter(sources(path)))
    said = mapping(mapping_file)
    sink = _scratch(timezone)
    form = tabular.mapped(said)
    found = Detection(form, 1.0, "given", encoding=delimited.encoding(source.head))
    with expecting(source.name, sink, found):
        form.parse(source, sink, found)
        sink.flush()
    sink.balance()
    rejects = sink.connection.execute(
        "SELECT code, line, column_name, reason FROM rejects ORDER BY record_no LIMIT 10"
    ).fetchall()
    sink.connection.close()
    counts = [
        (what, sink.counts[what], None, None, None) for what in ("seen", "loaded", "duplicate", "skipped", "rejected")
    ]
    return pl.DataFrame(
        [*counts, *((code, 1, line, column, reason) for code, line, column, reason in rejects)],
        schema={"what": pl.String, "count": pl.Int64, "line": pl.Int64, "column": pl.String, "reason": pl.String},
        orient="row",
    )
