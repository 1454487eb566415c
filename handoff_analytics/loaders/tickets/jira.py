"""Which issues and changes does a Jira export hold?

The CSV of an issue search repeats a header for each value of a list and has no changelog: who held a ticket before is
not in it, and the load says so. The REST answer has both, with histories in either order.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from .. import batches, stages
from ..columns import hashed
from ..detect import Format
from ..envelopes import records
from ..mapping import Column, Values
from ..paths import flat
from ..readers import exported
from ..tabular import Job
from ..targets import Rows, keyed, looked_up
from ..times import instants
from .desk import Desk, link_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..columns import Typed
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

PLATFORM = "jira"
_DATES = (
    "%d/%b/%y", "%d/%b/%Y", "%d-%b-%y", "%d %b %Y", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y",
    "%m/%d/%y", "%Y/%m/%d", "%d/%B/%y",
)  # fmt: skip
_FORMATS = [
    "iso",
    *(f"{day} {clock}" for day in _DATES for clock in ("%H:%M", "%I:%M %p", "%H:%M:%S", "%I:%M:%S %p")),
    "%b %d, %Y, %I:%M %p",
    "%b %d, %Y %I:%M %p",
    *_DATES,
]
_VALUES = Values(null=["", "?", "Unresolved", "Unassigned"])
_LIMIT = 1_000
"""Rows at which Jira cuts a CSV export short."""
_LINK = re.compile(r"(outward|inward) issue link \((.+)\)", re.IGNORECASE)
_TEAMS = ("team", "assigned team", "support group", "support team", "assignment group", "group", "responsible team")


def _text(*sources: str) -> Column:
    return Column(source=list(sources))


def _time(*sources: str) -> Column:
    return Column(source=list(sources), type="time", formats=_FORMATS)


def _list(*sources: str) -> Column:
    return Column(source=list(sources), collect=True)


COLUMNS = {
    "ticket_id": Column(source=["issue key", "work item key", "key", "issue id", "work item id"], required=True),
    "kind": _text("issue type", "work item type", "work type"),
    "title": _text("summary"),
    "description": _text("description"),
    "state": _text("status"),
    "priority": _text("priority"),
    "close_code": _text("resolution"),
    "opened_at": _time("created"),
    "updated_at": _time("updated"),
    "resolved_at": _time("resolved", "resolution date"),
    "person": _text("assignee"),
    "team": _text(*(name for team in _TEAMS for name in (f"custom field ({team})", team))),
    "category": _text("project key", "project name", "project"),
    "affected": _list("component/s", "components", "component"),
    "business_service": _text("custom field (affected services)", "affected services", "custom field (service)"),
    "parent_id": _text("parent key", "parent", "parent id", "custom field (epic link)"),
    "worked_s": Column(source=["time spent", "σ time spent"], type="duration", unit="s"),
    "cause": _text("custom field (root cause)", "root cause"),
    "relates": _list("custom field (incident)", "custom field (incident number)"),
    "comments": _list("comment", "comments"),
    "attributes.labels": _list("labels"),
}
_KINDS = {
    "incident": "incident", "outage": "incident", "service request": "request", "request": "request",
    "problem": "problem", "change": "change", "bug": "bug", "defect": "bug", "alert": "alert",
}  # fmt: skip


def parse_csv(source: Source, sink: Sink, found: Detection) -> None:
    """Load the CSV or workbook of an issue search."""
    wanted = [name for column in COLUMNS.values() for name in column.sources]
    table = batches.sheet_or_csv(source, sink, wanted=wanted, encoding=found.encoding)
    links = {name: _LINK.fullmatch(name.strip()) for name in table.names}
    columns = COLUMNS | {
        f"link {match[1].lower()} {match[2]}": _list(name) for name, match in sorted(links.items()) if match is not None
    }
    before = sink.counts["seen"]

    def more(frame: pl.DataFrame, read: Typed) -> Iterator[Rows]:
        yield from _links(frame)
        yield _comments(frame, read, sink)

    Job(
        source=source,
        sink=sink,
        target="tickets",
        platform=PLATFORM,
        columns=columns,
        values=_VALUES,
        assume_utc=True,
        after=_kinds,
        more=more,
    ).run(table)
    sink.note("a CSV export of Jira has no changelog: which teams held a ticket before is not known")
    if sink.counts["seen"] - before == _LIMIT:
        sink.note(f"exactly {_LIMIT:,} rows: Jira's export limit; the export was probably cut short")


def _kinds(read: Typed) -> Typed:
    if "kind" not in read.frame.columns:
        return read
    kind = looked_up(read.frame["kind"], _kind, pl.String)
    return replace(read, frame=read.frame.with_columns(kind.alias("kind")))


def _kind(name: str) -> str:
    return _KINDS.get(name.strip().lower(), name.strip().lower())


def _links(frame: pl.DataFrame) -> Iterator[Rows]:
    for name in frame.columns:
        if not name.startswith("link "):
            continue
        _, direction, kind = name.split(" ", 2)
        outward = direction == "outward"
        links = (
            frame.select("ticket_uid", "record_no", other_id=pl.col(name)).explode("other_id").drop_nulls("other_id")
        )
        told = links.with_columns(link_type=pl.lit(link_type(kind, outward=outward)), outward=pl.lit(outward))
        yield Rows("ticket_links", told)


def _comments(frame: pl.DataFrame, read: Typed, sink: Sink) -> Rows:
    """Return comments as events; a cell is ``date;author;text``."""
    if "comments" not in frame.columns:
        return Rows("ticket_events", frame.clear())
    said = frame.select("ticket_uid", "record_no", said=pl.col("comments")).explode("said").drop_nulls("said")
    parts = said["said"].str.splitn(";", 3).struct.rename_fields(["date", "author", "text"]).struct.unnest()
    formats = read.made.columns["opened_at"].time_formats if "opened_at" in read.made.columns else _FORMATS
    dates = instants(parts["date"].str.strip_chars(), formats=formats, zone=read.made.zone)
    dated = dates.values.is_not_null() & parts["text"].is_not_null()
    events = said.select(
        "ticket_uid",
        "record_no",
        changed_at=dates.values,
        field=pl.lit("comment"),
        new_value=pl.when(dated).then(parts["text"]).otherwise(said["said"]),
        actor=pl.when(dated).then(hashed(parts["author"], sink)),
        basis=pl.lit("current"),
    )
    same = ("'ticket_events'", "ticket_uid", "changed_at", "field", "new_value")
    return Rows("ticket_events", keyed(sink.connection, events, {"event_uid": same}))


def parse_rest(source: Source, sink: Sink, found: Detection) -> None:
    """Load issues of the REST interface, with their changelog where the export has it."""
    del found
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        names = document.value.get("names") if isinstance(document.value, dict) else None
        for place, found_there in records(document.value, _is_issue):
            pointer, issue = place, found_there
            if isinstance(issue, dict) and "webhookEvent" in issue:
                pointer, issue = f"{place}/issue", _sent(issue)
            record = sink.part(document, issue, pointer)
            if issue is None:
                sink.skip(record, "webhooks that name no issue")
                continue
            if not isinstance(issue, dict) or not isinstance(issue.get("fields"), dict) or not issue.get("key"):
                sink.reject(record, "UNKNOWN_SHAPE", "no object with key and fields")
                continue
            with sink.attempt(record):
                _issue(record, issue, desk, names if isinstance(names, dict) else {})


def _is_issue(one: dict[str, Any]) -> bool:
    return {"key", "fields"} <= one.keys() or "webhookEvent" in one


def _sent(hook: dict[str, Any]) -> Any:
    """Return the issue of a webhook with what the webhook says changed, as an issue with a changelog of one entry."""
    issue, change, comment = hook.get("issue"), hook.get("changelog"), hook.get("comment")
    if not isinstance(issue, dict) or not isinstance(issue.get("fields"), dict):
        return issue
    fields = issue["fields"]
    if isinstance(change, dict):
        entry = {
            "id": change.get("id"),
            "created": fields.get("updated") or hook.get("timestamp"),
            "author": hook.get("user"),
            "items": change.get("items"),
        }
        issue = issue | {"changelog": {"total": 1, "histories": [entry]}}
    if isinstance(comment, dict):
        issue = issue | {"fields": fields | {"comment": {"comments": [comment]}}}
    return issue


def _issue(record: Record, issue: dict[str, Any], desk: Desk, names: dict[str, str]) -> None:
    fields, key = issue["fields"], str(issue["key"])
    uid = desk.uid(key)
    opened_at = desk.moment(fields.get("created"), record, uid)
    updated_at = desk.moment(fields.get("updated"), record, uid)
    called = {name: str(names.get(name, name)).strip().lower() for name in fields}
    team = next(
        (_name(fields[name]) for word in _TEAMS for name, is_called in called.items() if is_called == word), None
    )
    status = fields.get("status") or {}
    sla = [_sla(value) for name, value in fields.items() if isinstance(value, dict) and "completedCycles" in value]
    rest = {name: _plain(value) for name, value in fields.items() if name not in _TAKEN and name not in _PEOPLE}
    rest |= {name: desk.sink.person(_name(fields.get(name))) for name in _PEOPLE}
    desk.ticket(
        record,
        {
            "ticket_id": key,
            "kind": _kind(_name(fields.get("issuetype")) or "") or None,
            "title": fields.get("summary"),
            "description": text_of(fields.get("description")),
            "state": _name(status),
            "state_category": _stage(status, resolved=bool(fields.get("resolutiondate"))),
            "priority": stages.priority(_name(fields.get("priority"))),
            "opened_at": opened_at,
            "resolved_at": desk.moment(fields.get("resolutiondate"), record, uid),
            "updated_at": updated_at,
            "team": team,
            "person": _name(fields.get("assignee")),
            "category": (fields.get("project") or {}).get("key"),
            "close_code": _name(fields.get("resolution")),
            "parent_id": (fields.get("parent") or {}).get("key"),
            "sla_met": None if None in sla or not sla else all(sla),
            "worked_s": fields.get("timespent"),
            "attributes": flat({name: value for name, value in rest.items() if value is not None}),
        },
    )
    for component in fields.get("components") or ():
        desk.system(record, key, _name(component), role="affected", at=opened_at, evidence="component", confidence=0.9)
    for link in fields.get("issuelinks") or ():
        outward = "outwardIssue" in link
        other = (link.get("outwardIssue") or link.get("inwardIssue") or {}).get("key")
        kind = link_type((link.get("type") or {}).get("name", ""), outward=outward)
        desk.link(record, key, other, kind=kind, outward=outward)
    for comment in (fields.get("comment") or {}).get("comments") or ():
        desk.event(
            record,
            key,
            at=desk.moment(comment.get("created"), record, uid),
            field="comment",
            new=text_of(comment.get("body")),
            actor=_name(comment.get("author")),
            basis="current",
        )
    for work in (fields.get("worklog") or {}).get("worklogs") or ():
        desk.event(
            record,
            key,
            at=desk.moment(work.get("started"), record, uid),
            field="worklog",
            actor=_name(work.get("author")),
            basis="current",
            worked_s=work.get("timeSpentSeconds"),
        )
    _changes(record, issue, desk, key)


_TAKEN = frozenset({
    "summary", "description", "status", "priority", "issuetype", "assignee", "created", "updated", "resolutiondate",
    "resolution", "components", "comment", "worklog", "issuelinks", "parent", "timespent",
})  # fmt: skip
_PEOPLE = ("reporter", "creator")
_FIELDS = {"status": "state", "assignee": "person", "priority": "priority", "component": "system", "link": "link"}


def _changes(record: Record, issue: dict[str, Any], desk: Desk, key: str) -> None:
    """Write the changelog in the order of time, whichever order the export has it in."""
    changelog = issue.get("changelog") or {}
    histories = changelog.get("histories") or changelog.get("values") or []
    if int(changelog.get("total") or 0) > len(histories):
        desk.sink.note(
            "changelogs are incomplete: the export has only their first page; fetch them all to see every team"
        )
        desk.sink.flag(
            "tickets", desk.uid(key), "changelog_incomplete", f"{len(histories)} of {changelog['total']}", record
        )
    dated = [
        (desk.moment(one.get("created"), record, desk.uid(key)), str(one.get("id") or ""), one) for one in histories
    ]
    dated.sort(key=lambda one: (one[0] is not None, one[0] or 0, one[1].zfill(20)))
    sequence = 0
    for at, _, history in dated:
        for item in history.get("items") or ():
            sequence += 1
            name = str(item.get("field") or item.get("fieldId") or "").strip().lower()
            field = "team" if name in _TEAMS else _FIELDS.get(name)
            if field is None:
                continue
            desk.event(
                record,
                key,
                at=at,
                field=field,
                old=item.get("fromString") or item.get("from"),
                new=item.get("toString") or item.get("to"),
                actor=_name(history.get("author")),
                sequence=sequence,
            )


def _name(value: Any) -> str | None:
    """Return what a person, a status or another object of the interface is called; someone removed has no name."""
    if isinstance(value, dict):
        named = (value.get(name) for name in ("displayName", "name", "value", "title", "accountId", "key"))
        return next((str(name) for name in named if name), None)
    if isinstance(value, list):
        return _name(value[0]) if value else None
    return str(value) if value else None


def _stage(status: dict[str, Any], *, resolved: bool) -> str | None:
    """Return the stage of a status by its category, since its name is in the language of the site."""
    by_name = stages.stage(_name(status))
    match (status.get("statusCategory") or {}).get("key"):
        case "new":
            return "open"
        case "indeterminate":
            return "waiting" if by_name == "waiting" else "in_progress"
        case "done":
            return by_name if by_name in {"closed", "cancelled"} else "resolved"
    return by_name or ("resolved" if resolved else None)


def _sla(value: dict[str, Any]) -> bool | None:
    cycles = [cycle for cycle in (*value.get("completedCycles", ()), value.get("ongoingCycle")) if cycle]
    return not any(cycle.get("breached") for cycle in cycles) if cycles else None


def _plain(value: Any) -> Any:
    """Return a field as an attribute: objects by their names."""
    if isinstance(value, dict) and "content" in value:
        return text_of(value)
    if isinstance(value, dict | list):
        return _name(value) if not isinstance(value, list) else [_name(one) for one in value] or None
    return value


def text_of(value: Any) -> str | None:
    """Return the text of a field, which newer sites write as a tree of nodes.

    Examples
    --------
    >>> text_of({"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "It broke"}]}]})
    'It broke'
    """
    if not isinstance(value, dict):
        return None if value is None else str(value)
    return re.sub(r"\n{2,}", "\n", "".join(_nodes(value, 0))).strip() or None


def _nodes(node: dict[str, Any], depth: int) -> Iterator[str]:
    if depth > 100:
        return
    if node.get("type") == "text":
        yield str(node.get("text") or "")
    elif node.get("type") in {"hardBreak", "rule"}:
        yield "\n"
    elif node.get("type") in {"mention", "emoji", "inlineCard"}:
        attributes = node.get("attrs") or {}
        yield str(attributes.get("text") or attributes.get("url") or "")
    for inner in node.get("content") or ():
        if isinstance(inner, dict):
            yield from _nodes(inner, depth + 1)
    if node.get("type") in {"paragraph", "heading", "listItem", "codeBlock", "tableRow"}:
        yield "\n"


FORMATS = (
    Format("jira", "tickets", "csv", parse_csv, header=frozenset({"summary", "issue key", "status"})),
    Format("jira_work_items", "tickets", "csv", parse_csv, header=frozenset({"summary", "work item key", "status"})),
    Format("jira_issue_ids", "tickets", "csv", parse_csv, header=frozenset({"summary", "issue id", "status"})),
    Format(
        "jira_rest",
        "tickets",
        "json",
        parse_rest,
        keys=frozenset({"key", "fields"}),
        any_keys=frozenset({"id", "self", "changelog"}),
    ),
    Format(
        "jira_rest",
        "tickets",
        "json",
        parse_rest,
        keys=frozenset({"webhookEvent", "timestamp"}),
        any_keys=frozenset({"issue", "user", "comment", "worklog"}),
    ),
)
