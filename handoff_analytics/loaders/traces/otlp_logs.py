"""How do log records of OTLP, and the events of its spans, become columns?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..logs.severity import severity as severity_of
from ..people import hidden_value
from .attributes import exception, filled, plan
from .gathering import Gathering
from .otlp_values import END_NS, SEVERITIES, UNUSABLE, as_text, flat, hex_id, parts, said

if TYPE_CHECKING:
    from ..ledger import Sink
    from ..readers import Record
    from .otlp_values import Scope

_BATCH_ROWS = 61_440
_LEVELS = range(25)
_COLUMNS = (
    *("record_no", "log_us", "severity", "severity_text", "trace_id", "span_id", "body", "event_name", "attributes"),
)


class Logs:
    """Log records of their own, or events that spans bring."""

    def __init__(self, sink: Sink, *, primary: bool) -> None:
        self._sink = sink
        self._primary = primary
        self._clear()

    def _clear(self) -> None:
        self._gathered = Gathering("log_records")
        self._rows: list[tuple[Any, ...]] = []
        self._resource_of: list[int] = []

    def add(self, scope: Scope) -> None:
        """Add the log records of one scope."""
        self._make_room()
        resource = self._gathered.enter(scope.resource)
        first = scope.seen(self._sink)
        for number, entry in enumerate(scope.items, first):
            try:
                ids = hex_id(entry.get("traceId"), 32), hex_id(entry.get("spanId"), 16)
                at = int(entry.get("timeUnixNano") or 0) or int(entry.get("observedTimeUnixNano") or 0)
                attributes = flat(entry.get("attributes")) | scope.more
                body = said(entry.get("body") or {})
                name = entry.get("eventName") or attributes.get("event.name")
            except UNUSABLE as fault:
                code = "DEPTH" if isinstance(fault, RecursionError) else "TYPE"
                reason = f"a log record that cannot be read: {fault}"
                self._sink.reject(scope.record(number, number - first), code, reason)
                continue
            if not 0 < at < END_NS:
                reason = f"timeUnixNano is {at}: wanted nanoseconds since 1970"
                self._sink.reject(scope.record(number, number - first), "TIME", reason, column="timeUnixNano")
            else:
                words = entry.get("severityText") or None
                level = _level(entry.get("severityNumber"))
                if level is None:
                    said_level = as_text(entry.get("severityNumber"))[:80]
                    record = scope.record(number, number - first)
                    self._sink.flag("log_records", None, "unknown_severity", said_level, record)
                level = level or severity_of(words)
                self._append((number, at // 1000, level, words, *ids, body, name), attributes, resource)

    def add_events(
        self, record: Record, resource: dict[str, Any], ids: tuple[str, str], correlation_id: str | None
    ) -> None:
        """Add the events of a span."""
        events = parts(record.value.get("events"))
        if not events:
            return
        self._make_room()
        place = self._gathered.enter(resource)
        for event in events:
            try:
                at = int(event.get("timeUnixNano") or record.value.get("startTimeUnixNano") or 0)
                attributes, name = flat(event.get("attributes")), event.get("name")
                if not 0 < at < END_NS:
                    raise ValueError(f"timeUnixNano is {at}")
            except UNUSABLE as fault:
                reason = f"an event that cannot be read: {fault}"
                self._sink.flag("log_records", None, "part_left_out", reason, record)
                continue
            body = attributes.get("exception.message") or attributes.get("message") or name
            severity = 17 if name == "exception" else 9
            if correlation_id is not None:
                self._gathered.fill("correlation_id", [len(self._rows)], [correlation_id])
            self._append((record.number, at // 1000, severity, None, *ids, body, name), attributes, place)

    def write(self) -> None:
        """Hand the batch to the sink."""
        if self._rows:
            columns = dict(zip(_COLUMNS, map(list, zip(*self._rows, strict=True)), strict=True))
            frame = self._gathered.frame(columns, self._resource_of)
            self._sink.load_frame("log_records", frame, primary=self._primary)
        self._clear()

    def _make_room(self) -> None:
        if len(self._rows) >= _BATCH_ROWS:
            self.write()

    def _append(self, cells: tuple[Any, ...], attributes: dict[str, Any], resource: int) -> None:
        row, names = len(self._rows), tuple(attributes)
        decided = plan(names)
        for column, _, values in filled(decided, [attributes], [0]):
            if column != "correlation_id" or self._primary:
                self._gathered.fill(column, [row], values)
        for column, value in exception(attributes).items():
            if value is not None:
                self._gathered.fill(column, [row], [value])
        for name in decided.people:
            attributes[name] = hidden_value(name, attributes[name], self._sink.person)
        self._rows.append((*cells, orjson.dumps(attributes)))
        self._resource_of.append(resource)


def _level(written: Any) -> int | None:
    """Return a severity number, 0 if none is given; null for what is none."""
    try:
        number = SEVERITIES[written] if written in SEVERITIES else int(written or 0)
    except UNUSABLE:
        return None
    return number if number in _LEVELS else None
