"""How do spans and log lines reach the disk, with the blemishes that exports have?

OTLP JSON lines as the OpenTelemetry collector's file exporter writes them, and JSON log lines of many hands. A clock
that runs behind, spans that lost their parent, and batches that were sent twice are part of the picture.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from .company import NAMESPACE, PLATFORM
from .plants import SKEW_US, SKEWED_HOST, TIMES
from .recording import CLIENT, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Crossing, Record, Span

BATCH = 64
_ATTRIBUTES = "attributes"


class Blemishes(NamedTuple):
    """What is wrong with the export, so that a test can look for it."""

    orphans: tuple[str, ...]
    """Span ids whose parent is missing."""
    duplicates: tuple[str, ...]
    """Span ids that are in the file twice, with the same content."""


def compact(value: object) -> str:
    """Write JSON without blanks, the same on every machine."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def iso(at: int) -> str:
    """Write microseconds since 1970 as a UTC time with milliseconds."""
    moment = datetime.fromtimestamp(at // 1_000_000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1_000_000 // 1000:03d}Z"


def blemish(record: Record, *, orphans: int, duplicates: int) -> Blemishes:
    """Lose some spans, put a clock back, and choose what is sent twice."""
    random = stream(record.seed, "blemishes")
    lost: dict[str, Crossing] = {}
    candidates = [
        crossing
        for crossing in record.crossings
        if crossing.handoff == ("ipaas", "inventory", "http")
        and crossing.attempt == 1
        and crossing.is_last
        and not crossing.failed
    ]
    for crossing in random.sample(candidates, min(orphans, len(candidates))):
        lost[crossing.source_span] = crossing
        crossing.is_observed = False
    record.spans = [span for span in record.spans if span.span_id not in lost]
    for span in record.spans:
        if span.host == SKEWED_HOST and TIMES.skewed_clock.holds(span.start_us):
            span.start_us += SKEW_US
            span.end_us += SKEW_US
    record.spans.sort(key=lambda span: (span.end_us, span.trace_id, span.span_id))
    repeated = random.sample(
        [span.span_id for span in record.spans if span.kind == CLIENT], min(duplicates, len(record.spans) // 20)
    )
    return Blemishes(tuple(sorted(one.target_span for one in lost.values())), tuple(sorted(repeated)))


def otlp_lines(spans: list[Span], *, repeated: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield one line a batch of one host, each a request of the OTLP protocol.

    A repeated span is the last of its batch and the first of the next one, as after an export that timed out.
    """
    twice = set(repeated)
    batches: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        key = span.system, span.host
        batch = batches.setdefault(key, [])
        batch.append(span)
        if len(batch) >= BATCH or span.span_id in twice:
            yield _request(*key, batch)
            batches[key] = [span] if span.span_id in twice else []
    for key in sorted(batches):
        if batches[key]:
            yield _request(*key, batches[key])


def _request(system: str, host: str, spans: list[Span]) -> str:
    resource = {
        "service.name": system,
        "service.namespace": NAMESPACE,
        "host.name": host,
        "handoff.platform": PLATFORM[system],
    }
    scope = {"scope": {"name": "acme.telemetry", "version": "1.4.0"}, "spans": [otlp_span(span) for span in spans]}
    return compact({"resourceSpans": [{"resource": {_ATTRIBUTES: _attributes(resource)}, "scopeSpans": [scope]}]})


def otlp_span(span: Span) -> dict[str, Any]:
    """Return a span in OTLP's JSON: hex ids, integer enums, numbers of 64 bits as text."""
    written: dict[str, Any] = {"traceId": span.trace_id, "spanId": span.span_id}
    if span.parent_id:
        written["parentSpanId"] = span.parent_id
    written |= {
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": f"{span.start_us}000",
        "endTimeUnixNano": f"{span.end_us}000",
    }
    if span.attributes:
        written[_ATTRIBUTES] = _attributes(span.attributes)
    if span.links:
        written["links"] = [{"traceId": trace_id, "spanId": span_id} for trace_id, span_id in span.links]
    written["status"] = {"code": span.status} if span.status else {}
    if span.message:
        written["status"]["message"] = span.message
    return written


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in values.items() if value is not None]


def _any_value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
