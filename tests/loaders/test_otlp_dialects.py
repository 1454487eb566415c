"""OTLP in both JSON dialects and in every envelope says the same; Tempo, collectors and old libraries wrap it differently."""

from __future__ import annotations

import base64
import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest

import handoff_analytics as ha
from handoff_analytics.errors import UnreadableFileError

NS = 1_767_607_200_000_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def ident(digits: str, *, proto: bool) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode() if proto else digits


def holder(*, proto: bool = False, old: bool = False, **more: Any) -> dict[str, Any]:
    """Return the spans of one resource, in the dialect of the specification or of plain protojson."""
    span = {
        "traceId": ident(TRACE, proto=proto), "spanId": ident(SPAN, proto=proto), "name": "GET /a",
        "kind": "SPAN_KIND_CLIENT" if proto else 3, "status": {"code": "STATUS_CODE_ERROR" if proto else 2, "message": "no"},
        "startTimeUnixNano": str(NS) if proto else NS, "endTimeUnixNano": str(NS + 5000), "flags": 256, "unheardOf": {"x": 1},
        "attributes": [
            {"key": "peer.service", "value": {"stringValue": "erp"}},
            {"key": "http.response.status_code", "value": {"intValue": "503" if proto else 503}},
            {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "q"}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "z", "value": {"boolValue": True}}]}}},
            {"key": "bytes", "value": {"bytesValue": "AQI="}},
        ],
        **more,
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "crm"}}]}
    inner = ("instrumentationLibrarySpans", "instrumentationLibrary") if old else ("scopeSpans", "scope")
    return {"resource": resource, inner[0]: [{inner[1]: {}, "spans": [span]}, {}]}


ENVELOPES: dict[str, Any] = {
    "specification": {"resourceSpans": [holder()]},
    "protojson": {"resourceSpans": [holder(proto=True)]},
    "capitals": {"resourceSpans": [holder(traceId=TRACE.upper(), spanId=SPAN.upper())]},
    "Tempo 1": {"batches": [holder(proto=True)]},
    "Tempo 2": {"trace": {"resourceSpans": [holder(proto=True)]}},
    "an array": [{"resourceSpans": [holder()]}],
    "old libraries": {"resourceSpans": [holder(old=True)]},
}


def load(folder: Path, content: Any, *, indent: int | None = None) -> ha.History:
    path = folder / "export.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=indent))
    return ha.load(path, quiet=True)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", sorted(ENVELOPES))
def test_every_envelope_and_dialect_says_the_same(tmp_path: Path, name: str, indent: int | None) -> None:
    history = load(tmp_path, ENVELOPES[name], indent=indent)
    assert history.loads.select("seen", "loaded", "rejected").row(0) == (1, 1, 0)
    row = history.sql(
        "SELECT trace_id, span_id, kind, status, status_message, system, peer, http_status, start_ns, duration_ns FROM spans"
    )
    assert row.row(0) == (TRACE, SPAN, "client", "error", "no", "crm", "erp", 503, NS, 5000)


def test_a_span_in_both_dialects_is_one_span(tmp_path: Path) -> None:
    both = [ENVELOPES["specification"], ENVELOPES["protojson"]]
    assert load(tmp_path, "\n".join(map(json.dumps, both))).loads.select("seen", "loaded", "duplicate").row(0) == (
        2,
        1,
        1,
    )


def logs(**more: Any) -> dict[str, Any]:
    entry = {
        "timeUnixNano": "0", "observedTimeUnixNano": str(NS), "severityNumber": 17, "body": {"stringValue": "no"},
        "traceId": "", "spanId": "", **more,
    }  # fmt: skip
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [entry]}]}]}


def test_spans_logs_and_metrics_may_be_mixed_in_a_file_and_in_a_document(tmp_path: Path) -> None:
    metrics = {"resourceMetrics": [{"scopeMetrics": []}]}
    mixed = {**ENVELOPES["specification"], **logs(), **metrics}
    for content in ("\n".join(map(json.dumps, (ENVELOPES["specification"], logs(), metrics))), mixed):
        history = load(tmp_path, content)
        assert history.sql("SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM log_records)").row(0) == (1, 1)
        assert history.loads["loaded"].item() == 2
        assert history.loads["rejected"].item() == 0


@pytest.mark.parametrize("severity", [17, "17", "SEVERITY_NUMBER_ERROR"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"stringValue": "no"}, "no"),
        ({"kvlistValue": {"values": [{"key": "msg", "value": {"stringValue": "no"}}]}}, '{"msg":"no"}'),
        ({"arrayValue": {"values": [{"intValue": "1"}]}}, "[1]"),
    ],
)
def test_log_records_without_time_or_resource_in_both_dialects(
    tmp_path: Path, severity: Any, body: Any, said: str
) -> None:
    history = load(tmp_path, logs(severityNumber=severity, body=body))
    assert history.sql("SELECT severity, body, system, trace_id, log_us FROM log_records").row(0) == (
        17,
        said,
        "unknown",
        None,
        NS // 1000,
    )


def test_frames_of_the_file_exporter_are_refused_with_what_to_set(tmp_path: Path) -> None:
    path = tmp_path / "data-2026-01-05T10-00-00.173.json"
    path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in (b"\n\x05hello", b"\n\x03abc")))
    with pytest.raises(UnreadableFileError, match=r"format: json"):
        ha.load(path, quiet=True)
