"""Do lines that are read as columns say the same as when they are read record by record?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.loaders import Sink, sources
from handoff_analytics.loaders.batches import JsonShape, json_table
from handoff_analytics.loaders.jsoncolumns import Columns
from handoff_analytics.store import connect

if TYPE_CHECKING:
    from pathlib import Path

WANTED = ("id", "at", "http.status", "Name", "n")
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["2026-01-05T10:00:00Z", "2026-01-06 10:00:00", "", "null", '{"a": 1}', "a\\b", '"', "\x00"]),
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False, width=32)
)
NAMES = st.sampled_from(
    ["id", "at", "http.status", "http", "name", "Name", "n", "x", "y", "http.x", "data", "user", 'q"', "é"]
)


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return records in which a field mostly has one kind of value, as exports have it."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    lists = st.lists(st.one_of(TEXTS, st.integers(-5, 5)), max_size=2)
    objects = st.dictionaries(st.sampled_from(["status", "x"]), st.one_of(TEXTS, st.integers(-5, 5)), max_size=2)
    kinds = [TEXTS, TEXTS, NUMBERS, st.integers(-9, 9), st.booleans(), lists, objects]
    fields = {name: st.one_of(st.none(), draw(st.sampled_from(kinds))) for name in names}
    record = st.fixed_dictionaries({}, optional=fields)
    return draw(st.lists(record, min_size=10, max_size=14))


def read(path: Path, *, columns: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """Return all that becomes of a file: its rows, their places, and what the sink was told."""
    with monkeypatch.context() as patched:
        if not columns:
            patched.setattr(Columns, "of", lambda *_: None)
        sink = Sink(connect(":memory:"), 1)
        (source,) = sources(str(path))
        table = json_table(source, sink, JsonShape(WANTED))
        rows = []
        for batch in table.batches:
            assert batch.attributes is not None
            places = [batch.place(row) for row in range(batch.frame.height)]
            rows += zip(batch.numbers, batch.frame.rows(), batch.attributes, places, strict=True)
        return sorted(rows, key=lambda row: row[0]), dict(sink.counts), sink.first_rejects()


@settings(max_examples=150, deadline=None)
@given(records=files(), ends=st.sampled_from([b"\n", b"\r\n"]), last=st.booleans())
def test_columns_say_what_records_say(
    records: list[dict[str, Any]], ends: bytes, last: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("columns") / "lines.jsonl"
    lines = [
        orjson.dumps(one) if all(abs(n) < 2**63 for n in one.values() if isinstance(n, int)) else plain(one)
        for one in records
    ]
    path.write_bytes(ends.join(lines) + ends * last)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert read(path, columns=True, monkeypatch=monkeypatch) == read(path, columns=False, monkeypatch=monkeypatch)


def plain(one: dict[str, Any]) -> bytes:
    """Return a record with integers of any length as JSON."""
    return json.dumps(one).encode()


GOOD = [b'{"id":"a%d","n":%d,"x":"kept"}' % (n, n) for n in range(12)]
ODD = {
    "a key that occurs twice": b'{"id":"a","id":"b","n":1}',
    "a line that is no JSON": b'{"id":"a","n":}',
    "a number that is none": b'{"id":"a","n":NaN}',
    "a number beyond 64 bits": b'{"id":"a","n":123456789012345678901234}',
    "half of a surrogate pair": b'{"id":"\\ud800","n":1}',
    "bytes that are no text": b'{"id":"\xff","n":1}',
    "another kind": b'{"id":{"a":1},"n":"x"}',
    "two in a line": b'{"id":"a"}{"id":"b"}',
    "a blank line": b"",
    "an envelope": b'{"_source":{"id":"a","n":1}}',
    "a list of objects": b'{"items":[{"id":"a"},{"id":"b"}]}',
    "too deep": b'{"id":"a","x":' + b"[" * 150 + b"]" * 150 + b"}",
    "a state of an extractor": b'{"type":"STATE","value":{}}',
    "no object": b"7",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_lines_are_read_one_by_one(odd: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\n".join((*GOOD[:6], odd, *GOOD[6:])) + b"\n")
    assert Columns(WANTED, frozenset(WANTED), Sink(connect(":memory:"), 1)).of(path.read_bytes()) is None
    assert read(path, columns=True, monkeypatch=monkeypatch) == read(path, columns=False, monkeypatch=monkeypatch)


def test_good_lines_are_read_as_columns() -> None:
    made = Columns(WANTED, frozenset(WANTED), Sink(connect(":memory:"), 1)).of(b"\n".join(GOOD) + b"\n")
    assert made is not None
    frame, attributes = made
    assert frame["c0"].to_list() == [f"a{n}" for n in range(12)]
    assert frame["c4"].to_list() == [str(n) for n in range(12)]
    assert set(attributes) == {'{"x":"kept"}'}


def test_times_stay_as_they_are_written() -> None:
    lines = b"".join(b'{"id":"2026-01-05 1%d:00:00","x":["2026-01-05T10:00:00Z"]}\n' % n for n in range(10))
    made = Columns(WANTED, frozenset(WANTED), Sink(connect(":memory:"), 1)).of(lines)
    assert made is not None
    assert made[0]["c0"][3] == "2026-01-05 13:00:00"
    assert made[1][3] == '{"x":["2026-01-05T10:00:00Z"]}'


def test_what_is_rejected_names_its_line_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"".join(b'{"order":"%d","amount":"%d"}\n' % (n, n) for n in range(30)))
    with path.open("ab") as file:
        file.write(b'{"order":"30","amount":"30","check":null}\n{"order":"31","amount":"31","check":"late"}\n')
    mapping = {
        "mapping": {"format": 1, "name": "o", "target": "outcomes", "reader": "jsonl"},
        "column": {
            "correlation_id": {"from": "order"},
            "check_name": {"const": "paid"},
            "expected": {"const": "paid"},
            "actual": {"from": "check", "map": {"paid": "paid"}},
            "amount": {"from": "amount", "type": "float"},
        },
    }
    history = ha.load(path, mapping=mapping, quiet=True)
    (load,) = history.loads.select("seen", "loaded", "rejected").rows()
    assert load == (32, 31, 1)
    row = history.rejects.select("line", "byte_offset", "raw").row(0)
    text = path.read_bytes()
    assert row == (32, text.index(b'{"order":"31"'), '{"order":"31","amount":"31","check":"late"}')
    assert history.sql("SELECT sum(amount) AS total FROM outcomes")["total"].item() == sum(range(31))


def test_the_same_record_in_another_order_is_a_repetition(tmp_path: Path) -> None:
    mapping = {
        "mapping": {"format": 1, "name": "s", "target": "spans", "reader": "jsonl"},
        "column": {
            "system": {"from": "system"},
            "started_at": {"from": "at", "type": "time"},
        },
    }
    records = [{"system": "erp", "at": f"2026-01-05T10:00:{n:02}Z", "b": n, "a": str(n)} for n in range(20)]
    paths = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    paths[0].write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in records))
    paths[1].write_bytes(b"".join(orjson.dumps(dict(reversed(one.items()))) + b"\n" for one in records[:5]))
    history = ha.load(paths, mapping=mapping, quiet=True)
    assert history.loads.select("loaded", "duplicate").rows() == [(20, 0), (0, 5)]
    assert isinstance(history.loads, pl.DataFrame)
