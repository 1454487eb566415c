"""Evidence without a model: one history in memory, and what each file did to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handoff_analytics import schema, store
from handoff_analytics.loaders import detect, formats, sources, tabular
from handoff_analytics.loaders.ledger import Sink

if TYPE_CHECKING:
    from pathlib import Path


class Bench:
    """Loads files, one transaction each, and answers queries about the evidence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection = store.connect(store.MEMORY)
        schema.prepare(self.connection, store.MEMORY)
        self.loads = 0

    def file(self, content: str | bytes, name: str = "export") -> Path:
        self.loads += 1
        path = self.folder / f"{self.loads}-{name}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(
        self,
        content: str | bytes | Path,
        *,
        format: str | None = None,  # noqa: A002 - as ha.load calls it
        mapping: Any = None,
        **options: Any,
    ) -> Sink:
        path = self.file(content) if isinstance(content, str | bytes) else content
        self.loads += 1
        (source,) = sources(path)
        if mapping is not None:
            wanted = tabular.mapped(mapping)
            found = detect(source, [wanted], wanted=wanted.name)
        else:
            found = detect(source, formats(), wanted=format)
        sink = Sink(self.connection, self.loads, salt="salt", **options)
        self.connection.execute("BEGIN").fetchall()
        try:
            found.format.parse(source, sink, found)
            sink.flush()
            sink.balance()
            self.connection.execute("COMMIT").fetchall()
        except BaseException:
            self.connection.execute("ROLLBACK").fetchall()
            raise
        self.format = found.format.name
        return sink

    def rows(self, text: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(text, parameters or None).fetchall()

    def one(self, table: str, *columns: str, where: str = "TRUE") -> tuple[Any, ...]:
        (row,) = self.rows(f"SELECT {', '.join(columns)} FROM {table} WHERE {where}")
        return row
