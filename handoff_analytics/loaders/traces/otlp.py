"""Which spans and log records does an OTLP file hold?

Both JSON dialects are read: the specification's (hex ids, numbers for enums) and plain protojson (base64 ids, names).
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...identity import key
from ..detect import Detection, Format
from ..readers import Record, Source, json_documents
from .attributes import columns, exception, identity, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ledger import Sink

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_YEARS_NS = 4_102_444_800_000_000_000  # the year 2100; later times are units gone wrong
_UNUSABLE = (TypeError, ValueError, KeyError, AttributeError, IndexError, binascii.Error, OverflowError)


def _hex(identifier: Any, digits: int) -> str | None:
    """Return an id as lower-case hex: the specification writes hex, plain protojson base64."""
    if not identifier:
        return None
    written = str(identifier)
    if len(written) == digits:
        return written.lower()
    if len(written) == digits // 2 and digits == 32:
        return written.lower().rjust(32, "0")
    return base64.b64decode(written + "=" * (-len(written) % 4), validate=True).hex()


def _value(value: dict[str, Any]) -> Any:
    for name, content in value.items():
        if name == "intValue":
            return int(content)
        if name == "doubleValue":
            return float(content)
        if name == "arrayValue":
            return [_value(item) for item in (content or {}).get("values", [])]
        if name == "kvlistValue":
            return _flat((content or {}).get("values", []))
        return content
    return None


def _flat(attributes: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {one["key"]: _value(one.get("value") or {}) for one in attributes or []}


def _choice(value: Any, words: tuple[str, ...], prefix: str) -> str:
    if isinstance(value, str) and not value.isdigit():
        return value.removeprefix(prefix).lower()
    return words[int(value or 0)]


def _scopes(
    document: dict[str, Any], resources: str, scopes: tuple[str, ...], items: str
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the pointer, the item and the resource attributes of everything in a document."""
    for i, holder in enumerate(document.get(resources) or []):
        resource = _flat((holder.get("resource") or {}).get("attributes"))
        for name in scopes:
            for j, scope in enumerate(holder.get(name) or []):
                for k, item in enumerate(scope.get(items) or []):
                    yield f"/{resources}/{i}/{name}/{j}/{items}/{k}", item, resource


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the spans and log records of every document; metrics are skipped."""
    del found
    for document in json_documents(source, sink):
        content = document.value
        if not isinstance(content, dict):
            sink.reject(
                sink.part(document, content, ""), "UNKNOWN_SHAPE", "wanted an object with resourceSpans or resourceLogs"
            )
            continue
        if "batches" in content and "resourceSpans" not in content:
            content = {"resourceSpans": content["batches"]}
        elif isinstance(content.get("trace"), dict):
            content = content["trace"]
        known = False
        try:
            for pointer, span, resource in _scopes(
                content, "resourceSpans", ("scopeSpans", "instrumentationLibrarySpans", "ilSpans"), "spans"
            ):
                known = True
                _load_span(sink.part(document, span, pointer), span, resource, sink)
            for pointer, entry, resource in _scopes(
                content, "resourceLogs", ("scopeLogs", "instrumentationLibraryLogs"), "logRecords"
            ):
                known = True
                _load_log(sink.part(document, entry, pointer), entry, resource, sink)
        except (TypeError, AttributeError, KeyError, ValueError) as fault:
            sink.reject(sink.part(document, content, ""), "UNKNOWN_SHAPE", f"not the shape of OTLP: {fault}")
            continue
        if not known and ("resourceMetrics" in content or not content.get("resourceSpans", True)):
            sink.skip(sink.part(document, content, ""), "no spans and no log records")
        elif not known:
            sink.reject(
                sink.part(document, content, ""),
                "UNKNOWN_SHAPE",
                f"wanted resourceSpans or resourceLogs, found {', '.join(sorted(map(str, content))[:8]) or 'nothing'}",
            )


def _load_span(record: Record, span: Any, resource: dict[str, Any], sink: Sink) -> None:
    try:
        trace_id, span_id = _hex(span.get("traceId"), 32), _hex(span.get("spanId"), 16)
        parent = _hex(span.get("parentSpanId"), 16)
        if parent is not None and not parent.strip("0"):
            parent = None
        attributes = _flat(span.get("attributes"))
        start, end = int(span.get("startTimeUnixNano") or 0), int(span.get("endTimeUnixNano") or 0)
        status = span.get("status") or {}
        kind = _choice(span.get("kind"), _KINDS, "SPAN_KIND_")
        code = _choice(status.get("code"), _STATUSES, "STATUS_CODE_")
    except _UNUSABLE as fault:
        sink.reject(record, "TYPE", f"a span that cannot be read: {type(fault).__name__}: {fault}")
        return
    if trace_id is None or span_id is None:
        sink.reject(record, "MISSING", "a span without traceId or spanId")
        return
    if not 0 < start < _YEARS_NS:
        sink.reject(
            record, "TIME", f"startTimeUnixNano is {start}: wanted nanoseconds since 1970", column="startTimeUnixNano"
        )
        return
    typed = columns(attributes, resource, kind)
    typed["customer"] = sink.person(typed["customer"])
    uid = sink.load(
        record,
        "spans",
        {
            **identity(trace_id, span_id, parent),
            **typed,
            "system": resource.get("service.name") or "unknown",
            "name": span.get("name"),
            "kind": kind if kind in _KINDS else "internal",
            "started_at": _EPOCH + timedelta(microseconds=start // 1000),
            "start_us": start // 1000,
            "duration_us": (end - start) // 1000 if end else None,
            "start_ns": start,
            "duration_ns": end - start if end else None,
            "status": code if code in _STATUSES else "unset",
            "status_message": status.get("message") or None,
            "weight": weight(attributes, span.get("traceState")),
            "attributes": attributes,
            "resource": resource,
        },
    )
    if code not in _STATUSES:
        sink.flag("spans", uid, "unknown_status", str(status.get("code")), record)
    if end and end < start:
        sink.flag("spans", uid, "negative_duration", f"{end - start} ns", record)
    _add_links(record, span, (trace_id, span_id), sink)
    _add_events(record, span, resource, sink, ids=(trace_id, span_id), correlation_id=typed["correlation_id"])


def _add_links(record: Record, span: dict[str, Any], ids: tuple[str, str], sink: Sink) -> None:
    for link in span.get("links") or []:
        try:
            linked_trace, linked_span = _hex(link.get("traceId"), 32), _hex(link.get("spanId"), 16)
        except _UNUSABLE:
            linked_trace = linked_span = None
        if linked_trace is None or linked_span is None:
            sink.note("some span links name no span and were left out")
            continue
        sink.add(
            record,
            "span_links",
            {
                "trace_key": key(ids[0]),
                "span_key": key(ids[1]),
                "linked_trace_id": linked_trace,
                "linked_span_id": linked_span,
                "linked_trace_key": key(linked_trace),
                "linked_span_key": key(linked_span),
            },
        )


def _add_events(
    record: Record,
    span: dict[str, Any],
    resource: dict[str, Any],
    sink: Sink,
    *,
    ids: tuple[str, str],
    correlation_id: str | None,
) -> None:
    for event in span.get("events") or []:
        try:
            at_us = int(event.get("timeUnixNano") or span.get("startTimeUnixNano") or 0) // 1000
            said = _flat(event.get("attributes"))
        except _UNUSABLE:
            sink.note("some span events could not be read and were left out")
            continue
        failed = event.get("name") == "exception"
        sink.add(
            record,
            "log_records",
            {
                "logged_at": _EPOCH + timedelta(microseconds=at_us),
                "log_us": at_us,
                "severity": 17 if failed else 9,
                "system": resource.get("service.name") or "unknown",
                "trace_id": ids[0],
                "span_id": ids[1],
                "trace_key": key(ids[0]),
                "span_key": key(ids[1]),
                "correlation_id": correlation_id,
                "body": said.get("exception.message") or said.get("message") or event.get("name"),
                "event_name": event.get("name"),
                **exception(said),
                "attributes": said,
            },
        )


def _load_log(record: Record, entry: Any, resource: dict[str, Any], sink: Sink) -> None:
    try:
        attributes = _flat(entry.get("attributes"))
        at = int(entry.get("timeUnixNano") or 0) or int(entry.get("observedTimeUnixNano") or 0)
        trace_id, span_id = _hex(entry.get("traceId"), 32), _hex(entry.get("spanId"), 16)
        body = _value(entry.get("body") or {})
        severity = int(entry.get("severityNumber") or 0) if str(entry.get("severityNumber") or 0).isdigit() else 0
    except _UNUSABLE as fault:
        sink.reject(record, "TYPE", f"a log record that cannot be read: {type(fault).__name__}: {fault}")
        return
    if not 0 < at < _YEARS_NS:
        sink.reject(record, "TIME", f"timeUnixNano is {at}: wanted nanoseconds since 1970", column="timeUnixNano")
        return
    typed = columns(attributes, resource, "internal")
    sink.load(
        record,
        "log_records",
        {
            "logged_at": _EPOCH + timedelta(microseconds=at // 1000),
            "log_us": at // 1000,
            "severity": severity,
            "severity_text": entry.get("severityText") or None,
            "system": resource.get("service.name") or "unknown",
            "host": typed["host"],
            "trace_id": trace_id,
            "span_id": span_id,
            "trace_key": key(trace_id) if trace_id else None,
            "span_key": key(span_id) if span_id else None,
            "correlation_id": typed["correlation_id"],
            "body": body if isinstance(body, str) or body is None else str(body),
            "event_name": entry.get("eventName") or attributes.get("event.name"),
            "peer": typed["peer"],
            "http_status": typed["http_status"],
            **exception(attributes),
            "attributes": attributes,
        },
    )


FORMATS = (
    Format(name="otlp", kind="traces", shape="json", keys=frozenset({"resourceSpans"}), parse=parse),
    Format(name="otlp_logs", kind="logs", shape="json", keys=frozenset({"resourceLogs"}), parse=parse),
    Format(name="otlp_metrics", kind="traces", shape="json", keys=frozenset({"resourceMetrics"}), parse=parse),
    Format(name="otlp_tempo", kind="traces", shape="json", keys=frozenset({"batches"}), parse=parse),
)
