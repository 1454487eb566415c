"""Which events does an XES log hold?

A trace is a case, an event a log record. Attributes may hold attributes, and the defaults that a log declares for
missing ones are no values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..detect import Format
from ..moments import Clock
from ..repeats import Repeats
from .ocel import parse_xml
from .xml import Element, elements

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

# Object-centric logs are written in XML of the same root.
_OBJECTS = re.compile(rb"<(?:object-types|objects|event-types)\b")
_NOTHING = {"", "?", "UNKNOWN", "__INVALID__"}
_COLUMNS = (
    "concept:name",
    "time:timestamp",
    "lifecycle:transition",
    "org:resource",
    "org:group",
    "org:role",
    "concept:instance",
)
_VALUES = {"string", "date", "int", "float", "boolean", "id"}


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the events of a log, trace by trace."""
    del found
    if _OBJECTS.search(source.head):
        parse_xml(source, sink)
        if not sink.counts["seen"]:
            sink.note("no event and no object in it; of object-centric logs in XML only version 2.0 is read")
        return
    clock = Clock(timezone=sink.timezone)
    case, repeats = 0, Repeats()
    for path, element in elements(source, frozenset({"trace", "event"})):
        if element.name == "trace" and element.children:
            case += 1
            whole = attributes(element)
            name = _given(whole.get("concept:name")) or f"case {case}"
            for place, event in enumerate(child for child in element.children if child.name == "event"):
                record = sink.record(
                    None, line=event.line, offset=event.offset, pointer=f"/{case - 1}/{place}", raw=_shown(event)
                )
                said = attributes(event)
                said |= repeats.told(case, tuple(said.items()))
                load_event(record, said, sink, clock=clock, case=name, trace=whole)
        elif element.name == "event" and "trace" not in path[:-1]:
            record = sink.record(None, line=element.line, offset=element.offset, raw=_shown(element))
            load_event(record, attributes(element), sink, clock=clock)
    if not sink.counts["seen"]:
        sink.note("no trace and no event in it")


def attributes(element: Element, prefix: str = "") -> dict[str, str]:
    """Return the attributes of a trace or event; those inside others under both names."""
    found: dict[str, str] = {}
    for child in element.children:
        if child.name in _VALUES and "key" in child.attributes:
            name = f"{prefix}{child.attributes['key']}"
            found[name] = child.attributes.get("value", "")
            found |= attributes(child, f"{name}.")
        elif child.name in {"list", "container"} and "key" in child.attributes:
            name = f"{prefix}{child.attributes['key']}"
            for place, inner in enumerate([one for one in child.children if one.name == "values"] or [child]):
                found |= attributes(inner, f"{name}." if place == 0 else f"{name}.{place}.")
    return found


def _shown(element: Element) -> bytes:
    return " ".join(f"{name}={value}" for name, value in attributes(element).items()).encode()[:4096]


def _given(value: Any) -> str | None:
    return None if value is None or str(value).strip() in _NOTHING else value


def load_event(
    record: Record,
    event: dict[str, str],
    sink: Sink,
    *,
    clock: Clock,
    case: str | None = None,
    trace: dict[str, str] | None = None,
) -> None:
    """Load one event under the names of XES, with the case it belongs to and what the case itself says."""
    said = _given(event.get("time:timestamp"))
    moment = clock.read(said)
    if said is not None and moment is None:
        sink.reject(record, "TIME", f"{said!r} is no time", column="time:timestamp")
        return
    activity = _given(event.get("concept:name"))
    if activity is None and moment is None:
        sink.reject(record, "MISSING", "an event without concept:name and time:timestamp")
        return
    person = _given(event.get("org:resource"))
    team = _given(event.get("org:group")) or _given(event.get("org:role"))
    row: dict[str, Any] = {
        "logged_at": None if moment is None else moment.at,
        "log_us": None if moment is None else moment.us,
        "severity": 0,
        "system": team or activity,
        "correlation_id": case,
        "body": activity,
        "event_name": activity,
        "case_id": case,
        "activity": activity,
        "lifecycle": _given(event.get("lifecycle:transition")),
        "person": sink.person(person),
        "team": team,
        "attributes": {
            **{name: value for name, value in event.items() if name not in _COLUMNS and _given(value) is not None},
            **{
                f"case:{name}": value
                for name, value in (trace or {}).items()
                if name != "concept:name" and _given(value) is not None
            },
        }
        or None,
    }
    if "concept:instance" in event:
        row["attributes"] = {**(row["attributes"] or {}), "concept:instance": event["concept:instance"]}
    uid = sink.load(record, "log_records", row)
    if moment is None:
        sink.flag("log_records", uid, "time_missing", "no time:timestamp", record)
    elif moment.flag is not None:
        sink.flag("log_records", uid, moment.flag, moment.detail, record)


_LINES = (
    r"<(?:\?xml|!--|!DOCTYPE|/?log\b|/?trace\b|/?event|/?global\b|/?list\b|/?objects?\b|/?object-types?\b|/?attribute"
    r"|/?relationship|string |date |int |float |boolean |id |extension |classifier )"
)
FORMATS = (Format(name="xes", kind="eventlog", shape="xml", parse=parse, pattern=re.compile(_LINES)),)
