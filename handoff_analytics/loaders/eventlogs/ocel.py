"""Which events and objects does an object-centric log (OCEL 2.0, or 1.0 as JSON) hold?

JSON, SQLite and XML carry the same: events become log records, their objects `event_objects`, the fields of objects
`object_changes`, relations between objects `object_links`. Table names of the SQLite form come from the file: they are
quoted, and taken only if the file has such tables.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import UnreadableFileError
from ..detect import Format
from ..moments import Clock
from ..readers import json_documents
from .xml import Element, elements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_UNUSABLE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)


class Relation(NamedTuple):
    """An object that an event or another object is related to."""

    object_id: str
    qualifier: str | None


class Loader:
    """Loads the objects and events of one log; objects first, so that their types are known."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._clock = Clock(timezone=sink.timezone)
        self._types: dict[str, str] = {}

    def object(self, record: Record, value: dict[str, Any]) -> None:
        """Load an object: that it is of its type, each value of each field, and what it is related to."""
        name, kind = str(value["id"]), str(value["type"])
        changes = []
        for change in value.get("attributes") or []:
            moment = self._clock.read(change.get("time"))
            if change.get("time") not in {None, ""} and moment is None:
                self._sink.reject(record, "TIME", f"{change['time']!r} is no time", column=str(change.get("name")))
                return
            # 1970 stands for a value that an object has from the beginning.
            since = moment.at if moment is not None and moment.ns > 0 else None
            changes.append((since, str(change["name"]), change.get("value")))
        relations = [_relation(one) for one in value.get("relationships") or []]
        self._types[name] = kind
        shared = {"object_id": name, "object_type": kind}
        self._sink.load(
            record, "object_changes", shared | {"changed_at": None, "field": "ocel:type", "new_value": kind}
        )
        for since, field, content in changes:
            row = shared | {"changed_at": since, "field": field, "new_value": None if content is None else str(content)}
            self._sink.add(record, "object_changes", row)
        for other, qualifier in relations:
            self._sink.add(record, "object_links", {"source_id": name, "target_id": other, "qualifier": qualifier})

    def event(self, record: Record, value: dict[str, Any]) -> None:
        """Load an event, and the objects that it touches."""
        name, kind = str(value["id"]), str(value["type"])
        moment = self._clock.read(value.get("time"))
        if moment is None:
            self._sink.reject(record, "TIME", f"{value.get('time')!r} is no time", column="time")
            return
        fields = {str(one["name"]): one.get("value") for one in value.get("attributes") or []}
        relations = [_relation(one) for one in value.get("relationships") or []]
        touched = {relation.object_id for relation in relations}
        person = fields.get("org:resource", fields.get("resource"))
        team = fields.get("org:group", fields.get("department"))
        uid = self._sink.load(
            record,
            "log_records",
            {
                "logged_at": moment.at,
                "log_us": moment.us,
                "severity": 0,
                "system": str(team) if team else kind,
                "correlation_id": next(iter(touched)) if len(touched) == 1 else None,
                "body": kind,
                "event_name": name,
                "activity": kind,
                "person": self._sink.person(str(person) if person else None),
                "team": str(team) if team else None,
                "attributes": {
                    field: content
                    for field, content in fields.items()
                    if content is not None and field not in {"org:resource", "resource"}
                }
                or None,
            },
        )
        if moment.flag is not None:
            self._sink.flag("log_records", uid, moment.flag, moment.detail, record)
        for other, qualifier in relations:
            row = {"event_uid": uid, "object_id": other, "object_type": self._types.get(other), "qualifier": qualifier}
            self._sink.add(record, "event_objects", row)

    def take(self, record: Record, what: str, value: Any) -> None:
        """Load an object or an event, or say why it is none."""
        try:
            (self.object if what == "object" else self.event)(record, value)
        except _UNUSABLE as fault:
            self._sink.reject(record, "UNKNOWN_SHAPE", f"no {what}: {type(fault).__name__}: {fault}")


def _relation(value: dict[str, Any]) -> Relation:
    return Relation(str(value["objectId"]), value.get("qualifier") or None)


def parse_json(source: Source, sink: Sink, found: Detection) -> None:
    """Read the JSON form."""
    del found
    loader = Loader(sink)
    for document in json_documents(source, sink):
        if not isinstance(document.value, dict):
            sink.reject(sink.part(document, document.value, ""), "UNKNOWN_SHAPE", "no object with events and objects")
            continue
        for what in ("object", "event"):
            for pointer, value in _held(document.value, what):
                loader.take(sink.part(document, value, pointer), what, value)


def _held(document: dict[str, Any], what: str) -> Iterator[tuple[str, Any]]:
    """Yield the objects or events of a document, of version 2.0 or 1.0, with their JSON pointers."""
    held = document.get(f"{what}s")
    for place, value in enumerate(held if isinstance(held, list) else []):
        yield f"/{what}s/{place}", value
    held = document.get(f"ocel:{what}s")
    for name, old in held.items() if isinstance(held, dict) else ():
        yield f"/ocel:{what}s/{name}", _renewed(str(name), old, what)


def _renewed(name: str, old: Any, what: str) -> Any:
    """Return an object or an event of version 1.0 as version 2.0 writes it; what is none as it is."""
    if not isinstance(old, dict):
        return old
    fields, related = old.get("ocel:ovmap" if what == "object" else "ocel:vmap"), old.get("ocel:omap")
    return {
        "id": name,
        "type": old.get("ocel:type" if what == "object" else "ocel:activity"),
        "time": old.get("ocel:timestamp"),
        "attributes": [{"name": field, "value": content} for field, content in (fields or {}).items()],
        "relationships": [{"objectId": other} for other in related or ()],
    }


def parse_xml(source: Source, sink: Sink) -> None:
    """Read the XML form."""
    loader = Loader(sink)
    for _, element in elements(source, frozenset({"event", "object"})):
        if element.name in {"event", "object"} and "id" in element.attributes:
            value = _value(element)
            record = sink.record(value, line=element.line, offset=element.offset)
            loader.take(record, element.name, value)


def _value(element: Element) -> dict[str, Any]:
    value: dict[str, Any] = dict(element.attributes)
    value["attributes"], value["relationships"] = [], []
    for group in element.children:
        for child in group.children:
            if "object-id" in child.attributes:
                relation = {"objectId": child.attributes["object-id"], "qualifier": child.attributes.get("qualifier")}
                value["relationships"].append(relation)
            elif "name" in child.attributes:
                value["attributes"].append({**child.attributes, "value": child.text.strip()})
    return value


def parse_sqlite(source: Source, sink: Sink, found: Detection) -> None:
    """Read the SQLite form from a copy that nothing can write to."""
    del found
    loader = Loader(sink)
    with TemporaryDirectory() as folder:
        copy = Path(folder, "log.sqlite")
        with source.open() as stream, copy.open("wb") as target:
            shutil.copyfileobj(stream, target)
        try:
            with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
                database.row_factory = sqlite3.Row
                for what in ("object", "event"):
                    for value in _rows(database, what):
                        loader.take(sink.record(value, pointer=f"/{what}/{value['id']}"), what, value)
        except sqlite3.DatabaseError as fault:
            raise UnreadableFileError(
                f"{source.name} is no object-centric log: {fault}. Wanted the tables event, object and event_object."
            ) from fault


def _rows(database: sqlite3.Connection, what: str) -> Iterator[dict[str, Any]]:
    """Yield the objects or events of all types, each with its fields and relations."""
    known = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    relation = ("object_object", "ocel_source_id", "ocel_target_id") if what == "object" else (
        "event_object", "ocel_event_id", "ocel_object_id"
    )  # fmt: skip
    relations: dict[str, list[dict[str, Any]]] = {}
    if relation[0] in known:
        for row in database.execute(f"SELECT * FROM {relation[0]} ORDER BY rowid"):
            one = {"objectId": row[relation[2]], "qualifier": row["ocel_qualifier"]}
            relations.setdefault(str(row[relation[1]]), []).append(one)
    fields: dict[str, list[sqlite3.Row]] = {}
    for row in database.execute(f"SELECT ocel_type_map FROM {what}_map_type ORDER BY 1").fetchall():
        table = f"{what}_{row[0]}"
        if table in known:
            quoted = table.replace('"', '""')
            for one in database.execute(f'SELECT * FROM "{quoted}" ORDER BY rowid'):
                fields.setdefault(str(one["ocel_id"]), []).append(one)
    for row in database.execute(f"SELECT ocel_id, ocel_type FROM {what} ORDER BY rowid"):
        name = str(row["ocel_id"])
        rows = fields.get(name, [])
        value = {"id": name, "type": row["ocel_type"], "relationships": relations.get(name, [])}
        value["time"] = rows[0]["ocel_time"] if rows and what == "event" else None
        value["attributes"] = [
            {"name": field, "value": one[field], "time": one["ocel_time"] if what == "object" else None}
            for one in rows
            for field in one.keys()  # noqa: SIM118 - a row is no dictionary: it iterates over its values
            if not field.startswith("ocel_") and one[field] is not None
        ]
        yield value


FORMATS = (
    Format(
        name="ocel",
        kind="eventlog",
        shape="json",
        parse=parse_json,
        keys=frozenset({"objectTypes", "eventTypes", "events", "objects"}),
    ),
    Format(name="ocel", kind="eventlog", shape="json", parse=parse_json, keys=frozenset({"ocel:global-log"})),
    Format(
        name="ocel_sqlite",
        kind="eventlog",
        shape="sqlite",
        parse=parse_sqlite,
        keys=frozenset({"event", "object", "event_object"}),
        pattern=re.compile("SQLite format 3"),
    ),
)
