"""Text logs: every framework's head, entries of several lines, years and zones that are assumed and said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha
from handoff_analytics.errors import UnknownFormatError

if TYPE_CHECKING:
    from pathlib import Path

LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "log4j": ("2026-01-05 08:00:00,250 ERROR [main] shop.erp.Post: refused by O-7", {"severity": 17, "body": "refused by O-7"}),
    "dash": ("2026-01-05 08:00:00,250 - WARN  [a[b=1]/0:0:E@7] - late", {"severity": 13, "body": "late"}),
    "python": ("2026-01-05 08:00:00,250 - shop.mail - ERROR - bounced", {"severity": 17, "body": "bounced"}),
    "two-digit year": ("26/01/05 08:00:00 INFO exec.Backend: started", {"severity": 9, "body": "started"}),
    "packed": ("260105 080000 148 INFO dfs.Node: block done", {"severity": 9, "body": "block done"}),
    "sleuth": (
        "2026-01-05 08:00:00.250  WARN [orders,96b4037808250b1f,a118ac4eed71378b] 1 --- [x-1] c.e.Pay : slow",
        {"system": "orders", "trace_id": "000000000000000096b4037808250b1f", "span_id": "a118ac4eed71378b", "body": "slow"},
    ),
    "request": (
        "2026-01-05 08:00:00.250 25 INFO nova.wsgi [req-38101a0b-2096-447d-96ea-a692162415ae u t] done status: 503",
        {"correlation_id": "req-38101a0b-2096-447d-96ea-a692162415ae", "http_status": 503},
    ),
    "apache": ("[Mon Jan 05 08:00:00 2026] [error] no worker", {"severity": 17, "body": "no worker"}),
    "nginx": (
        '2026/01/05 08:00:00 [error] 7#0: *5 connect() failed while reading, client: 1.2.3.4, upstream: "http://10.0.0.1:8080/"',
        {"severity": 17, "peer": "10.0.0.1"},
    ),
    "postgres": ("2026-01-05 08:00:00.250 UTC [12] erp@orders ERROR:  duplicate key", {"severity": 17, "body": "duplicate key"}),
    "heroku": ("2026-01-05T08:00:00+00:00 app[web.3]: started", {"system": "app", "body": "started"}),
    "rsyslog": ("2026-01-05T08:00:00.1+00:00 gate sshd[7]: failed", {"system": "sshd", "host": "gate", "body": "failed"}),
    "syslog 5424": (
        '<165>1 2026-01-05T08:00:00Z gate erp 7 ID47 [o@1 id="O-7"] \ufeffposted',
        {"system": "erp", "severity": 10, "event_name": "ID47", "body": "posted"},
    ),
    "counted": ("62 <34>1 2026-01-05T08:00:00Z gate su - - - failed", {"system": "su", "severity": 18, "body": "failed"}),
    "logfmt": (
        'time=2026-01-05T08:00:00Z level=error msg="not sent" service=mail order_id=O-7 err="no route"',
        {"severity": 17, "system": "mail", "correlation_id": "O-7", "exception_message": "no route", "body": "not sent"},
    ),
    "access": (
        '10.0.0.9 - ann [05/Jan/2026:08:00:00 +0000] "GET /o/7 HTTP/1.1" 502 - "-" "x \\" y"',
        {"http_status": 502, "body": "GET /o/7 HTTP/1.1", "severity": 17},
    ),
    "envoy": (
        '[2026-01-05T08:00:00.310Z] "POST /v1 HTTP/2" 503 UF 1 0 2 - "-" "curl" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "erp:80" "-"',
        {"peer": "erp", "correlation_id": "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2", "http_status": 503},
    ),
    "cri": ("2026-01-05T08:00:00.1+00:00 stdout F ERROR no stock", {"severity": 17, "body": "no stock"}),
    "compose": ("web_1   | 2026-01-05 08:00:00 ERROR failed", {"system": "web", "severity": 17, "body": "failed"}),
    "columns": ("20260105-08:00:00:606|Step|300|counted 7", {"body": "counted 7"}),
    "epoch": ("1767600000.250 6 10.0.0.1 served", {"body": "10.0.0.1 served"}),
}  # fmt: skip


def loaded(folder: Path, content: str | bytes, name: str = "shop.log", **options: Any) -> ha.History:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return ha.load(path, quiet=True, on_reject="keep", **options)


@pytest.mark.parametrize("kind", sorted(LINES))
def test_each_framework_says_when_how_bad_and_what(tmp_path: Path, kind: str) -> None:
    line, wanted = LINES[kind]
    found = loaded(
        tmp_path, f"{line}\n\x1b[32m{line}\x1b[0m again\r\n" if kind not in {"access", "envoy"} else f"{line}\r\n"
    )
    assert found.loads["rejected"].item() == 0
    row = found.sql("SELECT * FROM log_records ORDER BY record_no").row(0, named=True)
    assert {name: row[name] for name in wanted} == wanted
    assert str(row["logged_at"]).startswith("2026-01-05 08:00:00")


def test_a_stack_trace_belongs_to_its_line(tmp_path: Path) -> None:
    text = (
        '2026-01-05 08:00:00,1 ERROR shop: failed\nTraceback (most recent call last):\n  File "a.py", line 1\n'
        "ValueError: no such order\n2026-01-05 08:00:01,1 ERROR shop: again\njava.net.ConnectException: refused\n"
        "\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: x\n2026-01-05 08:00:02,1 INFO shop: ok\n"
    )  # fmt: skip
    found = loaded(tmp_path, text)
    assert found.loads.select("seen", "loaded").row(0) == (3, 3)
    assert found.sql("SELECT exception_type, exception_message FROM log_records ORDER BY log_us").rows() == [
        ("ValueError", "no such order"), ("java.net.ConnectException", "refused"), (None, None)
    ]  # fmt: skip


def test_pieces_of_one_stream_are_joined_across_the_other(tmp_path: Path) -> None:
    at = "2026-01-05T08:00:00.{}Z".format
    text = f"{at(1)} stdout P one \n{at(2)} stderr F other\n{at(3)} stdout F two\n{at(4)} stderr P cut\n"
    found = loaded(tmp_path, text)
    assert found.sql("SELECT body FROM log_records ORDER BY log_us")["body"].to_list() == ["one two", "other", "cut"]
    assert found.quality["flag"].to_list() == ["truncated_text"]


def test_years_and_zones_that_are_assumed_are_flagged(tmp_path: Path) -> None:
    found = loaded(tmp_path, "Dec 31 23:59:59 gate su[7]: late\nJan  1 00:00:01 gate su[7]: early\n")
    early, late = found.sql("SELECT logged_at FROM log_records ORDER BY body")["logged_at"].to_list()
    assert 0 < (early - late).total_seconds() < 10
    assert found.quality.filter(flag="year_assumed")["doubtful"].to_list() == [2]


def test_an_hour_that_happens_twice_goes_on(tmp_path: Path) -> None:
    text = "".join(f"2023-10-29 {time}:00,0 INFO a: {time}\n" for time in ("02:10", "02:50", "02:05", "02:40"))
    found = loaded(tmp_path, text, timezone="Europe/Berlin")
    times = found.sql("SELECT logged_at FROM log_records ORDER BY record_no")["logged_at"].to_list()
    assert times == sorted(times)
    assert found.quality["flag"].to_list() == ["dst_ambiguous"]


def test_lines_of_two_formats_and_lines_of_none(tmp_path: Path) -> None:
    access = '1.2.3.4 - - [05/Jan/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 1'
    broken = '1.2.3.4 [05/Jan/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 1'
    text = (
        f"{access}\n{broken}\n{access[:-1]}2\n".encode()
        + b"\xff\xfe\n"
        + b'{"time":"2026-01-05T08:00:01Z","msg":"m"}\n'
    )
    found = loaded(tmp_path, text, "shop-access.log", format="access_log")
    assert found.loads.select("seen", "loaded", "rejected").row(0) == (5, 3, 2)
    assert found.rejects["line"].to_list() == [2, 4]
    assert set(found.sql("SELECT system FROM log_records")["system"]) == {"shop"}


EXTENDED = "#Version: 1.0\n#GMT-Offset: -0800\n#Fields: {}\n"


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        ("date time cs-method cs-uri-stem sc-status", ["2026-01-05 08:00:00 GET /a 500", "2026-01-05 08:00:01 GET /b 200"]),
        ("date time cs-method cs-uri-stem sc-status cs(User-Agent)", ['"2026-01-05" "08:00:00" "GET" "/a" "500" "a b"']),
        ("date-local time-local cs-method cs-uri-stem sc-status", ["2026-01-05 08:00:00.5 GET /a 500"]),
        ("date  time   cs-method cs-uri-stem sc-status", ["2026-01-05   08:00:00  GET  /a    500"]),
    ],
)  # fmt: skip
def test_columns_of_an_extended_log_are_named_in_it(tmp_path: Path, names: str, rows: list[str]) -> None:
    found = loaded(tmp_path, EXTENDED.format(names) + "".join(f"{row}\n" for row in rows))
    assert found.loads.select("format", "seen", "loaded").row(0) == ("extended_log", len(rows), len(rows))
    assert found.sql("SELECT body, http_status FROM log_records ORDER BY log_us").row(0) == ("GET /a", 500)


def test_a_log_is_known_by_few_lines_where_its_entries_have_many(tmp_path: Path) -> None:
    entry = "[2026-01-05 08:00:0{}] local.ERROR: no answer {{\n[stacktrace]\n" + "".join(
        f"#{n} /a/b.php(7): c()\n" for n in range(20)
    )
    found = loaded(tmp_path, entry.format(0) + entry.format(1))
    assert found.loads.select("format", "seen", "loaded").row(0) == ("text_log", 2, 2)
    with pytest.raises(UnknownFormatError):
        loaded(tmp_path, "[2026-01-05 08:00:00] minutes\n" + "words of a meeting\n" * 20)


def test_colours_do_not_hide_a_format(tmp_path: Path) -> None:
    coloured = "\x1b[0m\x1b[32mJan  5 \x1b[33m08:00:0{}\x1b[31m h1 \x1b[1mshop\x1b[34m[7]\x1b[0m: order O-{} refused\n"
    found = loaded(tmp_path, "".join(coloured.format(n, n) for n in range(3)))
    assert found.loads.select("format", "loaded").row(0) == ("syslog_3164", 3)
    assert found.sql("SELECT DISTINCT system FROM log_records").item() == "shop"
    printed = loaded(tmp_path, "\x1b[2Kweb-1  | started\n\x1b[2Kdb-1   | ready\n")
    assert printed.loads["format"].item() == "compose"


def test_lines_that_are_alike_are_as_many_entries_as_there_are_lines(tmp_path: Path) -> None:
    line, other = (
        "2026-01-05 10:00:00,000 ERROR [main] shop.Pay: no answer\n",
        "2026-01-05 10:00:01,000 INFO [main] shop.Pay: ok\n",
    )
    path, into = tmp_path / "shop.log", tmp_path / "h.duckdb"
    path.write_text(line * 3 + other)
    count = "SELECT count(*) FILTER (body = 'no answer'), count(*) FROM log_records"
    assert ha.load(path, into=into, quiet=True).sql(count).row(0) == (3, 4)
    # Rotated, with an overlap, and in another order: three lines stay three.
    path.write_text(line * 2 + other * 2)
    history = ha.load(path, into=into, quiet=True)
    assert history.loads.select("seen", "loaded", "duplicate").row(-1) == (4, 1, 3)
    assert history.sql(count).row(0) == (3, 5)


def test_lines_without_a_time_are_counted_too(tmp_path: Path) -> None:
    found = loaded(tmp_path, "web-1  | no answer\n" * 3 + "db-1   | ready\n")
    assert found.loads.select("format", "seen", "loaded", "duplicate").row(0) == ("compose", 4, 4, 0)
