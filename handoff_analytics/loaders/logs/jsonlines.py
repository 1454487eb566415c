"""What do logs say that write one JSON object a record?"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from ..detect import Format
from ..readers import json_records
from . import text
from .entries import loaded, reading
from .fields import Reader

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Source

# A record that says when and what is a log record, whoever wrote it; formats with more keys in common come first.
_WHEN = (
    *("timestamp", "time", "ts", "@timestamp", "@t", "date", "datetime", "_time", "asctime", "eventTime", "logged_at"),
    *("__REALTIME_TIMESTAMP", "timeMillis", "instant"),
)
_WHAT = (
    *("message", "msg", "@m", "@mt", "event", "log", "body", "text", "MESSAGE", "short_message", "_raw"),
    *("textPayload", "jsonPayload", "request", "uri"),
)


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read lines of JSON, and of anything else that stands between them; or the records of one document."""
    if not _one_document(source.head):
        text.parse(source, sink, found)
        return
    read = reading(source, sink)
    reader = Reader(read.clock)
    for record in json_records(source, sink, stop=lambda value: any(name in value for name in _WHAT)):
        if not isinstance(record.value, dict):
            sink.reject(record, "UNKNOWN_SHAPE", f"wanted an object, found {type(record.value).__name__}")
            continue
        try:
            entry = reader.entry(record.value)
        except RecursionError as fault:
            sink.reject(record, "DEPTH", str(fault))
            continue
        loaded(entry, record, read)


def _one_document(head: bytes) -> bool:
    """Tell whether a file is one JSON document, not one a line."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    line = start.partition(b"\n")[0].rstrip()
    return start[:1] == b"[" or (start[:1] == b"{" and not line.endswith(b"}"))


FORMATS = tuple(
    Format(name="json_lines", kind="logs", shape="json", keys=frozenset((when, what)), parse=parse)
    for when, what in product(_WHEN, _WHAT)
)
