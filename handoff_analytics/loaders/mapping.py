r"""What does a mapping file say?

A mapping says which column of a file becomes which column of a table, and how its text is read. It holds no expression
and nothing is evaluated, since a mapping may come from a stranger: patterns run in an engine without backtracking.

::

    [mapping]
    format = 1                          # version of this file format
    name = "boomi_executions"
    target = "runs"                     # see TARGETS
    reader = "csv"                      # csv | jsonl | json | xlsx | parquet | text
    platform = "boomi"
    [mapping.match]
    keys_all = ["executionId"]          # lets `load` choose this mapping by the keys of a file; and of several with the
    contains = ["atomId"]               # same keys by a word that a JSON record holds anywhere
    [mapping.records]
    path = "result[*]"                  # where the records are; absent: known envelopes are opened. Of a list that
                                        # is inside of a map, "^name" is the key, and "^value" an item that is no object
    recurse = "subsegments"             # records inside records; "^.id" is the enclosing one's, "^^.id" the outermost's
    wide = 1                            # csv: the first column names the row, "^row"; each other cell that says
    header_rows = 2                     # anything is a record, "^value"; "^name" and "^name2" are what these rows say
    [mapping.values]
    null = ["", "?"]
    true = ["true"]
    false = ["false"]
    timezone = "Europe/Berlin"          # of times that name none; needed as soon as there is one
    dst = "flag"                        # flag | earlier | later | reject
    [mapping.rows]
    mode = "one_per_ticket"             # one_per_ticket | snapshots | changes
    key = "number"
    order_by = ["sys_mod_count"]
    track = ["state", "team", "person"]
    [column.started_at]
    from = ["executionTime", "Execution Time"]  # the first one present, whatever its case; dotted inside of JSON
    type = "time"                       # text | int | float | bool | time | duration | json | list
    formats = ["iso", "%d.%m.%Y %H:%M"]
    required = true
    [column.technical_status]
    from = "status"
    map = { COMPLETE = "ok", "ABORT*" = "cancelled", "*" = "reject" }
    [column.priority]
    from = "priority"
    type = "int"
    regex = '^(\d)'
    [column."attributes.region"]
    from = "Region"
    [nested.updates]                    # a list inside each record, as rows of a second table
    path = "incident_updates[*]"
    target = "ticket_events"
    [nested.updates.column.changed_at]
    from = "created_at"
    type = "time"
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl

from ..declarations import declared, suggestion, toml, unknown_word, zone_fault
from ..errors import MappingError
from ..schema import columns
from . import times

TARGETS = {
    "spans": "spans",
    "events": "log_records",
    "runs": "runs",
    "tickets": "tickets",
    "ticket_events": "ticket_events",
    "handoffs": "spans",
    "outcomes": "outcomes",
    "costs": "cost_rates",
    "systems": "declared_systems",
    "declared_handoffs": "declared_handoffs",
}
"""What a mapping may fill, and the table it goes to; a handoff is the span of a call whose other side is not there."""
KINDS = {
    "spans": "traces",
    "events": "logs",
    "runs": "runs",
    "tickets": "tickets",
    "ticket_events": "tickets",
    "handoffs": "traces",
    "outcomes": "outcomes",
    "costs": "catalogue",
    "systems": "catalogue",
    "declared_handoffs": "catalogue",
}
SYNONYMS = {"assignee": "person", "event_time": "updated_at", "reassignment_count": "reassignments"}
# Columns that follow from others.
_RESERVED = frozenset(
    {
        "load_id", "record_no", "record_hash", "duration_us", "duration_ns", "start_us", "start_ns", "log_us", "basis",
        "sequence", "template_id",
    }
)  # fmt: skip
# Columns that a target has besides those of its table: they become other columns, or rows of other tables.
EXTRA = {
    "spans": {"ended_at", "duration_s"},
    "events": set(),
    "runs": {"duration_s"},
    "tickets": {
        "affected", "caused", "looked_at", "sequence", "blocks", "blocked_by", "duplicates", "relates",
    },
    "ticket_events": {"ticket_id", "platform"},
    "handoffs": {"source", "target", "ended_at", "duration_s"},
    "outcomes": set(),
    "costs": set(),
    "systems": {"aliases"},
    "declared_handoffs": set(),
}  # fmt: skip
TYPES = ("text", "int", "float", "bool", "time", "duration", "json", "list")


class _Table(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base of every table of a mapping file: its keys are all there are."""


class Match(_Table, kw_only=True, frozen=True):
    """By which keys or headers a file is recognised."""

    keys_all: list[str] = []
    keys_any: list[str] = []
    contains: list[str] = []


class Csv(_Table, kw_only=True, frozen=True):
    """How delimited text is written, where that cannot be told from the file."""

    delimiter: str | None = None
    encoding: str | None = None


class Records(_Table, kw_only=True, frozen=True):
    """Where the records of a document are."""

    path: str | None = None
    recurse: str | None = None
    wide: int | None = None
    header_rows: int = 1


class Values(_Table, kw_only=True, frozen=True):
    """What values mean, whatever their column."""

    null: list[str] = msgspec.field(default_factory=lambda: [""])
    true: list[str] = msgspec.field(default_factory=lambda: ["true", "TRUE", "True", "1", "yes"])
    false: list[str] = msgspec.field(default_factory=lambda: ["false", "FALSE", "False", "0", "no"])
    timezone: str | None = None
    dst: Literal["flag", "earlier", "later", "reject"] = "flag"


class Rows(_Table, kw_only=True, frozen=True):
    """What one row of a ticket export is."""

    mode: Literal["one_per_ticket", "snapshots", "changes"] = "one_per_ticket"
    key: str | None = None
    order_by: list[str] = []
    track: list[str] = msgspec.field(default_factory=lambda: ["state", "team", "person"])


class Head(_Table, kw_only=True, frozen=True):
    """What the file maps, and what is said of all its records."""

    format: Literal[1]
    name: str
    target: str
    reader: Literal["csv", "jsonl", "json", "xlsx", "parquet", "text"]
    platform: str | None = None
    description: str | None = None
    match: Match = Match()
    csv: Csv = Csv()
    sheet: str | None = None
    pattern: str | None = None
    records: Records = Records()
    values: Values = Values()
    rows: Rows = Rows()


class Column(_Table, kw_only=True, frozen=True):
    """Where one column comes from, and how its text is read."""

    source: str | list[str] = msgspec.field(name="from", default_factory=list)
    type: Literal["text", "int", "float", "bool", "time", "duration", "json", "list"] = "text"
    formats: str | list[str] = msgspec.field(default_factory=lambda: ["iso"])
    unit: str = "s"
    required: bool = False
    regex: str | None = None
    map: dict[str, str | int | float | bool] = {}
    thousands: str | None = None
    decimal: str = "."
    separator: str | None = None
    collect: bool = False
    template: str | None = None
    const: str | int | float | bool | None = None

    @property
    def sources(self) -> list[str]:
        """Names that the column may have in the file."""
        return [self.source] if isinstance(self.source, str) else self.source

    @property
    def time_formats(self) -> list[str]:
        """Formats of its times."""
        return [self.formats] if isinstance(self.formats, str) else self.formats


class Nested(_Table, kw_only=True, frozen=True):
    """A list inside each record that becomes rows of another table."""

    path: str
    target: str
    column: dict[str, Column]


class Mapping(_Table, kw_only=True, frozen=True):
    """A whole mapping file."""

    mapping: Head
    column: dict[str, Column]
    nested: dict[str, Nested] = {}

    @property
    def name(self) -> str:
        """Name of the mapping."""
        return self.mapping.name

    @property
    def sha256(self) -> str:
        """Hash of what the mapping says."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def named(self, columns: dict[str, Column], target: str, table_columns: set[str]) -> dict[str, Column]:
        """Return columns under the names that the table uses; refuse a name that it does not have."""
        derived = {name for name in table_columns if name.endswith(("_uid", "_key"))}
        known = (table_columns - _RESERVED - derived - {"attributes", "resource"}) | EXTRA[target]
        found = {}
        for name, column in columns.items():
            canonical = SYNONYMS.get(name, name)
            if canonical not in known and not canonical.startswith("attributes."):
                raise unknown_word(name, known, where=f"{self.name}: [column.{name}]")
            found[canonical] = column
        return found


def mapping(content: str | bytes | Path | dict[str, Any] | Mapping, *, file: str | None = None) -> Mapping:
    r"""Read a mapping and check all that it says.

    Parameters
    ----------
    content
        A path, the TOML itself, the same structure as dictionaries, or a mapping that was read before.
    file
        Name of the file, for messages.

    Returns
    -------
    Mapping
        What the file says.

    Raises
    ------
    MappingError
        If it is no TOML, has an unknown key, or says what cannot be.

    Examples
    --------
    >>> head = {"format": 1, "name": "boomi", "target": "runs", "reader": "csv"}
    >>> mapping({"mapping": head, "column": {"run_id": {"from": "Id"}}}).column["run_id"].sources
    ['Id']
    """
    if isinstance(content, Mapping):
        return content
    if isinstance(content, str) and "\n" not in content:
        content = Path(content)
    if isinstance(content, Path):
        path = content
        file = file or str(path)
        try:
            content = path.read_bytes()
        except OSError as fault:
            raise MappingError(f"The mapping {path} cannot be read: {fault.strerror}.") from fault
    file = file or "mapping"
    document = content if isinstance(content, dict) else toml(content, file=file)
    said = declared(document, Mapping, file=file)
    _check(said, file)
    return said


def _check(said: Mapping, file: str) -> None:
    head = said.mapping
    if head.target not in TARGETS:
        raise unknown_word(head.target, TARGETS, where=f"{file}: mapping.target")
    if head.values.timezone is not None and (wrong := zone_fault(head.values.timezone)) is not None:
        raise MappingError(f"{file}: mapping.values.timezone: {wrong}")
    if head.csv.delimiter is not None and len(head.csv.delimiter) != 1:
        raise MappingError(f"{file}: mapping.csv.delimiter = {head.csv.delimiter!r}, must be one character.")
    if head.records.header_rows < 1 or (head.records.wide is not None and head.records.wide < 1):
        raise MappingError(f"{file}: mapping.records.wide and header_rows count columns and rows: at least 1.")
    if head.records.wide is not None and head.reader != "csv":
        raise MappingError(f"{file}: mapping.records.wide is for reader = 'csv' only.")
    if head.reader == "text":
        if head.pattern is None:
            raise MappingError(f"{file}: reader = 'text' needs mapping.pattern, a pattern with named groups.")
        _pattern(head.pattern, f"{file}: mapping.pattern")
    if head.rows.mode != "one_per_ticket" and head.target != "tickets":
        raise MappingError(f"{file}: mapping.rows.mode = {head.rows.mode!r} is for target = 'tickets' only.")
    if not said.column:
        raise MappingError(f"{file}: there is no [column.…]. Say at least one column.")
    for name, column in said.column.items():
        _check_column(column, f"{file}: column.{name}")
    table = columns()[TARGETS[head.target]] | {"ended_at": "TIMESTAMP"}
    for name, column in said.column.items():
        if table.get(name) == "TIMESTAMP" and column.type != "time":
            raise MappingError(f"{file}: column.{name} is a time. Say type = 'time' and its formats.")
    if said.nested and head.reader not in {"json", "jsonl"}:
        raise MappingError(f"{file}: nested is for reader = 'json' and 'jsonl': rows of {head.reader} hold no lists.")
    for nested_name, nested in said.nested.items():
        if nested.target not in {"ticket_events", "spans"}:
            raise unknown_word(nested.target, {"ticket_events", "spans"}, where=f"{file}: nested.{nested_name}.target")
        for name, column in nested.column.items():
            _check_column(column, f"{file}: nested.{nested_name}.column.{name}")


def _check_column(column: Column, where: str) -> None:
    said = sum((bool(column.sources), column.template is not None, column.const is not None))
    if said != 1:
        raise MappingError(f"{where}: say one of from, template and const; {said} are given.")
    for fmt in column.time_formats:
        if not times.known(fmt):
            hint = suggestion(fmt, {*times.EPOCHS_US, "iso", "epoch", "excel"})
            raise MappingError(
                f"{where}.formats: {fmt!r} is no format. Write strptime directives, such as %d.%m.%Y.{hint}"
            )
    if column.unit not in times.DURATION_UNITS:
        raise unknown_word(column.unit, times.DURATION_UNITS, where=f"{where}.unit")
    if column.regex is not None:
        _pattern(column.regex, f"{where}.regex")
    if column.template is not None and not re.search(r"\{[^{}]+\}", column.template):
        raise MappingError(
            f"{where}.template = {column.template!r} names no column. Write it like '{{order}}-{{region}}'."
        )
    for field in ("thousands", "separator"):
        if getattr(column, field) == "":
            raise MappingError(f"{where}.{field} is empty. Leave it out, or give a character.")
    if column.decimal not in {".", ","}:
        raise MappingError(f"{where}.decimal = {column.decimal!r}, must be '.' or ','.")
    if column.type == "float" and column.thousands == column.decimal:
        raise MappingError(f"{where}: thousands and decimal are both {column.decimal!r}. They must differ.")


def _pattern(pattern: str, where: str) -> None:
    """Check a pattern in the engine that will run it: no backtracking, so that no pattern can hang a load."""
    try:
        pl.Series([""]).str.extract_groups(pattern)
    except pl.exceptions.ComputeError as fault:
        raise MappingError(f"{where}: {pattern!r} is no pattern: {str(fault).splitlines()[0]}.") from fault
    if re.search(r"(?<!\\)\((?!\?:)", pattern) is None:
        raise MappingError(f"{where}: {pattern!r} has no group. Put what is wanted in parentheses.")
