"""Which tickets, audits and metrics does a Zendesk export hold?"""

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from benches import Bench


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - times of a history are UTC without a zone


TICKET: dict[str, Any] = {
    "id": 7253394974479.0, "requester_id": 1, "via": {"channel": "email"}, "subject": "Orders stuck", "description": "It\\nbroke",
    "status": "hold", "type": "incident", "priority": "urgent", "group_id": 20.0, "assignee_id": 5, "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T12:00:00Z", "custom_fields": [{"id": 9, "value": "EU"}], "tags": ["a"],
}  # fmt: skip
AUDIT = {
    "id": 1, "ticket_id": 7253394974479, "author_id": 5, "created_at": "2026-01-05T11:00:00Z", "via": {"channel": "rule"},
    "events": [
        {"type": "Change", "field_name": "group_id", "previous_value": "10", "value": "20"},
        {"type": "Comment", "body": "Looked at it"}, {"type": "Notification", "body": "x"},
        {"type": "Change", "field_name": "tags", "value": "b"},
    ],
}  # fmt: skip
METRIC = {
    "id": 3, "ticket_id": 7253394974479, "group_stations": 3, "assignee_stations": 2, "reopens": 1, "solved_at": "2026-01-05T13:00:00Z",
    "initially_assigned_at": "2026-01-05T10:10:00Z", "updated_at": "2026-01-05T13:00:00Z",
    "reply_time_in_minutes": {"calendar": 9, "business": 5}, "full_resolution_time_in_minutes": {"calendar": 180, "business": 100},
}  # fmt: skip
FILES = (
    {"tickets": [TICKET]},
    {"audits": [AUDIT]},
    {"ticket_metrics": [METRIC]},
    {"groups": [{"id": 10, "name": "desk"}, {"id": 20.0, "name": "core"}]},
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_files_of_an_export_meet_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    bench = Bench(tmp_path)
    for place in order:
        sink = bench.load(json.dumps(FILES[place]))
        assert sink.counts["rejected"] == 0
    assert bench.one("tickets", "ticket_id", "team", "priority", "state_category", "reopened", "reassignments", "acknowledged_at", "resolved_at", "description") == (
        "7253394974479", "core", 1, "waiting", 1, 2, at(2026, 1, 5, 10, 10), at(2026, 1, 5, 13), "It\nbroke",
    )  # fmt: skip
    assert bench.one("ticket_events", "old_value", "new_value", "actor_kind", where="field = 'team'") == (
        "desk",
        "core",
        "automation",
    )
    assert bench.one("ticket_events", "new_value", where="field = 'comment'") == ("Looked at it",)
    again = bench.load(json.dumps(FILES[0]) + " ")
    assert again.counts["duplicate"] == 1


def test_a_whole_export_in_one_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sink = bench.load(
        json.dumps({"tickets": [TICKET | {"metric_set": METRIC}], "groups": [{"id": 20, "name": "core"}]})
    )
    assert (sink.counts["seen"], sink.counts["loaded"]) == (2, 2)
    assert bench.one("tickets", "team", "reopened") == ("core", 1)


def test_what_says_nothing_is_skipped_and_what_is_broken_rejected(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    quiet = AUDIT | {"events": [{"type": "Notification"}]}
    undated = AUDIT | {"created_at": None}
    sink = bench.load(json.dumps({"audits": [AUDIT, quiet, undated]}))
    assert (sink.counts["loaded"], sink.counts["skipped"], sink.counts["rejected"]) == (1, 1, 1)
    sink = bench.load(json.dumps({"tickets": [TICKET, TICKET | {"id": None}]}))
    assert (sink.counts["loaded"], sink.counts["rejected"]) == (1, 1)
    sink = bench.load(json.dumps({"groups": [{"id": 1}, {"id": 2, "name": "x"}]}))
    assert (sink.counts["loaded"], sink.counts["rejected"]) == (1, 1)


FULL = (
    "Id,Requester,Requester id,Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,"
    "Initially assigned at,Solved at,Group stations,Assignee stations,Reopens,Replies\n"
    '7253394974479,Bob Jones,1,Ann Smith,core,"Orders, stuck",a b,Solved,Urgent,Mail,Incident,2026-01-05 10:00,'
    "2026-01-05 13:00,2026-01-05 10:10,2026-01-05 13:00,3,2,1,4\n"
    "8,Bob Jones,1,-,desk,Invoice,-,Hold,-,Web form,Question,2026-01-05 11:00,2026-01-05 11:00,,,1,0,0,0\n"
)
VIEW = 'Status,ID,Subject,Requester,Requested,Group,Assignee\nOpen,8,Invoice,Bob Jones,"Jan 05, 2026 11:00",desk,Ann Smith\nOdd,9,x,Bob,"Jan 05, 2026 11:00",desk,\n'


def test_the_table_of_a_full_export_has_counts_and_no_changes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sink = bench.load(FULL)
    assert (bench.format, sink.counts["loaded"], sink.counts["rejected"]) == ("zendesk_csv", 2, 0)
    columns = ("ticket_id", "kind", "state_category", "priority", "team", "reassignments", "reopened", "acknowledged_at", "resolved_at")  # fmt: skip
    assert bench.one("tickets", *columns, where="title = 'Orders, stuck'") == (
        "7253394974479", "incident", "resolved", 1, "core", 2, 1, at(2026, 1, 5, 10, 10), at(2026, 1, 5, 13),
    )  # fmt: skip
    assert bench.one("tickets", "kind", "state_category", "person", "reassignments", where="ticket_id = '8'") == (
        "request", "waiting", None, 0,
    )  # fmt: skip
    told = str(bench.rows("SELECT * FROM tickets"))
    assert "Bob" not in told
    assert "Ann" not in told
    assert any("no changes" in note for note in sink.notes)
    assert sink.flags["zone_assumed"] > 0


def test_a_table_and_the_interface_say_the_same_ticket(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.load(FULL)
    bench.load(json.dumps({"audits": [AUDIT]}))
    bench.load(json.dumps({"groups": [{"id": 20, "name": "core"}]}))
    assert bench.rows("SELECT count(*) FROM tickets JOIN ticket_events USING (ticket_uid) WHERE field = 'team'") == [
        (1,)
    ]


def test_a_view_has_the_columns_that_somebody_chose(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sink = bench.load(VIEW)
    assert (bench.format, sink.counts["loaded"]) == ("zendesk_csv", 2)
    assert bench.one("tickets", "state_category", "opened_at", "team", where="ticket_id = '8'") == (
        "in_progress", at(2026, 1, 5, 11), "desk",
    )  # fmt: skip
    assert bench.one("tickets", "state", "state_category", where="ticket_id = '9'") == ("Odd", None)
    assert sink.flags["unknown_status"] == 1


def test_a_row_of_another_width_is_rejected(tmp_path: Path) -> None:
    sink = Bench(tmp_path).load(FULL + "9,Bob,1\n" + FULL.splitlines()[2].replace("8,", ",", 1) + "\n")
    assert (sink.counts["loaded"], sink.counts["rejected"]) == (2, 2)
