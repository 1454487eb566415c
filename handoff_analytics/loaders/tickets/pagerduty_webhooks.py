"""What do the webhooks of PagerDuty (version 3) say of incidents?

Each is a change of an incident with the incident as it was then. What an incident became is that of its newest webhook;
when it was acknowledged and resolved is when the webhooks said so, whichever came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..detect import Format
from ..envelopes import records
from ..readers import exported
from .desk import Desk
from .pagerduty import PLATFORM, load_incident, summary

if TYPE_CHECKING:
    from datetime import datetime

    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_STATES = {
    "triggered": "triggered",
    "acknowledged": "acknowledged",
    "unacknowledged": "triggered",
    "resolved": "resolved",
    "reopened": "triggered",
}
_WITH_PEOPLE = {"reassigned": "person", "escalated": "escalation"}


def _is_event(one: dict[str, Any]) -> bool:
    return {"event_type", "occurred_at"} <= one.keys()


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Load webhooks: what was sent, one or many."""
    del found
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        for pointer, event in records(document.value, _is_event):
            record = sink.part(document, event, pointer)
            with sink.attempt(record):
                _event(record, event, desk)
    sink.flush()
    _join(sink)


def _event(record: Record, event: dict[str, Any], desk: Desk) -> None:
    kind, data = str(event.get("event_type") or ""), event.get("data") or {}
    of_incident = data.get("type") == "incident"
    key = data.get("id") if of_incident else (data.get("incident") or {}).get("id")
    if not kind.startswith("incident.") or (not of_incident and key is None and "incident" not in data):
        desk.sink.skip(record, f"webhooks of {kind}")
        return
    if not key:
        desk.sink.reject(record, "MISSING", "a webhook without the incident that it is of", column="data")
        return
    at = desk.moment(event.get("occurred_at"), record, desk.uid(str(key)))
    if at is None:
        said = f"occurred_at is {event.get('occurred_at')!r}, wanted a time"
        desk.sink.reject(record, "TIME", said, column="occurred_at")
        return
    changes = list(_changes(kind.removeprefix("incident."), data))
    _write(record, event, desk, key=str(key), at=at, changes=changes)
    if of_incident:
        held = [{"assignee": one} for one in data.get("assignees") or ()]
        described = data | {"assignments": held, "updated_at": event["occurred_at"]}
        load_incident(record, described, desk, primary=False)


def _write(
    record: Record,
    event: dict[str, Any],
    desk: Desk,
    *,
    key: str,
    at: datetime,
    changes: list[tuple[str, str | None]],
) -> None:
    agent = event.get("agent") or {}
    # What is not followed is kept as a comment: the incident that it brings is loaded all the same.
    for place, (field, new) in enumerate(changes or [("comment", str(event["event_type"]))]):
        desk.event(
            record,
            key,
            at=at,
            field=field,
            new=new,
            actor=summary(agent),
            human=str(agent.get("type") or "").startswith("user") if agent else False,
            sequence=place,
            basis="webhook",
            primary=place == 0,
        )


def _changes(kind: str, data: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return the fields that a webhook says have changed, and to what."""
    people = ", ".join(filter(None, (summary(one) for one in data.get("assignees") or ()))) or None
    if kind in _STATES:
        return [("state", _STATES[kind]), *([("acknowledgement", None)] if kind == "acknowledged" else [])]
    if kind in _WITH_PEOPLE:
        return [(_WITH_PEOPLE[kind], people), *([("person", people)] if kind == "escalated" else [])]
    if kind == "delegated":
        return [("team", summary(data.get("escalation_policy")))]
    if kind == "priority_updated":
        return [("priority", summary(data.get("priority")))]
    if kind == "annotated":
        return [("comment", summary(data.get("content")))]
    if kind == "status_update_published":
        return [("comment", summary(data.get("message")))]
    if kind.startswith("responder"):
        return [("escalation", summary(data.get("user")) or summary(data.get("escalation_policy")))]
    return []


def _join(sink: Sink) -> None:
    """Take from the changes when an incident was acknowledged and resolved, where it does not say so itself."""
    sink.connection.execute(
        f"""
        UPDATE tickets
        SET acknowledged_at = coalesce(tickets.acknowledged_at, e.acknowledged_at),
            resolved_at = CASE
                WHEN tickets.state = 'resolved' THEN coalesce(tickets.resolved_at, e.resolved_at)
                ELSE tickets.resolved_at
            END
        FROM (
            SELECT ticket_uid,
                min(changed_at) FILTER (new_value = 'acknowledged') AS acknowledged_at,
                max(changed_at) FILTER (new_value = 'resolved') AS resolved_at
            FROM ticket_events
            WHERE field = 'state' AND basis = 'webhook'
            GROUP BY ticket_uid
        ) AS e
        WHERE tickets.ticket_uid = e.ticket_uid AND tickets.platform = '{PLATFORM}'
        """
    ).fetchall()


FORMATS = (
    Format(
        "pagerduty_webhooks",
        "tickets",
        "json",
        parse,
        keys=frozenset({"event_type", "occurred_at", "resource_type"}),
        any_keys=frozenset({"agent", "client", "data"}),
    ),
)
