"""What do logs say that write one JSON object a record?"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from ..detect import Format
from ..envelopes import records
from ..readers import json_documents
from . import text
from .entries import reading
from .objects import parts
from .physical import LONGEST
from .roles import plan

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
    lines = text.Lines(reading(source, sink))
    for document in json_documents(source, sink):
        for pointer, value in [("", document.value)] if isinstance(document.value, dict) else records(document.value):
            if not isinstance(value, dict):
                record = sink.part(document, value, pointer)
                sink.reject(record, "UNKNOWN_SHAPE", f"wanted an object, found {type(value).__name__}")
                continue
            for part in parts(value):
                record = sink.part(document, part.value, pointer + part.pointer)
                if not record.pointer and len(document.raw or b"") > LONGEST:
                    sink.reject(
                        record, "TOO_LARGE", f"an entry of {len(document.raw or b''):,} bytes; at most {LONGEST:,}"
                    )
                else:
                    lines.keep(record, part)
    lines.close()


def _one_document(head: bytes) -> bool:
    """Tell whether a file is one JSON document, not one a line."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    line = start.partition(b"\n")[0].rstrip()
    return start[:1] == b"[" or (start[:1] == b"{" and not line.endswith(b"}"))


class Timed(Format):
    """Any object that says when, and what or how bad, under any name that loggers use for it."""

    def matches(self, record: dict[str, Any]) -> bool:
        """Tell whether the names of a record are those of a log, and it is no envelope of other records."""
        if any(isinstance(value, list) and value and isinstance(value[0], dict) for value in record.values()):
            return False
        roles = plan(tuple(record), {})
        return "time" in roles and not {"body", "level", "path"}.isdisjoint(roles)


class Wrapped(Format):
    """Datadog wraps a log in `attributes`, as many interfaces wrap anything."""

    def matches(self, record: dict[str, Any]) -> bool:
        """Tell whether what is wrapped is a log."""
        inside = record.get("attributes")
        return super().matches(record) and isinstance(inside, dict) and {"message", "timestamp"} <= inside.keys()


# Loggers that are known by more than that.
_LOGGERS = {
    "docker_json": "log stream time",
    "journald": "__REALTIME_TIMESTAMP MESSAGE PRIORITY",
    "cloudwatch": "logGroup logStream logEvents",
    "splunk": "result preview",
    "gelf": "version host short_message",
}
FORMATS = (
    *(
        Format(name="json_lines", kind="logs", shape="json", keys=frozenset((when, what)), parse=parse)
        for when, what in product(_WHEN, _WHAT)
    ),
    *(
        Format(name=name, kind="logs", shape="json", keys=frozenset(keys.split()), parse=parse)
        for name, keys in _LOGGERS.items()
    ),
    Wrapped(name="datadog", kind="logs", shape="json", keys=frozenset({"id", "type", "attributes"}), parse=parse),
    Timed(name="json_lines", kind="logs", shape="json", any_keys=frozenset(("timestamp", "level")), parse=parse),
    # A record that says only when is still a record: what a server reports of itself every few seconds.
    *(
        Format(name="json_lines", kind="logs", shape="json", keys=frozenset((when,)), parse=parse)
        for when in ("timestamp", "@timestamp")
    ),
)
