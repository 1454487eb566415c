"""Object-centric logs: three files of one log give the same evidence; hostile table names are only names."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha
from handoff_analytics.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = 'order"; DROP TABLE event; --'
EVENTS: list[dict[str, Any]] = [
    {
        "id": "e1",
        "type": "Place",
        "time": "2026-01-05T08:00:00Z",
        "attributes": [{"name": "resource", "value": "ann"}],
        "relationships": [{"objectId": "o1", "qualifier": "order"}],
    },
    {
        "id": "e2",
        "type": "Ship",
        "time": "2026-01-05T09:00:00Z",
        "attributes": [],
        "relationships": [{"objectId": "o1", "qualifier": "order"}, {"objectId": "i1", "qualifier": "item"}],
    },
]
OBJECTS: list[dict[str, Any]] = [
    {
        "id": "o1",
        "type": HOSTILE,
        "attributes": [
            {"name": "price", "time": "1970-01-01T00:00:00Z", "value": "5"},
            {"name": "price", "time": "2026-01-05T08:30:00Z", "value": "6"},
        ],
        "relationships": [{"objectId": "i1", "qualifier": "has"}],
    },
    {"id": "i1", "type": "item", "attributes": [], "relationships": []},
]


def as_json(folder: Path, events: list[dict[str, Any]] = EVENTS, objects: list[dict[str, Any]] = OBJECTS) -> Path:
    path = folder / "log.json"
    path.write_text(json.dumps({"objectTypes": [], "eventTypes": [], "events": events, "objects": objects}))
    return path


def as_xml(folder: Path) -> Path:
    from xml.sax.saxutils import quoteattr

    def relations(one: dict[str, Any]) -> str:
        return (
            "<objects>"
            + "".join(
                f'<relationship object-id="{r["objectId"]}" qualifier="{r["qualifier"]}"/>'
                for r in one["relationships"]
            )
            + "</objects>"
        )

    def fields(one: dict[str, Any]) -> str:
        return (
            "<attributes>"
            + "".join(
                f'<attribute name="{a["name"]}" time="{a.get("time", "")}">{a["value"]}</attribute>'
                for a in one["attributes"]
            )
            + "</attributes>"
        )

    objects = "".join(
        f'<object id="{o["id"]}" type={quoteattr(o["type"])}>{fields(o)}{relations(o)}</object>\n' for o in OBJECTS
    )
    events = "".join(
        f'<event id="{e["id"]}" type="{e["type"]}" time="{e["time"]}">{fields(e)}{relations(e)}</event>\n'
        for e in EVENTS
    )
    path = folder / "log.xml"
    path.write_text(
        f"<?xml version='1.0'?>\n<log>\n<object-types/>\n<objects>\n{objects}</objects>\n<events>\n{events}</events>\n</log>\n"
    )
    return path


def as_sqlite(folder: Path) -> Path:
    path = folder / "log.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);
            CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);
            CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);
            CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);
            CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);
            """
        )
        for what, things in (("event", EVENTS), ("object", OBJECTS)):
            for kind in sorted({one["type"] for one in things}):
                quoted = f"{what}_{kind}".replace('"', '""')
                extra = "resource TEXT" if what == "event" else "price TEXT, ocel_changed_field TEXT"
                db.execute(f'CREATE TABLE "{quoted}" (ocel_id TEXT, ocel_time TEXT, {extra})')
                db.execute(f"INSERT INTO {what}_map_type VALUES (?, ?)", (kind, kind))
            for one in things:
                quoted = f"{what}_{one['type']}".replace('"', '""')
                db.execute(f"INSERT INTO {what} VALUES (?, ?)", (one["id"], one["type"]))
                rows = (
                    [(one["time"], {a["name"]: a["value"] for a in one["attributes"]}.get("resource"))]
                    if what == "event"
                    else [(a["time"], a["value"]) for a in one["attributes"]]
                )
                for time, value in rows:
                    db.execute(
                        f'INSERT INTO "{quoted}" VALUES (?, ?, ?{"" if what == "event" else ", NULL"})',
                        (one["id"], time, value),
                    )
                for relation in one["relationships"]:
                    table = "event_object" if what == "event" else "object_object"
                    db.execute(
                        f"INSERT INTO {table} VALUES (?, ?, ?)",
                        (one["id"], relation["objectId"], relation["qualifier"]),
                    )
        db.commit()
    return path


@pytest.mark.parametrize("written", [as_json, as_xml, as_sqlite])
def test_every_form_gives_the_same_evidence(tmp_path: Path, written: Any) -> None:
    found = ha.load(written(tmp_path), quiet=True)
    assert found.loads.select("seen", "loaded", "rejected").row(0) == (4, 4, 0)
    assert found.sql("SELECT activity, logged_at::VARCHAR, correlation_id FROM log_records ORDER BY log_us").rows() == [
        ("Place", "2026-01-05 08:00:00", "o1"), ("Ship", "2026-01-05 09:00:00", None)
    ]  # fmt: skip
    assert found.sql("SELECT object_id, object_type, qualifier FROM event_objects ORDER BY ALL").rows() == [
        ("i1", "item", "item"), ("o1", HOSTILE, "order"), ("o1", HOSTILE, "order")
    ]  # fmt: skip
    assert found.sql("SELECT object_id, changed_at::VARCHAR, new_value FROM object_changes WHERE field = 'price' ORDER BY changed_at NULLS FIRST").rows() == [
        ("o1", None, "5"), ("o1", "2026-01-05 08:30:00", "6")
    ]  # fmt: skip
    assert found.sql("SELECT source_id, target_id, qualifier FROM object_links").rows() == [("o1", "i1", "has")]
    assert "ann" not in str(found.sql("SELECT * FROM log_records").rows())


def test_broken_events_and_objects_are_rejected_alone(tmp_path: Path) -> None:
    events = [*EVENTS, {"id": "e3", "type": "Late", "time": "soon"}, {"type": "No id"}, 7]
    objects = [*OBJECTS, {"id": "o9", "type": "x", "attributes": [{"name": "a", "time": "soon"}]}]
    found = ha.load(as_json(tmp_path, events, objects), quiet=True, on_reject="keep")
    assert found.loads.select("seen", "loaded", "rejected").row(0) == (8, 4, 4)
    assert sorted(found.rejects["code"]) == ["TIME", "TIME", "UNKNOWN_SHAPE", "UNKNOWN_SHAPE"]


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (a INT)")
        db.commit()
    with pytest.raises(UnreadableFileError, match="no object-centric log"):
        ha.load(path, quiet=True)


def test_version_1_says_the_same_in_json_and_is_named_where_it_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonocel"
    old = {
        "ocel:global-log": {"ocel:version": "1.0"},
        "ocel:events": {
            "e1": {"ocel:activity": "Place", "ocel:timestamp": "2026-01-05T08:00:00Z", "ocel:omap": ["o1", "i1"], "ocel:vmap": {"resource": "ann"}},
            "e2": "nothing",
            "e3": {"ocel:activity": "Ship", "ocel:timestamp": "someday", "ocel:omap": []},
        },
        "ocel:objects": {"o1": {"ocel:type": "order", "ocel:ovmap": {"price": 5}}, "i1": {"ocel:type": "item"}},
    }  # fmt: skip
    path.write_text(json.dumps(old))
    found = ha.load(path, quiet=True)
    assert found.loads.select("format", "seen", "loaded", "rejected").row(0) == ("ocel", 5, 3, 2)
    assert found.rejects["json_pointer"].to_list() == ["/ocel:events/e2", "/ocel:events/e3"]
    assert found.sql("SELECT object_id, object_type FROM event_objects ORDER BY 1").rows() == [
        ("i1", "item"),
        ("o1", "order"),
    ]
    assert found.sql("SELECT new_value FROM object_changes WHERE field = 'price'").item() == "5"
    path.write_text(
        '<?xml version="1.0"?><log><events><event><string key="id" value="e1"/></event></events><objects></objects></log>'
    )
    assert "version 2.0" in ha.load(path, quiet=True).loads["notes"].item()
