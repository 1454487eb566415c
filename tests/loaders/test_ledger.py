"""Whatever is done to a good file, no record is lost; and how files are cut, ordered and repeated changes nothing."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benches import Bench
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, TooManyRejectsError

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_767_607_200_000
TABLES = (
    "spans",
    "span_links",
    "log_records",
    "runs",
    "tickets",
    "ticket_events",
    "ticket_links",
    "ticket_systems",
    "outcomes",
)


def at(n: int) -> str:
    return f"2026-01-05T10:{n // 60:02d}:{n % 60:02d}Z"


def otlp(n: int) -> dict[str, Any]:
    span = {
        "traceId": f"{n + 1:032x}", "spanId": f"{n + 1:016x}", "name": "GET /a", "kind": 3, "status": {"code": n % 3},
        "startTimeUnixNano": str((MS + n) * 10**6), "endTimeUnixNano": str((MS + n + 5) * 10**6),
        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "200"}}],
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": f"s{n % 2}"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


def zipkin(n: int) -> dict[str, Any]:
    return {
        "traceId": f"{n + 1:016x}",
        "id": f"{n + 1:016x}",
        "name": "get",
        "kind": "CLIENT",
        "timestamp": (MS + n) * 1000,
        "duration": 5,
        "localEndpoint": {"serviceName": "crm"},
    }


def jaeger(n: int) -> dict[str, Any]:
    span = {
        "traceID": f"{n + 1:032x}",
        "spanID": f"{n + 1:016x}",
        "operationName": "op",
        "processID": "p1",
        "startTime": (MS + n) * 1000,
        "duration": 5,
        "references": [],
        "tags": [],
        "logs": [],
    }
    return {"traceID": f"{n + 1:032x}", "spans": [span], "processes": {"p1": {"serviceName": "crm"}}}


def log(n: int) -> dict[str, Any]:
    return {"time": at(n), "level": ("info", "error")[n % 2], "service": "erp", "msg": f"order {n} \u00e4 taken"}


def execution(n: int) -> dict[str, Any]:
    node = [{"startTime": MS + n, "executionTime": 5, "executionIndex": 0, "executionStatus": "success", "source": []}]
    return {
        "id": str(n),
        "finished": True,
        "mode": "webhook",
        "workflowId": "w",
        "status": "success",
        "startedAt": at(n),
        "stoppedAt": at(n + 1),
        "data": {"resultData": {"runData": {"CRM": node}}},
    }


def issue(n: int) -> dict[str, Any]:
    items = [{"field": "status", "fromString": "Open", "toString": "Done"}]
    return {
        "id": str(n),
        "key": f"OPS-{n}",
        "fields": {
            "summary": "It broke",
            "created": at(n),
            "updated": at(n + 9),
            "status": {"name": "Done", "statusCategory": {"key": "done"}},
        },
        "changelog": {"total": 1, "maxResults": 100, "histories": [{"id": "1", "created": at(n + 5), "items": items}]},
    }


def lines(values: list[Any]) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def document(name: str) -> Callable[[list[Any]], bytes]:
    return lambda values: json.dumps({name: values}, indent=1).encode()


def snapshots(values: list[int]) -> bytes:
    header = (
        "number,sys_id,short_description,state,assignment_group,assigned_to,sys_mod_count,opened_at,sys_updated_on\n"
    )
    rows = [
        f'INC{n // 2},x{n // 2},"It ""broke"",\nagain",{("New", "Resolved")[n % 2]},{("Network", "Desk")[n % 2]},ann,{n % 2},2026-01-05 10:00:00,2026-01-05 10:{n:02d}:00\n'
        for n in values
    ]
    return (header + "".join(rows)).encode()


def text(values: list[int]) -> bytes:
    return "".join(
        f"2026-01-05 10:00:{n:02d},1 ERROR shop.Pay: failed {n}\n  at a.B.c(B.java:{n})\n" for n in values
    ).encode()


# Each family: what a record is, and how records become a file.
FAMILIES: dict[str, tuple[Callable[[int], Any], Callable[[list[Any]], bytes]]] = {
    "otlp": (otlp, lines),
    "zipkin": (zipkin, lambda values: json.dumps(values).encode()),
    "jaeger": (jaeger, document("data")),
    "json lines": (log, lines),
    "packed lines": (log, lambda values: gzip.compress(lines(values), mtime=0)),
    "n8n": (execution, document("data")),
    "jira": (issue, document("issues")),
    "servicenow": (lambda n: n, snapshots),
    "text": (lambda n: n, text),
}  # fmt: skip
MANY = 12


def made(family: str, numbers: list[int] | range = range(MANY)) -> bytes:
    record, pack = FAMILIES[family]
    return pack([record(n) for n in numbers])


def state(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    return {table: bench.rows(f"SELECT * EXCLUDE (load_id, record_no) FROM {table} ORDER BY ALL") for table in TABLES}


def after(folder: Path, *contents: bytes) -> tuple[dict[str, list[tuple[Any, ...]]], list[dict[str, int]]]:
    bench = Bench(folder)
    counts = [dict(bench.load(content, timezone="UTC").counts) for content in contents]
    told = state(bench)
    bench.connection.close()
    return told, counts


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_file_loaded_twice_is_a_file_loaded_once(tmp_path: Path, family: str) -> None:
    once, (first,) = after(tmp_path, made(family))
    twice, (_, second) = after(tmp_path, made(family), made(family))
    assert any(once.values())
    assert twice == once
    assert second.get("loaded", 0) == 0
    assert second["duplicate"] == first["loaded"]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_file_cut_in_two_is_the_whole_in_either_order(tmp_path: Path, family: str) -> None:
    whole, _ = after(tmp_path, made(family))
    # ServiceNow's two rows of a ticket are cut apart here.
    parts = [made(family, [n for n in range(MANY) if n % 2 == side]) for side in (0, 1)]
    assert after(tmp_path, *parts)[0] == whole
    assert after(tmp_path, *reversed(parts))[0] == whole
    # Exports that overlap bring what is new, and count the rest.
    overlapping, (_, second) = after(tmp_path, made(family, range(8)), made(family, range(4, MANY)))
    assert overlapping == whole
    assert (second["loaded"], second["duplicate"]) == (MANY - 8, 4)


def places(content: bytes) -> dict[str, list[int]]:
    """Return the offsets of a file by what stands there: each class can break another part of a reader."""
    found: dict[str, list[int]] = {"first": [0], "last": [len(content) - 1], "middle": [len(content) // 2]}
    for place, byte in enumerate(content):
        kind = (
            "end of a line" if byte == 10
            else "quote" if byte in b"\"'"
            else "bracket" if byte in b"{}[]()"
            else "separator" if byte in b",:;="
            else "digit" if 48 <= byte <= 57
            else "beyond ASCII" if byte > 127
            else "letter"
        )  # fmt: skip
        found.setdefault(kind, []).append(place)
        if byte == 10 and place + 1 < len(content):
            found.setdefault("start of a line", []).append(place + 1)
    return found


CLASSES = (
    "first",
    "last",
    "middle",
    "end of a line",
    "start of a line",
    "quote",
    "bracket",
    "separator",
    "digit",
    "beyond ASCII",
    "letter",
)
NOISE = (
    b"\0",
    b'"',
    b"\n",
    b"{",
    b"]",
    b",",
    b"\xff",
    b"\\",
    b"9" * 25,
    b"\r",
    b"\xe2\x82",
    b'""',
    b"[[[[",
    b"\x1f\x8b",
)


def damaged(content: bytes, where: str, share: float, how: str, noise: bytes) -> bytes:
    """Damage a file in one way, at one of the places of a class."""
    candidates = places(content).get(where) or [len(content) // 3]
    place = candidates[int(share * len(candidates))]
    made_so = {
        "flip": content[:place] + bytes([content[place] ^ (noise[0] or 1)]) + content[place + 1 :],
        "cut": content[:place],
        "insert": content[:place] + noise + content[place:],
        "delete": content[:place] + content[place + 1 :],
        "double": content[:place] + content[max(0, place - 40) : place] + content[place:],
    }
    return made_so[how]


@pytest.mark.parametrize("family", sorted(FAMILIES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(CLASSES),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["flip", "cut", "insert", "delete", "double"]),
    st.sampled_from(NOISE),
)
@example("last", 0.0, "cut", b"\0")
def test_corruption_anywhere_loses_no_record(family: str, where: str, share: float, how: str, noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            # Checks inside that seen = loaded + rejected + duplicate + skipped.
            sink = bench.load(damaged(made(family), where, share, how, noise), timezone="UTC")
        except HandoffError:
            assert not any(state(bench).values())
        else:
            counts = sink.counts
            assert counts["rejected"] == bench.rows("SELECT count(*) FROM rejects")[0][0]
            placed = bench.rows(
                "SELECT count(*) FROM rejects WHERE line IS NULL AND json_pointer IS NULL AND byte_offset IS NULL"
            )
            assert placed == [(0,)]
        finally:
            bench.connection.close()


def broken(rejected: int, seen: int) -> bytes:
    values = [log(n) for n in range(seen - rejected)]
    return lines(values) + b"{broken\n" * rejected


@pytest.mark.parametrize(
    ("rejected", "seen", "kept"),
    [(1, 20, True), (2, 39, False), (2, 40, True), (3, 40, False), (10, 19, True), (18, 20, False)],
)
def test_more_than_one_in_twenty_rejects_rolls_back(tmp_path: Path, rejected: int, seen: int, kept: bool) -> None:
    path, into = tmp_path / "log.jsonl", tmp_path / "h.duckdb"
    path.write_bytes(broken(rejected, seen))
    if kept:
        assert ha.load(path, into=into, quiet=True).loads.select("seen", "rejected").row(0) == (seen, rejected)
        return
    with pytest.raises(
        TooManyRejectsError,
        match=rf"{rejected} of {seen} records are rejected, more than 5%: line \d+: .*on_reject='keep'",
    ):
        ha.load(path, into=into, quiet=True)
    history = ha.open(into)
    for table in ("loads", "rejects", "log_records"):
        assert history.sql(f"SELECT count(*) FROM {table}").item() == 0
    told = ha.load(path, quiet=True, on_reject="keep")
    assert told.loads.select("seen", "loaded", "rejected").row(0) == (seen, seen - rejected, rejected)
    assert ha.load(path, quiet=True, max_reject_share=0.95).loads["rejected"].item() == rejected


def test_the_ledger_is_frames_with_places_and_reasons(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(
        lines([log(0), log(0)])
        + b'{"time": "2026-01-05T10:00:00Z", "msg": "half\n'
        + lines([log(1) | {"n": float("nan")}])
    )
    history = ha.load(path, quiet=True)
    assert history.loads.select("seen", "loaded", "rejected", "duplicate", "skipped").row(0) == (4, 2, 1, 1, 0)
    (reject,) = history.rejects.iter_rows(named=True)
    assert {
        "file_name",
        "record_no",
        "line",
        "byte_offset",
        "json_pointer",
        "code",
        "reason",
        "raw",
        "raw_sha256",
    } <= reject.keys()
    assert (reject["record_no"], reject["line"], reject["byte_offset"], reject["code"]) == (
        3,
        3,
        len(lines([log(0), log(0)])),
        "SYNTAX",
    )
    assert reject["raw"] == '{"time": "2026-01-05T10:00:00Z", "msg": "half'
    assert history.quality.select("table_name", "flag", "doubtful").rows() == [("log_records", "range", 1)]
