"""How does a mapping turn the rows of a file into evidence?

The mapping packs in `mappings/` are formats like any other: a file is recognised by the keys or headers that its
mapping names. Formats that need more than a mapping bring their columns to a `Job`, and add what a mapping cannot say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from ..errors import MappingError
from . import batches, catalogues, paths, snapshots
from .columns import Typed, plan, typed
from .decisions import decided
from .delimited import Batch
from .detect import Format
from .mapping import KINDS, SYNONYMS, TARGETS, Column, Mapping, Nested, Rows, Values, mapping
from .targets import NEEDED, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from . import targets
    from .batches import Table
    from .detect import Detection
    from .ledger import Sink
    from .readers import Source

_SHAPES = {"csv": "csv", "jsonl": "json", "json": "json", "xlsx": "xlsx", "parquet": "parquet", "text": "text"}


@dataclass(frozen=True)
class Job:
    """One file, read in one way."""

    source: Source
    sink: Sink
    target: str
    platform: str
    columns: dict[str, Column]
    values: Values = field(default_factory=Values)
    rows: Rows = field(default_factory=Rows)
    nested: dict[str, Nested] = field(default_factory=dict)
    assume_utc: bool = False
    """Whether times without a zone are read as UTC, and flagged, rather than refused."""
    people: frozenset[str] = frozenset()
    """Columns of the file that hold people, in lower case, besides those that are known by their names."""
    after: Callable[[Typed], Typed] | None = None
    """What a mapping cannot say of the columns of a batch."""
    more: Callable[[pl.DataFrame, Typed], Iterable[targets.Rows]] | None = None
    """Rows of other tables that follow from the whole rows of a batch."""

    def run(self, table: Table) -> None:
        """Load all rows of a table."""
        if not table.names:
            self.sink.note("the file is empty")
            return
        made = plan(
            self.columns,
            table.names,
            file=self.source.name,
            values=self.values,
            zone=self.sink.timezone or self.values.timezone,
            assume_utc=self.assume_utc,
            coalesce=table.json,
            people=self.people,
        )
        for certain, batch, known in decided(table.batches, made, self.sink):
            read = typed(batch, certain, self.sink, known=known)
            self._write(self.after(read) if self.after is not None else read)
            for nested in self.nested.values():
                self._write_nested(batch, read, nested)
        if self.rows.mode == "snapshots":
            snapshots.settle(self.sink)
            snapshots.derive(self.sink.connection, self.sink.load_id, track=tuple(self.rows.track))

    def _write(self, read: Typed) -> None:
        if read.frame.is_empty():
            return
        if self.rows.mode == "snapshots":
            uids, doubts = snapshots.keep(self.sink, read, platform=self.platform, track=tuple(self.rows.track))
            replace(read, doubts=[*read.doubts, *doubts]).flag(self.sink, "tickets", uids)
            return
        frame = read.frame.with_columns(read.attributes(self.sink).alias("attributes"))
        found = whole(self.target, frame, self.sink, platform=self.platform)
        self.sink.load_frame(found.rows.table, found.rows.frame)
        more = self.more(found.rows.frame, read) if self.more is not None else ()
        for rows in (*found.more, *more):
            if rows.table == "system_aliases":
                self._accept(rows.frame)
            elif rows.frame.height:
                self.sink.load_frame(rows.table, rows.frame, primary=False)
        doubts = [*read.doubts, *found.doubts]
        replace(read, doubts=doubts).flag(self.sink, found.rows.table, found.rows.frame[found.uid])

    def _accept(self, aliases: pl.DataFrame) -> None:
        """Write other names of systems; they belong to no record, so that they stay when a file is loaded again."""
        self.sink.connection.register("aliases_said", aliases.drop("record_no").unique(maintain_order=True))
        self.sink.connection.execute(
            """
            INSERT INTO system_aliases BY NAME
            SELECT said.* FROM aliases_said AS said ANTI JOIN system_aliases AS kept USING (alias, system, match)
            """
        ).fetchall()
        self.sink.connection.unregister("aliases_said")

    def _write_nested(self, batch: Batch, read: Typed, nested: Nested) -> None:
        """Load the items of a list inside of each record as further rows; one without what it needs is left out."""
        wanted = tuple(dict.fromkeys(one for column in nested.column.values() for one in sources(column)))
        numbers: list[int] = []
        texts: list[list[str | None]] = []
        origins: list[int] = []
        # Rows of a table, read with a mapping for JSON, hold no lists.
        for row in read.kept.arg_true() if batch.values else ():
            value, parents = batch.values[row]
            for _, item in paths.every(value, nested.path):
                origins.append(row)
                numbers.append(int(batch.numbers[row]))
                texts.append([batches.as_text(paths.value(item, one, (*parents, value))) for one in wanted])
        if not texts:
            return
        frame = pl.DataFrame(texts, schema={f"c{place}": pl.String for place in range(len(wanted))}, orient="row")
        inner = Batch(frame, pl.Series(numbers, dtype=pl.Int64), lambda: [batch.place(row) for row in origins])
        columns = {name: msgspec.structs.replace(column, required=False) for name, column in nested.column.items()}
        made = plan(
            columns,
            wanted,
            file=self.source.name,
            values=self.values,
            zone=self.sink.timezone or self.values.timezone,
            assume_utc=self.assume_utc,
            coalesce=True,
        )
        items = typed(inner, made, self.sink, strict=False)
        needed = [name for name in NEEDED[nested.target] if name in items.frame.columns]
        complete = items.frame.select(pl.all_horizontal(pl.col(needed).is_not_null())).to_series()
        frame = items.frame.with_columns(items.attributes(self.sink).alias("attributes")).filter(complete)
        found = whole(nested.target, frame, self.sink, platform=self.platform)
        self.sink.load_frame(found.rows.table, found.rows.frame, primary=False)
        for row in (~complete).arg_true():
            self.sink.flag(
                nested.target,
                None,
                "incomplete_item",
                f"an item of {nested.path} has not all of {needed}",
                inner.record(row),
            )


def sources(column: Column) -> list[str]:
    """Return the columns of a file that a column reads."""
    if column.template is not None:
        return [piece.partition("}")[0] for piece in column.template.split("{")[1:]]
    return column.sources


def table_of(source: Source, sink: Sink, said: Mapping, found: Detection) -> Table:
    """Return the rows of a file: as the mapping's reader reads them, or as the workbook or Parquet file that it is."""
    head = said.mapping
    wanted = tuple(dict.fromkeys(one for column in said.column.values() for one in sources(column)))
    if source.head.startswith(b"PK"):
        return batches.opened(batches.sheet_table(source, sink, wanted=wanted, sheet=head.sheet), wanted)
    if source.head.startswith(b"PAR1"):
        return batches.opened(batches.parquet_table(source, sink), wanted)
    match head.reader:
        case "csv" | "xlsx" | "parquet":
            encoding = head.csv.encoding or found.encoding
            rows = batches.csv_table(source, sink, encoding=encoding, delimiter=head.csv.delimiter)
            if head.records.wide is not None:
                rows = batches.long(
                    rows, sink, wide=head.records.wide, levels=head.records.header_rows, null=head.values.null
                )
            return batches.opened(rows, wanted)
        case "text":
            return batches.text_table(source, sink, pattern=head.pattern or "", encoding=found.encoding)
        case _:
            keys = frozenset(head.match.keys_all)
            nested = bool(said.nested)
            shape = batches.JsonShape(wanted, head.records.path, head.records.recurse, keys, objects=nested)
            return batches.json_table(source, sink, shape)


def table_columns(sink: Sink, table: str) -> set[str]:
    """Return the names of the columns of a table."""
    rows = sink.connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = $table", {"table": table}
    ).fetchall()
    return {name for (name,) in rows}


def parse(source: Source, sink: Sink, found: Detection, *, said: Mapping) -> None:
    """Load a file as a mapping says."""
    head = said.mapping
    target = "ticket_events" if head.rows.mode == "changes" else head.target
    job = Job(
        source=source,
        sink=sink,
        target=target,
        platform=head.platform or said.name,
        columns=_columns(said, target, table_columns(sink, TARGETS[target]), workbook=source.head.startswith(b"PK")),
        values=head.values,
        rows=msgspec.structs.replace(head.rows, track=[SYNONYMS.get(name, name) for name in head.rows.track]),
        nested=said.nested,
    )
    job.run(table_of(source, sink, said, found))


def _columns(said: Mapping, target: str, known: set[str], *, workbook: bool) -> dict[str, Column]:
    """Return the columns of a mapping under the names of the table, with those that its rows imply."""
    rows = said.mapping.rows
    columns = dict(said.column)
    if rows.key is not None:
        columns.setdefault("ticket_id", Column(source=rows.key, required=True))
    if rows.mode == "snapshots":
        counted = [name for name in rows.order_by if SYNONYMS.get(name, name) not in {"updated_at", "changed_at"}]
        for name in counted[:1]:
            columns.setdefault("sequence", columns.pop(name, Column(source=name, type="int")))
    named = said.named(columns, target, known)
    missing = [name for name in NEEDED[target] if name not in named]
    if missing:
        raise MappingError(f"{said.name}: a mapping to {target} needs [column.{missing[0]}].")
    if workbook:
        # A cell that holds a time without saying so is a number of days.
        named = {
            name: msgspec.structs.replace(column, formats=[*column.time_formats, "excel"])
            if column.type == "time"
            else column
            for name, column in named.items()
        }
    return named


def mapped(said: Any) -> Format:
    """Return the format that a mapping describes: a path, TOML text, dictionaries or a mapping that was read."""
    read = mapping(said)
    head = read.mapping
    is_json = head.reader in {"json", "jsonl"}
    keys = frozenset(head.match.keys_all)
    return Format(
        name=read.name,
        kind=KINDS[head.target],
        shape=_SHAPES[head.reader],
        parse=partial(parse, said=read),
        keys=keys if is_json else frozenset(),
        any_keys=frozenset(head.match.keys_any) if is_json else frozenset(),
        contains=tuple(head.match.contains) if is_json else (),
        header=frozenset() if is_json else frozenset(key.strip().lower() for key in keys),
    )


def packs() -> Iterable[Mapping]:
    """Yield the mapping packs that come with the library, in the order of their names."""
    home = files(__package__).joinpath("mappings")
    for entry in sorted(home.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            yield mapping(entry.read_text(encoding="utf-8") + "\n", file=entry.name)


FORMATS = (*(mapped(pack) for pack in packs()), catalogues.FORMAT)
