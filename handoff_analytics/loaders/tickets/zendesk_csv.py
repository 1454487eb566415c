"""Which tickets does a table of Zendesk hold: a full export, a view, or a table of Explore?

From documentation; no real export was seen. A table has the counts that Zendesk made and no changes: which teams held a
ticket before is not in it, only how many. Times are in the zone of the account, which the table does not say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from .. import batches
from ..columns import Doubt
from ..detect import Format
from ..mapping import Column, Values
from ..stages import stage
from ..tabular import Job
from ..targets import looked_up
from .zendesk import KINDS, PLATFORM, STAGES

if TYPE_CHECKING:
    from ..columns import Typed
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Source

_FORMATS = [
    "iso",
    *(
        f"{day} {clock}"
        for day in ("%b %d, %Y", "%d %b %Y", "%d %B %Y", "%B %d, %Y")
        for clock in ("%H:%M", "%I:%M %p")
    ),
    "%b %d, %Y", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y",
]  # fmt: skip


def _text(*sources: str) -> Column:
    return Column(source=list(sources))


def _time(*sources: str) -> Column:
    return Column(source=list(sources), type="time", formats=_FORMATS)


COLUMNS = {
    "ticket_id": Column(source=["id", "ticket id"], required=True),
    "kind": _text("ticket type", "type"),
    "title": _text("subject", "ticket subject"),
    "state": _text("status", "ticket status"),
    "priority": _text("priority", "ticket priority"),
    "opened_at": _time("created at", "requested", "ticket created - timestamp", "ticket created - date"),
    "updated_at": _time("updated at", "updated", "latest update", "ticket updated - timestamp"),
    "acknowledged_at": _time("initially assigned at", "ticket first assigned - timestamp"),
    "resolved_at": _time("solved at", "solved", "ticket solved - timestamp", "ticket solved - date"),
    "team": _text("group", "ticket group"),
    "person": _text("assignee", "assignee name"),
    "contact_channel": _text("via", "channel", "ticket channel"),
    "category": _text("ticket form", "form", "topic"),
    "reopened": Column(source=["reopens", "ticket reopens"], type="int"),
    "reassignments": Column(source=["group stations", "ticket group stations"], type="int"),
    "problem_id": _text("problem id", "ticket problem id"),
}
# Besides those that every table of tickets is known for.
_PEOPLE = frozenset(("requester external id", "requester name", "submitter name", "updater", "updater name"))
_NOTHING = Values(null=["", "-", " ", "NULL"])


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Load the rows of a table of tickets."""
    wanted = [name for column in COLUMNS.values() for name in column.sources]
    table = batches.sheet_or_csv(source, sink, wanted=wanted, encoding=found.encoding)
    Job(
        source=source,
        sink=sink,
        target="tickets",
        platform=PLATFORM,
        columns=COLUMNS,
        values=_NOTHING,
        assume_utc=True,
        people=_PEOPLE,
        after=_said,
    ).run(table)
    sink.note("a table of Zendesk has no changes: which teams held a ticket before is not known; audits say it")


def _said(read: Typed) -> Typed:
    """Say the words of Zendesk in the vocabulary; a ticket that was with n groups was reassigned n - 1 times."""
    frame, made, doubts = read.frame, [], list(read.doubts)
    if "kind" in frame.columns:
        kind = looked_up(frame["kind"], lambda word: KINDS.get(word.strip().lower()), pl.String)
        made.append(kind.alias("kind"))
    if "state" in frame.columns:
        category = looked_up(frame["state"], _stage, pl.String)
        made.append(category.alias("state_category"))
        unknown = frame["state"].is_not_null() & category.is_null()
        doubts.append(Doubt("unknown_status", "state", unknown, frame["state"]))
    if "reassignments" in frame.columns:
        made.append((frame["reassignments"] - 1).clip(lower_bound=0).alias("reassignments"))
    return replace(read, frame=frame.with_columns(made), doubts=doubts)


def _stage(word: str) -> str | None:
    return STAGES.get(word.strip().lower()) or stage(word)


FORMATS = (
    Format(
        "zendesk_csv", "tickets", "csv", parse,
        header=frozenset({"id", "requester", "status", "group", "via", "created at"}),
    ),
    Format("zendesk_csv", "tickets", "csv", parse, header=frozenset({"id", "subject", "requester", "requested"})),
    Format("zendesk_csv", "tickets", "csv", parse, header=frozenset({"ticket id", "ticket status", "ticket group"})),
)  # fmt: skip
