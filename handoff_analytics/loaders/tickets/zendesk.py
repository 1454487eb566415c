"""Which tickets, audits and metrics does a Zendesk export hold?

Groups are numbers until the file of groups is loaded, and metrics come in a file of their own. Both are kept, and
joined to the tickets after every load, so that the order of files does not matter. Some exports write ids as floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .. import stages
from ..batches import as_text
from ..detect import Format
from ..envelopes import records
from ..paths import flat
from ..readers import exported
from .desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

PLATFORM = "zendesk"
_GROUP = "zendesk_group:"
STAGES = {
    "new": "open",
    "open": "in_progress",
    "pending": "waiting",
    "hold": "waiting",
    "solved": "resolved",
    "deleted": "cancelled",
}
_FIELDS = {
    "status": "state",
    "group_id": "team",
    "assignee_id": "person",
    "priority": "priority",
    "problem_id": "link",
    "custom_status_id": "state",
}
KINDS = {"incident": "incident", "problem": "problem", "question": "request", "task": "request"}
_TAKEN = frozenset({
    "id", "subject", "raw_subject", "description", "type", "status", "priority", "created_at", "updated_at",
    "group_id", "assignee_id", "requester_id", "submitter_id", "problem_id", "via", "url", "follower_ids",
    "collaborator_ids", "email_cc_ids", "comment_count",
})  # fmt: skip


def _each(
    source: Source,
    sink: Sink,
    is_one: Callable[[dict[str, Any]], bool],
    load: Callable[[Record, dict[str, Any], Desk], None],
) -> None:
    """Load each record of a file, and the groups that stand beside them."""
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        if isinstance(document.value, dict) and isinstance(document.value.get("groups"), list):
            for place, group in enumerate(document.value["groups"]):
                _group(sink.part(document, group, f"/groups/{place}"), group, sink)
        if isinstance(document.value, dict) and document.value.keys() <= {
            "groups",
            "count",
            "next_page",
            "previous_page",
            "meta",
            "links",
        }:
            continue
        for pointer, one in records(document.value, is_one):
            record = sink.part(document, one, pointer)
            if isinstance(one, dict) and is_one(one):
                with sink.attempt(record):
                    load(record, one, desk)
            else:
                sink.reject(record, "UNKNOWN_SHAPE", "not a record of this export")
    sink.flush()
    _join(sink)


def parse_tickets(source: Source, sink: Sink, found: Detection) -> None:
    """Load tickets, groups, or both."""
    del found
    _each(source, sink, lambda one: {"requester_id", "via"} <= one.keys(), _ticket)


def parse_audits(source: Source, sink: Sink, found: Detection) -> None:
    """Load audits: each one the changes that somebody made at once."""
    del found
    _each(source, sink, lambda one: {"ticket_id", "events"} <= one.keys(), _audit)


def parse_metrics(source: Source, sink: Sink, found: Detection) -> None:
    """Load metrics: what Zendesk counted of each ticket."""
    del found
    _each(source, sink, lambda one: {"ticket_id", "group_stations"} <= one.keys(), _metric)


def _ticket(record: Record, ticket: dict[str, Any], desk: Desk) -> None:
    key = as_text(ticket.get("id"))
    if key is None:
        desk.sink.reject(record, "MISSING", "a ticket without id", column="id")
        return
    uid = desk.uid(key)
    status = as_text(ticket.get("status"))
    description = ticket.get("description")
    custom = {
        f"field {one.get('id')}": one.get("value") for one in ticket.get("custom_fields") or () if isinstance(one, dict)
    }
    rest = {name: value for name, value in ticket.items() if name not in {"custom_fields", "fields", "metric_set"}}
    desk.ticket(
        record,
        {
            "ticket_id": key,
            "kind": KINDS.get(str(ticket.get("type"))),
            "title": ticket.get("subject") or ticket.get("raw_subject"),
            # Some exports hold the two characters \ and n where a line ends.
            "description": description.replace("\\n", "\n") if isinstance(description, str) else None,
            "state": status,
            "state_category": STAGES.get(status or "") or stages.stage(status),
            "priority": stages.priority(as_text(ticket.get("priority"))),
            "opened_at": desk.moment(ticket.get("created_at"), record, uid),
            "updated_at": desk.moment(ticket.get("updated_at"), record, uid),
            "team": as_text(ticket.get("group_id")),
            "person": as_text(ticket.get("assignee_id")),
            "problem_id": as_text(ticket.get("problem_id")),
            "contact_channel": (ticket.get("via") or {}).get("channel"),
            "attributes": flat(rest | custom, without=_TAKEN)
            | {"requester": desk.sink.person(as_text(ticket.get("requester_id")))},
        },
    )
    if isinstance(ticket.get("metric_set"), dict):
        _metric_event(record, key, ticket["metric_set"], desk, primary=False)


def _audit(record: Record, audit: dict[str, Any], desk: Desk) -> None:
    key = as_text(audit.get("ticket_id")) or ""
    at = desk.moment(audit.get("created_at"), record, desk.uid(key))
    channel = (audit.get("via") or {}).get("channel")
    human = None if channel is None else channel not in {"rule", "trigger", "automation", "system", "sla_target_change"}
    told = 0
    for event in audit.get("events") or ():
        kind, name = event.get("type"), event.get("field_name")
        field = _FIELDS.get(str(name)) if kind in {"Change", "Create"} else "comment" if kind == "Comment" else None
        # What a ticket is created with is no change of it, save the team that it was first given to.
        if field is None or at is None or (kind == "Create" and field != "team"):
            continue
        desk.event(
            record,
            key,
            at=at,
            field=field,
            old=as_text(event.get("previous_value")),
            new=as_text(event.get("body") if kind == "Comment" else event.get("value")),
            actor=as_text(audit.get("author_id")),
            human=human,
            sequence=told,
            basis="audit",
            primary=told == 0,
        )
        told += 1
    if at is None:
        desk.sink.reject(
            record, "TIME", f"created_at is {audit.get('created_at')!r}, wanted a time", column="created_at"
        )
    elif not told:
        desk.sink.skip(record, "audits that change nothing of what is followed")


def _metric(record: Record, metric: dict[str, Any], desk: Desk) -> None:
    _metric_event(record, as_text(metric.get("ticket_id")) or "", metric, desk, primary=True)


def _metric_event(record: Record, key: str, metric: dict[str, Any], desk: Desk, *, primary: bool) -> None:
    uid = desk.uid(key)
    kept = {
        "solved_at": metric.get("solved_at"),
        "reopens": metric.get("reopens"),
        "group_stations": metric.get("group_stations"),
        "initially_assigned_at": metric.get("initially_assigned_at"),
        "reply_minutes": (metric.get("reply_time_in_minutes") or {}).get("business"),
        "resolution_minutes": (metric.get("full_resolution_time_in_minutes") or {}).get("business"),
    }
    for name in ("solved_at", "initially_assigned_at"):
        at = desk.moment(kept[name], record, uid)
        kept[name] = None if at is None else at.isoformat(" ")
    at = desk.moment(metric.get("updated_at") or metric.get("created_at"), record, uid)
    desk.event(record, key, at=at, field="metric", new=orjson.dumps(kept).decode(), basis="audit", primary=primary)


def _group(record: Record, group: Any, sink: Sink) -> None:
    """Remember the name of a group."""
    number = as_text(group.get("id")) if isinstance(group, dict) else None
    if number is None or not group.get("name"):
        sink.reject(record, "MISSING", "a group without id or name")
        return
    known = {"fact": _GROUP + number, "content": str(group["name"])}
    same = sink.connection.execute(
        "SELECT 1 FROM history_facts WHERE fact = $fact AND content = $content", known
    ).fetchall()
    sink.connection.execute("INSERT OR REPLACE INTO history_facts VALUES ($fact, $content)", known).fetchall()
    sink.counts["duplicate" if same else "loaded"] += 1
    sink.touched.add("tickets")


def _join(sink: Sink) -> None:
    """Give groups their names and tickets their metrics, whichever came first."""
    connection = sink.connection
    names = f"""(
        SELECT substr(fact, {len(_GROUP) + 1}) AS number, content AS name
        FROM history_facts
        WHERE starts_with(fact, '{_GROUP}')
    )"""
    connection.execute(
        f"""
        UPDATE tickets SET team = g.name
        FROM {names} AS g
        WHERE tickets.platform = '{PLATFORM}' AND tickets.team = g.number
        """
    ).fetchall()
    for column in ("old_value", "new_value"):
        connection.execute(
            f"""
            UPDATE ticket_events SET {column} = g.name
            FROM {names} AS g, tickets AS t
            WHERE ticket_events.field = 'team' AND ticket_events.{column} = g.number
                AND t.ticket_uid = ticket_events.ticket_uid AND t.platform = '{PLATFORM}'
            """
        ).fetchall()
    connection.execute(
        f"""
        UPDATE tickets
        SET resolved_at = coalesce((m.said->>'solved_at')::TIMESTAMP, tickets.resolved_at),
            reopened = coalesce((m.said->>'reopens')::INTEGER, tickets.reopened),
            reassignments = coalesce(greatest((m.said->>'group_stations')::INTEGER - 1, 0), tickets.reassignments),
            acknowledged_at = coalesce((m.said->>'initially_assigned_at')::TIMESTAMP, tickets.acknowledged_at)
        FROM (
            SELECT ticket_uid, arg_max(new_value, coalesce(changed_at, TIMESTAMP '1970-01-01'))::JSON AS said
            FROM ticket_events
            WHERE field = 'metric'
            GROUP BY ticket_uid
        ) AS m
        WHERE tickets.ticket_uid = m.ticket_uid AND tickets.platform = '{PLATFORM}'
        """
    ).fetchall()


FORMATS = (
    Format(
        "zendesk",
        "tickets",
        "json",
        parse_tickets,
        keys=frozenset({"requester_id", "via", "subject"}),
        any_keys=frozenset({"group_id", "assignee_id", "custom_fields", "status"}),
    ),
    Format("zendesk_audits", "tickets", "json", parse_audits, keys=frozenset({"ticket_id", "events", "author_id"})),
    Format(
        "zendesk_metrics",
        "tickets",
        "json",
        parse_metrics,
        keys=frozenset({"ticket_id", "group_stations", "reply_time_in_minutes"}),
    ),
    Format("zendesk_groups", "tickets", "json", parse_tickets, keys=frozenset({"groups"})),
)
