"""Which rows does a file of any tabular kind hold?

Delimited text, sheets, Parquet, JSON and lines of text all become batches of text columns, so that one mapping reads
them all.
"""

from __future__ import annotations

import io
import itertools
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import fastexcel
import orjson
import polars as pl
import pyarrow.parquet

from ..errors import MappingError, UnreadableFileError
from . import delimited, envelopes, paths
from .delimited import Batch
from .jsoncolumns import Columns
from .people import hidden
from .readers import json_lots, lines, useful

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .ledger import Sink
    from .readers import Record, Source

    _Found = tuple[Record, list[str | None], str, tuple[Any, ...]]

BATCH_ROWS = 50_000
SHEET_ROWS = 1_048_576
"""Rows that a sheet can have: an export of exactly this many was cut."""
_EXACT_DIGITS = 15


@dataclass(frozen=True)
class Table:
    """The rows of a file, and what its columns are called."""

    names: tuple[str, ...]
    batches: Iterator[Batch]
    json: bool = False
    """Whether each record has columns of its own."""


def csv_table(source: Source, sink: Sink, *, encoding: str = "utf-8", delimiter: str | None = None) -> Table:
    """Return the rows of delimited text."""
    found = delimited.dialect(source.head, encoding=encoding, delimiter=delimiter)
    return Table(found.header, delimited.batches(source, sink, found))


def sheet_or_csv(source: Source, sink: Sink, *, wanted: Iterable[str], encoding: str) -> Table:
    """Return the rows of an export that comes as a workbook or as delimited text."""
    if source.head.startswith(b"PK"):
        return sheet_table(source, sink, wanted=wanted)
    return csv_table(source, sink, encoding=encoding)


def opened(table: Table, wanted: Iterable[str]) -> Table:
    """Return a table with further columns: values inside of cells that hold JSON, for paths that begin with a header.

    Parameters
    ----------
    table
        The rows.
    wanted
        What a mapping asks for: headers, and paths such as ``Content.level`` where there is a column ``Content``.
    """
    header = {name.strip().lower(): place for place, name in enumerate(table.names)}
    inside: list[tuple[str, int, str]] = []
    for path in wanted:
        ends = [found.start() for found in re.finditer(r"[.\[]", path)] if path.strip().lower() not in header else []
        outer = next((end for end in reversed(ends) if path[:end].strip().lower() in header), None)
        if outer is not None:
            inside.append((path, header[path[:outer].strip().lower()], path[outer:].removeprefix(".")))
    if not inside:
        return table
    return Table((*table.names, *(path for path, _, _ in inside)), _opened(table, inside))


def _opened(table: Table, inside: list[tuple[str, int, str]]) -> Iterator[Batch]:
    width = len(table.names)
    for batch in table.batches:
        columns = []
        for place in sorted({place for _, place, _ in inside}):
            wanted = [(width + number, path) for number, (_, one, path) in enumerate(inside) if one == place]
            made: list[list[str | None]] = [[], *([] for _ in wanted)]
            for text in batch.frame[f"c{place}"]:
                value = paths.document(text)
                made[0].append(as_text(_without(value, [path for _, path in wanted])))
                for column, (_, path) in zip(made[1:], wanted, strict=True):
                    column.append(as_text(paths.value(value, path)) if isinstance(value, dict | list) else None)
            for number, texts in zip((place, *(number for number, _ in wanted)), made, strict=True):
                columns.append(pl.Series(f"c{number}", texts, dtype=pl.String))
        yield replace(batch, frame=batch.frame.with_columns(columns))


def _without(value: Any, names: list[str]) -> Any:
    """Return what is left of a cell when its columns are taken out; null if nothing is."""
    if not isinstance(value, dict):
        return value
    return {name: content for name, content in value.items() if name not in names} or None


def long(table: Table, sink: Sink, *, wide: int, levels: int, null: list[str]) -> Table:
    """Return the cells of a table as rows of their own.

    Parameters
    ----------
    table
        The rows; their columns are things of one kind, such as the systems that a metric is of.
    sink
        Counts the cells instead of the rows.
    wide
        How many columns name the row.
    levels
        How many rows name the columns.
    null
        Words of cells that hold nothing.
    """
    rows = ("^row", *(f"^row{number}" for number in range(2, wide + 1)))
    names = ("^name", *(f"^name{number}" for number in range(2, levels + 1)))
    return Table((*rows, *names, "^value"), _cells(table, sink, wide=wide, levels=levels, null=null))


def _cells(table: Table, sink: Sink, *, wide: int, levels: int, null: list[str]) -> Iterator[Batch]:
    header = [table.names]
    for batch in table.batches:
        frame = batch.frame
        missing = levels - len(header)
        header += frame.head(missing).rows()
        frame = frame.with_row_index("place").slice(missing)
        keys = ["place", *(f"c{place}" for place in range(wide))]
        cells = frame.unpivot(index=keys, variable_name="column", value_name="value")
        cells = cells.filter(pl.col("value").is_not_null() & ~pl.col("value").is_in(null)).sort(
            "place", maintain_order=True
        )
        named = [
            cells["column"].replace_strict(
                {f"c{place}": level[place] for place in range(wide, len(table.names))}, return_dtype=pl.String
            )
            for level in header
        ]
        columns = [*(cells[key] for key in keys[1:]), *named, cells["value"]]
        # The rows were counted; their cells are the records.
        before = sink.counts["seen"] - batch.frame.height
        sink.counts["seen"] = before + cells.height
        origin = cells["place"].to_list()
        yield Batch(
            frame=pl.DataFrame([column.alias(f"c{place}") for place, column in enumerate(columns)]),
            numbers=pl.int_range(before + 1, before + cells.height + 1, eager=True),
            places=(lambda batch=batch, origin=origin: [batch.place(row) for row in origin])  # type: ignore[misc] # bound now
            if batch.places is not None
            else None,
            wrapped=batch.wrapped,
            padded=batch.padded,
        )


def headers(source: Source) -> list[tuple[str, ...]]:
    """Return the headers of a workbook, one a sheet, or of a Parquet file."""
    with source.open() as stream:
        content = stream.read()
    if content.startswith(b"PAR1"):
        return [tuple(_parquet(source).schema_arrow.names)]
    book = _book(source, content)
    with _legible(source):
        return [
            _header(book.load_sheet(name, header_row=None, n_rows=20, dtypes="string").to_polars())[1]
            for name in book.sheet_names
        ]


def _book(source: Source, content: bytes) -> fastexcel.ExcelReader:
    with _legible(source):
        return fastexcel.read_excel(content)


@contextmanager
def _legible(source: Source) -> Iterator[None]:
    """Say of a workbook that its parts cannot be read, in a sentence."""
    try:
        yield
    except fastexcel.FastExcelError as fault:
        raise UnreadableFileError(
            f"{source.name} cannot be read as a workbook: {str(fault).splitlines()[0]}. "
            "It may be encrypted: save it anew."
        ) from fault


def _header(frame: pl.DataFrame) -> tuple[int, tuple[str, ...]]:
    """Return the first row of a sheet with more than one cell, and its place."""
    rows = enumerate(frame.iter_rows())
    first = next((row for row, cells in rows if sum(cell is not None for cell in cells) > 1), 0)
    return first, tuple(cell or "" for cell in frame.row(first)) if frame.height else ()


def sheet_table(source: Source, sink: Sink, *, wanted: Iterable[str], sheet: str | None = None) -> Table:
    """Return the rows of one sheet of a workbook: the one named, or the one whose header has most of the wanted names.

    Cells come as text: a column of mixed types would be refused otherwise. Rows without any cell are no records.
    """
    with source.open() as stream:
        content = stream.read()
    book = _book(source, content)
    names = book.sheet_names
    if sheet is not None and sheet not in names:
        raise MappingError(f"{source.name} has no sheet {sheet!r}. Its sheets: {', '.join(names)}.")
    with _legible(source):
        sheets = {name: book.load_sheet(name, header_row=None, dtypes="string") for name in names}
    words = {word.strip().lower() for word in wanted}
    best: tuple[int, str, int, tuple[str, ...], pl.DataFrame] | None = None
    for name in [sheet] if sheet is not None else names:
        frame = sheets[name].to_polars()
        first, header = _header(frame)
        score = len(words & {cell.strip().lower() for cell in header})
        if best is None or score > best[0]:
            best = score, name, first, header, frame
    if best is None:
        return Table((), iter(()))
    _, chosen, first, header, frame = best
    sink.note(
        "sheets: "
        + ", ".join(f"{name} ({one.total_height} rows{', read' * (name == chosen)})" for name, one in sheets.items())
    )
    if frame.height >= SHEET_ROWS:
        sink.note(f"sheet {chosen} is full: {SHEET_ROWS:,} rows are all that a sheet can have, so the export was cut")
    return Table(header, _sheet_batches(frame, first, sink))


def _sheet_batches(frame: pl.DataFrame, header: int, sink: Sink) -> Iterator[Batch]:
    frame = frame.rename({name: f"c{place}" for place, name in enumerate(frame.columns)})
    for start in range(header + 1, frame.height, BATCH_ROWS):
        part = frame.slice(start, BATCH_ROWS)
        filled = pl.select(pl.any_horizontal([part[name].is_not_null() for name in part.columns])).to_series()
        places = [(start + row + 1, None, None, None) for row in filled.arg_true()]
        part = part.filter(filled)
        first = sink.seen(part.height)
        numbers = pl.int_range(first, first + part.height, eager=True)
        batch = Batch(part, numbers, lambda places=places: places)  # type: ignore[misc] # bound now, not at the end
        for name in part.columns:
            # A cell holds 15 digits; a longer id was rounded before it came here.
            long = part[name].str.contains(rf"^\d{{{_EXACT_DIGITS + 1},}}$").fill_null(value=False)
            for row in long.arg_true():
                record = batch.record(row)
                sink.flag(
                    "loads",
                    sink.load_id,
                    "lossy_number",
                    f"{part[name][row]} has more digits than a cell keeps",
                    record,
                )
        yield batch


def parquet_table(source: Source, sink: Sink) -> Table:
    """Return the rows of a Parquet file, times as ISO text."""
    file = _parquet(source)
    return Table(tuple(file.schema_arrow.names), _parquet_batches(source, file, sink))


def _parquet(source: Source) -> pyarrow.parquet.ParquetFile:
    with source.open() as stream:
        content = io.BytesIO(stream.read()) if source.packing is not None else source.path
        try:
            return pyarrow.parquet.ParquetFile(content)
        except (pyarrow.ArrowInvalid, OSError) as fault:
            raise UnreadableFileError(f"{source.name} cannot be read as Parquet: {fault}.") from fault


def _parquet_batches(source: Source, file: Any, sink: Sink) -> Iterator[Batch]:
    parts = file.iter_batches(BATCH_ROWS)
    while True:
        try:
            part = next(parts, None)
            if part is not None:
                part.validate(full=True)  # bytes that are no text would be read as text, and end the process
        except (pyarrow.ArrowInvalid, OSError) as fault:
            raise UnreadableFileError(f"{source.name} cannot be read as Parquet: {fault}. Export it again.") from fault
        if part is None:
            return
        frame = pl.DataFrame(pl.from_arrow(part))
        texts = pl.DataFrame([_as_text(frame[name]).alias(f"c{place}") for place, name in enumerate(frame.columns)])
        first = sink.seen(frame.height)
        yield Batch(texts, pl.int_range(first, first + frame.height, eager=True))


def _as_text(values: pl.Series) -> pl.Series:
    kind = values.dtype
    if isinstance(kind, pl.Datetime):
        zoned = kind.time_zone is not None
        utc = values.dt.convert_time_zone("UTC") if zoned else values
        return utc.dt.to_string(f"%Y-%m-%d %H:%M:%S%.f{'+0000' if zoned else ''}")
    if kind.is_nested():
        texts = [None if value is None else orjson.dumps(value, default=str).decode() for value in values.to_list()]
        return pl.Series(values.name, texts, dtype=pl.String)
    return values.cast(pl.String, strict=False)


@dataclass(frozen=True)
class JsonShape:
    """Where the records of a JSON file are, and which of their values are wanted."""

    wanted: tuple[str, ...]
    path: str | None = None
    recurse: str | None = None
    keys: frozenset[str] = frozenset()
    """Keys that make an object a record, even where it looks like an envelope."""
    objects: bool = False
    """Whether the records themselves are wanted, besides their values."""

    def is_record(self, document: dict[str, Any]) -> bool:
        """Tell whether an object is a record for its keys alone."""
        return bool(self.keys) and self.keys <= document.keys()


def json_table(source: Source, sink: Sink, shape: JsonShape) -> Table:
    """Return the records of a JSON file as rows: one column a wanted path, everything else as attributes."""
    return Table(shape.wanted, _json_batches(source, sink, shape), json=True)


def _json_batches(source: Source, sink: Sink, shape: JsonShape) -> Iterator[Batch]:
    taken = frozenset(one.split("[")[0] for one in shape.wanted) | {shape.recurse or ""}
    columns = Columns(shape.wanted, taken, sink)
    plain = shape.path is None and shape.recurse is None and not shape.objects
    found: list[_Found] = []
    for lot in json_lots(source, sink):
        if plain and (made := columns.of(lot.text)) is not None:
            frame, others = made
            first = sink.seen(frame.height)
            numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True)
            yield Batch(frame, numbers, lot.places, attributes=others)
            continue
        for record, parents in _json_values(useful(lot.documents(), sink, stop=shape.is_record), sink, shape):
            if not isinstance(record.value, dict):
                sink.reject(record, "UNKNOWN_SHAPE", f"a {type(record.value).__name__} where an object was wanted")
                continue
            # Most paths are keys of the record itself.
            held = record.value
            texts = [
                told
                if (told := held[one] if one in held else paths.value(held, one, parents)).__class__ is str
                else as_text(told)
                for one in shape.wanted
            ]
            rest = hidden(paths.flat(record.value, without=taken), sink.person)
            # In one order, whatever the order of the file: the same record is the same again.
            attributes = orjson.dumps(rest, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS).decode()
            found.append((record, texts, attributes, parents))
            if len(found) >= BATCH_ROWS:
                yield _json_batch(found, shape)
                found = []
    if found:
        yield _json_batch(found, shape)


def _json_batch(found: list[_Found], shape: JsonShape) -> Batch:
    columns = {f"c{place}": pl.String for place in range(len(shape.wanted))}
    return Batch(
        frame=pl.DataFrame([texts for _, texts, _, _ in found], schema=columns, orient="row"),
        numbers=pl.Series([record.number for record, _, _, _ in found], dtype=pl.Int64),
        places=lambda: [(record.line, record.offset, record.pointer, record.raw) for record, _, _, _ in found],
        values=[(record.value, parents) for record, _, _, parents in found],
        attributes=pl.Series("attributes", [rest for _, _, rest, _ in found], dtype=pl.String),
    )


def _json_values(documents: Iterable[Record], sink: Sink, shape: JsonShape) -> Iterator[tuple[Record, tuple[Any, ...]]]:
    """Yield each record, counted, with those that enclose it."""
    for document in documents:
        for pointer, value in json_records(document.value, shape):
            inside = paths.tree(value, shape.recurse) if shape.recurse else [(value, ())]
            for inner, parents in inside:
                yield sink.part(document, inner, pointer), parents


def json_records(document: Any, shape: JsonShape) -> Iterator[tuple[str, Any]]:
    """Yield each record of a document with the pointer that leads to it."""
    if shape.path is None:
        yield from envelopes.records(document, shape.is_record)
        return
    # Pages of an API are a list of documents, or lines of them.
    for place, page in enumerate(document) if isinstance(document, list) else [(None, document)]:
        for pointer, value in paths.every(page, shape.path):
            yield (pointer if place is None else f"/{place}{pointer}"), value


def as_text(value: Any) -> str | None:
    """Return a JSON value as the text that a mapping reads; ids that became floats are whole numbers again.

    Examples
    --------
    >>> as_text(7253394974479.0), as_text(True), as_text([1, 2])
    ('7253394974479', 'true', '[1,2]')
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def text_table(source: Source, sink: Sink, *, pattern: str, encoding: str = "utf-8") -> Table:
    """Return the lines of a text as rows, one column a named group of the pattern; other lines are rejected."""
    groups = pl.Series([""]).str.extract_groups(pattern).struct.fields
    return Table(tuple(groups), _text_batches(source, sink, pattern, encoding))


def _text_batches(source: Source, sink: Sink, pattern: str, encoding: str) -> Iterator[Batch]:
    records = lines(source, sink, encoding=encoding)
    while part := list(itertools.islice(records, BATCH_ROWS)):
        texts = pl.Series([record.value for record in part], dtype=pl.String)
        matched = texts.str.contains(pattern)
        for row in (~matched).arg_true():
            sink.reject(part[row], "SYNTAX", f"the line does not match {pattern}")
        kept = [part[row] for row in matched.arg_true()]
        frame = texts.filter(matched).str.extract_groups(pattern).struct.unnest()
        yield Batch(
            frame=frame.rename({name: f"c{place}" for place, name in enumerate(frame.columns)}),
            numbers=pl.Series([record.number for record in kept], dtype=pl.Int64),
            places=lambda kept=kept: [(one.line, one.offset, None, one.raw) for one in kept],  # type: ignore[misc] # bound now
        )
