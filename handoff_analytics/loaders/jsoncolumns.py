"""How do thousands of JSON records become columns without becoming objects first?

Most exports of JSON lines hold the same plain fields in every line. Arrow makes columns of such lines, and whole
columns are looked at. Where a lot of lines holds anything that columns would change (a key that occurs twice, a number
beyond 53 bits, a list of objects, an envelope), nothing of it is taken, and it is read record by record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.json

from . import envelopes
from .columns import hashed, json_objects
from .people import is_person
from .structure import DEEPEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .ledger import Sink

_BLOCK_BYTES = 1 << 20
_TRIES = 3
# Between these every program writes a number in the same way.
_SMALLEST, _LARGEST = 1e-4, 1e15
_WHOLE = (pl.Int64, pl.Boolean)


class OddError(Exception):
    """Something that columns would change."""


class Columns:
    """The lines of one file, many at a time.

    Parameters
    ----------
    wanted
        Paths of the values that become columns.
    taken
        Paths that are left out of the attributes.
    sink
        Hashes people.
    """

    def __init__(self, wanted: Sequence[str], taken: frozenset[str], sink: Sink) -> None:
        self._sink = sink
        self._wanted = wanted
        self._taken = taken
        self._shape = pa.schema([])
        self._read = self._refused = 0

    def of(self, text: bytes) -> tuple[pl.DataFrame, pl.Series] | None:
        """Return the wanted values of some lines as text, and all else as JSON objects; null where they are odd.

        Parameters
        ----------
        text
            Whole lines, each a document.
        """
        if not text or (self._refused >= _TRIES and not self._read):
            return None
        try:
            table = self._table(text)
            made = self._texts(table), self._rest(table)
        except (OddError, UnicodeDecodeError, pa.ArrowException):
            self._refused += 1
            return None
        self._read += 1
        return made

    def _table(self, text: bytes) -> pa.Table:
        lines = text.count(b"\n") + (not text.endswith(b"\n"))
        between = text.count(b"}\n{") + text.count(b"}\r\n{")
        # In JSON no object follows another without a comma: where lines look so, each is a document or none is.
        if between != lines - 1 or text[:1] != b"{" or text.rstrip(b"\r\n")[-1:] != b"}":
            raise OddError
        if text.count(b"{") + text.count(b"[") > lines:
            one_by_one = text.split(b"\n")
            if max(line.count(b"{") + line.count(b"[") for line in one_by_one) > DEEPEST:
                raise OddError
            longest = max(map(len, one_by_one))
        else:
            longest = 0 if lines > len(text) / _BLOCK_BYTES * 64 else max(map(len, text.split(b"\n")))
        if not text.isascii():
            text.decode()
        options = pyarrow.json.ReadOptions(block_size=max(_BLOCK_BYTES, longest + 2))
        table = self._parsed(text, options)
        dated = _dated(table.schema)
        if dated != table.schema:
            # What looks like times was read as such: they are wanted as they are written.
            self._shape = pa.unify_schemas([self._shape, pa.schema([f for f in dated if f not in set(table.schema)])])
            table = self._parsed(text, options)
            if _dated(table.schema) != table.schema:
                raise OddError
        if table.num_rows != lines or not envelopes.are_bare(table.column_names):
            raise OddError
        return table

    def _parsed(self, text: bytes, options: pyarrow.json.ReadOptions) -> pa.Table:
        shape = pyarrow.json.ParseOptions(explicit_schema=self._shape)
        return pyarrow.json.read_json(pa.BufferReader(text), read_options=options, parse_options=shape)

    def _texts(self, table: pa.Table) -> pl.DataFrame:
        columns = []
        for place, path in enumerate(self._wanted):
            found = _found(table, path)
            values = pl.Series([None], dtype=pl.String).new_from_index(0, table.num_rows)
            if found is not None:
                values = _as_text(_series(found))
            columns.append(values.alias(f"c{place}"))
        return pl.DataFrame(columns)

    def _rest(self, table: pa.Table) -> pl.Series:
        fields = dict(sorted(_flat(table.column_names, table.column, self._taken, "")))
        if not fields:
            return pl.Series("attributes", ["{}"]).new_from_index(0, table.num_rows)
        written = {name: _as_written(values) for name, values in fields.items()}
        for name, values in written.items():
            if values.dtype != pl.Boolean and is_person(name):
                if values.dtype not in {pl.String, pl.Int64}:
                    raise OddError
                written[name] = hashed(values.cast(pl.String), self._sink)
        return json_objects(written).alias("attributes")


def _series(values: pa.ChunkedArray) -> pl.Series:
    return pl.Series(pl.from_arrow(values))


def _dated(schema: pa.Schema) -> pa.Schema:
    """Return a schema with texts where there are times."""
    return pa.schema([field.with_type(_text_for_times(field.type)) for field in schema])


def _text_for_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_text_for_times(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_text_for_times(field.type)) for field in kind])
    return kind


def _found(table: pa.Table, path: str) -> pa.ChunkedArray | None:
    """Return the column at a path; null where no record has one.

    Raises
    ------
    OddError
        If records may have it in different places, or inside of a text or a list.
    """
    if path.startswith("^") or "[" in path:
        raise OddError
    names = table.column_names
    outer = [name for name in names if name == path or path.startswith(f"{name}.") or name.lower() == path.lower()]
    if not outer:
        return None
    if len(outer) > 1 or (outer[0] != path and not path.startswith(f"{outer[0]}.")):
        raise OddError
    column = table.column(outer[0])
    if outer[0] == path:
        if pa.types.is_nested(column.type):
            raise OddError
        return column
    if not pa.types.is_struct(column.type):
        raise OddError
    inside = pa.Table.from_arrays(column.combine_chunks().flatten(), names=[field.name for field in column.type])
    return _found(inside, path.removeprefix(f"{outer[0]}."))


def _flat(
    names: Sequence[str], column: Callable[[str], pa.ChunkedArray], taken: frozenset[str], prefix: str
) -> Iterator[tuple[str, pl.Series]]:
    """Yield all columns that are not taken, those inside of objects under dotted names."""
    seen = set()
    for name in names:
        path = f"{prefix}{name}"
        kind = column(name).type
        if path in taken or pa.types.is_null(kind):
            continue
        if pa.types.is_struct(kind):
            parts = dict(zip([field.name for field in kind], column(name).combine_chunks().flatten(), strict=True))
            inside = _flat(list(parts), lambda one, parts=parts: pa.chunked_array([parts[one]]), taken, f"{path}.")  # type: ignore[misc] # bound now
        else:
            inside = iter([(path, _series(column(name)))])
        for inner, values in inside:
            if inner in seen:
                raise OddError
            seen.add(inner)
            yield inner, values


def _as_text(values: pl.Series) -> pl.Series:
    """Return a column as the texts that a mapping reads; numbers that are whole are written so."""
    if values.dtype == pl.Float64:
        _check(values)
        whole = values == values.round()
        return values.cast(pl.String).zip_with(~whole, values.set(~whole, None).cast(pl.Int64).cast(pl.String))
    return values.cast(pl.String)


def _as_written(values: pl.Series) -> pl.Series:
    """Return a column as JSON shows it, null where there is nothing."""
    kind = values.dtype
    if kind == pl.String:
        nothing = values == ""
        return values.set(nothing, None) if nothing.any() else values
    if kind == pl.Float64:
        _check(values)
        # Of a column that is not whole throughout, 3 and 3.0 are the same here.
        if (values == values.round()).any():
            raise OddError
        return values
    if isinstance(kind, pl.List):
        if kind.inner not in {pl.String, *_WHOLE}:
            raise OddError
        nothing = values.list.len() == 0
        return values.set(nothing, None) if nothing.any() else values
    if kind not in _WHOLE:
        raise OddError
    return values


def _check(numbers: pl.Series) -> None:
    """Refuse numbers that programs write in different ways, or that are none."""
    size = numbers.abs()
    if not ((size == 0) | ((size >= _SMALLEST) & (size < _LARGEST))).all():
        raise OddError
