"""Which incidents and log entries does a PagerDuty export hold?

A log entry is a change of its incident. The interface gives them newest first, often with equal times: they are put
back in order. To whom an escalation went stands in `assignees` where the export included them, else in the summary.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import stages
from ..detect import Format
from ..envelopes import records
from ..paths import flat
from ..readers import exported
from .desk import Desk

if TYPE_CHECKING:
    from datetime import datetime

    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

PLATFORM = "pagerduty"
_KINDS = {
    "trigger": "state",
    "acknowledge": "acknowledgement",
    "unacknowledge": "state",
    "resolve": "state",
    "snooze": "state",
    "assign": "person",
    "escalate": "escalation",
    "delegate": "team",
    "notify": "notification",
    "annotate": "comment",
    "status_update": "comment",
    "priority_change": "priority",
    "urgency_change": "priority",
    "merge": "link",
    "responder_request": "escalation",
    "team_change": "team",
}
_STATES = {"trigger": "triggered", "unacknowledge": "triggered", "resolve": "resolved", "snooze": "snoozed"}
_ESCALATED = re.compile(r"(?:escalated|assigned|delegated|reassigned) to (?P<to>.+?)(?: by .+)?$", re.IGNORECASE)
_TAKEN = frozenset({
    "id", "title", "summary", "description", "status", "urgency", "priority", "service", "teams", "assignments",
    "acknowledgements", "created_at", "resolved_at", "last_status_change_at", "updated_at", "escalation_policy",
    "type", "self", "html_url", "assignees", "conference_bridge", "first_trigger_log_entry", "pending_actions",
})  # fmt: skip


def _is_incident(one: dict[str, Any]) -> bool:
    return {"incident_number", "service"} <= one.keys()


def parse_incidents(source: Source, sink: Sink, found: Detection) -> None:
    """Load incidents."""
    del found
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        for pointer, incident in records(document.value, _is_incident):
            record = sink.part(document, incident, pointer)
            if not isinstance(incident, dict) or not incident.get("id"):
                sink.reject(record, "MISSING", "an incident without id", column="id")
                continue
            with sink.attempt(record):
                load_incident(record, incident, desk)


def load_incident(record: Record, incident: dict[str, Any], desk: Desk, *, primary: bool = True) -> None:
    """Write an incident with its service; `primary` where the record is the incident and not a change of it."""
    key = str(incident["id"])
    uid = desk.uid(key)
    status = str(incident.get("status") or "")
    changed_at = desk.moment(incident.get("last_status_change_at"), record, uid)
    opened_at = desk.moment(incident.get("created_at"), record, uid)
    resolved_at = desk.moment(incident.get("resolved_at"), record, uid)
    acknowledged = [desk.moment(one.get("at"), record, uid) for one in incident.get("acknowledgements") or ()]
    merged = ((incident.get("resolve_reason") or {}).get("incident") or {}).get("id")
    priority = incident.get("priority")
    desk.ticket(
        record,
        {
            "ticket_id": key,
            "kind": "incident",
            "title": incident.get("title") or incident.get("summary"),
            "description": incident.get("description"),
            "state": status,
            "state_category": "cancelled" if merged else stages.stage(status),
            "priority": stages.priority(
                summary(priority) or {"high": "2", "low": "4"}.get(str(incident.get("urgency")))
            ),
            "urgency": incident.get("urgency"),
            "opened_at": opened_at,
            "acknowledged_at": min((at for at in acknowledged if at is not None), default=None),
            # Older answers have no time of resolution: it is when the status became what it is.
            "resolved_at": resolved_at or (changed_at if status == "resolved" else None),
            "updated_at": desk.moment(incident.get("updated_at"), record, uid) or changed_at or opened_at,
            "team": next((summary(team) for team in incident.get("teams") or ()), None)
            or summary(incident.get("escalation_policy")),
            "person": next((summary(one.get("assignee")) for one in incident.get("assignments") or ()), None),
            "business_service": summary(incident.get("service")),
            "attributes": flat(incident, without=_TAKEN),
        },
        primary=primary,
    )
    service = summary(incident.get("service"))
    desk.system(record, key, service, role="affected", at=opened_at, evidence="service", confidence=0.9)
    desk.link(record, key, merged, kind="duplicate", outward=True)


def summary(value: Any) -> str | None:
    """Return what an object of PagerDuty is called."""
    if isinstance(value, dict):
        named = value.get("summary") or value.get("name") or value.get("id")
        return str(named) if named else None
    return str(value) if value else None


def parse_log(source: Source, sink: Sink, found: Detection) -> None:
    """Load log entries."""
    del found
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        page: list[tuple[Record, dict[str, Any], datetime | None]] = []
        for pointer, entry in records(document.value, lambda one: "channel" in one and "type" in one):
            record = sink.part(document, entry, pointer)
            incident = entry.get("incident") if isinstance(entry, dict) else None
            if not isinstance(incident, dict) or not incident.get("id"):
                sink.reject(record, "MISSING", "a log entry without the incident that it is of", column="incident")
                continue
            page.append((record, entry, desk.moment(entry.get("created_at"), record, desk.uid(str(incident["id"])))))
        times = [at for _, _, at in page if at is not None]
        if times and (times[0] > times[-1] or (times[0] == times[-1] and _ends_with_trigger(page))):
            page.reverse()
        for sequence, (record, entry, at) in enumerate(page, 1):
            with sink.attempt(record):
                _entry(record, entry, at, sequence, desk)


def _ends_with_trigger(page: list[tuple[Record, dict[str, Any], datetime | None]]) -> bool:
    """Tell whether the beginning of an incident comes last: of entries of one second no time says the order."""
    kinds = [str(entry.get("type")) for _, entry, _ in page]
    return len(kinds) > 1 and kinds[-1] == "trigger_log_entry" and kinds[0] != "trigger_log_entry"


def _entry(record: Record, entry: dict[str, Any], at: datetime | None, sequence: int, desk: Desk) -> None:
    key, name = str(entry["incident"]["id"]), str(entry.get("type") or "").removesuffix("_log_entry")
    field = _KINDS.get(name)
    if field is None or at is None:
        if field is None:
            desk.sink.skip(record, f"log entries of type {name}")
        else:
            desk.sink.reject(
                record, "TIME", f"created_at is {entry.get('created_at')!r}, wanted a time", column="created_at"
            )
        return
    agent, channel = entry.get("agent") or {}, entry.get("channel") or {}
    human = str(agent.get("type") or "").startswith("user")
    if str(channel.get("type") or "") in {"timeout", "auto"}:
        human = False
    more: dict[str, Any] = {
        "at": at,
        "actor": summary(agent),
        "human": human,
        "sequence": sequence,
        "basis": "log_entry",
    }
    new = _STATES.get(name) or _towards(entry, name, channel)
    if field in {"person", "escalation"} and _is_policy(entry):
        field = "team"
    desk.event(record, key, field=field, new=new, primary=True, **more)
    if name == "acknowledge":
        desk.event(record, key, field="state", new="acknowledged", **more)
    if name == "escalate" and field != "team":
        desk.event(record, key, field="person", new=new, **more)
    service = summary(entry.get("service"))
    if name == "trigger":
        desk.system(record, key, service, role="affected", at=at, evidence="service", confidence=0.9)


def _is_policy(entry: dict[str, Any]) -> bool:
    """Tell whether a log entry assigns a team's escalation policy rather than a person."""
    return any(not str(one.get("type") or "user").startswith("user") for one in entry.get("assignees") or ())


def _towards(entry: dict[str, Any], name: str, channel: dict[str, Any]) -> str | None:
    """Return what a log entry changes its field to."""
    if name in {"annotate", "status_update"}:
        text = channel.get("content") or channel.get("summary") or entry.get("message") or entry.get("summary")
        return str(text) if text else None
    if name in {"priority_change", "urgency_change"}:
        return summary(entry.get("priority")) or summary(entry.get("urgency")) or summary(entry.get("summary"))
    assignees = [found for found in (summary(one) for one in entry.get("assignees") or ()) if found]
    if assignees:
        return ", ".join(assignees)
    if name == "notify":
        return summary(entry.get("user")) or summary(channel.get("notification"))
    said = _ESCALATED.search(str(entry.get("summary") or ""))
    return said["to"] if said else summary(entry.get("escalation_policy"))


FORMATS = (
    Format(
        "pagerduty",
        "tickets",
        "json",
        parse_incidents,
        keys=frozenset({"incident_number", "service", "urgency"}),
        any_keys=frozenset({"escalation_policy", "assignments", "status", "teams"}),
    ),
    Format(
        "pagerduty_log",
        "tickets",
        "json",
        parse_log,
        keys=frozenset({"type", "channel", "incident"}),
        any_keys=frozenset({"agent", "event_details", "contexts"}),
    ),
)
