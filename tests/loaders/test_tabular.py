"""How does a mapping turn the rows of a file into evidence?"""

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from benches import Bench

import handoff_analytics as ha
from handoff_analytics.errors import MappingError, UnreadableFileError


def own(
    reader: str = "csv", target: str = "tickets", *, head: dict[str, Any] | None = None, **columns: Any
) -> dict[str, Any]:
    key = {"tickets": {"ticket_id": {"from": "id", "required": True}}}.get(target, {})
    return {
        "mapping": {"format": 1, "name": "own", "target": target, "reader": reader} | (head or {}),
        "column": key | columns,
    }


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - times of a history are UTC without a zone


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_values_are_read_as_the_mapping_says(bench: Bench) -> None:
    columns = {
        "priority": {"from": "prio", "type": "int", "regex": r"^(\d)"},
        "reassignments": {"from": "moves", "type": "int", "thousands": "."},
        "worked_s": {"from": "effort", "type": "duration", "unit": "h"},
        "sla_met": {"from": "kept", "type": "bool"},
        "opened_at": {"from": "when", "type": "time", "formats": ["%d.%m.%Y %H:%M"]},
        "state_category": {"from": "st", "map": {"Done": "closed", "Await*": "waiting", "*": "reject"}},
        "correlation_id": {"template": "{order}-{region}"},
        "kind": {"const": "bug"},
        "attributes.note": {"from": "remark"},
    }
    text = (
        "id;prio;moves;effort;kept;when;st;order;region;remark;Reporter\n"
        "1;3 - Moderate;1.000;1.5;yes;05.01.2026 10:00;Done;7;EU;hello;ann\n"
        '2;1;2;="0";no;16.02.2026 09:30;awaiting vendor;;EU;;bob\n'
        "3;1;2;0;no;16.02.2026 09:30;Lost;8;EU;;bob\n"
    )
    sink = bench.load(text, mapping=own(head={"values": {"timezone": "Europe/Berlin"}}, **columns))
    assert (sink.counts["seen"], sink.counts["loaded"], sink.counts["rejected"]) == (3, 2, 1)
    assert bench.one(
        "tickets", "priority", "reassignments", "worked_s", "sla_met", "opened_at", "state_category", "correlation_id", "kind",
        where="ticket_id = '1'",
    ) == (3, 1000, 5400.0, True, at(2026, 1, 5, 9, 0), "closed", "7-EU", "bug")  # fmt: skip
    assert bench.one("tickets", "state_category", "correlation_id", "worked_s", where="ticket_id = '2'") == (
        "waiting",
        None,
        0.0,
    )
    (rest,) = bench.one("tickets", "attributes", where="ticket_id = '1'")
    assert json.loads(rest)["note"] == "hello"
    assert json.loads(rest)["Reporter"].startswith("person-")
    assert bench.rows("SELECT code, line, column_name, reason FROM rejects") == [
        ("ENUM", 4, "st", "st is 'Lost', wanted one of Done, Await*, *")
    ]


def test_a_value_that_means_nothing_is_null_and_flagged_unless_it_is_required(bench: Bench) -> None:
    mapping = own(
        opened_at={"from": "when", "type": "time", "required": True},
        closed_at={"from": "end", "type": "time"},
        head={"values": {"timezone": "UTC"}},
    )
    sink = bench.load("id,when,end\n1,2026-01-05,2024-13-45\n2,2024-13-45,\n3,,\n,2026-01-05,\n", mapping=mapping)
    assert (sink.counts["loaded"], sink.counts["rejected"]) == (1, 3)
    assert [code for (code,) in bench.rows("SELECT code FROM rejects ORDER BY record_no")] == [
        "TIME",
        "MISSING",
        "MISSING",
    ]
    assert ("unreadable_value", "end: '2024-13-45'") in bench.rows("SELECT flag, detail FROM quality_flags")


def test_a_zone_must_be_said_for_times_that_name_none(bench: Bench) -> None:
    mapping = own(opened_at={"from": "when", "type": "time"})
    with pytest.raises(MappingError, match=r"when holds times without a zone, such as '2026-01-05 10:00'"):
        bench.load("id,when\n1,2026-01-05 10:00\n", mapping=mapping)
    bench.load("id,when\n1,2026-01-05 10:00\n", mapping=mapping, timezone="Europe/Berlin")
    assert bench.one("tickets", "opened_at") == (at(2026, 1, 5, 9),)


def test_dates_that_can_be_read_both_ways_are_refused_until_a_value_decides(bench: Bench) -> None:
    both = ["%d/%m/%Y", "%m/%d/%Y"]
    mapping = own(opened_at={"from": "when", "type": "time", "formats": both}, head={"values": {"timezone": "UTC"}})
    with pytest.raises(MappingError, match="'03/04/2026' can be day/month as well as month/day"):
        bench.load("id,when\n1,03/04/2026\n2,01/02/2026\n", mapping=mapping)
    sink = bench.load("id,when\n1,03/04/2026\n2,13/02/2026\n", mapping=mapping)
    assert bench.one("tickets", "opened_at", where="ticket_id = '1'") == (at(2026, 4, 3),)
    assert "dates are read day before month: opened_at '13/02/2026' can be nothing else" in sink.notes


def test_what_decides_may_stand_in_a_later_block(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff_analytics.loaders.delimited.BLOCK_BYTES", 64)
    formats = ["%d/%m/%Y", "%m/%d/%Y"]
    mapping = own(opened_at={"from": "when", "type": "time", "formats": formats}, head={"values": {"timezone": "UTC"}})
    rows = "".join(f"{n},0{1 + n % 9}/04/2026\n" for n in range(40))
    bench.load(f"id,when\n{rows}99,04/30/2026\n", mapping=mapping)
    assert bench.one("tickets", "opened_at", where="ticket_id = '1'") == (at(2026, 2, 4),)


def test_a_column_that_is_wrong_throughout_is_a_wrong_mapping(bench: Bench) -> None:
    rows = "".join(f"{n},high\n" for n in range(30))
    with pytest.raises(MappingError, match="30 of the first 30 values of p are not a whole number: 'high'"):
        bench.load(f"id,p\n{rows}", mapping=own(reassignments={"from": "p", "type": "int"}))


def test_headers_that_are_not_there_are_named(bench: Bench) -> None:
    with pytest.raises(
        MappingError, match=r"no column for ticket_id: none of 'id' is among 'ids', 'x'.*Did you mean 'ids'"
    ):
        bench.load("ids,x\n1,2\n", mapping=own())
    with pytest.raises(MappingError, match="none of the columns that the mapping reads"):
        bench.load("a,b\n1,2\n", mapping={**own(), "column": {"ticket_id": {"from": "id"}, "title": {"from": "t"}}})
    with pytest.raises(MappingError, match=r"a mapping to runs needs \[column.started_at\]"):
        bench.load("a,b\n1,2\n", mapping=own(target="runs", run_id={"from": "a"}))


@pytest.mark.parametrize("content", ["", "id,title\n"])
def test_an_empty_file_is_no_error(bench: Bench, content: str) -> None:
    sink = bench.load(content, mapping=own(title={"from": "title"}))
    assert sink.counts["seen"] == 0


def test_repeated_headers_are_collected(bench: Bench) -> None:
    mapping = own(affected={"from": ["Component", "Part"], "collect": True})
    bench.load("id,Component,Component,Part\n1,erp,crm,erp\n2,,,\n", mapping=mapping)
    assert bench.rows("SELECT system, role FROM ticket_systems ORDER BY system") == [
        ("crm", "affected"),
        ("erp", "affected"),
    ]


def test_snapshots_make_tickets_and_changes_whatever_the_order_and_the_cut(tmp_path: Path) -> None:
    mapping = own(
        head={"values": {"timezone": "UTC"}, "rows": {"mode": "snapshots", "key": "id", "order_by": ["n"], "track": ["state", "assignee"]}},
        updated_at={"from": "when", "type": "time"}, state={"from": "st"}, assignee={"from": "who"}, team={"from": "grp"},
    )  # fmt: skip
    rows = [
        "1,0,2026-01-05 10:00,New,,A", "1,1,2026-01-05 11:00,Active,ann,A", "1,2,2026-01-05 12:00,Closed,,",
        "2,0,2026-01-05 10:00,New,bob,B", "2,1,2026-01-05 09:00,Active,ann,B",
    ]  # fmt: skip
    head = "id,n,when,st,who,grp"
    outcomes = []
    for split in ([rows], [rows[:2], rows[2:]], [rows[2:], rows[:2]], [rows[::-1]], [rows, rows[1:]]):
        bench = Bench(tmp_path)
        for part in split:
            bench.load("\n".join([head, *part]) + "\n", mapping=mapping, people="names")
        outcomes.append(
            (
                bench.rows("SELECT ticket_id, state, team, updated_at FROM tickets ORDER BY 1"),
                bench.rows(
                    "SELECT ticket_uid, changed_at, sequence, field, old_value, new_value FROM ticket_events ORDER BY ALL"
                ),
            )
        )
    assert all(outcome == outcomes[0] for outcome in outcomes)
    tickets, events = outcomes[0]
    # Who held it last holds it still, and a change is never dated before the one that it follows.
    assert tickets == [("1", "Closed", "A", at(2026, 1, 5, 12)), ("2", "Active", "B", at(2026, 1, 5, 9))]
    assert {event[1:4] + event[4:] for event in events if event[3] == "person"} == {
        (at(2026, 1, 5, 11), 2, "person", None, "ann"),
        (at(2026, 1, 5, 10), 2, "person", "bob", "ann"),
    }


def test_an_overlapping_export_brings_only_what_is_new(bench: Bench) -> None:
    mapping = own(
        head={"values": {"timezone": "UTC"}, "rows": {"mode": "snapshots"}},
        updated_at={"from": "u", "type": "time"},
        state={"from": "s"},
    )
    bench.load("id,u,s\n1,2026-01-05,New\n1,2026-01-06,Closed\n", mapping=mapping)
    sink = bench.load("id,u,s\n1,2026-01-06,Closed\n1,2026-01-07,New\n1,2026-01-07,New\n", mapping=mapping)
    assert (sink.counts["loaded"], sink.counts["duplicate"]) == (1, 2)
    assert bench.one("tickets", "state") == ("New",)


def test_changes_are_events_of_their_tickets(bench: Bench) -> None:
    mapping = own(
        head={"rows": {"mode": "changes"}, "values": {"timezone": "UTC"}, "platform": "desk"},
        changed_at={"from": "when", "type": "time"}, field={"from": "what"}, old_value={"from": "a"}, new_value={"from": "b"}, actor={"from": "who"},
    )  # fmt: skip
    bench.load(
        "id,when,what,a,b,who\n1,2026-01-05 10:00,team,A,B,ann\n1,2026-01-05 11:00,person,x,y,ann\n", mapping=mapping
    )
    assert bench.rows("SELECT field, old_value, new_value FROM ticket_events WHERE field = 'team'") == [
        ("team", "A", "B")
    ]
    assert all(
        value.startswith("person-")
        for row in bench.rows("SELECT actor, new_value FROM ticket_events WHERE field = 'person'")
        for value in row
    )


def test_every_target_can_be_filled(bench: Bench) -> None:
    utc = {"values": {"timezone": "UTC"}}
    when = {"from": "t", "type": "time"}
    bench.load("a,b,t\ncrm,erp,2026-01-05 10:00\n", mapping={
        "mapping": {"format": 1, "name": "own", "target": "handoffs", "reader": "csv", **utc},
        "column": {"source": {"from": "a"}, "target": {"from": "b"}, "started_at": when, "status": {"const": "weird"}, "platform": {"const": "iPaaS"}},
    })  # fmt: skip
    assert bench.one("spans", "system", "peer", "kind", "status", "platform", "trace_key IS NOT NULL") == (
        "crm",
        "erp",
        "client",
        "unset",
        "ipaas",
        True,
    )
    assert ("unknown_status",) in bench.rows("SELECT flag FROM quality_flags")
    bench.load(
        "m,t,l\nbroke,2026-01-05 10:00,ERROR\n",
        mapping=own(target="events", head=utc, logged_at=when, body={"from": "m"}, severity_text={"from": "l"}),
    )
    assert bench.one("log_records", "body", "severity") == ("broke", 17)
    bench.load(
        "o,e,a\nSO-1,paid,declined\n",
        mapping=own(
            target="outcomes",
            correlation_id={"from": "o"},
            check_name={"const": "payment"},
            expected={"from": "e"},
            actual={"from": "a"},
        ),
    )
    assert bench.one("outcomes", "passed") == (False,)
    bench.load(
        "i,v\nrefund,5\n",
        mapping=own(
            target="costs", item={"from": "i"}, likely={"from": "v", "type": "float"}, category={"const": "opportunity"}
        ),
    )
    assert bench.one("cost_rates", "low", "likely", "high", "basis") == (5.0, 5.0, 5.0, "assumed")
    bench.load("n,t\nerp,core\n", mapping=own(target="systems", name={"from": "n"}, team={"from": "t"}))
    assert bench.one("declared_systems", "name", "team") == ("erp", "core")


def test_runs_and_spans_know_their_duration_and_state(bench: Bench) -> None:
    mapping = own(
        target="runs", head={"values": {"timezone": "UTC"}}, run_id={"from": "r"}, started_at={"from": "s", "type": "time"},
        ended_at={"from": "e", "type": "time"}, technical_status={"from": "st"}, business_status={"from": "b"},
    )  # fmt: skip
    bench.load(
        "r,s,e,st,b\n1,2026-01-05 10:00,2026-01-05 10:01,success,failed\n2,2026-01-05 10:00,,,\n3,2026-01-05 10:00,2026-01-05 09:00,ok,\n",
        mapping=mapping,
    )
    assert bench.rows("SELECT technical_status, business_status, duration_us FROM runs ORDER BY run_id") == [
        ("ok", "failed", 60_000_000), ("running", None, None), ("ok", None, -3_600_000_000),
    ]  # fmt: skip
    assert ("negative_duration",) in bench.rows("SELECT flag FROM quality_flags")


def workbook() -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    book.add_worksheet("Read me").write(0, 0, "exported by someone")
    sheet = book.add_worksheet("Page 1")
    dates = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    spans = book.add_format({"num_format": "[h]:mm:ss"})
    for column, name in enumerate(["id", "when", "effort", "big"]):
        sheet.write(0, column, name)
    sheet.write(1, 0, "1")
    sheet.write_datetime(1, 1, at(2026, 1, 5, 10), dates)
    sheet.write_number(1, 2, 1.25, spans)
    sheet.write_number(1, 3, 123456789012345678)
    sheet.write(3, 0, "2")
    sheet.write_number(3, 1, 46027.4166667)
    book.close()
    return content.getvalue()


def test_a_workbook_is_read_by_its_cells(bench: Bench) -> None:
    mapping = own(
        head={"values": {"timezone": "UTC"}}, opened_at={"from": "when", "type": "time"},
        worked_s={"from": "effort", "type": "duration", "unit": "excel_days"},
    )  # fmt: skip
    sink = bench.load(workbook(), mapping=mapping)
    assert sink.notes == ["sheets: Read me (1 rows), Page 1 (4 rows, read)"]
    assert bench.rows("SELECT ticket_id, opened_at, worked_s FROM tickets ORDER BY 1") == [
        ("1", at(2026, 1, 5, 10), 108_000.0), ("2", at(2026, 1, 5, 10), None),
    ]  # fmt: skip
    assert ("lossy_number",) in bench.rows("SELECT flag FROM quality_flags")
    with pytest.raises(MappingError, match=r"no sheet 'Page 2'. Its sheets: Read me, Page 1"):
        bench.load(workbook(), mapping=own(head={"sheet": "Page 2"}))
    with pytest.raises(UnreadableFileError, match="cannot be read as a workbook"):
        bench.load(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 encrypted")


def test_parquet_is_read_with_its_types(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "tickets.parquet"
    pl.DataFrame(
        {
            "id": [1, 2],
            "when": pl.Series([at(2026, 1, 5, 10), None]).dt.replace_time_zone("UTC"),
            "tags": [["a"], []],
            "ok": [True, None],
        }
    ).write_parquet(file)
    mapping = own("parquet", opened_at={"from": "when", "type": "time"}, sla_met={"from": "ok", "type": "bool"})
    bench.load(file, mapping=mapping)
    assert bench.rows("SELECT ticket_id, opened_at, sla_met FROM tickets ORDER BY 1") == [
        ("1", at(2026, 1, 5, 10), True),
        ("2", None, None),
    ]


def test_lines_of_text_are_read_by_a_pattern(bench: Bench) -> None:
    mapping = own("text", head={"pattern": r"^(?P<id>\d+) (?P<what>.+)$"}, title={"from": "what"})
    sink = bench.load("1 it broke\nnonsense\n2 again\n", mapping=mapping)
    assert (sink.counts["loaded"], sink.counts["rejected"]) == (2, 1)
    assert bench.rows("SELECT line, code FROM rejects") == [(2, "SYNTAX")]


def test_json_records_bring_their_rest_along(bench: Bench) -> None:
    mapping = own(
        "json",
        head={"records": {"path": "page.items[*]"}},
        title={"from": ["name", "label"]},
        **{"attributes.extra": {"const": "x"}},
    )
    sink = bench.load(
        json.dumps({"page": {"items": [{"id": 7253394974479.0, "label": "a", "n": {"m": 1}}, {"id": 2}, "text"]}}),
        mapping=mapping,
    )
    assert (sink.counts["seen"], sink.counts["rejected"]) == (3, 1)
    assert bench.rows("SELECT ticket_id, title, attributes FROM tickets ORDER BY title NULLS LAST") == [
        ("7253394974479", "a", '{"extra":"x","label":"a","n.m":1}')
        if False
        else ("7253394974479", "a", '{"extra":"x","n.m":1}'),
        ("2", None, '{"extra":"x"}'),
    ]
    assert bench.rows("SELECT json_pointer, code FROM rejects") == [("/page/items/2", "UNKNOWN_SHAPE")]


def test_a_draft_can_be_loaded_after_a_look(tmp_path: Path, bench: Bench) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(
        "Case no;Subject;Status;Opened;Owner group;Colour\nA1;It broke;New;05.01.2026 10:00;core;red\nA2;Again;Closed;16.01.2026 09:30;edge;blue\n"
    )
    draft = ha.draft_mapping(file)
    assert "# A1 | A2" in draft
    assert '# [column."attributes.Colour"]' in draft
    mapping = draft.replace('# timezone = "Europe/Berlin"', 'timezone = "Europe/Berlin"')
    sink = bench.load(file, mapping=mapping)
    assert sink.counts["loaded"] == 2
    assert bench.one("tickets", "title", "state_category", "opened_at", where="ticket_id = 'A1'") == (
        "It broke",
        "open",
        at(2026, 1, 5, 9),
    )


@pytest.mark.parametrize("name", ["json", "jsonl", "xlsx", "parquet"])
def test_drafts_know_the_reader(name: str, tmp_path: Path) -> None:
    file = tmp_path / "export.xlsx"
    rows = [
        {"runId": 1, "workflow": "w", "status": "ok", "started": 1767607200},
        {"runId": 2, "workflow": "w", "status": "odd", "started": 1767607201},
    ]
    match name:
        case "json":
            file.write_text(json.dumps(rows))
        case "jsonl":
            file.write_text("\n".join(map(json.dumps, rows)))
        case "parquet":
            pl.DataFrame(rows).write_parquet(file)
        case _:
            pl.DataFrame(rows).write_excel(file)
    draft = ha.draft_mapping(file, target="runs")
    assert f'reader = "{name}"' in draft
    assert '"epoch_s"' in draft
    assert '"odd" = "unset"' in draft


def test_a_file_without_rows_cannot_be_drafted(tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("")
    with pytest.raises(UnreadableFileError, match="no rows"):
        ha.draft_mapping(file)


def test_a_check_writes_nothing_and_shows_the_rejects(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("id,n\n1,2\n,3\n2,4,5\n")
    shown = ha.check_mapping(file, own(title={"from": "n"}))
    assert shown.filter(pl.col("what").is_in(["seen", "loaded", "rejected"]))["count"].to_list() == [3, 1, 2]
    assert shown.tail(2).select("what", "line").rows() == [("MISSING", 3), ("COLUMNS", 4)]
    assert shown.schema["count"] == pl.Int64


def test_other_names_of_systems_are_accepted_once(bench: Bench) -> None:
    columns = {"name": {"from": "n"}, "aliases": {"from": "also", "type": "list", "separator": ","}}
    for text in ('n,also\nerp,"SAP, R/3"\ncrm,\n', "n,also\nerp,SAP\n"):
        bench.load(text, mapping=own(target="systems", **columns))
    bench.load("n,also\nerp,SAP\n", mapping=own(target="systems", name={"from": "n"}, aliases={"from": "also"}))
    assert bench.rows("SELECT alias, system, match FROM system_aliases ORDER BY alias") == [
        ("R/3", "erp", "user"),
        ("SAP", "erp", "user"),
    ]


def test_json_and_lists_are_opened(bench: Bench) -> None:
    columns = {"attributes.raw": {"from": "j", "type": "json"}, "affected": {"from": "l", "type": "list"}}
    bench.load('id,j,l\n1,"{""a"":1}","[""erp"",{""b"":2}]"\n2,no json,crm\n3,,"[broken"\n', mapping=own(**columns))
    assert bench.rows("SELECT system FROM ticket_systems ORDER BY 1") == [
        ("[broken",),
        ("crm",),
        ("erp",),
        ('{"b":2}',),
    ]
    assert bench.rows("SELECT flag, detail FROM quality_flags") == [("unreadable_value", "j: 'no json'")]


def test_numbers_that_are_endless_are_no_numbers(bench: Bench) -> None:
    mapping = own(target="costs", item={"from": "i"}, likely={"from": "v", "type": "float"})
    bench.load("i,v\na,inf\nb,2\n", mapping=mapping)
    assert bench.rows("SELECT likely FROM cost_rates ORDER BY item") == [(None,), (2.0,)]
    assert bench.rows("SELECT flag FROM quality_flags") == [("not_finite",)]


def test_epochs_are_read_by_their_size_and_that_is_noted(bench: Bench) -> None:
    mapping = own(opened_at={"from": "t", "type": "time", "formats": ["epoch"]})
    sink = bench.load("id,t\n1,1767607200000\n2,1767607201000\n", mapping=mapping)
    assert bench.one("tickets", "opened_at", where="ticket_id = '1'") == (at(2026, 1, 5, 10),)
    assert sink.notes == ["opened_at: numbers are read as epoch_ms, by their size"]


def test_links_between_tickets_are_kept(bench: Bench) -> None:
    bench.load("id,b,d\n1,2,3\n2,,\n", mapping=own(blocks={"from": "b"}, duplicates={"from": "d"}))
    assert bench.rows("SELECT other_id, link_type FROM ticket_links ORDER BY 1") == [
        ("2", "blocks"),
        ("3", "duplicate"),
    ]


def test_the_health_of_two_systems_at_one_time_is_two_outcomes(bench: Bench) -> None:
    bench.load(
        "s,p,t\nerp,yes,2026-01-05 10:00\ncrm,yes,2026-01-05 10:00\n",
        mapping=own(
            target="outcomes",
            head={"values": {"timezone": "UTC", "true": ["yes"], "false": ["no"]}},
            system={"from": "s"},
            check_name={"const": "system_health"},
            passed={"from": "p", "type": "bool"},
            checked_at={"from": "t", "type": "time"},
        ),
    )
    assert bench.one("outcomes", "count(DISTINCT outcome_uid)", "count(DISTINCT system)") == (2, 2)
    assert bench.rows("SELECT flag FROM quality_flags") == []


def test_cells_that_hold_json_are_opened(bench: Bench) -> None:
    content = 'Date,Content\n2026-01-05T10:00:00Z,"{""log"": {""msg"": ""It broke""}, ""level"": ""warn"", ""n"": 3}"\n2026-01-05T10:00:01Z,plain\n'
    said = {
        "mapping": {"format": 1, "name": "wrapped", "target": "events", "reader": "csv"},
        "column": {
            "logged_at": {"from": "Date", "type": "time", "required": True},
            "body": {"from": "Content.log.msg"},
            "severity_text": {"from": "Content.level"},
        },
    }
    bench.load(content, mapping=said)
    assert bench.rows("SELECT body, severity_text FROM log_records ORDER BY logged_at") == [
        ("It broke", "warn"),
        (None, None),
    ]
    # What no column took is kept.
    kept = [json.loads(row) for (row,) in bench.rows("SELECT attributes FROM log_records ORDER BY logged_at")]
    assert kept == [{"Content": '{"log":{"msg":"It broke"},"n":3}'}, {"Content": "plain"}]


def test_nanoseconds_of_a_span_are_kept(bench: Bench) -> None:
    said = {
        "mapping": {"format": 1, "name": "ns", "target": "spans", "reader": "csv"},
        "column": {
            "system": {"from": "svc"},
            "started_at": {"from": "a", "type": "time", "formats": "epoch_ns", "required": True},
            "ended_at": {"from": "b", "type": "time", "formats": "epoch_ns"},
        },
    }
    bench.load("svc,a,b\nerp,1767607200000000123,1767607200000001456\ncrm,1767607200000000789,\n", mapping=said)
    assert bench.rows("SELECT start_ns, duration_ns, duration_us FROM spans ORDER BY start_ns") == [
        (1767607200000000123, 1333, 1),
        (1767607200000000789, None, None),
    ]


def test_items_of_lists_in_a_map_know_their_key(bench: Bench) -> None:
    said = {
        "mapping": {
            "format": 1,
            "name": "alerts",
            "target": "outcomes",
            "reader": "json",
            "records": {"path": "[*][*]"},
        },
        "column": {
            "correlation_id": {"from": "^name"},
            "check_name": {"from": "^value[1]", "required": True},
            "system": {"from": "^value[0]"},
            "passed": {"const": False},
        },
    }
    sink = bench.load('{"7": [["crm", "late"], ["erp", "lost"]], "8": [], "9": [["erp"]]}', mapping=said)
    assert (sink.counts["seen"], sink.counts["rejected"]) == (3, 1)
    assert bench.rows("SELECT correlation_id, system, check_name, passed FROM outcomes ORDER BY system") == [
        ("7", "crm", "late", False),
        ("7", "erp", "lost", False),
    ]
    assert bench.rows("SELECT code, json_pointer FROM rejects") == [("MISSING", "/9/0")]


def test_cells_of_a_wide_table_are_records(bench: Bench) -> None:
    head = {"format": 1, "name": "wide", "target": "outcomes", "reader": "csv"}
    said = {
        "mapping": head | {"records": {"wide": 1, "header_rows": 2}},
        "column": {
            "checked_at": {"from": "^row", "type": "time", "formats": "epoch_s", "required": True},
            "system": {"from": "^name"},
            "check_name": {"from": "^name2", "required": True},
            "actual": {"from": "^value"},
        },
    }
    sink = bench.load(
        "service,crm,crm,erp\nmetric,late,lost,late\n1767607200,1,,3\nsoon,4,5,6\n1767607260,,,\n", mapping=said
    )
    assert {name: sink.counts[name] for name in ("seen", "loaded", "rejected")} == {
        "seen": 5,
        "loaded": 2,
        "rejected": 3,
    }
    assert bench.rows("SELECT system, check_name, actual FROM outcomes ORDER BY ALL") == [
        ("crm", "late", "1"),
        ("erp", "late", "3"),
    ]
    assert set(bench.rows("SELECT line, code FROM rejects")) == {(4, "TIME")}


def test_an_inventory_of_interfaces_declares_handoffs(bench: Bench) -> None:
    said = {
        "mapping": {"format": 1, "name": "inventory", "target": "declared_handoffs", "reader": "csv"},
        "column": {
            "source": {"from": "From", "required": True},
            "target": {"from": "To", "required": True},
            "channel": {"from": "Via"},
            "timeout_s": {"from": "Timeout", "type": "float"},
        },
    }
    sink = bench.load("From,To,Via,Timeout\ncrm,erp,http,30\ncrm,erp,http,30\n,erp,file,\n", mapping=said)
    assert (sink.counts["loaded"], sink.counts["duplicate"], sink.counts["rejected"]) == (1, 1, 1)
    assert bench.one("declared_handoffs", "source", "target", "channel", "timeout_s") == ("crm", "erp", "http", 30.0)
