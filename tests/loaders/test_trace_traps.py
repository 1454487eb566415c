"""Jaeger and Zipkin as they are really written: shared ids, halves, references, skew, and types that are texts."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest

import handoff_analytics as ha

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_767_607_200_000_000


def load(folder: Path, content: Any, **options: Any) -> ha.History:
    path = folder / "traces.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    history = ha.load(path, quiet=True, **options)
    load = history.loads.row(0, named=True)
    assert load["seen"] == load["loaded"] + load["rejected"] + load["duplicate"] + load["skipped"]
    return history


def span(
    span_id: str, process: str = "p1", *, kind: str = "server", at: int = 0, parent: Any = None, **more: Any
) -> dict[str, Any]:
    tags = [{"key": "span.kind", "type": "string", "value": kind}, *more.pop("tags", [])]
    references = [] if parent is None else [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": parent}]
    row = {"traceID": TRACE, "spanID": span_id, "operationName": "op", "processID": process, "startTime": START + at}
    return row | {"duration": 1000, "references": references, "tags": tags, "logs": [], **more}


def jaeger(*spans: dict[str, Any], **more: Any) -> dict[str, Any]:
    processes = {"p1": {"serviceName": "shop", "tags": []}, "p2": {"serviceName": "erp", "tags": []}}
    return {
        "data": [{"traceID": TRACE, "spans": list(spans), "processes": processes, "warnings": None}],
        "errors": None,
        **more,
    }


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ({"key": "error", "type": "bool", "value": True}, "error"),
        ({"key": "error", "type": "string", "value": "true"}, "error"),
        ({"key": "error", "type": "bool", "value": "true"}, "error"),
        ({"key": "error", "type": "bool", "value": False}, "unset"),
        ({"key": "otel.status_code", "type": "string", "value": "ERROR"}, "error"),
        ({"key": "otel.status_code", "type": "string", "value": "OK"}, "ok"),
    ],
)
def test_jaeger_says_errors_in_several_ways(tmp_path: Path, tag: dict[str, Any], status: str) -> None:
    history = load(tmp_path, jaeger(span("a", tags=[tag])))
    assert history.sql("SELECT status FROM spans").item() == status


def test_jaeger_numbers_may_be_texts(tmp_path: Path) -> None:
    status = {"key": "http.status_code", "type": "int64", "value": "503"}
    assert load(tmp_path, jaeger(span("a", tags=[status]))).sql("SELECT http_status FROM spans").item() == 503


def test_jaeger_ids_without_leading_zeros_and_in_capitals_meet(tmp_path: Path) -> None:
    short = TRACE[1:].upper()
    spans = [span("AB1", kind="client"), span("cd2", "p2", at=100, parent="ab1")]
    spans[0]["traceID"] = short
    history = load(tmp_path, jaeger(*spans))
    assert history.sql("SELECT DISTINCT trace_id FROM spans").rows() == [(TRACE,)]
    assert history.sql("SELECT source, target FROM crossings WHERE source <> 'external'").rows() == [("shop", "erp")]


def test_jaeger_spans_of_one_id_are_both_kept(tmp_path: Path) -> None:
    history = load(tmp_path, jaeger(span("a"), span("a", "p2"), span("a")))
    assert history.loads.select("seen", "loaded", "duplicate").row(0) == (3, 2, 1)
    assert history.quality["flag"].to_list() == ["duplicate_id"]


def test_jaeger_references_to_other_traces_are_links_and_the_first_parent_counts(tmp_path: Path) -> None:
    references = [
        {"refType": "CHILD_OF", "traceID": "f" * 32, "spanID": "99"},
        {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "a"},
        {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "b"},
        {"refType": "FOLLOWS_FROM", "traceID": TRACE, "spanID": "c"},
    ]
    history = load(tmp_path, jaeger(span("a", kind="client"), span("d", "p2", references=references)))
    assert history.sql("SELECT parent_span_id FROM spans WHERE system = 'erp'").item() == "a".rjust(16, "0")
    linked = history.sql("SELECT linked_span_id FROM span_links ORDER BY 1")["linked_span_id"].to_list()
    assert linked == [one.rjust(16, "0") for one in ("b", "c", "99")]


def test_jaeger_as_elasticsearch_stores_it(tmp_path: Path) -> None:
    stored = {
        "traceID": TRACE, "spanID": "a1", "operationName": "op", "startTime": START, "duration": 1000, "references": [],
        "process": {"serviceName": "shop", "tag": {"host@name": "h1"}},
        "tag": {"span@kind": "client", "http@status_code": "502", "error": "true"}, "startTimeMillis": START // 1000,
    }  # fmt: skip
    history = load(tmp_path, json.dumps(stored) + "\n" + json.dumps(stored | {"spanID": "a2", "tag": {}}) + "\n")
    assert history.sql("SELECT system, kind, status, http_status, host FROM spans ORDER BY span_id").rows() == [
        ("shop", "client", "error", 502, "h1"),
        ("shop", "internal", "unset", None, "h1"),
    ]


def test_jaeger_warns_of_clock_skew_and_of_partial_results(tmp_path: Path) -> None:
    warning = "clock skew adjustment disabled; not applying calculated delta of 5ms"
    history = load(tmp_path, jaeger(span("a", warnings=[warning]), errors=[{"code": 500, "msg": "incomplete"}]))
    assert history.quality["flag"].to_list() == ["clock_skew"]
    assert "incomplete" in history.loads["notes"].item()


def test_jaeger_as_its_page_downloads_one_trace_and_broken_spans(tmp_path: Path) -> None:
    good, broken = span("a"), span("b")
    del broken["startTime"]
    one = jaeger(good, broken, span("c", startTime="soon"))["data"][0]
    history = load(tmp_path, one, on_reject="keep")
    assert history.loads.select("format", "seen", "loaded", "rejected").row(0) == ("jaeger", 3, 1, 2)
    assert history.rejects["json_pointer"].to_list() == ["/spans/1", "/spans/2"]


def zipkin(
    span_id: str, service: str | None, *, kind: str | None = None, at: int | None = 0, **more: Any
) -> dict[str, Any]:
    row: dict[str, Any] = {"traceId": TRACE, "id": span_id, "name": "op", **more}
    if service is not None:
        row["localEndpoint"] = {"serviceName": service, "ipv4": "10.0.0.1"}
    if kind is not None:
        row["kind"] = kind
    return row if at is None else row | {"timestamp": START + at, "duration": 1000}


@pytest.mark.parametrize(
    ("value", "status"), [("", "error"), ("true", "error"), ("timeout", "error"), ("false", "unset")]
)
def test_zipkin_errors_are_there_or_not(tmp_path: Path, value: str, status: str) -> None:
    history = load(tmp_path, [zipkin("a", "shop", tags={"error": value})])
    assert history.sql("SELECT status FROM spans").item() == status


def test_zipkin_halves_of_one_span_are_two(tmp_path: Path) -> None:
    history = load(
        tmp_path, [zipkin("a", "shop", kind="CLIENT"), zipkin("a", "erp", kind="SERVER", at=100, shared=True)]
    )
    assert history.loads["loaded"].item() == 2
    assert history.quality.height == 0
    assert history.sql("SELECT source, target FROM crossings WHERE source <> 'external'").rows() == [("shop", "erp")]


def test_zipkin_ids_of_64_bits_meet_those_of_128(tmp_path: Path) -> None:
    short = zipkin("a", "shop", kind="CLIENT") | {"traceId": TRACE[16:]}
    history = load(tmp_path, [short])
    assert history.sql("SELECT trace_id FROM spans").item() == TRACE[16:].rjust(32, "0")


def test_zipkin_without_names_times_or_in_lists_of_lists(tmp_path: Path) -> None:
    nameless = zipkin("a", None, kind="CLIENT", tags={"upstream_cluster": "outbound|erp"})
    history = load(tmp_path, [[nameless, zipkin("b", None)], [zipkin("c", "shop", at=None)]])
    assert history.sql("SELECT system FROM spans ORDER BY span_id")["system"].to_list() == [
        "outbound|erp",
        "unknown",
        "shop",
    ]
    assert history.quality["flag"].to_list() == ["time_missing"]


def test_zipkin_messages_go_over_their_broker(tmp_path: Path) -> None:
    broker = {"remoteEndpoint": {"serviceName": "kafka"}}
    sent = zipkin("a", "shop", kind="PRODUCER", **broker)
    got = zipkin("b", "erp", kind="CONSUMER", at=5_000_000, parentId="a", **broker)
    history = load(tmp_path, [sent, got])
    assert history.sql("SELECT source, target, channel FROM crossings WHERE source <> 'external'").rows() == [
        ("shop", "erp", "messaging")
    ]


def test_zipkin_children_before_their_parents_are_kept(tmp_path: Path) -> None:
    spans = [zipkin("a", "shop", kind="CLIENT", at=1000), zipkin("b", "erp", kind="SERVER", at=-50_000, parentId="a")]
    assert load(tmp_path, spans).sql("SELECT count(*) FROM crossings WHERE target = 'erp'").item() == 1


def test_zipkin_that_is_broken_is_rejected_span_by_span(tmp_path: Path) -> None:
    history = load(
        tmp_path,
        [zipkin("a", "shop"), {"id": "b"}, 7, zipkin("c", "shop", at=None) | {"timestamp": "soon"}],
        on_reject="keep",
    )
    assert history.loads.select("seen", "loaded", "rejected").row(0) == (4, 1, 3)
    assert history.rejects["json_pointer"].to_list() == ["/1", "/2", "/3"]
