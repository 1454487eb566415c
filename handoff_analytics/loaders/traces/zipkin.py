"""Which spans does a Zipkin file hold, of version 1 or 2?

Client and server may report halves of one span under one id: each half becomes a span of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...identity import key
from ..detect import Format
from ..readers import json_records
from .attributes import columns, identity, weight

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
_UNUSABLE = (TypeError, ValueError, AttributeError, KeyError, OverflowError)
# What the annotations of version 1 say of the side that wrote them.
_SIDES = {"cs": "client", "cr": "client", "sr": "server", "ss": "server", "ms": "producer", "mr": "consumer"}
_ADDRESSES = frozenset({"ca", "sa", "ma"})


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read spans, or traces as lists of spans."""
    del found
    held = list(json_records(source, sink, stop=lambda value: "traceId" in value))
    parts = [part for record in held for part in _readable_halves(record.value)] if held else []
    shared = _shared(parts)
    for record in held:
        try:
            halves = _halves(record.value)
            for place, half in enumerate(halves):
                _load(record, half, shared, sink, primary=place == 0)
        except _UNUSABLE as fault:
            sink.reject(record, "TYPE", f"a span that cannot be read: {type(fault).__name__}: {fault}")


def _shared(parts: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return the ids under which both a client and a server report."""
    sides: dict[tuple[str, str], set[str]] = {}
    for part in parts:
        if isinstance(part["traceId"], str) and isinstance(part["id"], str):
            sides.setdefault((part["traceId"], part["id"]), set()).add(str(part.get("kind") or ""))
    return {ids for ids, kinds in sides.items() if {"CLIENT", "SERVER"} <= kinds}


def _readable_halves(value: Any) -> list[dict[str, Any]]:
    """Return the halves of a span, or none of one that is rejected later."""
    try:
        return _halves(value)
    except _UNUSABLE:
        return []


def _halves(value: Any) -> list[dict[str, Any]]:
    """Return a span as one or two spans of version 2; what is none as nothing."""
    if not isinstance(value, dict) or "traceId" not in value or "id" not in value:
        return [{"traceId": "", "id": "", "fault": value}]
    if "binaryAnnotations" not in value and not any("endpoint" in one for one in value.get("annotations") or []):
        return [value]
    return _from_version_1(value)


def _from_version_1(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Split a span of version 1 by the side that each annotation says."""
    sides: dict[str, dict[str, Any]] = {}
    tags: dict[str, Any] = {}
    remote: dict[str, Any] | None = None
    for one in value.get("annotations") or []:
        side = _SIDES.get(one.get("value"))
        if side is not None:
            half = sides.setdefault(side, {"times": [], "endpoint": one.get("endpoint") or {}})
            half["times"].append(int(one["timestamp"]))
    for one in value.get("binaryAnnotations") or []:
        if one.get("key") in _ADDRESSES and one.get("value") in {True, "true"}:
            remote = one.get("endpoint")
        else:
            tags[str(one.get("key"))] = one.get("value")
    endpoint: Any = next(
        (one.get("endpoint") for one in value.get("binaryAnnotations") or [] if one.get("endpoint")), {}
    )
    if not sides:
        sides = {"internal": {"times": [], "endpoint": endpoint or {}}}
    made = []
    for side, half in sides.items():
        start = value.get("timestamp") or (min(half["times"]) if half["times"] else None)
        if half["times"] and len(sides) > 1:
            start = min(half["times"])
        took = value.get("duration")
        if len(half["times"]) > 1:
            took = max(half["times"]) - min(half["times"])
        made.append(
            {
                "traceId": value["traceId"],
                "id": value["id"],
                "parentId": value.get("parentId"),
                "name": value.get("name"),
                "kind": None if side == "internal" else side.upper(),
                "timestamp": start,
                "duration": took,
                "localEndpoint": half["endpoint"],
                "remoteEndpoint": remote,
                "tags": tags,
            }
        )
    return made


def _load(record: Record, span: dict[str, Any], shared: set[tuple[str, str]], sink: Sink, *, primary: bool) -> None:
    if "fault" in span:
        sink.reject(record, "MISSING", "wanted an object with traceId and id")
        return
    ids = (span["traceId"], span["id"])
    trace_id, span_id = str(ids[0]).lower().rjust(32, "0"), str(ids[1]).lower().rjust(16, "0")
    kind = str(span.get("kind") or "internal").lower()
    is_half = kind == "server" and (ids in shared or span.get("shared") is True)
    parent = span.get("parentId")
    parent_id = None if parent is None else str(parent).lower().rjust(16, "0")
    if is_half and ids in shared:
        parent_id = span_id
    attributes = {str(name): value for name, value in (span.get("tags") or {}).items()}
    local = span.get("localEndpoint") or {}
    remote = span.get("remoteEndpoint") or {}
    system = local.get("serviceName") or attributes.get("upstream_cluster") or "unknown"
    typed = columns(attributes, {}, kind)
    typed["customer"] = sink.person(typed.get("customer"))
    typed["peer"] = remote.get("serviceName") or typed.get("peer") or remote.get("ipv4") or remote.get("ipv6")
    typed["host"] = local.get("ipv4") or local.get("ipv6")
    start = int(span["timestamp"]) if span.get("timestamp") else None
    took = int(span["duration"]) if span.get("duration") is not None else None
    fault = attributes.get("error")
    row = {
        **identity(trace_id, span_id, parent_id, half="server" if is_half and ids in shared else None),
        **typed,
        "system": system,
        "name": span.get("name"),
        "kind": kind,
        "started_at": _EPOCH + timedelta(microseconds=start) if start is not None else None,
        "start_us": start,
        "duration_us": took,
        "start_ns": None if start is None else start * 1000,
        "duration_ns": None if took is None else took * 1000,
        # The tag says an error by being there, whatever it holds; "false" is what careless tracers write.
        "status": "unset" if fault is None or str(fault).lower() == "false" else "error",
        "status_message": None if fault in {None, "", "true", "false"} else str(fault),
        "weight": weight(attributes),
        "attributes": attributes,
    }
    uid = sink.load(record, "spans", row) if primary else sink.add(record, "spans", row)
    if start is None:
        sink.flag("spans", uid, "time_missing", "no timestamp: this half did not measure it", record)
    for note in span.get("annotations") or []:
        if note.get("value") is None or note.get("timestamp") is None:
            continue
        at = int(note["timestamp"])
        sink.add(
            record,
            "log_records",
            {
                "logged_at": _EPOCH + timedelta(microseconds=at),
                "log_us": at,
                "severity": 9,
                "system": system,
                "trace_id": trace_id,
                "span_id": span_id,
                "trace_key": key(trace_id),
                "span_key": row["span_key"],
                "body": str(note["value"]),
            },
        )


FORMATS = (
    Format(
        name="zipkin",
        kind="traces",
        shape="json",
        keys=frozenset({"traceId", "id"}),
        any_keys=frozenset(
            {
                "localEndpoint",
                "remoteEndpoint",
                "kind",
                "parentId",
                "tags",
                "name",
                "timestamp",
                "annotations",
                "binaryAnnotations",
            }
        ),
        parse=parse,
    ),
)
