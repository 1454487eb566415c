"""Bad inputs that fuzzing found: each once ended a load with a traceback, or was counted twice."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest
from benches import Bench

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, MappingError, NotAHistoryError, UnreadableFileError
from handoff_analytics.loaders import paths
from handoff_analytics.loaders.ledger import Sink
from handoff_analytics.loaders.times import day_first

FUZZ = Path(__file__).parents[2] / "bench" / "fuzz"
EVENT = {"id": 5, "event": "commented", "created_at": "2026-01-05T10:30:00Z", "issue": {"number": 3, "repository_url": "https://api.example/repos/acme/shop"}}  # fmt: skip
JOB = {"id": 1, "run_id": 501, "name": "build", "workflow_name": "deploy", "status": "completed", "conclusion": "success", "started_at": "2026-01-05T08:01:00Z", "completed_at": "2026-01-05T08:05:00Z", "head_sha": "c0ffee", "runner_name": "r"}  # fmt: skip
LOG = {"time": "2026-01-05T08:00:00Z", "level": "INFO", "service": "erp", "message": "order taken"}
SPAN = {"traceId": "0af7651916cd43dd", "id": "b7ad6b7169203331", "name": "get", "timestamp": 1767600000000000, "duration": 5, "localEndpoint": {"serviceName": "crm"}}  # fmt: skip


ENTRY = {"id": "R1", "type": "acknowledge_log_entry", "created_at": "2026-01-05T08:00:00Z", "agent": {"type": "user_reference", "summary": "ann"}, "channel": {"type": "web"}, "incident": {"id": "Q1"}}  # fmt: skip
ISSUE = {"id": "1", "key": "OPS-1", "fields": {"summary": "It broke", "created": "2026-01-05T08:00:00.000+0000", "status": {"name": "Open"}}}  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def ends(sink: Sink) -> dict[str, int]:
    return {name: n for name, n in sink.counts.items() if n and name != "redacted"}


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ([EVENT | {"actor": 1e308}], {"seen": 1, "loaded": 1}),
        ([EVENT | {"actor": {"login": ["ann", "ann"]}}], {"seen": 1, "loaded": 1}),
        ({"jobs": [JOB | {"steps": [{"name": "Set up", "number": 1, "status": "completed", "started_at": "2026-01-05T08:01:00Z", "completed_at": "2026-01-05T16:09:00.000+08:\0000"}]}]}, {"seen": 1, "loaded": 1}),
        ([SPAN, SPAN | {"traceId": {}, "kind": "CLIENT"}], {"seen": 2, "loaded": 2}),
        ([ENTRY, ENTRY | {"id": "R2", "channel": {"type": "web"}, "agent": "U1"}], {"seen": 2, "loaded": 1, "rejected": 1}),
        ({"names": {"summary": 7.5}, "issues": [ISSUE]}, {"seen": 1, "loaded": 1}),
        ({"issues": [ISSUE, ISSUE | {"key": "OPS-2", "fields": {"summary": "x", "comment": 7}}]}, {"seen": 2, "loaded": 2}),
        ([SPAN, SPAN | {"annotations": [7]}], {"seen": 2, "loaded": 1, "rejected": 1}),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_costs_a_record_at_most(bench: Bench, document: object, wanted: dict[str, int]) -> None:
    assert ends(bench.load(json.dumps(document))) == wanted


@pytest.mark.parametrize(
    "time",
    [
        {"epochSecond": 10**30, "nanoOfSecond": 1}, {"seconds": "²", "nanos": 0}, {"seconds": 1767600000, "nanos": "much"},
        99999999999999999999, "99999999999999999999999", 1e300, {"$date": 10**25},
    ],
)  # fmt: skip
def test_a_time_that_no_calendar_has_is_none(bench: Bench, time: object) -> None:
    lines = [json.dumps(LOG), json.dumps(LOG | {"time": time}), json.dumps(LOG | {"instant": time})]
    sink = bench.load("\n".join(lines), format="json_lines")
    assert sink.counts["seen"] == sink.counts["loaded"] + sink.counts["rejected"] + sink.counts["duplicate"]
    assert bench.rows(
        "SELECT count(*) FROM log_records WHERE logged_at > '2027-01-01' OR logged_at < '2025-01-01'"
    ) == [(0,)]


def test_objects_without_a_field_are_rejected_and_not_lost(bench: Bench) -> None:
    sink = bench.load("{}\n{broken\n{}\n", format="servicenow_rest")
    assert ends(sink) == {"seen": 3, "rejected": 3}


def test_what_is_inside_of_a_record_and_no_list_is_no_record() -> None:
    assert list(paths.tree({"id": "a", "inside": 7}, "inside")) == [({"id": "a", "inside": 7}, ())]


def test_a_record_that_is_loaded_is_not_rejected_as_well(bench: Bench) -> None:
    sink = Sink(bench.connection, 1, salt="salt")
    record = sink.record({"a": 1})
    sink.load(record, "outcomes", {"correlation_id": "1", "check_name": "c", "passed": True})
    sink.reject(record, "TYPE", "its second part is no number")
    sink.flush()
    sink.balance()
    assert ends(sink) == {"seen": 1, "loaded": 1}
    assert bench.rows("SELECT flag, detail FROM quality_flags") == [("part_lost", "TYPE: its second part is no number")]


def test_a_workbook_with_a_broken_sheet_is_refused_in_a_sentence(tmp_path: Path) -> None:
    import xlsxwriter

    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        book.add_worksheet().write_row(0, 0, ["a", "b", "c"])
    broken = io.BytesIO()
    with zipfile.ZipFile(memory) as good, zipfile.ZipFile(broken, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b"</sheetData>", b"</eadshData>"))
    path = tmp_path / "broken.xlsx"
    path.write_bytes(broken.getvalue())
    with pytest.raises(UnreadableFileError, match=r"cannot be read as a workbook"):
        ha.load(path, quiet=True)


@pytest.mark.parametrize(
    "document",
    [
        [SPAN, SPAN | {"id": "00f067aa0ba902b7", "duration": "1767225600000000000"}],
        [SPAN, SPAN | {"id": "00f067aa0ba902b7", "duration": -(2**63)}],
        {"workflow_runs": [{"id": 1, "run_number": 1, "workflow_id": 9, "name": "x", "run_attempt": 1e308, "status": "completed", "conclusion": "failure", "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:20:00Z"}]},
    ],
)  # fmt: skip
def test_a_number_that_no_column_holds_costs_its_record_and_no_more(bench: Bench, document: object) -> None:
    sink = bench.load(json.dumps(document))
    assert sink.counts["rejected"] == 1
    assert bench.rows("SELECT code FROM rejects") == [("RANGE",)]


@pytest.mark.parametrize(
    "search",
    [
        {"traceID": "a1", "spanSets": "24:00:00"},
        {"traceID": "a1", "spanSets": 7, "spanSet": 3},
        {"traceID": "a1", "spanSet": {"spans": 9}},
    ],
)
def test_a_search_whose_sets_are_none_is_skipped(bench: Bench, search: object) -> None:
    assert ends(bench.load(json.dumps({"traces": [search], "metrics": {}}), format="tempo_search")) == {
        "seen": 1,
        "skipped": 1,
    }


def test_a_span_of_no_calendar_in_a_search_is_rejected(bench: Bench) -> None:
    span = {"spanID": "b7ad6b7169203331", "startTimeUnixNano": "9" * 40, "durationNanos": "5"}
    search = {"traces": [{"traceID": "a1", "spanSet": {"spans": [span]}}], "metrics": {}}
    assert ends(bench.load(json.dumps(search), format="tempo_search")) == {"seen": 1, "rejected": 1}


def test_a_member_without_a_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open(zipfile.ZipInfo(""), "w") as member:
        member.write(json.dumps(LOG).encode() + b"\n")
    assert ha.load(path, quiet=True).loads["seen"].to_list() == [1]


def test_a_mapping_for_lists_reads_a_table_without_them(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    pl.DataFrame({"id": ["1"], "at": ["2026-01-05T08:00:00Z"]}).write_parquet(path)
    mapping = {
        "mapping": {"format": 1, "name": "x", "target": "runs", "reader": "json"},
        "column": RUN,
        "nested": {"steps": {"path": "steps[*]", "target": "spans", "column": {"name": {"from": "n"}}}},
    }
    assert ha.load(path, mapping=mapping, quiet=True).loads["loaded"].to_list() == [1]


def test_bytes_in_parquet_that_are_no_text_are_refused(bench: Bench, tmp_path: Path) -> None:
    # In polars such bytes pass for text, and whoever looks at them ends the process.
    path = tmp_path / "runs.parquet"
    pl.DataFrame({"id": ["1"], "at": ["2026-01-05T08:00:00Z"]}).write_parquet(path, compression="uncompressed")
    path.write_bytes(path.read_bytes().replace(b"2026-01-05T08:00:00Z", b"2026-01-05T08:00:\xd20Z"))
    with pytest.raises(UnreadableFileError, match="cannot be read as Parquet"):
        bench.load(path, mapping=RUNS | {"column": RUN})
    assert bench.rows("SELECT count(*) FROM runs") == [(0,)]


RUN = {"run_id": {"from": "id", "required": True}, "started_at": {"from": "at", "type": "time", "required": True}}
RUNS = {"mapping": {"format": 1, "name": "x", "target": "runs", "reader": "csv"}}


def test_a_duration_beyond_every_calendar_is_a_doubt(bench: Bench) -> None:
    column = RUN | {"duration_s": {"from": "took", "type": "duration", "unit": "s"}}
    sink = bench.load(
        "id,at,took\n1,2026-01-05T08:00:00Z,1.7672e21\n2,2026-01-05T08:00:00Z,5\n", mapping=RUNS | {"column": column}
    )
    assert ends(sink) == {"seen": 2, "loaded": 2}
    assert bench.rows("SELECT run_id, duration_us FROM runs ORDER BY 1") == [("1", None), ("2", 5_000_000)]
    assert sink.flags["range"] == 1


def test_bytes_that_are_no_text_may_stand_in_a_header(bench: Bench) -> None:
    sink = bench.load(b"id,at,\x8fcaf\xe9\n1,2026-01-05T08:00:00Z,3\n", mapping=RUNS | {"column": RUN})
    assert ends(sink) == {"seen": 1, "loaded": 1}


def test_a_year_that_no_calendar_has_decides_nothing() -> None:
    assert day_first(pl.Series(["01/02/0000", "29/2/2024"]), ["%d/%m/%Y", "%m/%d/%Y"])[:2] == (1, 0)


def test_an_encoding_that_nobody_knows_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text('<?xml version="1.0" encoding="UTF-8888"?>\n<log xes.version="1.0"><trace><event/></trace></log>\n')
    with pytest.raises(UnreadableFileError, match=r"unknown encoding: UTF-8888\. Export it in UTF-8"):
        ha.load(path, format="xes", quiet=True)


def test_a_damaged_column_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    good = tmp_path / "good.parquet"
    pl.DataFrame({"a": list(range(1000)), "b": ["x"] * 1000}).write_parquet(good)
    content = bytearray(good.read_bytes())
    for place in range(4, 40):
        content[place] ^= 0xFF
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"damaged\.parquet cannot be read as Parquet"):
        ha.draft_mapping(damaged)


def test_an_event_log_that_is_no_object_is_rejected(bench: Bench) -> None:
    assert ends(bench.load('"objectTypes eventTypes"', format="ocel")) == {"seen": 1, "rejected": 1}


def test_a_mapping_must_read_times_as_times() -> None:
    head = {"format": 1, "name": "x", "target": "runs", "reader": "csv"}
    column = {"run_id": {"from": "id", "required": True}, "ended_at": {"from": "end"}}
    with pytest.raises(MappingError, match=r"column\.ended_at is a time. Say type = 'time'"):
        ha.load([], mapping={"mapping": head, "column": column}, quiet=True)


def test_lists_in_rows_that_hold_none_are_refused_in_a_mapping() -> None:
    head = {"format": 1, "name": "x", "target": "tickets", "reader": "csv"}
    nested = {"changes": {"path": "changes[*]", "target": "ticket_events", "column": {"field": {"from": "a"}}}}
    with pytest.raises(MappingError, match=r"nested is for reader = 'json' and 'jsonl'"):
        ha.load([], mapping={"mapping": head, "column": {"ticket_id": {"from": "id"}}, "nested": nested}, quiet=True)


def test_a_line_whose_type_is_no_word_is_a_record_like_any_other(bench: Bench) -> None:
    event = {"id": 1, "type": "ExecutionStarted", "timestamp": "2026-01-05T08:00:00Z", "previousEventId": 0}
    sink = bench.load(json.dumps(event) + "\n" + json.dumps(event | {"type": ["a"]}) + "\n", format="stepfunctions")
    assert sink.counts["seen"] == 2


def test_a_history_of_a_name_that_no_file_can_have_is_refused_in_a_sentence() -> None:
    with pytest.raises(NotAHistoryError, match="There is no history at"):
        ha.open("x" * 5000)


def test_a_name_that_is_too_long_for_a_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-c", "from handoff_analytics.cli import main; main()", "load", "é" * 4000, "--into", str(tmp_path / "h.duckdb")],
        capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert made.returncode == 3, made.stderr
    assert made.stderr.startswith("handoffs: ")
    assert "Traceback" not in made.stderr


def test_what_a_reader_does_not_foresee_ends_in_a_sentence_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "logs.jsonl"
    path.write_text(json.dumps(LOG) + "\n")
    monkeypatch.setattr(Sink, "load", lambda *_: 1 + "")
    monkeypatch.setattr(Sink, "load_frame", lambda *_, **__: 1 + "")
    history = ha.load([], into=tmp_path / "h.duckdb", quiet=True)
    with pytest.raises(UnreadableFileError, match=r"record 1, or one near it, .* reader of json_lines .*TypeError"):
        ha.load(path, into=history, quiet=True)
    assert history.loads.is_empty()


def test_a_short_campaign_finds_nothing(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-W", "ignore", FUZZ / "campaign.py", "--inputs", "150", "--seed", "7", "--out", tmp_path],
        capture_output=True, text=True, env=os.environ, cwd=FUZZ.parents[1],
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["inputs"] == 150
    assert figures["records"]["seen"] > 100
    assert any(end.endswith("Error") for target in figures["by_target"].values() for end in target["ends"])
    assert issubclass(MappingError, HandoffError)
