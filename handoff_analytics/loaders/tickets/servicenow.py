"""Which tickets and changes does a ServiceNow export hold?

Four shapes: a list or an audit log of records as CSV or workbook (one row a ticket, or one a state of it), the REST
answer of a table, `sys_audit` (one row a change) and `metric_instance` (one row a stretch). Lists are read as snapshots
even where a ticket has only one row: exports of different weeks then show what changed between them.

The final `resolved_at` is copied back into early rows of an audit log, so it dates no change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ...identity import key_sql
from .. import batches, envelopes, snapshots
from ..batches import Table
from ..delimited import Batch
from ..detect import Format
from ..mapping import Column, Rows, Values
from ..readers import exported
from ..tabular import Job
from ..targets import looked_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..columns import Typed
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

PLATFORM = "servicenow"
_DATES = (
    "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y",
    "%d-%b-%Y",
)  # fmt: skip
# The site chooses a date and a time format, each user another: every pair of them occurs.
_FORMATS = [
    "iso",
    *(f"{day} {clock}" for day in _DATES for clock in ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")),
    *_DATES,
]
_VALUES = Values(null=["", "?", "NULL", "null", "UNKNOWN", "(empty)", "undefined"])
_TRACK = ("state", "team", "person", "priority", "system")
# Numbers of states as a database export has them: incidents, and the two further waiting states of older releases.
_STATES = {
    "1": "open", "2": "in_progress", "3": "waiting", "4": "waiting", "5": "waiting", "6": "resolved", "7": "closed",
    "8": "cancelled", "-5": "waiting", "-4": "open",
}  # fmt: skip
_KINDS = {
    "INC": "incident", "REQ": "request", "RITM": "request", "SCTASK": "request", "PRB": "problem", "PTASK": "problem",
    "CHG": "change", "CTASK": "change", "ALERT": "alert",
}  # fmt: skip
_LIMITS = (10_000, 50_000)
"""Rows at which an instance cuts an export short."""


def _time(*sources: str) -> Column:
    return Column(source=list(sources), type="time", formats=_FORMATS)


def _count(*sources: str) -> Column:
    return Column(source=list(sources), type="int", thousands=",")


def _text(*sources: str) -> Column:
    return Column(source=list(sources))


# Names of the database first, then the labels that a list export shows.
COLUMNS = {
    "ticket_id": Column(source=["number"], required=True),
    "title": _text("short_description", "short description"),
    "description": _text("description"),
    "state": _text("incident_state", "ident_state", "state", "incident state"),
    "priority": _text("priority"),
    "severity": _text("severity"),
    "impact": _text("impact"),
    "urgency": _text("urgency"),
    "opened_at": _time("opened_at", "opened", "sys_created_on", "sys_created_at", "created"),
    "resolved_at": _time("resolved_at", "resolved"),
    "closed_at": _time("closed_at", "closed"),
    "updated_at": _time("sys_updated_on", "sys_updated_at", "updated"),
    "sequence": _count("sys_mod_count", "updates"),
    "team": _text("assignment_group", "assignment group"),
    "person": _text("assigned_to", "assigned to"),
    "reassignments": _count("reassignment_count", "reassignment count"),
    "reopened": _count("reopen_count", "reopen count"),
    "category": _text("category"),
    "subcategory": _text("subcategory"),
    "close_code": _text("close_code", "closed_code", "close code", "resolution code"),
    "resolution": _text("close_notes", "close notes", "resolution notes"),
    "cause": _text("cause_notes", "u_cause", "cause"),
    "caused_by": _text("caused_by", "caused by change"),
    "problem_id": _text("problem_id", "problem"),
    "change_id": _text("rfc", "change request"),
    "parent_id": _text("parent_incident", "parent incident", "parent"),
    "business_service": _text("business_service", "business service", "service"),
    "affected": _text("cmdb_ci", "configuration item", "ci"),
    "contact_channel": _text("contact_type", "contact type", "channel"),
    "sla_met": Column(source=["made_sla", "made sla"], type="bool"),
    "worked_s": Column(source=["time_worked", "time worked"], type="duration", unit="since_1970"),
    "correlation_id": _text("correlation_id", "correlation id"),
}
_CHANGES = {
    "ticket_id": Column(source=["documentkey", "document key", "document_key"], required=True),
    "changed_at": Column(source=["sys_created_on", "created"], type="time", formats=_FORMATS, required=True),
    "field": Column(source=["fieldname", "field name"], required=True),
    "old_value": _text("oldvalue", "old value"),
    "new_value": _text("newvalue", "new value"),
    "actor": _text("user", "sys_created_by", "user name"),
    "basis": Column(const="audit"),
}
_FOLLOWED = {
    "state": "state", "incident_state": "state", "assignment_group": "team", "assigned_to": "person",
    "priority": "priority", "cmdb_ci": "system", "business_service": "system", "comments": "comment",
    "work_notes": "comment", "parent_incident": "link", "problem_id": "link",
}  # fmt: skip
_STRETCHES = {
    "ticket_id": Column(source=["id"], required=True),
    "changed_at": Column(source=["start"], type="time", formats=_FORMATS, required=True),
    "field": Column(source=["definition"], required=True),
    "new_value": _text("value"),
    "basis": Column(const="audit"),
}
_METRICS = {
    "assignment group duration": "team", "assignment group": "team", "assigned to duration": "person",
    "assigned to": "person", "incident state duration": "state", "state duration": "state",
}  # fmt: skip


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Load a list or an audit log: rows of tickets."""
    _tickets(source, sink, _table(source, sink, found, COLUMNS))


def parse_rest(source: Source, sink: Sink, found: Detection) -> None:
    """Load the REST answer of a table."""
    del found
    _tickets(source, sink, _rest_table(source, sink))


def parse_audit(source: Source, sink: Sink, found: Detection) -> None:
    """Load `sys_audit`: one row a change."""
    _events(source, sink, _any_table(source, sink, found, _CHANGES), _CHANGES, _FOLLOWED)


def parse_metrics(source: Source, sink: Sink, found: Detection) -> None:
    """Load `metric_instance`: one row a stretch with one team, person or state."""
    _events(source, sink, _any_table(source, sink, found, _STRETCHES), _STRETCHES, _METRICS)


def _any_table(source: Source, sink: Sink, found: Detection, columns: dict[str, Column]) -> Table:
    return _rest_table(source, sink) if found.format.shape == "json" else _table(source, sink, found, columns)


def _table(source: Source, sink: Sink, found: Detection, columns: dict[str, Column]) -> Table:
    wanted = [name for column in columns.values() for name in column.sources]
    return batches.sheet_or_csv(source, sink, wanted=wanted, encoding=found.encoding)


def _rest_table(source: Source, sink: Sink) -> Table:
    """Return the records of REST answers as rows of text.

    A field is text, ``{value, display_value}`` or ``{link, value}``. A time is taken from its value, which is UTC; what
    refers to another record from its display value, which is a name.
    """
    records: list[tuple[Record, dict[str, str | None]]] = []
    for document in exported(source, sink):
        for pointer, value in envelopes.records(document.value, lambda one: "number" in one or "documentkey" in one):
            record = sink.part(document, value, pointer)
            if isinstance(value, dict) and value:
                records.append((record, {name: _field(name, content) for name, content in value.items()}))
            else:
                found = "an empty object" if value == {} else f"a {type(value).__name__}"
                sink.reject(record, "UNKNOWN_SHAPE", f"{found} where an object with fields was wanted")
    names = tuple(sorted({name for _, row in records for name in row}))
    return Table(names, _rest_batches(records, names))


def _field(name: str, content: Any) -> str | None:
    if not isinstance(content, dict):
        return batches.as_text(content)
    value, shown = batches.as_text(content.get("value")), batches.as_text(content.get("display_value"))
    if value and name in _TIMES:
        return f"{value} +0000"
    return shown or value or None


_TIMES = frozenset(
    name
    for column in (*COLUMNS.values(), *_CHANGES.values(), *_STRETCHES.values())
    if column.type == "time"
    for name in column.sources
)


def _rest_batches(records: list[tuple[Record, dict[str, str | None]]], names: tuple[str, ...]) -> Iterator[Batch]:
    for start in range(0, len(records), batches.BATCH_ROWS):
        part = records[start : start + batches.BATCH_ROWS]
        places = [(record.line, record.offset, record.pointer, record.raw) for record, _ in part]
        yield Batch(
            frame=pl.DataFrame(
                {
                    f"c{n}": pl.Series([row.get(name) for _, row in part], dtype=pl.String)
                    for n, name in enumerate(names)
                }
            ),
            numbers=pl.Series([record.number for record, _ in part], dtype=pl.Int64),
            places=lambda places=places: places,  # type: ignore[misc] # bound now, not at the end of the loop
        )


def _tickets(source: Source, sink: Sink, table: Table) -> None:
    header = {name.strip().lower() for name in table.names}
    dated = bool(header & set(COLUMNS["updated_at"].sources))
    columns = dict(COLUMNS)
    if not dated:
        # Undated rows cannot be put in order: each is the ticket as it is.
        columns.pop("sequence")
    before = sink.counts["seen"]
    Job(
        source=source,
        sink=sink,
        target="tickets",
        platform=PLATFORM,
        columns=columns,
        values=_VALUES,
        rows=Rows(mode="snapshots", track=list(_TRACK)) if dated else Rows(),
        assume_utc=True,
        after=_completed,
    ).run(table)
    rows = sink.counts["seen"] - before
    if rows in _LIMITS:
        sink.note(f"exactly {rows:,} rows: the instance's export limit; the export was probably cut short")
    _adopt(sink)


def _completed(read: Typed) -> Typed:
    """Say the kind of each ticket by its number, and the stage of states that are numbers."""
    frame = read.frame
    prefix = frame["ticket_id"].str.extract(r"^([A-Za-z]+)\d", 1).str.to_uppercase()
    frame = frame.with_columns(kind=looked_up(prefix, _KINDS.get, pl.String))
    if "state" in frame.columns and frame["state"].str.contains(r"^-?\d+$").any():
        from ..stages import stage  # noqa: PLC0415 - hardly ever needed

        known = looked_up(frame["state"], lambda word: _STATES.get(word) or stage(word), pl.String)
        if known.null_count() == frame["state"].null_count():
            frame = frame.with_columns(state_category=known)
    return replace(read, frame=frame)


def _events(source: Source, sink: Sink, table: Table, columns: dict[str, Column], followed: dict[str, str]) -> None:
    def followed_only(read: Typed) -> Typed:
        fields = looked_up(read.frame["field"], lambda name: followed.get(name.strip().lower()), pl.String)
        kept = fields.is_not_null()
        origin = read.kept.arg_true()
        for row in (~kept).arg_true():
            sink.skip(read.batch.record(int(origin[row])), f"changes of {read.frame['field'][row]}")
        frame = read.frame.with_columns(field=fields).filter(kept)
        return replace(read, frame=frame, kept=read.kept.scatter(origin.filter(~kept), values=False), doubts=[])

    Job(
        source=source,
        sink=sink,
        target="ticket_events",
        platform=PLATFORM,
        columns=columns,
        values=_VALUES,
        assume_utc=True,
        after=followed_only,
    ).run(table)
    _adopt(sink)


def _adopt(sink: Sink) -> None:
    """Give changes that name a ticket by its sys_id to the ticket that has it, whichever came first."""
    connection = sink.connection
    if not connection.execute("SELECT 1 FROM ticket_events WHERE basis = 'audit' LIMIT 1").fetchall():
        return
    connection.execute(
        f"""
        UPDATE ticket_events
        SET ticket_uid = known.ticket_uid
        FROM (
            SELECT ticket_uid, {key_sql("'tickets'", f"'{PLATFORM}'", "attributes->>'sys_id'")} AS by_sys_id
            FROM tickets
            WHERE platform = '{PLATFORM}' AND attributes->>'sys_id' IS NOT NULL
        ) AS known
        WHERE ticket_events.ticket_uid = known.by_sys_id
        """
    ).fetchall()
    snapshots.outranked(connection)


FORMATS = (
    Format("servicenow", "tickets", "csv", parse, header=frozenset({"number", "opened_at"})),
    Format("servicenow_list", "tickets", "csv", parse, header=frozenset({"number", "opened", "short description"})),
    Format("servicenow_states", "tickets", "csv", parse, header=frozenset({"number", "sys_updated_on"})),
    Format(
        "servicenow_rest",
        "tickets",
        "json",
        parse_rest,
        keys=frozenset({"number", "sys_id"}),
        any_keys=frozenset({"opened_at", "sys_updated_on", "short_description", "assignment_group"}),
    ),
    Format(
        "servicenow_audit", "tickets", "csv", parse_audit, header=frozenset({"documentkey", "fieldname", "newvalue"})
    ),
    Format(
        "servicenow_audit_rest",
        "tickets",
        "json",
        parse_audit,
        keys=frozenset({"documentkey", "fieldname", "newvalue"}),
    ),
    Format(
        "servicenow_metrics",
        "tickets",
        "csv",
        parse_metrics,
        header=frozenset({"definition", "id", "start", "end", "value"}),
    ),
)
