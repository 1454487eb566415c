"""Which events does a table of events hold that uses the names of XES?

Columns that begin with `case:` belong to the case, all others to the event. Other names need a mapping.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ...errors import UnreadableFileError
from ..detect import Format
from ..moments import Clock
from ..readers import csv_rows
from .xes import load_event

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Source


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the rows of a table."""
    clock = Clock(timezone=sink.timezone)
    header: list[str] = []
    try:
        for record in csv_rows(source, sink, delimiter=found.delimiter, encoding=found.encoding):
            row: list[str] = record.value
            if record.number == 0:
                header = [name.strip().lstrip("\ufeff") for name in row]
                continue
            if len(row) != len(header) and any(row[len(header) :]):
                sink.reject(record, "COLUMNS", f"{len(row)} fields, wanted {len(header)}")
                continue
            fields = {name: value for name, value in zip(header, row, strict=False) if name}
            case = fields.get("case:concept:name")
            trace = {name.removeprefix("case:"): value for name, value in fields.items() if name.startswith("case:")}
            event = {name: value for name, value in fields.items() if not name.startswith("case:")}
            load_event(record, event, sink, clock=clock, case=case, trace=trace)
    except csv.Error as fault:
        raise UnreadableFileError(
            f"{source.name} is no table: {fault}. Export it again, with quotes closed."
        ) from fault


FORMATS = (
    Format(
        name="csv_eventlog",
        kind="eventlog",
        shape="csv",
        parse=parse,
        header=frozenset({"case:concept:name", "concept:name", "time:timestamp"}),
    ),
)
