"""Traps of the exports that no other file here sets: framework logs, workbooks, histories that go on."""

from __future__ import annotations

import io
import json
import os
from datetime import datetime
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest
import xlsxwriter
from benches import Bench

from handoff_analytics.errors import MappingError

AT = datetime(2026, 1, 5, 10)  # noqa: DTZ001 - times of a history are UTC without a zone


@pytest.mark.parametrize(
    ("lines", "logged_at", "flag"),
    [
        ("E0105 10:00:00.250000  7 shop.cc:7] no answer", AT.replace(microsecond=250_000), "year_assumed"),
        ("260105 100000 148 ERROR dfs.DataNode: no answer", AT, "zone_assumed"),
        ("26/01/05 10:00:00 ERROR shop.X: no answer", AT, "zone_assumed"),
        ("2026-01-05 10:00:00 PDT ERROR shop: no answer", AT.replace(hour=17), None),
        ("2026-01-05T10:00:00.250000FOO ERROR no answer", AT.replace(microsecond=250_000), "zone_assumed"),
        ("2026-01-05 10:00:00.123456789 ERROR no answer", AT.replace(microsecond=123_456), "zone_assumed"),
        ("2026-01-05 10:00:00 ERROR no answer\r", AT, "zone_assumed"),
        ("1767607200.250 ERROR no answer", AT.replace(microsecond=250_000), "epoch_unit_guessed"),
    ],
)
def test_times_of_frameworks(tmp_path: Path, lines: str, logged_at: datetime, flag: str | None) -> None:
    bench = Bench(tmp_path)
    path = bench.file(f"{lines}\n{lines}\n".encode(), "shop.log")
    # The year of a log is that of its file.
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    sink = bench.load(path)
    assert (sink.counts["seen"], sink.counts["loaded"]) == (2, 2)
    assert bench.rows("SELECT DISTINCT logged_at, severity, body LIKE '%no answer%' FROM log_records") == [
        (logged_at, 17, True)
    ]
    assert set(sink.flags) == ({flag} if flag else set())


def test_a_time_alone_is_of_the_day_on_which_the_file_was_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sink = bench.load("10:00:00.1 ERROR no answer\n10:00:01.1 INFO ok\n")
    assert sink.flags["date_assumed"] == 2
    assert bench.rows("SELECT hour(logged_at) FROM log_records") == [(10,), (10,)]


@pytest.mark.parametrize(
    "line",
    [
        'shop.example:443 10.0.0.1 - - [05/Jan/2026:10:00:00 +0000] "GET /a HTTP/1.1" 502 17 "-" "curl/8"',
        '10.0.0.1 - - [05/Jan/2026:10:00:00 +0000] "GET /a HTTP/1.1" 502 17 "-" "curl/8" "-"',
        '10.0.0.1 - - [05/Jan/2026:10:00:00 +0000] "GET /a HTTP/1.1" 502 -',
        'Jan  5 10:00:00 h haproxy[7]: 10.0.0.1:1 [05/Jan/2026:10:00:00.000] fe be/erp 1/0/2/3/6 502 17 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"',
    ],
)  # fmt: skip
def test_access_logs_of_every_order(tmp_path: Path, line: str) -> None:
    bench = Bench(tmp_path)
    assert bench.load(f"{line}\n{line.replace('/a ', '/b ')}\n").counts["loaded"] == 2
    assert bench.rows("SELECT DISTINCT logged_at, http_status FROM log_records") == [(AT, 502)]
    assert bench.rows("SELECT body FROM log_records ORDER BY 1") == [("GET /a HTTP/1.1",), ("GET /b HTTP/1.1",)]


def test_the_header_of_a_trace_names_trace_and_span(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    bench.load(json.dumps({"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "x", "traceparent": header}) + "\n")
    assert bench.one("log_records", "trace_id", "span_id") == tuple(header.split("-")[1:3])


@pytest.mark.parametrize("order", [1, -1])
def test_an_execution_that_was_redriven_is_one_run_whose_end_counts(tmp_path: Path, order: int) -> None:
    task = {"resourceType": "lambda", "resource": "invoke", "parameters": "{}"}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("ExecutionStarted", {"executionStartedEventDetails": {"input": "{}"}}),
        ("TaskStateEntered", {"stateEnteredEventDetails": {"name": "Post"}}),
        ("TaskScheduled", {"taskScheduledEventDetails": task}),
        ("TaskFailed", {"taskFailedEventDetails": {"error": "Rejected", "cause": "c"}}),
        ("ExecutionFailed", {"executionFailedEventDetails": {"error": "Rejected"}}),
        ("ExecutionRedriven", {"executionRedrivenEventDetails": {"redriveCount": 1}}),
        ("TaskScheduled", {"taskScheduledEventDetails": task}),
        ("TaskSucceeded", {"taskSucceededEventDetails": {}}),
        ("ExecutionSucceeded", {"executionSucceededEventDetails": {}}),
    ]
    events = [
        {"id": n, "previousEventId": n - 1, "type": kind, "timestamp": f"2026-01-05T10:00:0{n}Z", **more}
        for n, (kind, more) in enumerate(rows, 1)
    ]
    bench = Bench(tmp_path)
    assert bench.load(json.dumps({"events": events[::order]})).counts["loaded"] == len(rows)
    # What failed before is kept under the success.
    assert bench.one("runs", "technical_status", "failed_step") == ("ok", "Post")
    assert bench.rows("SELECT status, error_type, attempt FROM spans ORDER BY attempt") == [
        ("error", "Rejected", 1),
        ("ok", None, 2),
    ]


def test_a_workflow_that_is_continued_names_the_run_that_goes_on(tmp_path: Path) -> None:
    rows = [
        ("WORKFLOW_EXECUTION_STARTED", {"workflowExecutionStartedEventAttributes": {"workflowType": {"name": "O"}, "originalExecutionRunId": "r1"}}),
        ("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", {"workflowExecutionContinuedAsNewEventAttributes": {"newExecutionRunId": "r2"}}),
    ]  # fmt: skip
    events = [
        {"eventId": str(n), "eventTime": f"2026-01-05T10:00:0{n}Z", "eventType": f"EVENT_TYPE_{kind}", **more}
        for n, (kind, more) in enumerate(rows, 1)
    ]
    bench = Bench(tmp_path)
    bench.load(json.dumps({"events": events}))
    run_id, attributes = bench.one("runs", "run_id", "attributes")
    assert (run_id, json.loads(attributes)["next_run"]) == ("r1", "r2")


@pytest.mark.parametrize("options", [{}, {"date_1904": True}])
def test_workbooks_count_days_from_either_epoch(tmp_path: Path, options: dict[str, Any]) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, options)
    sheet = book.add_worksheet("Page 1")
    sheet.write_row(0, 0, ["Number", "Opened", "Short description", "Assignment group", "State"])
    sheet.write_row(1, 0, ["INC00123", None, "x", "core", "New"])
    sheet.write_datetime(1, 1, AT, book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}))
    book.close()
    bench = Bench(tmp_path)
    bench.load(content.getvalue())
    assert bench.one("tickets", "ticket_id", "opened_at") == ("INC00123", AT)


def test_wrapped_numbers_keep_their_zeros_and_odd_durations_stay_as_they_are(tmp_path: Path) -> None:
    head = "number,sys_id,opened_at,sys_updated_on,state,short_description,calendar_duration\n"
    row = '"=""00123""",a,2026-01-05 10:00:00,2026-01-05 12:00:00,New,x,1970-01-01 08:00:00\n'
    bench = Bench(tmp_path)
    bench.load(head + row)
    assert bench.one("tickets", "ticket_id") == ("00123",)
    assert json.loads(bench.one("tickets", "attributes")[0])["calendar_duration"] == "1970-01-01 08:00:00"


def test_an_incident_that_was_filled_in_later_is_resolved_without_a_time(tmp_path: Path) -> None:
    incident = {
        "id": "i1", "name": "Down", "status": "resolved", "impact": "major", "backfilled": True, "page_id": "p", "shortlink": "s",
        "created_at": "2026-01-05T02:00:00.000-08:00", "resolved_at": None, "updated_at": "2026-01-05T04:00:00.000-08:00",
        "incident_updates": [], "components": [{"name": "erp"}],
    }  # fmt: skip
    bench = Bench(tmp_path)
    bench.load(json.dumps({"incidents": [incident]}))
    assert bench.one("tickets", "state_category", "opened_at", "resolved_at") == ("resolved", AT, None)


def test_kibana_writes_the_time_of_the_browser(tmp_path: Path) -> None:
    text = '"@timestamp",message,"log.level","service.name"\n"Jan 5, 2026 @ 11:00:00.250",no answer,error,erp\n'
    bench = Bench(tmp_path)
    bench.load(text, timezone="Europe/Berlin")
    assert bench.one("log_records", "logged_at", "severity", "system") == (AT.replace(microsecond=250_000), 17, "erp")
    with pytest.raises(MappingError, match="Say which zone"):
        bench.load(text)
