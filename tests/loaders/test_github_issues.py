"""Which issues and issue events does a GitHub export hold?"""

import json
from pathlib import Path
from typing import Any

import pytest
from benches import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


ISSUE: dict[str, Any] = {
    "number": 3, "title": "Orders stuck", "state": "closed", "state_reason": "completed", "user": {"login": "zoe"}, "body": "It broke",
    "repository_url": "https://api.github.com/repos/acme/shop", "labels": [{"name": "team/core"}, {"name": "area: checkout"}, {"name": "bug"}, {"name": "P1"}],
    "assignees": [{"login": "ann"}], "created_at": "2026-01-05T10:00:00Z", "updated_at": "2026-01-05T11:00:00Z",
    "closed_at": "2026-01-05T11:00:00Z", "author_association": "MEMBER", "comments": 0,
}  # fmt: skip


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"id": 5, "event": name, "actor": {"login": "ann", "type": "User"}, "commit_id": None, "created_at": "2026-01-05T10:30:00Z",
            "issue": {"number": 3, "repository_url": ISSUE["repository_url"]}} | more  # fmt: skip


def test_labels_say_what_has_no_field_and_pull_requests_are_left_out(bench: Bench) -> None:
    sink = bench.load(json.dumps([ISSUE, ISSUE | {"number": 4, "pull_request": {}}]))
    assert (bench.format, sink.counts["loaded"], dict(sink.skipped)) == ("github_issues", 1, {"pull requests": 1})
    assert bench.one("tickets", "ticket_id", "team", "priority", "kind", "state_category") == (
        "acme/shop#3",
        "core",
        1,
        "bug",
        "resolved",
    )
    assert bench.one("ticket_systems", "system", "role") == ("checkout", "affected")
    assert "zoe" not in repr(bench.rows("SELECT * FROM tickets"))


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        ({"state": "open", "assignees": []}, "open"),
        ({"state": "open"}, "in_progress"),
        ({"state_reason": "not_planned"}, "cancelled"),
    ],
)
def test_stages(bench: Bench, change: dict[str, Any], stage: str) -> None:
    bench.load(json.dumps([ISSUE | change]))
    assert bench.one("tickets", "state_category") == (stage,)


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("assigned", {"assignee": {"login": "bob"}}, ("person", None, "bob", "human")),
        ("unassigned", {"assignee": {"login": "bob"}}, ("person", "bob", None, "human")),
        ("labeled", {"label": {"name": "team/edge"}}, ("team", None, "edge", "human")),
        ("unlabeled", {"label": {"name": "priority: high"}}, ("priority", "high", None, "human")),
        (
            "labeled",
            {"label": {"name": "area/erp"}, "actor": {"login": "x[bot]"}},
            ("system", None, "erp", "automation"),
        ),
        ("closed", {}, ("state", "open", "closed", "human")),
        ("transferred", {}, ("link", None, "transferred", "human")),
        ("commented", {"body": "Looked at it"}, ("comment", None, "Looked at it", "human")),
    ],
)
def test_events_are_changes(bench: Bench, name: str, more: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    bench.load(json.dumps([ISSUE]))
    bench.load(json.dumps([event(name, **more)]), people="names")
    assert bench.rows(
        "SELECT e.field, e.old_value, e.new_value, e.actor_kind FROM ticket_events AS e JOIN tickets USING (ticket_uid)"
    ) == [expected]


def test_events_that_are_not_followed_or_not_linked(bench: Bench) -> None:
    events = [
        event("closed"), event("subscribed"), event("labeled", label={"name": "bug"}), event("closed", issue=None),
        event("closed", created_at=None), event("closed", issue={"number": 4, "pull_request": {}}),
    ]  # fmt: skip
    sink = bench.load(json.dumps(events))
    assert (sink.counts["loaded"], sink.counts["skipped"], sink.counts["rejected"]) == (1, 3, 2)
    sink = bench.load(json.dumps([ISSUE, ISSUE | {"number": None}]))
    assert sink.counts["rejected"] == 1


def test_webhooks_bring_the_issue_and_what_changed(bench: Bench) -> None:
    shared = {"repository": {"full_name": "acme/shop"}, "sender": {"login": "ann", "type": "User"}, "issue": ISSUE}
    hooks = [
        shared | {"action": "assigned", "assignee": {"login": "bob"}},
        shared | {"action": "labeled", "label": {"name": "team/core"}},
        shared | {"action": "created", "comment": {"body": "It is the VAT id", "created_at": "2026-01-05T10:40:00Z"}},
        shared | {"action": "deleted", "comment": {"body": "gone", "created_at": "2026-01-05T10:40:00Z"}},
        shared | {"action": "pinned"},
        shared | {"action": "closed", "issue": None},
    ]
    sink = bench.load("\n".join(map(json.dumps, hooks)), people="names")
    assert bench.format == "github_issues"
    assert (sink.counts["loaded"] + sink.counts["duplicate"], sink.counts["rejected"]) == (5, 1)
    assert bench.rows("SELECT field, new_value, actor, actor_kind FROM ticket_events ORDER BY 1, 2") == [
        ("comment", "It is the VAT id", "ann", "human"), ("person", "bob", "ann", "human"), ("team", "core", "ann", "human"),
    ]  # fmt: skip
    assert bench.one("tickets", "ticket_id") == ("acme/shop#3",)
