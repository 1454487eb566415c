"""What does one entry of a log say?

Every format of logs, text or JSON, ends in an `Entry`; here it becomes a row of `log_records`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ...identity import key
from ..moments import Clock, Moment, at
from .exceptions import inline
from .ids import ids_in

if TYPE_CHECKING:
    from ..ledger import Sink
    from ..readers import Record, Source

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_WARNING = 13
_STATUS = re.compile(
    r"(?:\bHTTP/\d(?:\.\d)?\"?|\b(?:http[ _-]?)?status(?:[ _-]?code)?\"?\s{0,9}[:=]?|\bHTTP(?: code| error)?:?)"
    r"\s{0,9}\"?([1-5]\d\d)\b",
    re.IGNORECASE,
)
_CONTAINER = re.compile(r"(?P<pod>[^_]+)_(?P<namespace>[^_]+)_(?P<container>.+?)-[0-9a-f]{64}")
_POD = re.compile(r"-(?:[0-9a-f]{6,10}-)?[0-9a-z]{5}$|-\d+$")
_NOISE = re.compile(
    r"(?:^|[-_.])(?:access|error|errors|stdout|stderr|output|logs?|txt|jsonl?|ndjson|gz|bz2|xz|zst|csv|out|current|\d[\d_:-]*)"
    r"(?=$|[-_.])",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Entry:
    """One entry, as far as its format could read it."""

    moment: Moment | None = None
    severity: int = 0
    severity_text: str | None = None
    system: str | None = None
    host: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    correlation_id: str | None = None
    body: str | None = None
    event_name: str | None = None
    peer: str | None = None
    http_status: int | None = None
    exception_type: str | None = None
    exception_message: str | None = None
    exception_stacktrace: str | None = None
    person: str | None = None
    team: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    flags: list[tuple[str, str]] = field(default_factory=list)

    def under(self, outer: Entry) -> Entry:
        """Return this entry with what only the entry around it says; the time is that of the collector around it."""
        for name in self.__dataclass_fields__:
            if name in {"attributes", "flags"} or (name == "moment" and outer.moment is not None):
                continue
            if getattr(self, name) in {None, 0}:
                setattr(self, name, getattr(outer, name))
        if outer.moment is not None:
            self.moment = outer.moment
        self.attributes = outer.attributes | self.attributes
        self.flags = outer.flags + self.flags
        return self


@dataclass(frozen=True)
class Reading:
    """What is the same for all entries of one file."""

    sink: Sink
    clock: Clock
    system: str
    """Name of entries that do not name their system: what the file's name says."""


def reading(source: Source, sink: Sink) -> Reading:
    """Prepare to read one file."""
    written = datetime.fromtimestamp(source.path.stat().st_mtime, UTC).replace(tzinfo=None)
    year = getattr(sink, "year", None)
    return Reading(sink, Clock(timezone=sink.timezone, year=year, written_at=written), named_after(source.name))


def named_after(file: str) -> str:
    """Return the system that a log file's name stands for.

    Examples
    --------
    >>> named_after("logs/shop-access.log.1.gz"), named_after("nova-api.log.2017-05-16_13:53:08")
    ('shop', 'nova-api')
    >>> named_after(f"cart-6d5f9c7b48-x2x9z_prod_server-{'0' * 64}.log")
    'cart'
    """
    name = PurePath(file.replace("!", "/")).name
    if found := _CONTAINER.match(name):
        return without_replica(found["pod"])
    shorter = _NOISE.sub("", name.split(".log")[0]).strip("-_. ")
    return shorter or name.split(".")[0] or name


def without_replica(pod: str) -> str:
    """Return the name of a workload without the suffix that tells its replicas apart.

    Examples
    --------
    >>> without_replica("ts-travel-service-64469b5b48-25zj6"), without_replica("redis-0"), without_replica("frontend")
    ('ts-travel-service', 'redis', 'frontend')
    """
    return _POD.sub("", pod)


def loaded(entry: Entry, record: Record, read: Reading) -> None:
    """Give the sink the row of an entry."""
    body = entry.body
    if body is not None:
        body = ANSI.sub("", body).rstrip("\r\n") if "\x1b" in body else body.rstrip("\r\n")
        _mined(entry, body)
    moment = entry.moment
    if moment is None:
        entry.flags.append(("time_missing", "no field of the record is its time"))
    elif moment.flag is not None:
        entry.flags.append((moment.flag, moment.detail))
    row: dict[str, Any] = {
        "logged_at": None if moment is None else at(moment.us),
        "log_us": None if moment is None else moment.us,
        "severity": entry.severity,
        "severity_text": entry.severity_text,
        "system": entry.system or read.system,
        "host": entry.host,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "trace_key": None if entry.trace_id is None else key(entry.trace_id),
        "span_key": None if entry.span_id is None else key(entry.span_id),
        "correlation_id": entry.correlation_id,
        "body": body,
        "event_name": entry.event_name,
        "peer": entry.peer,
        "http_status": entry.http_status,
        "exception_type": entry.exception_type,
        "exception_message": entry.exception_message,
        "exception_stacktrace": entry.exception_stacktrace,
        "person": read.sink.person(entry.person),
        "team": entry.team,
        "attributes": {name: value for name, value in entry.attributes.items() if value is not None} or None,
    }
    uid = read.sink.load(record, "log_records", row)
    for flag, detail in entry.flags:
        read.sink.flag("log_records", uid, flag, detail, record)


def _mined(entry: Entry, body: str) -> None:
    """Take from the words of a message what no field of it said."""
    if entry.trace_id is None or entry.correlation_id is None:
        named = ids_in(body)
        entry.trace_id = entry.trace_id or named.trace_id
        entry.span_id = entry.span_id or named.span_id
        entry.correlation_id = entry.correlation_id or named.correlation_id
    if entry.http_status is None and (status := _STATUS.search(body)) is not None:
        entry.http_status = int(status[1])
    if entry.exception_type is None and entry.severity >= _WARNING:
        entry.exception_type, message = inline(body)
        entry.exception_message = entry.exception_message or message
