"""OTLP is read into columns: whatever stands at any place of a file, each record is loaded or rejected with its place."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from benches import Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACE, START = "0af7651916cd43dd8448eb211c80319c", 1_767_600_000_000_000_000


def attribute(name: str, **value: Any) -> dict[str, Any]:
    return {"key": name, "value": value}


def span(number: int, *attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"traceId": TRACE, "spanId": f"{number:016x}", "name": "POST /pay", "kind": 3, "status": {"code": 1}}
    row |= {"startTimeUnixNano": str(START + number), "endTimeUnixNano": str(START + number + 7000)}
    return row | {"attributes": list(attributes), **more}


def document() -> dict[str, Any]:
    """Return a document with everything that OTLP has."""
    resource = {"attributes": [attribute("service.name", stringValue="shop"), attribute("host.name", stringValue="h")]}
    event = {
        "timeUnixNano": str(START),
        "name": "exception",
        "attributes": [attribute("exception.type", stringValue="E")],
    }
    odd = (
        attribute("list", arrayValue={"values": [{"intValue": "1"}, {"stringValue": "x"}]}),
        attribute("map", kvlistValue={"values": [attribute("a", boolValue=True)]}),
        attribute("ratio", doubleValue=0.5),
    )
    spans = [
        span(1, attribute("http.response.status_code", intValue="422"), attribute("order.id", stringValue="SO-1")),
        span(2, *odd, parentSpanId=f"{1:016x}", events=[event], traceState="ot=th:8"),
        span(3, attribute("customer.id", stringValue="C-1"), links=[{"traceId": TRACE, "spanId": f"{1:016x}"}]),
    ]
    log = {"timeUnixNano": str(START), "severityNumber": 17, "body": {"stringValue": "no"}, "traceId": TRACE}
    return {
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}]}],
        "resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [log, {**log, "severityText": "warn"}]}]}],
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every part of a value."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield from places(one, (*path, name))


def at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


PLACES = list(places(document()))[1:]
DEEP: Any = "bottom"
for _ in range(300):
    DEEP = {"d": DEEP}
ODD = (
    *(None, True, 0, -1, 3.5, 2**63, 2**70, 1e300, "", "x", "0", "0" * 16, "0" * 32, "9" * 30, "NaN", "ü", "a\0b"),
    *(
        [],
        {},
        [None],
        [[1]],
        {"key": 1},
        {"key": "k", "value": 5},
        [{"key": []}],
        {"intValue": "x"},
        {"stringValue": {}},
    ),
    *({"values": 5}, {"stringValue": DEEP}, {"arrayValue": {"values": [DEEP]}}, {"code": []}, "7uGbfsPBsXQ=", 1e18),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), st.sampled_from(ODD), st.booleans())
def test_whatever_stands_anywhere_every_record_is_accounted_for(
    tmp_path: Path, place: tuple[Any, ...], odd: Any, in_array: bool
) -> None:
    content = copy.deepcopy(document())
    holder = content
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = odd
    whole = [document(), content] if in_array else content
    bench = Bench(tmp_path)
    counts = bench.load(json.dumps(whole), format="otlp").counts
    assert counts["seen"] == counts["loaded"] + counts["rejected"] + counts["duplicate"] + counts["skipped"]
    stored = bench.rows("SELECT count(*) FROM spans")[0][0]
    rows = bench.rows("SELECT record_no, json_pointer, code, reason, raw, line FROM rejects ORDER BY ALL")
    assert len(rows) == counts["rejected"]
    for number, pointer, code, reason, raw, line in rows:
        assert 0 < number <= counts["seen"]
        assert code in {"TYPE", "MISSING", "TIME", "UNKNOWN_SHAPE", "DEPTH"}
        assert reason
        assert line == 1
        value = at(whole, pointer or "")
        if isinstance(value, dict | list) and raw[:1] in "{[" and len(raw) < 4000 and "'d': {'d'" not in raw:
            assert json.loads(raw) == value
    # What is not looked at cannot spoil more than the span that it stands in.
    if len(place) >= 6 and place[0] == "resourceSpans" and place[4] == "spans":
        assert stored >= 2
        assert counts["rejected"] <= 1
    for (flagged,) in bench.rows(
        "SELECT row_uid FROM quality_flags WHERE table_name = 'spans' AND row_uid IS NOT NULL"
    ):
        assert bench.rows(f"SELECT count(*) FROM spans WHERE span_uid = {flagged}") == [(1,)]


def test_what_a_span_says_becomes_columns(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.load(json.dumps(document()))
    names = "system, kind, status, http_status, correlation_id, host, weight, duration_us, parent_span_id"
    assert bench.one("spans", *names.split(", "), where="start_ns % 10 = 1") == (
        *("shop", "client", "ok", 422, "SO-1", "h", 1.0, 7, None),
    )
    parent = f"{1:016x}"
    assert bench.one("spans", "weight", "parent_span_id", "attributes", where="start_ns % 10 = 2") == (
        *(2.0, parent),
        '{"list":[1,"x"],"map":{"a":true},"ratio":0.5,"otel.scope.name":"lib","w3c.tracestate":"ot=th:8"}',
    )
    assert bench.one("span_links", "span_key", "linked_span_id") == (
        bench.one("spans", "span_key", where="start_ns % 10 = 3")[0],
        parent,
    )
    assert bench.rows("SELECT severity, body, exception_type, event_name FROM log_records ORDER BY ALL") == [
        *((17, "exception", "E", "exception"), (17, "no", None, None), (17, "no", None, None)),
    ]


def test_a_customer_is_hashed_in_the_attributes_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.load(json.dumps(document()))
    hashed, kept = bench.one("spans", "customer", "attributes", where="customer IS NOT NULL")
    assert hashed.startswith("person-")
    assert json.loads(kept)["customer.id"] == hashed
    assert "C-1" not in kept


@pytest.mark.parametrize("level", [25, -1, "loud", 10**12])
def test_a_severity_that_nobody_knows_is_flagged_and_the_record_kept(tmp_path: Path, level: Any) -> None:
    content = document()
    content["resourceLogs"][0]["scopeLogs"][0]["logRecords"][1]["severityNumber"] = level
    bench = Bench(tmp_path)
    bench.load(json.dumps(content))
    assert bench.rows("SELECT severity FROM log_records WHERE severity_text = 'warn'") == [(13,)]
    assert bench.rows("SELECT flag, detail FROM quality_flags") == [("unknown_severity", str(level))]


def test_a_number_that_is_none_is_flagged_with_every_span_of_its_document(tmp_path: Path) -> None:
    text = json.dumps(document()).replace('{"doubleValue": 0.5}', '{"doubleValue": NaN}')
    bench = Bench(tmp_path)
    bench.load(text)
    flags = bench.rows("SELECT record_no, flag FROM quality_flags ORDER BY ALL")
    assert flags == [(number, "range") for number in range(1, 6)]


def test_ids_of_zeros_are_no_ids(tmp_path: Path) -> None:
    content = document()
    first, second, _ = content["resourceSpans"][0]["scopeSpans"][0]["spans"]
    first["traceId"], second["parentSpanId"] = "0" * 32, "0" * 16
    bench = Bench(tmp_path)
    bench.load(json.dumps(content))
    assert bench.rows("SELECT code, json_pointer FROM rejects") == [
        ("MISSING", "/resourceSpans/0/scopeSpans/0/spans/0")
    ]
    assert bench.one("spans", "parent_span_id", "parent_key", where="start_ns % 10 = 2") == (None, None)
