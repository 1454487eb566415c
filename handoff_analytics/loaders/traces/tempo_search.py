"""Which spans does a search in Tempo show?

The answer to a search has a few spans of each trace, with a few attributes and without their parents: enough to see
which systems a trace went through, never how. Load the traces themselves for the handoffs between them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..detect import Detection, Format
from ..readers import Record, Source, json_documents
from .attributes import columns, identity, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ledger import Sink

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
_STATUSES = {"ok": "ok", "error": "error", "unset": "unset"}
_KINDS = ("internal", "server", "client", "producer", "consumer")


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the spans that a search matched; a trace of which it shows none is skipped."""
    del found
    for document in json_documents(source, sink):
        traces = document.value.get("traces") if isinstance(document.value, dict) else None
        if not isinstance(traces, list):
            sink.reject(sink.part(document, document.value, ""), "UNKNOWN_SHAPE", "wanted an object with traces")
            continue
        for place, trace in enumerate(traces):
            pointer = f"/traces/{place}"
            if not isinstance(trace, dict) or not trace.get("traceID"):
                sink.reject(sink.part(document, trace, pointer), "MISSING", "a trace without traceID")
                continue
            spans = list(_spans(trace))
            if not spans:
                sink.skip(sink.part(document, trace, pointer), "traces of which the search shows no span")
            for path, span in spans:
                _load(sink.part(document, span, pointer + path), span, trace, sink)
    sink.note("a search of Tempo shows some spans without their parents: load the traces to see who called whom")


def _spans(trace: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    # Newer answers have several sets, and repeat the first under the old name.
    sets = trace.get("spanSets")
    named = [(f"/spanSets/{place}", one) for place, one in enumerate(sets if isinstance(sets, list) else ())] or [
        ("/spanSet", trace.get("spanSet"))
    ]
    for path, one in named:
        spans = one.get("spans") if isinstance(one, dict) else None
        for place, span in enumerate(spans if isinstance(spans, list) else ()):
            yield f"{path}/spans/{place}", span


def _load(record: Record, span: Any, trace: dict[str, Any], sink: Sink) -> None:
    try:
        attributes = {one["key"]: next(iter(one["value"].values()), None) for one in span.get("attributes") or ()}
        start, took = int(span["startTimeUnixNano"]), int(span.get("durationNanos") or 0)
        started_at = _EPOCH + timedelta(microseconds=start // 1000)
        trace_id, span_id = str(trace["traceID"]).lower().rjust(32, "0"), str(span["spanID"]).lower()
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as fault:
        sink.reject(record, "TYPE", f"a span that cannot be read: {type(fault).__name__}: {fault}")
        return
    status, kind = str(attributes.get("status") or "unset").lower(), str(attributes.get("kind") or "internal").lower()
    typed = columns(attributes, {}, kind)
    typed["customer"] = sink.person(typed.get("customer"))
    uid = sink.load(
        record,
        "spans",
        {
            **identity(trace_id, span_id, None),
            **typed,
            "system": attributes.get("service.name") or "unknown",
            "name": span.get("name"),
            "kind": kind if kind in _KINDS else "internal",
            "started_at": started_at,
            "start_us": start // 1000,
            "start_ns": start,
            "duration_us": took // 1000,
            "duration_ns": took,
            "status": _STATUSES.get(status, "unset"),
            "weight": weight(attributes),
            "attributes": attributes,
        },
    )
    if status not in _STATUSES:
        sink.flag("spans", uid, "unknown_status", status, record)


FORMATS = (
    Format(name="tempo_search", kind="traces", shape="json", parse=parse, keys=frozenset({"traces", "metrics"})),
    Format(
        name="tempo_search", kind="traces", shape="json", parse=parse, keys=frozenset({"traceID", "startTimeUnixNano"}),
        any_keys=frozenset({"spanSet", "spanSets", "rootServiceName", "durationMs"}),
    ),
)  # fmt: skip
