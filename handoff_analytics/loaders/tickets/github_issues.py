"""Which issues and issue events does a GitHub export hold?

Lists of issues hold pull requests too: those are left out, and counted. Labels such as `team/payments`, `area/checkout`
and `priority: high` say what GitHub has no field for.
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
    from collections.abc import Iterator

    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

PLATFORM = "github"
_REPOSITORY = re.compile(r"(?:/repos/|github\.com/(?!repos/))([^/]+/[^/]+)")
_LABEL = re.compile(
    r"(?P<kind>team|owner|group|area|component|service|system|comp|kind|type|priority|severity|sev)"
    r"\s*[:/=]\s*(?P<value>\S.*)",
    re.IGNORECASE,
)
_SYSTEM_LABELS = ("area", "component", "service", "system", "comp")
_TEAM_LABELS = ("team", "owner", "group")
_TAKEN = frozenset({
    "number", "title", "body", "state", "user", "assignee", "assignees", "labels", "created_at", "updated_at",
    "closed_at", "url", "repository_url", "labels_url", "comments_url", "events_url", "html_url", "node_id",
    "reactions", "timeline_url", "performed_via_github_app", "repository", "closed_by",
})  # fmt: skip


def parse_issues(source: Source, sink: Sink, found: Detection) -> None:
    """Load issues."""
    del found
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        for place, found_there in records(document.value, _is_issue):
            pointer, issue, hook = place, found_there, {}
            if isinstance(issue, dict) and issue.keys() >= _HOOK:
                pointer, issue, hook = f"{place}/issue", issue["issue"], issue
            record = sink.part(document, issue, pointer)
            if not isinstance(issue, dict) or issue.get("number") is None:
                sink.reject(record, "MISSING", "an issue without number", column="number")
            elif "pull_request" in issue:
                sink.skip(record, "pull requests")
            else:
                with sink.attempt(record):
                    _issue(record, issue, desk)
                    if hook:
                        _sent(record, hook, desk)


_HOOK = frozenset({"action", "issue", "repository"})


def _is_issue(one: dict[str, Any]) -> bool:
    return {"number", "title"} <= one.keys() or one.keys() >= _HOOK


def _sent(record: Record, hook: dict[str, Any], desk: Desk) -> None:
    """Write what a webhook says has changed of the issue that it brings."""
    key, comment = _id(hook["issue"]), hook.get("comment")
    said = hook | {"body": comment.get("body")} if isinstance(comment, dict) else hook
    change = _change("commented" if said is not hook else str(hook["action"]), said)
    when = comment.get("created_at") if isinstance(comment, dict) else hook["issue"].get("updated_at")
    if change is not None and (hook["action"] == "created" or said is hook):
        at = desk.moment(when, record, desk.uid(key))
        field, old, new = change
        desk.event(record, key, at=at, field=field, old=old, new=new, **_by(hook.get("sender")))


def _id(issue: dict[str, Any]) -> str:
    """Return an issue as people write it: owner/repository#number."""
    where = issue.get("repository_url") or issue.get("html_url") or issue.get("url") or ""
    found = _REPOSITORY.search(str(where))
    return f"{found[1]}#{issue['number']}" if found else f"#{issue['number']}"


def _labels(issue: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what labels say: kind and value; a label of no known kind has an empty kind."""
    for label in issue.get("labels") or ():
        name = str(label.get("name") or "") if isinstance(label, dict) else str(label)
        said = _LABEL.fullmatch(name)
        yield (said["kind"].lower(), said["value"].strip()) if said else ("", name)


def _issue(record: Record, issue: dict[str, Any], desk: Desk) -> None:
    key = _id(issue)
    uid = desk.uid(key)
    labels = list(_labels(issue))
    opened_at = desk.moment(issue.get("created_at"), record, uid)
    closed_at = desk.moment(issue.get("closed_at"), record, uid)
    urgent = next((value for kind, value in labels if kind in {"priority", "severity", "sev"}), None) or next(
        (value for kind, value in labels if not kind and re.fullmatch(r"(?i)(?:p|sev)[0-5]", value)), None
    )
    kinds = [value.lower() for kind, value in labels if kind in {"", "kind", "type"}]
    people = issue.get("assignees") or [issue.get("assignee")]
    desk.ticket(
        record,
        {
            "ticket_id": key,
            "kind": next((kind for kind in ("incident", "bug") if kind in kinds), "request"),
            "title": issue.get("title"),
            "description": issue.get("body"),
            "state": issue.get("state_reason") or issue.get("state"),
            "state_category": _stage(issue),
            "priority": stages.priority(urgent),
            "opened_at": opened_at,
            "resolved_at": closed_at,
            "closed_at": closed_at,
            "updated_at": desk.moment(issue.get("updated_at"), record, uid),
            "team": next((value for kind, value in labels if kind in _TEAM_LABELS), None),
            "person": next((str(one["login"]) for one in people if isinstance(one, dict) and one.get("login")), None),
            "category": key.partition("#")[0],
            "attributes": flat(issue, without=_TAKEN)
            | {"labels": [f"{kind}/{value}" if kind else value for kind, value in labels]}
            | {"author": desk.sink.person((issue.get("user") or {}).get("login"))},
        },
    )
    for kind, value in labels:
        if kind in _SYSTEM_LABELS:
            desk.system(record, key, value, role="affected", at=opened_at, evidence="label", confidence=0.8)


def _stage(issue: dict[str, Any]) -> str | None:
    if str(issue.get("state")).lower() != "closed":
        return "in_progress" if issue.get("assignee") or issue.get("assignees") else "open"
    return "cancelled" if issue.get("state_reason") in {"not_planned", "duplicate"} else "resolved"


def parse_events(source: Source, sink: Sink, found: Detection) -> None:
    """Load issue events: one row a change."""
    del found
    desk = Desk(sink, PLATFORM)
    for document in exported(source, sink):
        for pointer, event in records(document.value, lambda one: {"event", "actor"} <= one.keys()):
            record = sink.part(document, event, pointer)
            issue = event.get("issue") if isinstance(event, dict) else None
            if not isinstance(issue, dict) or issue.get("number") is None:
                sink.reject(record, "MISSING", "an event without the issue that it is of", column="issue")
            elif "pull_request" in issue:
                sink.skip(record, "events of pull requests")
            else:
                with sink.attempt(record):
                    _event(record, event, _id(issue), desk)


def _event(record: Record, event: dict[str, Any], key: str, desk: Desk) -> None:
    name = str(event.get("event"))
    at = desk.moment(event.get("created_at"), record, desk.uid(key))
    change = _change(name, event)
    if change is None:
        desk.sink.skip(record, f"events {name}")
        return
    if at is None:
        desk.sink.reject(
            record, "TIME", f"created_at is {event.get('created_at')!r}, wanted a time", column="created_at"
        )
        return
    field, old, new = change
    number = event.get("id")
    desk.event(
        record,
        key,
        at=at,
        field=field,
        old=old,
        new=new,
        **_by(event.get("actor")),
        sequence=number if isinstance(number, int) else 0,
        primary=True,
    )
    if field == "system":
        desk.system(record, key, new, role="affected", at=at, evidence="label", confidence=0.8)


def _by(who: Any) -> dict[str, Any]:
    """Return who made a change, and whether it was a person."""
    actor = who if isinstance(who, dict) else {}
    human = None if not actor else actor.get("type") != "Bot" and not str(actor.get("login")).endswith("[bot]")
    return {"actor": actor.get("login"), "human": human}


def _change(name: str, event: dict[str, Any]) -> tuple[str, str | None, str | None] | None:
    """Return field, old and new value of what an event changes; null for what is not followed."""
    assignee = (event.get("assignee") or {}).get("login")
    match name:
        case "assigned":
            return "person", None, assignee
        case "unassigned":
            return "person", assignee, None
        case "closed" | "reopened":
            return "state", "open" if name == "closed" else "closed", "closed" if name == "closed" else "open"
        case "transferred" | "cross-referenced" | "marked_as_duplicate" | "connected":
            return "link", None, name
        case "commented":
            return "comment", None, event.get("body")
        case "labeled" | "unlabeled":
            said = _LABEL.fullmatch(str((event.get("label") or {}).get("name") or ""))
            kind = said["kind"].lower() if said else ""
            field = "team" if kind in _TEAM_LABELS else "system" if kind in _SYSTEM_LABELS else None
            field = "priority" if kind in {"priority", "severity", "sev"} else field
            if said is None or field is None:
                return None
            value = said["value"].strip()
            return (field, None, value) if name == "labeled" else (field, value, None)
    return None


FORMATS = (
    Format(
        "github_issues", "tickets", "json", parse_issues, keys=_HOOK, any_keys=frozenset({"sender", "organization"})
    ),
    Format(
        "github_issues",
        "tickets",
        "json",
        parse_issues,
        keys=frozenset({"number", "title", "state", "user"}),
        any_keys=frozenset({"author_association", "labels_url", "assignees", "pull_request", "state_reason"}),
    ),
    Format(
        "github_issue_events",
        "tickets",
        "json",
        parse_events,
        keys=frozenset({"event", "actor", "created_at"}),
        any_keys=frozenset({"commit_id", "issue", "node_id"}),
    ),
)
