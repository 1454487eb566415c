"""Which events does a table of events hold that uses the names of XES?

Columns that begin with `case:` belong to the case, all others to the event. Other names need a mapping.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ...errors import UnreadableFileError
from ..detect import Format
from ..moments import Clock
from .xes import load_event

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the rows of a table."""
    clock = Clock(timezone=sink.timezone)
    header: list[str] = []
    with (
        source.open() as stream,
        io.TextIOWrapper(stream, encoding=found.encoding, errors="backslashreplace", newline="") as text,
    ):
        rows = csv.reader(text, delimiter=found.delimiter, strict=True)
        try:
            for row in rows:
                if not header:
                    header = [name.strip().lstrip("\ufeff") for name in row]
                elif row:
                    _load(sink.record(row, line=rows.line_num), header, sink, clock)
        except csv.Error as fault:
            raise UnreadableFileError(
                f"{source.name} is no table: {fault} in line {rows.line_num}. Export it with all quotes closed."
            ) from fault


def _load(record: Record, header: list[str], sink: Sink, clock: Clock) -> None:
    row: list[str] = record.value
    if len(row) != len(header) and any(row[len(header) :]):
        sink.reject(record, "COLUMNS", f"{len(row)} fields, wanted {len(header)}")
        return
    fields = {name: value for name, value in zip(header, row, strict=False) if name}
    case = fields.get("case:concept:name")
    trace = {name.removeprefix("case:"): value for name, value in fields.items() if name.startswith("case:")}
    event = {name: value for name, value in fields.items() if not name.startswith("case:")}
    load_event(record, event, sink, clock=clock, case=case, trace=trace)


FORMATS = (
    Format(
        name="csv_eventlog",
        kind="eventlog",
        shape="csv",
        parse=parse,
        header=frozenset({"case:concept:name", "concept:name", "time:timestamp"}),
    ),
)
