"""Which incidents and log entries does a PagerDuty export hold?"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from benches import Bench


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - times of a history are UTC without a zone


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


INCIDENT: dict[str, Any] = {
    "id": "PT1", "incident_number": 7, "title": "Orders stuck", "status": "resolved", "urgency": "high",
    "created_at": "2026-01-05T10:00:00Z", "last_status_change_at": "2026-01-05T12:00:00Z",
    "service": {"summary": "ERP"}, "teams": [{"summary": "core"}], "assignments": [{"assignee": {"summary": "Ann"}}],
    "acknowledgements": [{"at": "2026-01-05T10:05:00Z"}], "priority": None, "escalation_policy": {"summary": "Default"},
}  # fmt: skip


def entry(kind: str, minute: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}{minute}", "type": f"{kind}_log_entry", "created_at": f"2026-01-05T10:{minute:02}:00Z",
        "channel": {"type": "website"}, "agent": {"type": "user_reference", "summary": "Ann"}, "incident": {"id": "PT1"},
    } | more  # fmt: skip


def test_an_incident_without_time_of_resolution_takes_that_of_its_status(bench: Bench) -> None:
    bench.load(json.dumps({"incidents": [INCIDENT]}))
    assert bench.format == "pagerduty"
    assert bench.one("tickets", "ticket_id", "state_category", "priority", "team", "acknowledged_at", "resolved_at", "business_service") == (
        "PT1", "resolved", 2, "core", at(2026, 1, 5, 10, 5), at(2026, 1, 5, 12), "ERP",
    )  # fmt: skip
    assert bench.one("ticket_systems", "system", "evidence") == ("ERP", "service")


def test_a_merged_incident_is_a_duplicate(bench: Bench) -> None:
    bench.load(json.dumps([INCIDENT | {"resolve_reason": {"type": "merge_resolve_reason", "incident": {"id": "PT0"}}}]))
    assert bench.one("tickets", "state_category") == ("cancelled",)
    assert bench.one("ticket_links", "other_id", "link_type") == ("PT0", "duplicate")


LOG = [
    entry("resolve", 9, service={"summary": "ERP"}),
    entry("annotate", 8, channel={"type": "note", "content": "Looked at the ERP"}),
    entry("delegate", 7, assignees=[{"type": "escalation_policy_reference", "summary": "edge"}]),
    entry(
        "escalate",
        5,
        channel={"type": "timeout"},
        agent={"type": "service_reference"},
        summary="Escalated to Bob by timeout",
    ),
    entry("notify", 3, user={"summary": "Ann"}),
    entry("acknowledge", 2),
    entry("assign", 1, assignees=[{"type": "user_reference", "summary": "Ann"}]),
    entry("trigger", 1, service={"summary": "ERP"}),
    entry("reach_trigger_limit", 1),
]


@pytest.mark.parametrize("order", [1, -1])
def test_log_entries_are_put_back_in_order(bench: Bench, order: int) -> None:
    sink = bench.load(json.dumps({"log_entries": LOG[::order]}), people="names")
    assert (bench.format, sink.counts["loaded"], sink.counts["skipped"]) == ("pagerduty_log", 8, 1)
    assert bench.rows("SELECT field, new_value, actor_kind FROM ticket_events ORDER BY changed_at, sequence, field") == [
        ("state", "triggered", "human"), ("person", "Ann", "human"), ("acknowledgement", None, "human"),
        ("state", "acknowledged", "human"), ("notification", "Ann", "human"), ("escalation", "Bob", "automation"),
        ("person", "Bob", "automation"), ("team", "edge", "human"), ("comment", "Looked at the ERP", "human"),
        ("state", "resolved", "human"),
    ]  # fmt: skip


def test_what_cannot_be_linked_or_dated_is_rejected(bench: Bench) -> None:
    sink = bench.load(json.dumps([LOG[0], entry("assign", 1, incident=None), entry("assign", 1, created_at="soon")]))
    assert sink.counts["rejected"] == 2
    sink = bench.load(json.dumps([INCIDENT, INCIDENT | {"id": None}]))
    assert sink.counts["rejected"] == 1


def test_further_kinds_of_entries(bench: Bench) -> None:
    log = [
        entry("priority_change", 1, priority={"summary": "P1"}),
        entry("snooze", 2),
        entry("escalate", 3, escalation_policy={"summary": "Second"}),
    ]
    bench.load(json.dumps(log), people="names")
    assert bench.rows("SELECT field, new_value FROM ticket_events ORDER BY changed_at, field") == [
        ("priority", "P1"), ("state", "snoozed"), ("escalation", "Second"), ("person", "Second"),
    ]  # fmt: skip


def webhook(kind: str, minute: int, agent: Any = "Ann", **data: Any) -> dict[str, Any]:
    by = None if agent is None else {"id": agent, "summary": agent, "type": "user_reference"}
    incident: dict[str, Any] = {
        "id": "PT1", "type": "incident", "number": 7, "status": "triggered", "title": "Orders stuck", "urgency": "high",
        "created_at": "2026-01-05T10:00:00Z", "service": {"summary": "ERP", "type": "service_reference"}, "teams": [],
        "assignees": [{"summary": "Ann"}], "escalation_policy": {"summary": "core"}, "priority": None,
    }  # fmt: skip
    return {
        "event": {
            "id": f"{kind}{minute}", "event_type": f"incident.{kind}", "resource_type": "incident", "agent": by,
            "occurred_at": f"2026-01-05T10:{minute:02}:00.250Z", "client": None, "data": incident | data,
        }
    }  # fmt: skip


NOTE = {"type": "incident_note", "content": "Looked at the ERP", "incident": {"id": "PT1"}}
WEBHOOKS = [
    webhook("triggered", 0, None),
    webhook("acknowledged", 2, status="acknowledged"),
    webhook("escalated", 5, None, status="triggered", assignees=[{"summary": "Bob"}]),
    webhook("delegated", 6, escalation_policy={"summary": "edge"}),
    webhook("priority_updated", 7, priority={"summary": "P1"}),
    webhook("annotated", 8) | {"event": webhook("annotated", 8)["event"] | {"data": NOTE}},
    webhook(
        "resolved",
        9,
        status="resolved",
        escalation_policy={"summary": "edge"},
        assignees=[],
        priority={"summary": "P1"},
    ),
]


@pytest.mark.parametrize("order", [1, -1])
def test_webhooks_are_changes_and_the_newest_is_the_incident(bench: Bench, order: int) -> None:
    for one in WEBHOOKS[::order]:
        sink = bench.load(json.dumps(one), people="names")
        assert (bench.format, sink.counts["loaded"]) == ("pagerduty_webhooks", 1)
    assert bench.rows("SELECT field, new_value, actor_kind FROM ticket_events ORDER BY changed_at, sequence") == [
        ("state", "triggered", "automation"), ("state", "acknowledged", "human"), ("acknowledgement", None, "human"),
        ("escalation", "Bob", "automation"), ("person", "Bob", "automation"), ("team", "edge", "human"),
        ("priority", "P1", "human"), ("comment", "Looked at the ERP", "human"), ("state", "resolved", "human"),
    ]  # fmt: skip
    assert bench.one("tickets", "ticket_id", "state_category", "priority", "team", "opened_at", "acknowledged_at", "resolved_at", "business_service") == (
        "PT1", "resolved", 1, "edge", at(2026, 1, 5, 10), at(2026, 1, 5, 10, 2, 0, 250_000),
        at(2026, 1, 5, 10, 9, 0, 250_000), "ERP",
    )  # fmt: skip


def test_webhooks_in_lines_and_those_of_other_things(bench: Bench) -> None:
    service = {"event": webhook("x", 1)["event"] | {"event_type": "service.created", "data": {"type": "service"}}}
    lost = webhook("annotated", 3) | {"event": webhook("annotated", 3)["event"] | {"data": NOTE | {"incident": {}}}}
    late = {"event": WEBHOOKS[0]["event"] | {"occurred_at": "soon"}}
    lines = "\n".join(map(json.dumps, [*WEBHOOKS, WEBHOOKS[0], service, lost, late]))
    sink = bench.load(lines)
    counts = {name: sink.counts[name] for name in ("loaded", "duplicate", "skipped", "rejected")}
    assert counts == {"loaded": 7, "duplicate": 1, "skipped": 1, "rejected": 2}
    assert bench.rows("SELECT DISTINCT system FROM ticket_systems") == [("ERP",)]
