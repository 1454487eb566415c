"""Which spans does a Jaeger file hold: as the API answers, as its page downloads, as Elasticsearch stores?"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...identity import key, linked
from ..detect import Format
from ..readers import json_records
from .attributes import columns, exception, identity, weight

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
_UNUSABLE = (TypeError, ValueError, AttributeError, KeyError, OverflowError)
_TAIL_BYTES = 4096
_ERRORS = re.compile(rb'"errors"\s*:\s*\[\s*(\{[^\]]{0,4096}\})\s*\]')
_KINDS = frozenset({"internal", "server", "client", "producer", "consumer"})


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read traces with their processes, and single spans that carry their process."""
    del found
    for record in json_records(source, sink, stop=lambda value: "spans" in value or "spanID" in value):
        value = record.value
        if isinstance(value, dict) and isinstance(value.get("spans"), list):
            processes = value.get("processes") or {}
            # The record that was counted for the trace becomes its first span; the others are counted one by one.
            spans = value["spans"]
            if not spans:
                sink.skip(record, "a trace without spans")
            for place, span in enumerate(spans):
                part = record if place == 0 else sink.part(record, span, f"/spans/{place}")
                _load(part, span, processes, sink)
            for warning in value.get("warnings") or []:
                sink.note(f"trace {value.get('traceID')}: {warning}")
        else:
            _load(record, value, {}, sink)
    if (said := _partial(source)) is not None:
        sink.note(f"Jaeger says that its answer is not complete: {said}")


def _partial(source: Source) -> str | None:
    """Return what an answer of the API says of errors: it then holds only what could be read."""
    end = source.head
    if not source.whole and source.container is None:
        with source.path.open("rb") as stream:
            stream.seek(-_TAIL_BYTES, os.SEEK_END)
            end = stream.read()
    found = _ERRORS.search(end)
    return None if found is None else found[1].decode("utf-8", "replace")[:300]


def _tags(tags: Any) -> dict[str, Any]:
    if isinstance(tags, dict):
        return {name.replace("@", "."): value for name, value in tags.items()}
    return {tag["key"]: _typed(tag) for tag in tags or []}


def _typed(tag: dict[str, Any]) -> Any:
    value, kind = tag.get("value"), str(tag.get("type", "")).lower()
    if isinstance(value, str) and kind in {"int64", "float64"}:
        number = float(value)
        return int(value) if kind == "int64" else number
    if isinstance(value, str) and kind == "bool":
        return value.lower() == "true"
    return value


def _load(record: Record, span: Any, processes: dict[str, Any], sink: Sink) -> None:
    try:
        trace_id = str(span["traceID"]).lower().rjust(32, "0")
        span_id = str(span["spanID"]).lower().rjust(16, "0")
        process = span.get("process") or processes.get(span.get("processID")) or {}
        attributes = _tags(span.get("tags")) | _tags(span.get("tag"))
        resource = _tags(process.get("tags")) | _tags(process.get("tag"))
        start, took = int(span["startTime"]), int(span["duration"])
        parent, links = _references(span, trace_id)
        started = _EPOCH + timedelta(microseconds=start)
    except _UNUSABLE as fault:
        sink.reject(record, "TYPE", f"a span that cannot be read: {type(fault).__name__}: {fault}")
        return
    kind = str(attributes.get("span.kind", "internal")).lower()
    kind = kind if kind in _KINDS else "internal"
    failed = str(attributes.get("error", "")).lower() == "true" or attributes.get("otel.status_code") == "ERROR"
    succeeded = attributes.get("otel.status_code") == "OK"
    typed = columns(attributes, resource, kind)
    typed["customer"] = sink.person(typed.get("customer"))
    uid = sink.load(
        record,
        "spans",
        {
            **identity(trace_id, span_id, parent),
            **typed,
            "system": process.get("serviceName") or "unknown",
            "name": span.get("operationName"),
            "kind": kind,
            "started_at": started,
            "start_us": start,
            "duration_us": took,
            "start_ns": start * 1000,
            "duration_ns": took * 1000,
            "status": "error" if failed else "ok" if succeeded else "unset",
            "status_message": attributes.get("otel.status_description") or attributes.get("error.message"),
            "weight": weight(attributes),
            "attributes": attributes,
            "resource": resource,
        },
    )
    for warning in span.get("warnings") or []:
        sink.flag("spans", uid, "clock_skew" if "clock skew" in str(warning) else "warning", str(warning), record)
    for linked_trace, linked_span in links:
        sink.add(record, "span_links", linked(trace_id, span_id, linked_trace, linked_span))
    _add_logs(record, span, sink, ids=(trace_id, span_id), system=process.get("serviceName") or "unknown")


def _references(span: dict[str, Any], trace_id: str) -> tuple[str | None, list[tuple[str, str]]]:
    """Return the parent, the first CHILD_OF of the same trace, and everything else as links."""
    parent: str | None = None
    links = []
    for reference in span.get("references") or []:
        other_trace = str(reference.get("traceID") or trace_id).lower().rjust(32, "0")
        other = str(reference["spanID"]).lower().rjust(16, "0")
        if parent is None and reference.get("refType", "CHILD_OF") == "CHILD_OF" and other_trace == trace_id:
            parent = other
        else:
            links.append((other_trace, other))
    old = span.get("parentSpanID")
    if parent is None and old and str(old).strip("0"):
        parent = str(old).lower().rjust(16, "0")
    follows = next((link for link in links if link[0] == trace_id), None)
    if parent is None and follows is not None:
        parent = follows[1]
        links.remove(follows)
    return parent, links


def _add_logs(record: Record, span: dict[str, Any], sink: Sink, *, ids: tuple[str, str], system: str) -> None:
    for log in span.get("logs") or []:
        try:
            at = int(log["timestamp"])
            said = _tags(log.get("fields"))
            logged = _EPOCH + timedelta(microseconds=at)
        except _UNUSABLE:
            sink.note("some logs of spans could not be read and were left out")
            continue
        failed = said.get("event") in {"error", "exception"} or str(said.get("level", "")).lower() == "error"
        body = said.get("message") or said.get("exception.message") or said.get("event")
        sink.add(
            record,
            "log_records",
            {
                "logged_at": logged,
                "log_us": at,
                "severity": 17 if failed else 9,
                "system": system,
                "trace_id": ids[0],
                "span_id": ids[1],
                "trace_key": key(ids[0]),
                "span_key": key(ids[1]),
                "body": None if body is None else str(body),
                "event_name": None if said.get("event") is None else str(said["event"]),
                **exception(said),
                "attributes": said,
            },
        )


FORMATS = (
    Format(
        name="jaeger",
        kind="traces",
        shape="json",
        keys=frozenset({"traceID", "spans"}),
        any_keys=frozenset({"processes", "warnings"}),
        parse=parse,
    ),
    Format(
        name="jaeger_spans",
        kind="traces",
        shape="json",
        keys=frozenset({"traceID", "spanID", "operationName"}),
        any_keys=frozenset({"process", "processID", "references", "startTime"}),
        parse=parse,
    ),
)
