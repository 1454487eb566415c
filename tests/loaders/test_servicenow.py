"""Which tickets and changes does a ServiceNow export hold?"""

import io
import json
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter
from benches import Bench

from handoff_analytics.errors import MappingError

HEAD = "number,sys_id,incident_state,sys_mod_count,opened_at,sys_updated_on,assignment_group,assigned_to,caller_id,priority,cmdb_ci,made_sla,short_description,reassignment_count,resolved_at"
LOG = f"""{HEAD}
INC001,a1,New,0,2026-01-05 10:00:00,2026-01-05 10:00:00,desk,?,Ann Example,3 - Moderate,?,true,Order stuck,0,2026-01-06 09:00:00
INC001,a1,Active,1,2026-01-05 10:00:00,2026-01-05 11:00:00,core,Bob,Ann Example,2 - High,ERP,TRUE,Order stuck,"1,000",2026-01-06 09:00:00
INC001,a1,Resolved,2,2026-01-05 10:00:00,2026-01-06 09:00:00,?,Bob,Ann Example,2 - High,ERP,true,Order stuck,"1,000",2026-01-06 09:00:00
"""


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - times of a history are UTC without a zone


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_audit_log_becomes_a_ticket_and_its_changes(bench: Bench) -> None:
    sink = bench.load(LOG, people="names")
    assert (sink.counts["seen"], sink.counts["loaded"]) == (3, 3)
    assert bench.one(
        "tickets", "ticket_id", "kind", "state_category", "priority", "team", "sla_met", "reassignments", "opened_at", "resolved_at", "updated_at",
    ) == ("INC001", "incident", "resolved", 2, "core", True, 1000, at(2026, 1, 5, 10), at(2026, 1, 6, 9), at(2026, 1, 6, 9))  # fmt: skip
    assert bench.rows(
        "SELECT field, old_value, new_value, changed_at FROM ticket_events WHERE field IN ('team', 'priority') ORDER BY field"
    ) == [
        ("priority", "3", "2", at(2026, 1, 5, 11)),
        ("team", "desk", "core", at(2026, 1, 5, 11)),
    ]
    assert bench.rows("SELECT system, role FROM ticket_systems") == [("ERP", "affected")]


def test_people_are_hashed_wherever_they_stand(bench: Bench) -> None:
    bench.load(LOG)
    text = repr(bench.rows("SELECT t.*, s.* FROM tickets AS t JOIN ticket_snapshots AS s USING (ticket_uid)"))
    assert "Ann Example" not in text
    assert "Bob" not in text


@pytest.mark.parametrize(
    "text",
    ["29-02-2016 01:16", "29/2/2016 01:16", "29.02.2016 01:16:00", "02/29/2016 01:16:00 AM", "2016-02-29 01:16:00"],
)
def test_dates_of_any_user_are_read(bench: Bench, text: str) -> None:
    bench.load(f"number,opened_at,sys_updated_on\nINC1,{text},{text}\n")
    assert bench.one("tickets", "opened_at") == (at(2016, 2, 29, 1, 16),)


def test_undecided_dates_are_asked_for(bench: Bench) -> None:
    with pytest.raises(MappingError, match="can be day/month as well as month/day"):
        bench.load("number,opened_at\nINC1,03/04/2026 10:00\n")


def test_a_list_with_labels_and_without_times_of_change_has_one_row_a_ticket(bench: Bench) -> None:
    sink = bench.load(
        "Number,Opened,Short description,State,Assignment group\nRITM1,2026-01-05 10:00:00,Need it,Awaiting Vendor,desk\n"
    )
    assert bench.format == "servicenow_list"
    assert bench.one("tickets", "kind", "state_category", "team") == ("request", "waiting", "desk")
    assert sink.flags["zone_assumed"] == 1
    assert bench.rows("SELECT count(*) FROM ticket_snapshots") == [(0,)]


def test_states_may_be_numbers(bench: Bench) -> None:
    bench.load("number,opened_at,state\nINC1,2026-01-05 10:00:00,7\nINC2,2026-01-05 10:00:00,2\n")
    assert bench.rows("SELECT state_category FROM tickets ORDER BY ticket_id") == [("closed",), ("in_progress",)]


def test_a_workbook_is_read_from_its_sheet(bench: Bench) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Page 1")
    for row, cells in enumerate(
        [
            ["Number", "Opened", "Short description", "Updated"],
            ["INC1", "2026-01-05 10:00:00", "x", "2026-01-05 10:00:00"],
        ]
    ):
        sheet.write_row(row, 0, cells)
    book.close()
    bench.load(content.getvalue())
    assert bench.one("tickets", "ticket_id", "opened_at") == ("INC1", at(2026, 1, 5, 10))


def test_rest_values_are_utc_and_display_values_are_names(bench: Bench) -> None:
    record = {
        "number": {"value": "INC1", "display_value": "INC1"},
        "sys_id": "a1",
        "opened_at": {"value": "2026-01-05 10:00:00", "display_value": "05.01.2026 11:00"},
        "sys_updated_on": {"value": "2026-01-05 10:30:00", "display_value": "05.01.2026 11:30"},
        "assignment_group": {"link": "https://x/1", "value": "g1", "display_value": "Core"},
        "cmdb_ci": {"link": "https://x/2", "value": "c1"},
        "short_description": "Order stuck",
    }
    sink = bench.load(json.dumps({"result": [record]}), timezone="Europe/Berlin")
    assert bench.format == "servicenow_rest"
    assert sink.flags["zone_assumed"] == 0
    assert bench.one("tickets", "opened_at", "team") == (at(2026, 1, 5, 10), "Core")
    assert bench.one("ticket_systems", "system") == ("c1",)


AUDIT = """documentkey,tablename,fieldname,oldvalue,newvalue,sys_created_on,user
a1,incident,assignment_group,desk,core,2026-01-05 11:00:00,Bob
a1,incident,assignment_group,core,edge,2026-01-05 11:30:00,Bob
a1,incident,u_colour,red,blue,2026-01-05 11:00:00,Bob
"""


@pytest.mark.parametrize("order", [(LOG, AUDIT), (AUDIT, LOG)])
def test_audited_changes_find_their_ticket_and_outrank_snapshots(bench: Bench, order: tuple[str, str]) -> None:
    skipped = 0
    for content in order:
        skipped += bench.load(content).counts["skipped"]
    assert skipped == 1
    assert bench.rows(
        "SELECT t.ticket_id, e.old_value, e.new_value, e.basis FROM ticket_events AS e JOIN tickets AS t USING (ticket_uid) "
        "WHERE e.field = 'team' ORDER BY e.changed_at"
    ) == [("INC001", "desk", "core", "audit"), ("INC001", "core", "edge", "audit")]
    again = bench.load(AUDIT)
    assert (again.counts["loaded"], again.counts["duplicate"]) == (0, 2)


def test_metrics_are_stretches(bench: Bench) -> None:
    bench.load(
        "definition,id,start,end,value\nAssignment Group Duration,a1,2026-01-05 10:00:00,2026-01-05 11:00:00,desk\nMade up,a1,2026-01-05 10:00:00,,x\n"
    )
    assert bench.one("ticket_events", "field", "new_value", "changed_at") == ("team", "desk", at(2026, 1, 5, 10))


def test_an_export_that_was_cut_is_noted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff_analytics.loaders.tickets.servicenow._LIMITS", (3,))
    assert any("export limit" in note for note in bench.load(LOG).notes)
