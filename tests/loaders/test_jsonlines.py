"""JSON logs: many loggers, one meaning; pieces are joined, nothing is lost, secrets are masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import handoff_analytics as ha

if TYPE_CHECKING:
    from pathlib import Path

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
AT = "2026-01-05T08:00:00Z"
MS = 1767600000000


def loaded(folder: Path, content: str | bytes, **options: Any) -> ha.History:
    path = folder / "shop.log"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return ha.load(path, quiet=True, **options)


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


LOGGERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pino": (
        {"level": 50, "time": MS, "pid": 1, "hostname": "h", "msg": "no", "res": {"statusCode": 502}, "req": {"id": "r-1"}},
        {"severity": 17, "host": "h", "body": "no", "http_status": 502, "correlation_id": "r-1"},
    ),
    "bunyan": ({"name": "crm", "v": 0, "level": 40, "time": AT, "pid": 1, "hostname": "h", "msg": "slow"}, {"severity": 13, "body": "slow"}),
    "structlog": (
        {"event": "order placed", "level": "info", "timestamp": AT, "order_id": "O-1"},
        {"severity": 9, "body": "order placed", "correlation_id": "O-1"},
    ),
    "zap": (
        {"level": "error", "ts": MS / 1000, "caller": "a.go:1", "msg": "no", "stacktrace": "a\n\tb"},
        {"severity": 17, "body": "no", "exception_stacktrace": "a\n\tb"},
    ),
    "logrus": ({"level": "warning", "msg": "m", "time": AT, "service": "erp"}, {"severity": 13, "system": "erp"}),
    "clef": (
        {"@t": AT, "@mt": "Order {OrderId} failed", "OrderId": "O-5", "@l": "Error", "@x": "System.Exception: no\n   at X"},
        {"severity": 17, "body": "Order O-5 failed", "correlation_id": "O-5", "exception_type": "System.Exception"},
    ),
    "ecs": (
        {
            "@timestamp": AT, "log.level": "ERROR", "log": {"level": "warn"}, "message": "m", "service.name": "crm",
            "trace.id": TRACE, "span.id": "00F067AA0BA902B7", "error": {"type": "E", "message": "f"},
            "destination": {"address": "erp"},
        },
        {
            "severity": 17, "system": "crm", "trace_id": TRACE, "span_id": "00f067aa0ba902b7", "exception_type": "E",
            "exception_message": "f", "peer": "erp",
        },
    ),
    "gcp": (
        {
            "logName": "projects/p/logs/x", "timestamp": AT, "severity": "CRITICAL", "jsonPayload": {"message": "m"},
            "trace": f"projects/p/traces/{TRACE.upper()}", "resource": {"labels": {"container_name": "cart"}},
            "httpRequest": {"status": 503},
        },
        {"severity": 18, "system": "cart", "trace_id": TRACE, "http_status": 503, "body": "m"},
    ),
    "journald": (
        {"__REALTIME_TIMESTAMP": str(MS * 1000), "MESSAGE": [104, 105], "PRIORITY": "3", "_SYSTEMD_UNIT": "erp.service"},
        {"severity": 17, "system": "erp", "body": "hi"},
    ),
    "gelf": (
        {"version": "1.1", "host": "h", "short_message": "m", "timestamp": MS / 1000, "level": 4},
        {"severity": 13, "host": "h", "body": "m"},
    ),
    "log4j": (
        {"instant": {"epochSecond": MS // 1000, "nanoOfSecond": 0}, "level": "FATAL", "message": "m", "loggerName": "x"},
        {"severity": 21, "body": "m"},
    ),
    "datadog": (
        {"timestamp": AT, "service": "crm", "status": "error", "message": "m", "dd": {"trace_id": "9532127138774266268"}},
        {"severity": 17, "system": "crm", "trace_id": "00000000000000008448eb211c80319c"},
    ),
    "proxy": (
        {"time_iso8601": AT, "message": "m", "status": "502", "upstream_addr": "10.0.0.1:80, 10.0.0.2:80", "request_id": "q7"},
        {"http_status": 502, "peer": "10.0.0.2", "correlation_id": "q7"},
    ),
    "url": ({"time": AT, "msg": "m", "service": "crm", "url": "https://api.partner.example/v1"}, {"peer": "api.partner.example"}),
}  # fmt: skip


@pytest.mark.parametrize("logger", sorted(LOGGERS))
def test_each_logger_says_the_same_things_in_its_own_names(tmp_path: Path, logger: str) -> None:
    record, wanted = LOGGERS[logger]
    found = loaded(tmp_path, lines(record, record | {"other": 1}))
    assert found.loads.select("seen", "loaded").row(0) == (2, 2)
    row = found.sql("SELECT * FROM log_records ORDER BY record_no").row(0, named=True)
    assert {name: row[name] for name in wanted} == wanted
    assert str(row["logged_at"]) == "2026-01-05 08:00:00"


def test_a_clash_of_names_is_flagged_and_attributes_keep_the_rest(tmp_path: Path) -> None:
    found = loaded(tmp_path, lines(LOGGERS["ecs"][0], {"@timestamp": AT, "message": "m", "labels": {"colour": "red"}}))
    assert found.quality["flag"].to_list() == ["key_clash"]
    assert json.loads(found.sql("SELECT attributes FROM log_records WHERE record_no = 2").item()) == {
        "labels.colour": "red"
    }


def test_docker_pieces_are_joined_by_stream(tmp_path: Path) -> None:
    def piece(text: str, stream: str, tenth: int) -> dict[str, str]:
        return {"log": text, "stream": stream, "time": f"2026-01-05T08:00:00.{tenth}Z"}

    inner = json.dumps({"level": "error", "msg": "no", "order_id": "O-1"})
    found = loaded(
        tmp_path,
        lines(
            piece("one ", "stdout", 1),
            piece("other\n", "stderr", 2),
            piece("two\n", "stdout", 3),
            piece(inner + "\n", "stdout", 4),
            piece("cut", "stdout", 5),
        ),
    )
    assert found.loads.select("format", "seen", "loaded").row(0) == ("docker_json", 4, 4)
    assert found.sql("SELECT body, severity, correlation_id FROM log_records ORDER BY log_us").rows() == [
        ("one two", 0, None), ("other", 0, None), ("no", 17, "O-1"), ("cut", 0, None)
    ]  # fmt: skip
    assert found.quality.filter(flag="truncated_text")["doubtful"].to_list() == [1]


def test_cloudwatch_events_know_their_group_and_their_inner_format(tmp_path: Path) -> None:
    request = "3604209a-e9a3-11e6-939a-754dd98c7be3"
    events = [
        {"id": "1", "timestamp": MS, "message": f"2026-01-05T08:00:00.000Z\t{request}\tERROR\tdeclined"},
        {"id": "2", "timestamp": MS + 1, "message": f"REPORT RequestId: {request}\tDuration: 1 ms"},
    ]
    found = loaded(
        tmp_path,
        json.dumps(
            {"messageType": "DATA_MESSAGE", "logGroup": "/aws/lambda/pay", "logStream": "s", "logEvents": events}
        ),
    )
    assert found.sql("SELECT system, severity, correlation_id FROM log_records ORDER BY log_us").rows() == [
        ("pay", 17, request), ("pay", 0, request)
    ]  # fmt: skip


def test_only_the_final_results_of_splunk_count(tmp_path: Path) -> None:
    inner = {"_raw": "2026-01-05 08:00:00,100 ERROR shop: no", "_time": "2026-01-05T08:00:00.100+00:00", "host": "h"}
    found = loaded(tmp_path, lines({"preview": True, "result": inner}, {"preview": False, "result": inner}))
    assert found.loads.select("seen", "loaded", "skipped").row(0) == (2, 1, 1)
    assert found.sql("SELECT severity, body, host FROM log_records").rows() == [(17, "no", "h")]


def test_other_lines_between_and_half_a_last_line(tmp_path: Path) -> None:
    text = (
        lines({"level": "info", "msg": "a", "time": AT})
        + f'level=warn msg="b c" time={AT}\r\nno log\n'
        + '{"level":"in'
    )
    found = loaded(tmp_path, text, on_reject="keep")
    assert found.sql("SELECT body FROM log_records ORDER BY record_no")["body"].to_list() == ["a", "b c"]
    assert found.rejects.select("line", "code").rows() == [(3, "SYNTAX"), (4, "SYNTAX")]
    assert "still be being written" in found.rejects["reason"][1]


def test_a_document_of_records_is_read_as_lines_are(tmp_path: Path) -> None:
    rows = [{"timestamp": AT, "message": "a"}, {"timestamp": AT, "message": "b"}, 7]
    found = loaded(tmp_path, json.dumps(rows, indent=1), on_reject="keep")
    assert found.loads.select("seen", "loaded", "rejected").row(0) == (3, 2, 1)
    wrapped = [
        {
            "id": "1",
            "type": "log",
            "attributes": {"timestamp": AT, "service": "crm", "message": "m", "attributes": {"order_id": "O-1"}},
        }
    ]
    found = loaded(tmp_path, json.dumps({"data": wrapped}))
    assert found.sql("SELECT system, body, correlation_id FROM log_records").rows() == [("crm", "m", "O-1")]


def test_unusual_values_are_kept_or_rejected_never_lost(tmp_path: Path) -> None:
    deep = '{"time":"' + AT + '","msg":"m","a":' + "[" * 150 + "]" * 150 + "}"
    text = '{"time":"AT","msg":"n","v":NaN}\n{"msg":"no time"}\n{"time":"AT","msg":"\x1b[31mred\x1b[0m"}\n'
    text = text.replace("AT", AT) + deep + "\n"
    found = loaded(tmp_path, text.encode() + b'{"time":"' + AT.encode() + b'","msg":"\xff"}\n', on_reject="keep")
    assert found.sql("SELECT body FROM log_records ORDER BY record_no")["body"].to_list() == ["n", "no time", "red"]
    assert found.rejects["code"].to_list() == ["DEPTH", "ENCODING"]
    assert found.quality.filter(flag="time_missing")["doubtful"].to_list() == [1]


def test_secrets_and_people_are_not_stored(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, lines({"time": AT, "msg": "paid with 4111 1111 1111 1111", "user": "ann", "password": "hunter2"})
    )
    stored = str(found.sql("SELECT * FROM log_records").rows())
    assert "4111 1111" not in stored
    assert "hunter2" not in stored
    assert "'ann'" not in stored


GOOD = lines(*(record for record, _ in LOGGERS.values())).encode()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(GOOD) - 1), st.sampled_from(["flip", "cut", "insert"]), st.binary(min_size=1, max_size=3))
def test_a_damaged_file_still_accounts_for_every_record(tmp_path: Path, place: int, how: str, noise: bytes) -> None:
    match how:
        case "flip":
            content = GOOD[:place] + bytes([GOOD[place] ^ 0x15]) + GOOD[place + 1 :]
        case "cut":
            content = GOOD[:place]
        case _:
            content = GOOD[:place] + noise + GOOD[place:]
    found = loaded(tmp_path, content + b"\n" + GOOD, on_reject="keep", format="json_lines").loads
    assert (
        found.select("seen").item()
        == found.select("loaded", "rejected", "duplicate", "skipped").sum_horizontal().item()
    )
