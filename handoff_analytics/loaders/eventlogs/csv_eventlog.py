"""Which events does a table of events hold that uses the names of XES?

Columns that begin with `case:` belong to the case, all others to the event. Other names need a mapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import batches
from ..detect import Format
from ..moments import Clock
from ..repeats import Repeats
from .xes import load_event

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the rows of a table."""
    clock = Clock(timezone=sink.timezone)
    repeats = Repeats()
    table = batches.csv_table(source, sink, encoding=found.encoding, delimiter=found.delimiter)
    for batch in table.batches:
        for place, row in enumerate(batch.frame.iter_rows()):
            fields = {name: value or "" for name, value in zip(table.names, row, strict=False) if name}
            fields |= repeats.told("", row)
            _load(batch.record(place), fields, sink, clock)


def _load(record: Record, fields: dict[str, str], sink: Sink, clock: Clock) -> None:
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
