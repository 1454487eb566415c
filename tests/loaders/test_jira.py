"""Which issues and changes does a Jira export hold?"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from benches import Bench

from handoff_analytics.loaders.tickets.jira import text_of


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - times of a history are UTC without a zone


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


CSV = (
    "Summary,Issue key,Issue Type,Status,Priority,Assignee,Created,Updated,Component/s,Component/s,Labels,Labels,"
    "Outward issue link (Blocks),Inward issue link (Duplicate),Comment,Comment,Custom field (Team)\n"
    'Order stuck,HAND-1,Bug,In Progress,Highest,ann,11/May/24 03:26 PM,12/May/24 08:00 AM,erp,crm,a,b,HAND-2,HAND-3,"12/May/24 07:00 AM;bob;Looked; at erp",no date,payments\n'
    "Wide,HAND-2,Bug,Done,Low,,11/May/24 03:26 PM,,,,label1, label2,too,many,fields,,,end\n"
)


def test_an_issue_search_is_read_with_its_lists(bench: Bench) -> None:
    sink = bench.load(CSV, people="names")
    assert bench.format == "jira"
    assert bench.one("tickets", "ticket_id", "kind", "priority", "team", "opened_at", where="ticket_id = 'HAND-1'") == (
        "HAND-1", "bug", 1, "payments", at(2024, 5, 11, 15, 26),
    )  # fmt: skip
    assert bench.rows("SELECT system FROM ticket_systems ORDER BY 1") == [("crm",), ("erp",)]
    assert bench.rows("SELECT other_id, link_type, outward FROM ticket_links ORDER BY 1") == [
        ("HAND-2", "blocks", True),
        ("HAND-3", "duplicate", False),
    ]
    assert bench.rows("SELECT new_value, actor, changed_at FROM ticket_events ORDER BY new_value") == [
        ("Looked; at erp", "bob", at(2024, 5, 12, 7)), ("no date", None, None),
    ]  # fmt: skip
    assert any("no changelog" in note for note in sink.notes)


def test_a_row_wider_than_the_header_is_rejected_not_shifted(bench: Bench) -> None:
    bench.load(CSV)
    assert bench.rows("SELECT code, line FROM rejects") == [("COLUMNS", 3)]


@pytest.mark.parametrize("text", ["11/Mai/24 15:26", "5/11/2024 15:26", "11.05.2024 15:26", "May 11, 2024, 3:26 PM"])
def test_dates_follow_the_site(bench: Bench, text: str) -> None:
    bench.load(f'Summary,Work item key,Status,Created,Updated\nx,A-1,Open,"{text}",5/13/2024 10:00\n')
    assert bench.one("tickets", "opened_at") == (at(2024, 5, 11, 15, 26),)


def history(number: int, created: str, *items: tuple[str, str | None, str | None]) -> dict[str, Any]:
    return {"id": str(number), "created": created, "author": {"displayName": "Ann", "accountId": ""},
            "items": [{"field": field, "fromString": old, "toString": new} for field, old, new in items]}  # fmt: skip


HISTORIES = [
    history(1, "2026-01-05T18:00:00.000+0800", ("status", "Open", "Doing"), ("Sprint", None, "1")),
    history(2, "2026-01-05T18:00:00.000+0800", ("Team", "desk", "core")),
    history(3, "2026-01-05T11:00:00.000+0000", ("Team", "core", "edge"), ("Component", None, "erp")),
]
ISSUE: dict[str, Any] = {
    "id": "1", "key": "HAND-1", "self": "x",
    "fields": {
        "summary": "Order stuck", "created": "2026-01-05T17:00:00.000+0800", "updated": "2026-01-05T11:00:00.000+0000",
        "status": {"name": "已完成", "statusCategory": {"key": "done"}}, "priority": {"name": "High"}, "issuetype": {"name": "Incident"},
        "resolutiondate": "2026-01-05T11:00:00.000+0000", "components": [{"name": "erp"}], "assignee": {"accountId": "", "displayName": "Ann"},
        "reporter": {"displayName": "Zoe"}, "customfield_1": {"name": "payments"}, "labels": ["a"],
        "customfield_9": {"name": "Time to resolution", "completedCycles": [{"breached": True, "elapsedTime": {"millis": 5}}]},
        "description": {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "It broke"}]}]},
        "issuelinks": [{"type": {"name": "Blocks"}, "inwardIssue": {"key": "HAND-2"}}],
        "comment": {"comments": [{"created": "2026-01-05T10:30:00.000+0000", "author": {"displayName": "Ann"}, "body": "Looked at erp"}]},
        "worklog": {"worklogs": [{"started": "2026-01-05T10:00:00.000+0000", "timeSpentSeconds": 600}]},
    },
}  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_a_changelog_is_put_in_order_whichever_way_it_comes(bench: Bench, order: int) -> None:
    page = {
        "names": {"customfield_1": "Team"},
        "issues": [ISSUE | {"changelog": {"total": 3, "histories": HISTORIES[::order]}}],
    }
    sink = bench.load(json.dumps(page))
    assert (bench.format, sink.counts["loaded"]) == ("jira_rest", 1)
    assert bench.one("tickets", "state", "state_category", "priority", "kind", "team", "sla_met", "description", "opened_at") == (
        "已完成", "resolved", 2, "incident", "payments", False, "It broke", at(2026, 1, 5, 9),
    )  # fmt: skip
    assert bench.rows("SELECT field, old_value, new_value FROM ticket_events WHERE basis = 'changelog' ORDER BY changed_at, sequence") == [
        ("state", "Open", "Doing"), ("team", "desk", "core"), ("team", "core", "edge"), ("system", None, "erp"),
    ]  # fmt: skip
    assert bench.one("ticket_links", "other_id", "link_type", "outward") == ("HAND-2", "blocked_by", False)
    assert bench.one("ticket_events", "worked_s", where="field = 'worklog'") == (600.0,)
    assert bench.one("ticket_systems", "system", "role") == ("erp", "affected")
    assert "Zoe" not in repr(bench.rows("SELECT * FROM tickets"))
    assert "incomplete" not in repr(sink.notes)


def test_a_changelog_of_one_page_is_noted(bench: Bench) -> None:
    sink = bench.load(json.dumps([ISSUE | {"changelog": {"total": 40, "histories": HISTORIES}}]))
    assert any("incomplete" in note for note in sink.notes)


def test_an_issue_without_fields_is_rejected(bench: Bench) -> None:
    sink = bench.load(json.dumps({"issues": [ISSUE, {"key": "X-1", "fields": None}]}))
    assert (sink.counts["loaded"], sink.counts["rejected"]) == (1, 1)


def test_newer_wins_whichever_file_comes_first(tmp_path: Path) -> None:
    later = json.loads(json.dumps(ISSUE))
    later["fields"] |= {"updated": "2026-02-01T00:00:00.000+0000", "summary": "Order still stuck"}
    for files in ([ISSUE, later], [later, ISSUE]):
        bench = Bench(tmp_path)
        for issue in files:
            bench.load(json.dumps([issue]))
        assert bench.one("tickets", "title") == ("Order still stuck",)


def test_a_tree_of_nodes_is_text() -> None:
    nodes = [
        {
            "type": "paragraph",
            "content": [
                {"type": "mention", "attrs": {"text": "@ann"}},
                {"type": "hardBreak"},
                {"type": "text", "text": "see"},
            ],
        }
    ]
    assert text_of({"type": "doc", "content": nodes}) == "@ann\nsee"
    assert text_of("plain") == "plain"
    assert text_of(None) is None


def test_people_of_every_column_are_hashes(bench: Bench) -> None:
    header = "Summary,Issue key,Status,Assignee,Assignee Id,Project lead,Reporter,Watchers,Watchers Id,Custom field (Owner),Custom field (Responders),Created,Custom field (Severity)"
    row = "Stuck,OPS-1,Done,Ann Smith,712020:11f0,Ann Smith,Ann Smith,Ann Smith,712020:11f0,Ann Smith,Ann Smith,25/Feb/26 10:17 PM,High"
    bench.load(f"{header}\n{row}\n")
    told = repr(bench.rows("SELECT * FROM tickets"))
    assert "Ann" not in told
    assert "712020" not in told
    assert '"Custom field (Severity)":"High"' in told


def test_webhooks_bring_the_issue_and_what_changed(bench: Bench) -> None:
    fields = {
        "summary": "Stuck", "created": "2026-01-05T10:00:00.000+0100", "updated": "2026-01-05T11:00:00.000+0100",
        "status": {"name": "In Progress", "statusCategory": {"key": "indeterminate"}}, "components": [{"name": "erp"}],
    }  # fmt: skip
    issue = {"id": "1", "key": "OPS-1", "fields": fields}
    shared = {"timestamp": 1767607200000, "user": {"displayName": "Ann Smith"}, "issue": issue}
    items = [{"field": "status", "fromString": "To Do", "toString": "In Progress"}]
    comment = {
        "id": "5",
        "author": {"displayName": "Bob"},
        "body": "It is the VAT id",
        "created": "2026-01-05T11:30:00.000+0100",
    }
    hooks = [
        shared | {"webhookEvent": "jira:issue_updated", "changelog": {"id": "7", "items": items}},
        shared | {"webhookEvent": "comment_created", "comment": comment},
        {"timestamp": 1767607200000, "webhookEvent": "worklog_created", "worklog": {"issueId": "1"}},
        shared | {"webhookEvent": "jira:issue_updated", "issue": {"id": "2"}},
    ]
    sink = bench.load("\n".join(map(json.dumps, hooks)), people="names")
    assert bench.format == "jira_rest"
    assert (sink.counts["seen"], sink.counts["skipped"], sink.counts["rejected"]) == (4, 1, 1)
    assert bench.rows("SELECT field, new_value, actor, changed_at FROM ticket_events ORDER BY 1") == [
        ("comment", "It is the VAT id", "Bob", at(2026, 1, 5, 10, 30)), ("state", "In Progress", "Ann Smith", at(2026, 1, 5, 10)),
    ]  # fmt: skip
    assert bench.one("tickets", "ticket_id", "state_category") == ("OPS-1", "in_progress")
    assert bench.rows("SELECT json_pointer FROM rejects") == [("/issue",)]
