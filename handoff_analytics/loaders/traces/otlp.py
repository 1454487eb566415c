"""Which spans and log records does an OTLP file hold?"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...identity import key
from ..detect import Detection, Format
from ..readers import Record, Source, json_documents

if TYPE_CHECKING:
    from ..ledger import Sink

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def _text(identifier: str, digits: int) -> str | None:
    """Return an id as lower-case hex: OTLP writes hex, plain protojson base64."""
    if not identifier:
        return None
    if len(identifier) == digits:
        return identifier.lower()
    return base64.b64decode(identifier + "=" * (-len(identifier) % 4)).hex()


def _value(value: dict[str, Any]) -> Any:
    for name, content in value.items():
        if name == "intValue":
            return int(content)
        if name == "arrayValue":
            return [_value(item) for item in content.get("values", [])]
        if name == "kvlistValue":
            return _flat(content.get("values", []))
        return content
    return None


def _flat(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: _value(one.get("value") or {}) for one in attributes}


def _choice(value: Any, words: tuple[str, ...], prefix: str) -> str:
    if isinstance(value, str) and not value.isdigit():
        return value.removeprefix(prefix).lower()
    return words[int(value or 0)]


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read spans of `resourceSpans`."""
    del found
    for document in json_documents(source, sink):
        for i, resource_spans in enumerate(document.value.get("resourceSpans", [])):
            resource = _flat((resource_spans.get("resource") or {}).get("attributes", []))
            for j, scope in enumerate(resource_spans.get("scopeSpans", [])):
                for k, span in enumerate(scope.get("spans", [])):
                    record = sink.part(document, span, f"/resourceSpans/{i}/scopeSpans/{j}/spans/{k}")
                    _load(record, span, resource, sink)


def _load(record: Record, span: dict[str, Any], resource: dict[str, Any], sink: Sink) -> None:
    trace_id, span_id = _text(span.get("traceId", ""), 32), _text(span.get("spanId", ""), 16)
    if trace_id is None or span_id is None:
        sink.reject(record, "MISSING", "a span without traceId or spanId")
        return
    parent = _text(span.get("parentSpanId", ""), 16)
    attributes = _flat(span.get("attributes", []))
    start, end = int(span.get("startTimeUnixNano", 0)), int(span.get("endTimeUnixNano", 0))
    status = span.get("status") or {}
    sink.load(
        record,
        "spans",
        {
            "span_uid": key(trace_id, span_id, None, 1),
            "trace_id": trace_id,
            "span_id": span_id,
            "parent_span_id": parent,
            "trace_key": key(trace_id),
            "span_key": key(span_id),
            "parent_key": key(parent) if parent else None,
            "system": resource.get("service.name"),
            "namespace": resource.get("service.namespace"),
            "name": span.get("name"),
            "kind": _choice(span.get("kind"), _KINDS, "SPAN_KIND_"),
            "peer": attributes.get("service.peer.name") or attributes.get("peer.service"),
            "http_status": attributes.get("http.response.status_code") or attributes.get("http.status_code"),
            "started_at": _EPOCH + timedelta(microseconds=start // 1000),
            "start_us": start // 1000,
            "duration_us": (end - start) // 1000,
            "start_ns": start,
            "duration_ns": end - start,
            "status": _choice(status.get("code"), _STATUSES, "STATUS_CODE_"),
            "status_message": status.get("message"),
            "attributes": attributes,
            "resource": resource,
            "weight": 1.0,
        },
    )


FORMATS = (Format(name="otlp", kind="traces", shape="json", keys=frozenset({"resourceSpans"}), parse=parse),)
