"""OTLP is read into columns: whatever stands anywhere in a file, each record is loaded or rejected with its place."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from benches import Bench
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from handoff_analytics.loaders.traces.otlp_lots import Lots

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
@example(("resourceSpans", 0, "scopeSpans", 0, "spans", 1, "traceState"), {"d": DEEP}, False)
@example(("resourceSpans", 0, "scopeSpans", 0, "scope", "name"), {"d": DEEP}, False)
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


TABLES = ("spans", "span_links", "log_records", "rejects", "quality_flags")


def traces(number: int) -> dict[str, Any]:
    """Return a document of nothing but what most files hold, other spans for each number."""
    held = document()["resourceSpans"]
    second = held[0]["scopeSpans"][0]["spans"][1]
    del second["traceState"], second["attributes"][1]
    text = json.dumps({"resourceSpans": held})
    return json.loads(text.replace(TRACE, f"{number:032X}").replace("SO-1", f'\\"é\\\\{number}'))


def read_both_ways(folder: Path, lines: list[Any], *, taken: bool | None = None) -> None:
    """Read documents as a lot and one by one, and compare all that is stored."""
    content, stored, took = "".join(json.dumps(line) + "\n" for line in lines), [], []
    original = Lots.take
    for many in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lots, "take", lambda self, given, many=many: many and _kept(took, original(self, given)))
            bench = Bench(folder)
            counts = bench.load(content, format="otlp").counts
        tables = {}
        for table in TABLES:
            found = bench.connection.execute(f"SELECT * FROM {table} ORDER BY ALL")
            names = [name for name, *_ in found.description]
            tables[table] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        stored.append((counts, tables))
    if taken is not None:
        assert took == [taken]
    assert stored[0][0] == stored[1][0]
    for table in TABLES:
        assert stored[0][1][table] == stored[1][1][table], table


def _kept(took: list[bool], answer: bool) -> bool:
    took.append(answer)
    return answer


def test_a_lot_says_what_its_documents_say_one_by_one(tmp_path: Path) -> None:
    read_both_ways(tmp_path, [traces(number) for number in range(1, 13)], taken=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([place for place in places(traces(5)) if place]), st.sampled_from(ODD))
def test_a_lot_with_anything_odd_is_read_like_its_documents(tmp_path: Path, place: tuple[Any, ...], odd: Any) -> None:
    lines = [traces(number) for number in range(1, 10)]
    holder: Any = lines[4]
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = odd
    read_both_ways(tmp_path, lines)


NAMES = (
    "http.response.status_code",
    "order.id",
    "amount",
    "customer.id",
    "user.email",
    "db.system",
    "peer.service",
    "x",
)
VALUES = st.one_of(
    st.text(max_size=6).map(lambda text: {"stringValue": text}),
    st.integers(-(2**64), 2**64).map(lambda number: {"intValue": str(number)}),
    st.integers(0, 600).map(lambda number: {"intValue": str(number)}),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: {"doubleValue": number}),
    st.booleans().map(lambda truth: {"boolValue": truth}),
    st.lists(st.booleans(), max_size=2).map(
        lambda truths: {"arrayValue": {"values": [{"boolValue": truth} for truth in truths]}}
    ),
)
SPANS = st.builds(
    lambda attributes, more: {"attributes": [{"key": name, "value": value} for name, value in attributes], **more},
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4, unique_by=lambda one: one[0]),
    st.fixed_dictionaries(
        {"kind": st.integers(0, 5), "name": st.text(max_size=4), "status": st.sampled_from([{}, {"code": 2}])},
        optional={"events": st.just([{"name": "paid", "attributes": [attribute("y", boolValue=False)]}])},
    ),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SPANS, min_size=8, max_size=14))
def test_whatever_attributes_say_a_lot_reads_them_alike(tmp_path: Path, spans: list[dict[str, Any]]) -> None:
    lines = [
        {"resourceSpans": [{"scopeSpans": [{"spans": [span(n, **{"x": 1} | one)]}]}]} for n, one in enumerate(spans, 1)
    ]
    for line in lines:
        del line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["x"]
    read_both_ways(tmp_path, lines)
