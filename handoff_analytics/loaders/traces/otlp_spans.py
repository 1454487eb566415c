"""How do spans of OTLP become columns?

Files of this format are the largest. Spans are gathered as they are parsed, and looked at all at once; only those that
are not as they should be, such as spans with base64 ids, are looked at one by one.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from ...identity import key, linked
from ..people import hidden_value
from .attributes import filled, plan, weight
from .gathering import Gathering
from .otlp_values import END_NS, KINDS, STATUSES, UNUSABLE, as_text, check_names, flat, hex_id, parts, said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..ledger import Sink
    from ..readers import Record
    from .otlp_logs import Logs
    from .otlp_values import Scope

_BATCH_ROWS = 61_440
_CHUNK_ROWS = 1_000
_COLUMNS = (
    *("record_no", "trace_id", "span_id", "parent_span_id", "name", "kind", "channel", "start_ns", "end_ns"),
    *("status", "status_message", "attributes"),
)
_UNSET: dict[str, Any] = {}
_TIMES = ("startTimeUnixNano", "endTimeUnixNano")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class Spans:
    """Spans, with their events as log records and their links."""

    def __init__(self, sink: Sink, events: Logs) -> None:
        self._sink = sink
        self._events = events
        self._begin_batch()
        self._begin_chunk()

    def _begin_batch(self) -> None:
        self._gathered = Gathering("spans")
        self._columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        self._resource_of: list[int] = []
        self._good: list[bool] = []

    def _begin_chunk(self) -> None:
        self._spans: list[dict[str, Any]] = []
        self._flats: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        self._alike: dict[tuple[str, ...], list[int]] = {}
        self._scopes: list[tuple[Scope, int]] = []
        self._scope_of: list[int] = []

    def add(self, scope: Scope) -> None:
        """Add the spans of one scope."""
        if len(self._spans) >= _CHUNK_ROWS:
            self._digest()
            if len(self._good) >= _BATCH_ROWS:
                self.write()
        first = scope.seen(self._sink)
        self._scopes.append((scope, first))
        spans, flats, numbers, alike = self._spans, self._flats, self._numbers, self._alike
        before = len(spans)
        for number, span in enumerate(scope.items, first):
            try:
                attributes = {
                    one["key"]: text
                    if (text := (value := one["value"]).get("stringValue")).__class__ is str
                    else said(value)
                    for one in span.get("attributes") or ()
                }
                if scope.more:
                    attributes |= scope.more
                names = tuple(attributes)
                if (rows := alike.get(names)) is None:
                    check_names(names)
                    rows = alike[names] = []
            except UNUSABLE:
                try:
                    attributes = flat(span.get("attributes")) | scope.more
                except UNUSABLE as fault:
                    self._refuse(scope.record(number, number - first), fault)
                    continue
                rows = alike.setdefault(tuple(attributes), [])
            rows.append(len(spans))
            spans.append(span)
            flats.append(attributes)
            numbers.append(number)
        self._scope_of.extend(repeat(len(self._scopes) - 1, len(spans) - before))

    def write(self) -> None:
        """Hand the batch to the sink."""
        self._digest()
        if self._good:
            frame = self._gathered.frame(
                {name: values for name, values in self._columns.items() if name != "end_ns"}, self._resource_of
            )
            frame = completed(frame, pl.Series(self._columns["end_ns"], dtype=pl.Int64))
            if not all(self._good):
                frame = frame.filter(pl.Series(self._good))
            self._begin_batch()
            self._sink.load_frame("spans", frame)

    def _digest(self) -> None:
        """Take out of the spans what they say, so that their objects are let go while they are in the cache."""
        if self._spans:
            dense, good = self._looked_at()
            self._look_again(dense, good)
            resources = [self._gathered.enter(scope.resource) for scope, _ in self._scopes]
            self._fill(dense, good)
            for name, values in dense.items():
                self._columns[name] += values
            self._columns["record_no"] += self._numbers
            self._columns["attributes"] += [orjson.dumps(one) for one in self._flats]
            self._resource_of += [resources[scope] for scope in self._scope_of]
            self._good += good
        self._begin_chunk()

    def _record(self, row: int) -> Record:
        scope, first = self._scopes[self._scope_of[row]]
        number = self._numbers[row]
        return scope.record(number, number - first)

    def _looked_at(self) -> tuple[dict[str, list[Any]], list[bool]]:
        """Return what every span says, and whether it can be taken as it is."""
        spans = self._spans
        statuses = [_status(span.get("status")) for span in spans]
        dense: dict[str, list[Any]] = {
            "trace_id": [span.get("traceId") for span in spans],
            "span_id": [span.get("spanId") for span in spans],
            "parent_span_id": [span.get("parentSpanId") or None for span in spans],
            "name": [span.get("name") for span in spans],
            "kind": _words(KINDS, [span.get("kind") for span in spans]),
            "channel": ["unknown"] * len(spans),
            "start_ns": _nanoseconds([span.get(_TIMES[0]) for span in spans]),
            "end_ns": _nanoseconds([span.get(_TIMES[1]) or 0 for span in spans]),
            "status": _words(STATUSES, [status.get("code") for status in statuses]),
            "status_message": [status.get("message") or None for status in statuses],
        }
        good = [
            kind is not None
            and status is not None
            and trace_id.__class__ is str
            and span_id.__class__ is str
            and len(trace_id) == 32
            and len(span_id) == 16
            and trace_id != _NO_TRACE
            and span_id != _NO_SPAN
            and (parent is None or (parent.__class__ is str and len(parent) == 16 and parent != _NO_SPAN))
            and start is not None
            and end is not None
            and 0 < start < END_NS
            and (end == 0 or start <= end < END_NS)
            for trace_id, span_id, parent, kind, status, start, end in zip(
                *(dense[name] for name in ("trace_id", "span_id", "parent_span_id", "kind", "status")),
                dense["start_ns"],
                dense["end_ns"],
                strict=True,
            )
        ]
        return dense, good

    def _look_again(self, dense: dict[str, list[Any]], good: list[bool]) -> None:
        """Read the spans that cannot be taken as they are; those that cannot be read are rejected."""
        for row, fine in enumerate(good):
            if fine:
                continue
            span = self._spans[row]
            try:
                trace_id, span_id = hex_id(span.get("traceId"), 32), hex_id(span.get("spanId"), 16)
                parent = hex_id(span.get("parentSpanId"), 16)
                start, end = (int(span.get(name) or 0) for name in _TIMES)
            except UNUSABLE as fault:
                self._refuse(self._record(row), fault)
                self._stand_in(dense, row)
                continue
            if trace_id is None or span_id is None:
                self._sink.reject(self._record(row), "MISSING", "a span without traceId or spanId")
                self._stand_in(dense, row)
            elif not 0 < start < END_NS or not 0 <= end < END_NS:
                column = _TIMES[0 if not 0 < start < END_NS else 1]
                reason = f"{column} is {as_text(span.get(column))}: wanted nanoseconds since 1970"
                self._sink.reject(self._record(row), "TIME", reason, column=column)
                self._stand_in(dense, row)
            else:
                read = (trace_id, span_id, parent, start, end)
                for name, value in zip(
                    ("trace_id", "span_id", "parent_span_id", "start_ns", "end_ns"), read, strict=True
                ):
                    dense[name][row] = value
                good[row] = True
                self._doubt(row, dense)

    def _doubt(self, row: int, dense: dict[str, list[Any]]) -> None:
        """Keep what is odd about a span that can be read."""
        record, uid = self._record(row), key(dense["trace_id"][row], dense["span_id"][row], None, 1)
        if dense["kind"][row] is None:
            dense["kind"][row] = "internal"
            self._sink.flag("spans", uid, "unknown_kind", as_text(record.value.get("kind"))[:80], record)
        if dense["status"][row] is None:
            dense["status"][row] = "unset"
            said_code = _status(record.value.get("status")).get("code")
            self._sink.flag("spans", uid, "unknown_status", as_text(said_code)[:80], record)
        start, end = dense["start_ns"][row], dense["end_ns"][row]
        if 0 < end < start:
            self._sink.flag("spans", uid, "negative_duration", f"{end - start} ns", record)

    def _stand_in(self, dense: dict[str, list[Any]], row: int) -> None:
        """Empty the row of a span that was rejected: it is left out when the batch is complete."""
        for name, values in dense.items():
            values[row] = 0 if name.endswith("_ns") else None

    def _refuse(self, record: Record, fault: Exception) -> None:
        if isinstance(record.value, dict) and not (record.value.get("traceId") and record.value.get("spanId")):
            self._sink.reject(record, "MISSING", "a span without traceId or spanId")
        else:
            code = "DEPTH" if isinstance(fault, RecursionError) else "TYPE"
            self._sink.reject(record, code, f"a span that cannot be read: {fault}")

    def _fill(self, dense: dict[str, list[Any]], good: list[bool]) -> None:
        """Fill the columns that attributes, events and links tell of."""
        kinds, channels, flats, person = dense["kind"], dense["channel"], self._flats, self._sink.person
        before, fill = len(self._good), self._gathered.fill
        correlations: dict[int, str] = {}
        for names, rows in self._alike.items():
            by_kind: dict[str, list[int]] = {}
            for row in rows:
                by_kind.setdefault(kinds[row], []).append(row)
            for kind, some in by_kind.items():
                decided = plan(names, kind or "internal")
                if decided.channel != "unknown":
                    for row in some:
                        channels[row] = decided.channel
                for column, places, values in filled(decided, flats, some):
                    if column == "customer":
                        values[:] = [person(value) for value in values]
                    elif column == "correlation_id":
                        correlations |= zip(places, values, strict=True)
                    fill(column, [before + place for place in places], values)
                for name in decided.people:
                    for row in some:
                        flats[row][name] = hidden_value(name, flats[row][name], person)
                if decided.sampled:
                    fill("weight", [before + row for row in some], [weight(flats[row]) for row in some])
        for row, span in enumerate(self._spans):
            state = span.get("traceState")
            if state:
                fill("weight", [before + row], [weight(flats[row], as_text(state))])
                flats[row]["w3c.tracestate"] = as_text(state)
            if good[row] and (span.get("links") or span.get("events")):
                record = self._record(row)
                trace_id, span_id = dense["trace_id"][row].lower(), dense["span_id"][row].lower()
                self._link(record, trace_id, span_id)
                resource = self._scopes[self._scope_of[row]][0].resource
                self._events.add_events(record, resource, (trace_id, span_id), correlations.get(row))

    def _link(self, record: Record, trace_id: str, span_id: str) -> None:
        for link in parts(record.value.get("links")):
            try:
                linked_trace, linked_span = hex_id(link.get("traceId"), 32), hex_id(link.get("spanId"), 16)
            except UNUSABLE:
                linked_trace = linked_span = None
            if linked_trace is None or linked_span is None:
                self._sink.flag("span_links", None, "part_left_out", "a link that names no span", record)
                continue
            self._sink.add(record, "span_links", linked(trace_id, span_id, linked_trace, linked_span))


def _status(status: Any) -> Mapping[str, Any]:
    if status.__class__ is dict:
        return status
    return {"code": as_text(status)} if status else _UNSET


def _words(known: dict[Any, str], values: list[Any]) -> list[str | None]:
    """Return what enums mean; null for what nobody knows."""
    try:
        return [known.get(value) for value in values]
    except TypeError:
        return [None if isinstance(value, dict | list) else known.get(value) for value in values]


def _nanoseconds(values: Sequence[Any]) -> list[int | None]:
    """Return times as numbers; null for what is none."""
    try:
        return list(map(int, values))
    except UNUSABLE:
        return [_whole(value) for value in values]


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except UNUSABLE:
        return None


def completed(frame: pl.DataFrame, end_ns: pl.Series) -> pl.DataFrame:
    """Return spans with durations, times in microseconds, and ids in lower case."""
    took = pl.when(end_ns > 0).then(end_ns - pl.col("start_ns"))
    weights = pl.col("weight").fill_null(1.0) if "weight" in frame.columns else pl.lit(1.0)
    return frame.with_columns(
        pl.col("trace_id", "span_id", "parent_span_id").str.to_lowercase(),
        (pl.col("start_ns") // 1000).alias("start_us"),
        took.alias("duration_ns"),
        (took // 1000).alias("duration_us"),
        weights.alias("weight"),
    )
