"""Traces of every format become the same spans, and nothing of a file is lost."""

from __future__ import annotations

import base64
import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, TooManyRejectsError, UnknownFormatError, UnreadableFileError

TRACE, CLIENT, SERVER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
START = 1_767_600_000_000_000  # microseconds, 5 January 2026


def otlp(*, base64_ids: bool = False) -> dict[str, Any]:
    def ident(value: str) -> str:
        return base64.b64encode(bytes.fromhex(value)).decode() if base64_ids else value

    def span(span_id: str, parent: str | None, kind: Any, at: int, took: int, **more: Any) -> dict[str, Any]:
        row = {"traceId": ident(TRACE), "spanId": ident(span_id), "name": "POST /pay", "kind": kind}
        row |= {"startTimeUnixNano": str(at * 1000), "endTimeUnixNano": str((at + took) * 1000), **more}
        return row | ({"parentSpanId": ident(parent)} if parent else {})

    kinds = ("SPAN_KIND_CLIENT", "SPAN_KIND_SERVER") if base64_ids else (3, 2)
    failed = {"code": "STATUS_CODE_ERROR" if base64_ids else 2, "message": "declined"}
    status = {"key": "http.response.status_code", "value": {"intValue": "422"}}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]},
                "scopeSpans": [{"spans": [one]}],
            }
            for name, one in (
                ("shop", span(CLIENT, None, kinds[0], START, 5000, status=failed, attributes=[status])),
                ("payment", span(SERVER, CLIENT, kinds[1], START + 1000, 3000)),
            )
        ]
    }


def jaeger() -> dict[str, Any]:
    def span(span_id: str, process: str, kind: str, at: int, took: int, **more: Any) -> dict[str, Any]:
        tags = [{"key": "span.kind", "type": "string", "value": kind}, *more.pop("tags", [])]
        row = {"traceID": TRACE, "spanID": span_id, "operationName": "POST /pay", "processID": process}
        return row | {"startTime": at, "duration": took, "tags": tags, "references": [], **more}

    error = [
        {"key": "error", "type": "bool", "value": True},
        {"key": "http.status_code", "type": "int64", "value": 422},
    ]
    parent = [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": CLIENT}]
    spans = [
        span(CLIENT, "p1", "client", START, 5000, tags=error),
        span(SERVER, "p2", "server", START + 1000, 3000, references=parent),
    ]
    return {
        "data": [
            {
                "traceID": TRACE,
                "spans": spans,
                "processes": {"p1": {"serviceName": "shop"}, "p2": {"serviceName": "payment"}},
            }
        ]
    }


def zipkin() -> list[dict[str, Any]]:
    first = {
        "traceId": TRACE,
        "id": CLIENT,
        "kind": "CLIENT",
        "name": "POST /pay",
        "timestamp": START,
        "duration": 5000,
    }
    second = {
        "traceId": TRACE,
        "id": SERVER,
        "parentId": CLIENT,
        "kind": "SERVER",
        "name": "POST /pay",
        "timestamp": START + 1000,
        "duration": 3000,
    }
    return [
        first | {"localEndpoint": {"serviceName": "shop"}, "tags": {"error": "declined", "http.status_code": "422"}},
        second | {"localEndpoint": {"serviceName": "payment"}},
    ]


def loaded(folder: Path, content: Any, name: str = "file", **options: Any) -> ha.History:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return ha.load(path, quiet=True, **options)


@pytest.mark.parametrize(
    "content", [otlp(), otlp(base64_ids=True), {"batches": otlp()["resourceSpans"]}, jaeger(), zipkin()]
)
def test_one_trace_in_every_format_gives_one_failed_handoff(tmp_path: Path, content: Any) -> None:
    history = loaded(tmp_path, content)
    assert history.loads.select("seen", "loaded").row(0) == (2, 2)
    crossing = history.sql(
        "SELECT source, target, failed, http_status, duration_us, callee_us FROM crossings WHERE source <> 'external'"
    )
    assert crossing.rows() == [("shop", "payment", True, 422, 5000, 3000)]


def test_people_in_attributes_are_the_same_hashes_in_every_format(tmp_path: Path) -> None:
    people = {"user.id": "C-1", "customer.email": "ann@acme.example", "enduser.name": "Ann Smith", "app_user_id": "C-1"}
    kept = {"user_agent": "curl", "db.user": "postgres"}
    spans: dict[str, Any] = {"otlp": otlp(), "jaeger": jaeger(), "zipkin": zipkin()}
    first = spans["otlp"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    first["attributes"] += [{"key": name, "value": {"stringValue": value}} for name, value in people.items()]
    first["attributes"] += [{"key": name, "value": {"stringValue": str(value)}} for name, value in kept.items()]
    spans["jaeger"]["data"][0]["spans"][0]["tags"] += [
        {"key": name, "value": value} for name, value in (people | kept).items()
    ]
    spans["zipkin"][0]["tags"] |= people | kept
    for format_, content in spans.items():
        history = loaded(tmp_path, content, format_)
        attributes = json.loads(history.sql("SELECT attributes FROM spans WHERE kind = 'client'").item())
        assert not set(people.values()) & set(map(str, attributes.values()))
        assert attributes["user.id"] == attributes["app_user_id"]
        assert attributes["user.id"].startswith("person-")
        assert {name: str(attributes[name]) for name in kept} == {name: str(value) for name, value in kept.items()}
    named = loaded(tmp_path, spans["jaeger"], "named", people="names")
    attributes = json.loads(named.sql("SELECT attributes FROM spans WHERE kind = 'client'").item())
    assert {name: attributes[name] for name in people} == people


def test_a_shared_zipkin_span_becomes_two_halves(tmp_path: Path) -> None:
    halves = zipkin()
    halves[1] |= {"id": CLIENT, "shared": True}
    del halves[1]["parentId"]
    history = loaded(tmp_path, halves)
    assert history.sql("SELECT source, target FROM crossings WHERE source <> 'external'").rows() == [
        ("shop", "payment")
    ]


def test_zipkin_version_1_is_split_by_its_annotations(tmp_path: Path) -> None:
    ends = {"client": {"serviceName": "shop"}, "server": {"serviceName": "payment"}}
    notes = [("cs", 0, "client"), ("sr", 1000, "server"), ("ss", 4000, "server"), ("cr", 5000, "client")]
    span = {
        "traceId": TRACE, "id": CLIENT, "name": "pay",
        "annotations": [{"value": value, "timestamp": START + at, "endpoint": ends[side]} for value, at, side in notes],
        "binaryAnnotations": [],
    }  # fmt: skip
    history = loaded(tmp_path, [span])
    assert history.loads["seen"].item() == 1
    assert history.sql("SELECT source, target, callee_us FROM crossings WHERE source <> 'external'").rows() == [
        ("shop", "payment", 3000)
    ]


def test_a_search_of_tempo_shows_spans_without_parents(tmp_path: Path) -> None:
    def named(value: str) -> list[dict[str, Any]]:
        return [
            {"key": "service.name", "value": {"stringValue": value}},
            {"key": "status", "value": {"stringValue": "error"}},
        ]

    span = {
        "spanID": SERVER,
        "startTimeUnixNano": str(START * 1000),
        "durationNanos": "5000",
        "attributes": named("shop"),
    }
    broken = {"spanID": CLIENT, "startTimeUnixNano": "soon"}
    traces = [
        {"traceID": TRACE[1:], "spanSets": [{"spans": [span, broken]}], "spanSet": {"spans": [span]}},
        {"traceID": TRACE, "startTimeUnixNano": "1"},
        {"rootServiceName": "shop"},
    ]
    history = loaded(tmp_path, {"traces": traces, "metrics": {}}, on_reject="keep")
    load = history.loads.row(0, named=True)
    assert [load[name] for name in ("format", "seen", "loaded", "rejected", "skipped")] == ["tempo_search", 4, 1, 2, 1]
    assert history.sql("SELECT system, status, duration_us, length(trace_id) FROM spans").row(0) == (
        "shop",
        "error",
        5,
        32,
    )
    assert history.rejects["json_pointer"].to_list() == ["/traces/0/spanSets/0/spans/1", "/traces/2"]


def test_loading_twice_changes_nothing(tmp_path: Path) -> None:
    into = tmp_path / "h.duckdb"
    once = loaded(tmp_path, otlp(), into=into).sql("SELECT * FROM spans ORDER BY span_uid")
    (tmp_path / "again").write_text(json.dumps(otlp(), indent=1))
    twice = ha.load(tmp_path / "again", into=into, quiet=True)
    assert twice.sql("SELECT * FROM spans ORDER BY span_uid").equals(once)
    assert twice.loads["duplicate"].to_list() == [0, 2]
    assert ha.load(tmp_path / "again", into=into, quiet=True).loads.height == 2


def test_a_bad_span_is_rejected_with_its_place(tmp_path: Path) -> None:
    content = otlp()
    del content["resourceSpans"][1]["scopeSpans"][0]["spans"][0]["traceId"]
    rejects = loaded(tmp_path, content).rejects
    assert rejects.select("code", "json_pointer").rows() == [("MISSING", "/resourceSpans/1/scopeSpans/0/spans/0")]


def test_too_many_rejects_roll_the_file_back(tmp_path: Path) -> None:
    good = json.dumps(otlp())
    content = "\n".join([good] + ["{broken"] * 30).encode()
    with pytest.raises(TooManyRejectsError, match=r"30 of 32 records are rejected.*line 2"):
        loaded(tmp_path, content, into=tmp_path / "h.duckdb")
    assert ha.open(tmp_path / "h.duckdb").sql("SELECT count(*) FROM spans").item() == 0
    assert loaded(tmp_path, content, on_reject="keep").rejects.height == 30


def test_a_depth_bomb_and_a_number_that_is_none_are_survived(tmp_path: Path) -> None:
    bomb = b"[" * 5000 + b"]" * 5000
    content = json.dumps(otlp()).encode() + b"\n" + b'{"resourceSpans": ' + bomb + b"}\n"
    assert loaded(tmp_path, content).rejects["code"].to_list() == ["DEPTH"]
    odd = json.dumps(otlp()).replace('"422"', '"422"').replace('"name": "POST /pay"', '"name": "POST /pay", "x": NaN')
    assert loaded(tmp_path, odd.encode(), "nan").loads["loaded"].item() == 2


def test_a_truncated_gzip_says_how_much_came_before(tmp_path: Path) -> None:
    import gzip

    lines = "\n".join(json.dumps(otlp()).replace(TRACE, f"{n:032x}") for n in range(1, 400)).encode()
    cut = gzip.compress(lines, mtime=0)[:-2000]
    with pytest.raises(UnreadableFileError, match="ends early after"):
        loaded(tmp_path, cut)
    assert loaded(tmp_path, cut, salvage=True).rejects["code"].to_list()[-1] == "DECOMPRESS"


def test_an_unknown_file_is_refused_alone_and_left_out_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="JSON with the keys colour"):
        loaded(tmp_path, {"colour": "red"})
    (tmp_path / "traces.json").write_text(json.dumps(otlp()))
    assert ha.load(tmp_path, quiet=True).loads["format"].to_list() == ["otlp"]


WHOLE = "\n".join(json.dumps(otlp()).replace(TRACE, f"{n:032x}") for n in range(1, 12)).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(WHOLE) - 1), st.sampled_from(["flip", "cut", "insert"]), st.binary(min_size=1, max_size=4))
def test_corruption_loses_no_record_and_raises_only_our_errors(tmp_path: Path, at: int, how: str, noise: bytes) -> None:
    damaged = {
        "flip": WHOLE[:at] + bytes([WHOLE[at] ^ noise[0]]) + WHOLE[at + 1 :],
        "cut": WHOLE[:at],
        "insert": WHOLE[:at] + noise + WHOLE[at:],
    }[how]
    try:
        load = loaded(tmp_path, damaged, on_reject="keep").loads
    except HandoffError:
        return
    for row in load.iter_rows(named=True):
        assert row["seen"] == row["loaded"] + row["rejected"] + row["duplicate"] + row["skipped"]
