"""How does a catalogue become rows of a history?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..catalogue import SECTIONS, catalogue, forget, remember
from ..identity import key
from .detect import Format

if TYPE_CHECKING:
    from .detect import Detection
    from .ledger import Sink
    from .readers import Source


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Load a catalogue; what it said when it was last loaded under its name goes first."""
    del found
    with source.open() as stream:
        said = catalogue(stream.read(), file=source.name)
    if forget(sink.connection, said.name):
        sink.note(f"replaces what catalogue {said.name} said before")
    for declaration in said.declarations:
        record = sink.record(None, pointer=declaration.pointer, raw=declaration.content.encode())
        content = key(said.name, declaration.pointer, declaration.content)
        for table, row in declaration.rows:
            lineage = (
                {}
                if table == "system_aliases"
                else {"load_id": sink.load_id, "record_no": record.number, "record_hash": content}
            )
            values = row | lineage
            columns, places = ", ".join(f'"{name}"' for name in values), ", ".join(f"${name}" for name in values)
            sink.connection.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', values).fetchall()
            sink.touched.add(table)
        sink.counts["loaded"] += 1
    remember(sink.connection, said, load_id=sink.load_id)


FORMAT = Format(name="catalogue", kind="catalogue", shape="toml", parse=parse, any_keys=frozenset(SECTIONS))
