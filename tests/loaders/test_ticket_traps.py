"""Tickets as they are really exported: many dates in one column, counts with commas, ids that are floats, cut exports."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest

import handoff_analytics as ha


def load(folder: Path, content: Any, **options: Any) -> ha.History:
    path = folder / "export"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    history = ha.load(path, quiet=True, timezone="UTC", on_reject="keep", **options)
    load = history.loads.row(0, named=True)
    assert load["seen"] == load["loaded"] + load["rejected"] + load["duplicate"] + load["skipped"]
    return history


def test_servicenow_mixes_dates_and_has_marks_for_nothing(tmp_path: Path) -> None:
    rows = [
        "number,active,assignment_group,opened_at,sys_updated_on,resolved_at,reassignment_count,made_sla",
        'INC1,true,?,24.10.2023 7:07:31,2023-10-24 08:00:00,UNKNOWN,"1,000,000",TRUE',
        "INC2,TRUE,Desk,2023-10-24 07:07:31,2023-10-24 08:00:00,?,3,false",
        'INC3,false,Desk,2023-10-24 07:07:31,2023-10-24 06:00:00,2023-10-25 07:07:31,0,"true"',
    ]  # fmt: skip
    history = load(tmp_path, "\n".join(rows) + "\n")
    assert history.loads.select("format", "loaded", "rejected").row(0) == ("servicenow", 3, 0)
    assert history.sql("SELECT team, opened_at::VARCHAR AS at, resolved_at::VARCHAR AS done, reassignments, sla_met FROM tickets ORDER BY ticket_id").rows() == [
        (None, "2023-10-24 07:07:31", None, 1_000_000, True),
        ("Desk", "2023-10-24 07:07:31", None, 3, False),
        ("Desk", "2023-10-24 07:07:31", "2023-10-25 07:07:31", 0, True),
    ]  # fmt: skip
    assert "clock_skew" in history.quality["flag"].to_list()


@pytest.mark.parametrize(
    "header",
    [
        "Number,Opened,Short description,Assignment group,Priority",
        "NUMBER,OPENED,SHORT DESCRIPTION,ASSIGNMENT GROUP,PRIORITY",
    ],
)
def test_servicenow_with_labels_instead_of_names(tmp_path: Path, header: str) -> None:
    history = load(tmp_path, f"{header}\nINC1,2026-01-05 10:00:00,It broke,Desk,3 - Moderate\n")
    assert history.sql("SELECT ticket_id, title, team, priority FROM tickets").rows() == [
        ("INC1", "It broke", "Desk", 3)
    ]


def test_zendesk_ids_are_floats_and_groups_come_from_another_file(tmp_path: Path) -> None:
    ticket = {
        "id": 35436.0, "requester_id": 7253394974479.0, "via": {"channel": "web"}, "subject": "It broke", "status": "hold",
        "group_id": 98738.0, "assignee_id": 235323.0, "created_at": "2026-01-05T10:00:00Z", "updated_at": "2026-01-05T11:00:00Z",
        "description": "line one\\nline two", "custom_fields": [], "satisfaction_rating": None,
    }  # fmt: skip
    history = load(tmp_path, {"tickets": [ticket]})
    assert history.sql("SELECT ticket_id, team, state_category FROM tickets").rows() == [("35436", "98738", "waiting")]
    groups = tmp_path / "groups.json"
    groups.write_text(json.dumps({"groups": [{"id": 98738.0, "name": "Desk"}]}))
    named = ha.load(groups, into=history, quiet=True)
    assert named.sql("SELECT team FROM tickets").item() == "Desk"


def test_jira_pages_that_are_cut_are_noted_and_stages_are_read_by_key(tmp_path: Path) -> None:
    histories = [
        {"id": "2", "created": "2026-01-05T12:00:00.000+0800", "author": {"accountId": ""}, "items": [{"field": "assignee", "from": "a", "to": None, "fromString": "Ann", "toString": None}]},
        {"id": "1", "created": "2026-01-05T11:00:00.000+0800", "items": [{"field": "status", "fromString": "待办", "toString": "已完成"}]},
    ]  # fmt: skip
    issue = {
        "id": "1", "key": "OPS-1", "changelog": {"startAt": 0, "maxResults": 2, "total": 250, "histories": histories},
        "fields": {
            "summary": "It broke", "created": "2026-01-05T10:00:00.000+0800", "status": {"name": "已完成", "statusCategory": {"key": "done", "name": "完成"}},
            "description": {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "as a tree"}]}]},
            "components": [{"name": "erp"}], "issuelinks": [],
        },
    }  # fmt: skip
    history = load(tmp_path, {"issues": [issue], "total": 1, "startAt": 0})
    assert history.sql("SELECT state_category, description, opened_at::VARCHAR AS at FROM tickets").row(0) == (
        "resolved",
        "as a tree",
        "2026-01-05 02:00:00",
    )
    assert history.sql("SELECT field FROM ticket_events WHERE basis = 'changelog' ORDER BY changed_at, sequence")[
        "field"
    ].to_list() == ["state", "person"]
    assert "changelogs are incomplete" in history.loads["notes"].item()
    assert "changelog_incomplete" in history.quality["flag"].to_list()


def test_pagerduty_entries_of_one_second_keep_their_order(tmp_path: Path) -> None:
    def entry(number: int, kind: str, channel: str) -> dict[str, Any]:
        return {
            "id": f"R{number}", "type": f"{kind}_log_entry", "created_at": "2026-01-05T10:00:00Z", "summary": f"Escalated to Desk {number} by Ann",
            "agent": {"type": "user_reference", "summary": "Ann"}, "channel": {"type": channel}, "incident": {"id": "Q1"},
        }  # fmt: skip

    # Newest first, as the interface gives them.
    history = load(
        tmp_path,
        {"log_entries": [entry(3, "resolve", "auto"), entry(2, "acknowledge", "web"), entry(1, "trigger", "api")]},
    )
    told = history.sql(
        "SELECT new_value, actor_kind FROM ticket_events WHERE field IN ('state', 'ack') ORDER BY changed_at, sequence"
    ).rows()
    assert [kind for _, kind in told][-1] == "automation"
    assert len(told) == 3
