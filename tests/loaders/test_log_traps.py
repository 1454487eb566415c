"""Logs as collectors and consoles export them: pieces, byte arrays, folders of buckets, tables, previews, quotes, no years."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest

import handoff_analytics as ha

AT = "2026-01-05T10:00:00Z"
MS = 1_767_607_200_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def load(folder: Path, content: str | bytes, name: str = "shop.log", **options: Any) -> ha.History:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    history = ha.load(path, quiet=True, on_reject="keep", **options)
    load = history.loads.row(0, named=True)
    assert load["seen"] == load["loaded"] + load["rejected"] + load["duplicate"] + load["skipped"]
    return history


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def bodies(history: ha.History) -> list[str | None]:
    return history.sql("SELECT body FROM log_records ORDER BY record_no")["body"].to_list()


def test_docker_pieces_are_joined_stream_by_stream_and_a_cut_one_is_flagged(tmp_path: Path) -> None:
    def printed(log: str, stream: str = "stdout", ms: int = 0) -> dict[str, str]:
        return {"log": log, "stream": stream, "time": f"2026-01-05T10:00:00.{ms:03d}Z"}

    content = lines(
        printed('{"level":"error","msg":"a long ', ms=1),
        printed("INFO between\n", "stderr", 2),
        printed('message"}\n', ms=3),
        printed("cut by rota", ms=4),
    )
    history = load(tmp_path, content)
    assert sorted(bodies(history)) == ["a long message", "between", "cut by rota"]
    assert history.sql("SELECT severity FROM log_records WHERE body = 'a long message'").item() == 17
    assert history.quality["flag"].to_list() == ["truncated_text"]


def test_cri_pieces_are_joined_stream_by_stream_and_then_read(tmp_path: Path) -> None:
    content = (
        '2026-01-05T11:00:00.1+01:00 stdout P {"level":"warn","msg":"half \n'
        "2026-01-05T11:00:00.2+01:00 stderr F ERROR other\n"
        '2026-01-05T11:00:00.3+01:00 stdout F and half"}\n'
    )
    history = load(tmp_path, content)
    assert history.sql("SELECT body, severity, logged_at::VARCHAR AS at FROM log_records ORDER BY body").rows() == [
        ("half and half", 13, "2026-01-05 10:00:00.1"),
        ("other", 17, "2026-01-05 10:00:00.2"),
    ]


@pytest.mark.parametrize(
    ("message", "body"),
    [([104, 105], "hi"), ([72, 195, 164], "Hä"), ([255, 104], "\ufffdh"), (None, None), ("plain", "plain")],
)
def test_journald_writes_bytes_where_text_is_none(tmp_path: Path, message: Any, body: str | None) -> None:
    entry = {
        "__REALTIME_TIMESTAMP": str(MS * 1000),
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "erp",
        "_HOSTNAME": "h",
        "MESSAGE": message,
    }
    history = load(tmp_path, lines(entry))
    assert history.sql("SELECT body, severity, system, host, log_us FROM log_records").row(0) == (
        body,
        13,
        "erp",
        "h",
        MS * 1000,
    )


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ({"textPayload": "ERROR no stock"}, "no stock"),
        ({"jsonPayload": {"message": "no stock", "order_id": "O-7"}}, "no stock"),
        ({"protoPayload": {"methodName": "v1.Insert", "status": {"code": 7, "message": "denied"}}}, None),
    ],
)
def test_google_has_three_kinds_of_payload(tmp_path: Path, payload: dict[str, Any], body: str | None) -> None:
    entry = {
        "logName": "projects/p/logs/x", "insertId": "same", "timestamp": AT, "severity": "ERROR",
        "trace": f"projects/p/traces/{TRACE}", "resource": {"labels": {"service_name": "cart"}},
        "httpRequest": {"status": "503", "latency": "0.1s"}, **payload,
    }  # fmt: skip
    # insertId is not unique: entries that differ are kept, and a list is read as lines are.
    later = entry | {"timestamp": "2026-01-05T10:00:01Z", "severity": "DEFAULT"}
    for content in (lines(entry, later, entry), json.dumps([entry, later, entry])):
        history = load(tmp_path, content)
        assert history.loads.select("seen", "loaded", "duplicate").row(0) == (3, 2, 1)
        first = history.sql("SELECT system, severity, trace_id, http_status FROM log_records ORDER BY log_us").row(0)
        assert first == ("cart", 17, TRACE, 503)
        if body is not None:
            assert bodies(history)[0] == body
    # Of an entry without a level of its own the text may say one.
    wanted = 17 if "textPayload" in payload else 0
    assert history.sql("SELECT severity FROM log_records ORDER BY log_us DESC LIMIT 1").item() == wanted


def test_cloudwatch_in_a_bucket_is_lines_of_time_and_message(tmp_path: Path) -> None:
    folder = tmp_path / "exportedlogs" / "task" / "orders-stream"
    folder.mkdir(parents=True)
    text = f'2026-01-05T10:00:00.123Z {{"level":"error","msg":"no","trace_id":"{TRACE}"}}\n2026-01-05T10:00:01.000Z START RequestId: 1-2\n'
    (folder / "000000.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "exportedlogs" / "aws-logs-write-test").write_text("Permission Check Successful")
    history = ha.load(tmp_path / "exportedlogs", quiet=True)
    assert history.loads.select("container", "seen", "loaded").rows() == [("gz", 2, 2)]
    assert history.sql("SELECT severity, body, trace_id FROM log_records ORDER BY log_us").row(0) == (17, "no", TRACE)


def test_cloudwatch_insights_has_times_in_utc_without_saying_so(tmp_path: Path) -> None:
    content = '@timestamp,@message,@ptr,@logStream\n2026-01-05 10:00:00.123,"{""level"":""error""}",p1,fn/1\n2026-01-05 10:00:01.000,,p2,fn/1\n'
    history = load(tmp_path, content)
    assert history.sql("SELECT logged_at::VARCHAR AS at, system FROM log_records ORDER BY 1").row(0) == (
        "2026-01-05 10:00:00.123",
        "fn/1",
    )


@pytest.mark.parametrize("at", ["2026-01-05T10:00:00.000+00:00", "2026-01-05T12:00:00.000+02:00"])
def test_splunk_tables_are_read_by_their_raw_text(tmp_path: Path, at: str) -> None:
    content = f'_raw,_time,source,sourcetype,host,index,"__mv__raw"\n"{AT} ERROR no stock",{at},erp,log4j,h1,main,\n"two\nlines",{at},erp,log4j,h1,main,\n'
    history = load(tmp_path, content)
    assert history.loads.select("seen", "loaded").row(0) == (2, 2)
    assert history.sql("SELECT DISTINCT system, host, logged_at::VARCHAR AS at FROM log_records").rows() == [
        ("erp", "h1", "2026-01-05 10:00:00")
    ]
    assert "two\nlines" in bodies(history)


def test_splunk_repeats_previews_that_do_not_count(tmp_path: Path) -> None:
    result = {"_raw": f"{AT} ERROR no stock", "_time": str(MS / 1000), "host": "h1", "source": "erp"}
    history = load(
        tmp_path,
        lines({"preview": True, "offset": 0, "result": result}, {"preview": False, "offset": 0, "result": result}),
    )
    assert history.loads.select("seen", "loaded", "skipped").row(0) == (2, 1, 1)


def test_datadog_in_three_forms_says_the_same(tmp_path: Path) -> None:
    inner = {"timestamp": AT, "service": "crm", "status": "error", "message": "no", "host": "h1"}
    forms = [
        lines({"id": "AQ", "type": "log", "attributes": inner | {"attributes": {"order_id": "O-7"}}}),
        json.dumps({"data": [{"id": "AQ", "type": "log", "attributes": inner}]}),
        f"Date,Host,Service,Content\n{AT},h1,crm,no\n",
    ]
    for form in forms:
        history = load(tmp_path, form)
        assert history.sql("SELECT system, host, body, logged_at::VARCHAR AS at FROM log_records").rows() == [
            ("crm", "h1", "no", "2026-01-05 10:00:00")
        ]


def test_old_syslog_takes_its_year_from_the_file_and_turns_it_at_new_year(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.write_text(
        "<34>Dec 31 23:59:58 gate su[7]: old\n<13>Dec 31 23:59:59 gate last\n<34>Jan  1 00:00:01 gate su: new\n"
    )
    written = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    os.utime(path, (written, written))
    history = ha.load(path, quiet=True, timezone="UTC")
    assert history.sql("SELECT logged_at::VARCHAR AS at, severity FROM log_records ORDER BY 1").rows() == [
        ("2025-12-31 23:59:58", 18), ("2025-12-31 23:59:59", 10), ("2026-01-01 00:00:01", 18),
    ]  # fmt: skip
    assert "year_assumed" in history.quality["flag"].to_list()


def test_new_syslog_has_data_in_brackets_and_marks_before_text(tmp_path: Path) -> None:
    text = '<165>1 2026-01-05T10:00:00.003Z gate erp 7 ID47 [o@1 id="O-7" note="a \\"b\\" \\] c"][x@2] \ufeffposted\n<34>1 - - su - - - no time\n'
    history = load(tmp_path, text)
    row = history.sql("SELECT body, system, attributes->>'$' AS said FROM log_records ORDER BY record_no").row(0)
    assert row[:2] == ("posted", "erp")
    assert 'a \\"b\\" ] c' in row[2]


@pytest.mark.parametrize(
    ("line", "body", "more"),
    [
        ('time=2026-01-05T10:00:00Z level=error msg="say \\"no\\"" reason= order_id=O-7', 'say "no"', "O-7"),
        ('ts=2026-01-05T10:00:00Z lvl=error msg="a=b and c=d" flag order_id=O-7', "a=b and c=d", "O-7"),
        ("t=2026-01-05T10:00:00Z level=error msg=first msg=last order_id=O-7", "last", "O-7"),
    ],
)
def test_logfmt_with_quotes_bare_and_repeated_keys(tmp_path: Path, line: str, body: str, more: str) -> None:
    history = load(tmp_path, f"{line}\n{line.replace('O-7', 'O-8')}\n")
    assert history.loads["format"].item() == "logfmt"
    assert history.sql("SELECT body, severity, correlation_id FROM log_records ORDER BY 3").row(0) == (body, 17, more)


def test_traces_of_every_language_are_one_entry(tmp_path: Path) -> None:
    traces = {
        "ValueError": 'Traceback (most recent call last):\n  File "a.py", line 1, in x\n    y()\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "b.py", line 2\nValueError: no order',
        "java.lang.IllegalStateException": "java.lang.IllegalStateException: no order\n\tat a.B.c(B.java:1)\n\t... 7 more\nCaused by: java.io.IOException: x\n\tat d.E.f(E.java:2)",
        "TypeError": "TypeError: x is not a function\n    at pay (/app/pay.js:3:5)\n    at process (node:internal)",
    }  # fmt: skip
    text = "".join(
        f"2026-01-05 10:00:0{n},1 ERROR shop: failed {n}\n{trace}\n" for n, trace in enumerate(traces.values())
    )
    history = load(tmp_path, text, timezone="UTC")
    assert history.loads.select("seen", "loaded", "rejected").row(0) == (3, 3, 0)
    assert history.sql("SELECT exception_type FROM log_records ORDER BY log_us")["exception_type"].to_list() == list(
        traces
    )


def test_elastic_names_are_dotted_and_nested_at_once(tmp_path: Path) -> None:
    entry = {
        "@timestamp": AT, "log.level": "error", "log": {"logger": "pay"}, "message": ["no", "stock"], "ecs.version": "8.1",
        "service": {"name": "crm"}, "transaction.id": "00f067aa0ba902b7", "trace.id": TRACE, "event": {"outcome": "failure"},
    }  # fmt: skip
    history = load(tmp_path, lines(entry))
    assert history.sql("SELECT system, severity, trace_id, span_id FROM log_records").row(0) == (
        "crm",
        17,
        TRACE,
        "00f067aa0ba902b7",
    )
