"""What do the attributes of thousands of spans say, as columns and as JSON?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ..people import is_person
from .attributes import as_it_is
from .otlp_values import UNUSABLE, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Places = np.ndarray[Any, np.dtype[np.int64]]

_TEXT = pa.string()
_PLAIN = [("stringValue", _TEXT), ("intValue", _TEXT), ("doubleValue", pa.float64()), ("boolValue", pa.bool_())]
_ARRAY = pa.struct([("values", pa.list_(pa.struct(_PLAIN)))])
_VALUE = pa.struct([*_PLAIN, ("arrayValue", _ARRAY)])
ATTRIBUTES = pa.list_(pa.struct([("key", _TEXT), ("value", _VALUE)]))
"""Attributes as the specification shows them; those that hold maps or bytes are not read in lots."""
_STRING, _INTEGER, _REAL, _TRUTH, _LIST = range(5)
_WHOLE = r"^-?(?:0|[1-9][0-9]{0,17})$"
_ESCAPED = r'["\\\x00-\x1f]'
# Orders of names are written as texts of one letter a name, from here on.
_FIRST_LETTER, _MOST_NAMES = 0x4E00, 0x5000


class OddError(Exception):
    """Something that is not as the specification shows it: it is read one by one."""


def flattened(lists: pa.ListArray) -> tuple[pa.StructArray, Places]:
    """Return what lists hold, and the list that each is of."""
    inside = lists.flatten()
    if inside.null_count:
        raise OddError
    return inside, pc.list_parent_indices(lists).to_numpy().astype(np.int64)


def held(lists: pa.ListArray) -> Places:
    """Return how many things each list holds."""
    return pl.Series(pl.from_arrow(pc.list_value_length(lists)), dtype=pl.Int64).fill_null(0).to_numpy()


def as_arrow(numbers: Places) -> pa.Array:
    """Return numbers as Arrow has them; its own ways look for pandas, which takes a second where it is installed."""
    return pl.Series(numbers).to_arrow()


def texts(
    structs: pa.StructArray, name: str | list[str], length: int | None = None, *, empty: bool = False
) -> pl.Series:
    """Return a field that is text; empty texts as null, unless they are wanted.

    Raises
    ------
    OddError
        If one is of another length, or of zeros only, where a length is wanted.
    """
    written = pl.Series(pl.from_arrow(pc.struct_field(structs, name)), dtype=pl.String)
    if not empty and (written == "").any():
        written = written.set(written == "", None)
    if length is not None and not ((written.str.len_bytes() == length) & (written != "0" * length)).all():
        raise OddError
    return written


def pruned(value: Any) -> Any:
    """Return a value without the fields that Arrow adds where others have them."""
    if isinstance(value, dict):
        return {name: pruned(one) for name, one in value.items() if one is not None}
    return [pruned(one) for one in value] if isinstance(value, list) else value


def _arrays(held: list[Any]) -> list[Any]:
    try:
        return [said({"arrayValue": pruned(one)}) for one in held]
    except UNUSABLE as fault:
        raise OddError from fault


class Attributes:
    """The attributes of many spans or resources.

    Parameters
    ----------
    lists
        Attributes, a list of them each span.
    person
        What makes of a person's name what may be stored.
    hashed
        Whether people are hashed here.
    """

    def __init__(self, lists: pa.ListArray, person: Callable[[str | None], str | None], *, hashed: bool) -> None:
        flat, owners = flattened(lists)
        lengths = held(lists)
        self._offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        keys = pc.struct_field(flat, "key")
        if keys.null_count:
            raise OddError
        coded = keys.dictionary_encode()
        self._names: list[str] = coded.dictionary.to_pylist()
        self._codes = coded.indices.to_numpy().astype(np.int64)
        told = pl.Series(owners * max(len(self._names), 1) + self._codes)
        if len(self._names) > _MOST_NAMES or told.n_unique() != told.len():
            raise OddError
        if any(name.startswith("otel.scope.") for name in self._names):
            raise OddError
        value = pc.struct_field(flat, "value")
        self._fields = [pc.struct_field(value, field.name) for field in _VALUE]
        there = np.stack([field.is_valid().to_numpy(zero_copy_only=False) for field in self._fields])
        if not (there.sum(axis=0) == 1).all():
            raise OddError
        self._kinds = there.argmax(axis=0)
        self._strings = pl.Series(pl.from_arrow(self._fields[_STRING]), dtype=pl.String)
        self._written = self._as_json()
        if hashed:
            self._hash(person)

    def _as_json(self) -> pl.Series:
        """Return each value as JSON."""
        whole = pl.Series(pl.from_arrow(self._fields[_INTEGER]), dtype=pl.String)
        if whole.null_count() < whole.len() and not whole.str.contains(_WHOLE).all():
            raise OddError
        written = pl.select(pl.coalesce(pl.concat_str(pl.lit('"'), self._strings, pl.lit('"')), whole)).to_series()
        if written.len() != self._strings.len():
            written = pl.Series([], dtype=pl.String)
        escaped = self._strings.str.contains(_ESCAPED).fill_null(value=False).arg_true()
        places: list[int] = escaped.to_list()
        made = [orjson.dumps(text).decode() for text in self._strings.gather(escaped)]
        for kind in (_REAL, _TRUTH, _LIST):
            rows = np.flatnonzero(self._kinds == kind)
            if len(rows):
                told = self._fields[kind].take(as_arrow(rows)).to_pylist()
                if kind == _LIST:
                    told = _arrays(told)
                elif kind == _REAL and not np.isfinite(told).all():
                    raise OddError
                places += rows.tolist()
                made += [orjson.dumps(one).decode() for one in told]
        return written.scatter(places, made) if places else written

    def _hash(self, person: Callable[[str | None], str | None]) -> None:
        """Put hashes in the place of people."""
        for code, name in enumerate(self._names):
            if is_person(name):
                rows = np.flatnonzero(self._codes == code)
                if not np.isin(self._kinds[rows], (_STRING, _INTEGER)).all():
                    raise OddError
                held = [
                    one if isinstance(one, str) else str(one) for one in map(orjson.loads, self._written.gather(rows))
                ]
                made = [orjson.dumps(person(one) if one else one).decode() for one in held]
                self._written = self._written.scatter(rows, made)

    def orders(self) -> tuple[list[tuple[str, ...]], Places]:
        """Return the orders of names that occur, and which of them each span has."""
        letters = pl.Series([chr(_FIRST_LETTER + code) for code in range(len(self._names))], dtype=pl.String)
        coded = self._joined(letters.gather(self._codes), "").dictionary_encode()
        orders = [
            tuple(self._names[ord(letter) - _FIRST_LETTER] for letter in order)
            for order in coded.dictionary.to_pylist()
        ]
        return orders, coded.indices.to_numpy().astype(np.int64)

    def values(
        self,
        rows: Places,
        place: int,
        read: Callable[[Any], Any],
        person: Callable[[str | None], str | None] | None,
    ) -> pl.Series:
        """Return what the attribute at some place says in some spans; null where it says nothing."""
        at = self._offsets[rows] + place
        kinds = self._kinds[at]
        kind = int(kinds[0])
        if not (kinds == kind).all() or kind == _LIST:
            raise OddError
        if kind == _STRING and read is as_it_is and person is None:
            given = self._strings.gather(at)
            return given.set(given == "", None) if (given == "").any() else given
        coded = self._fields[kind].take(as_arrow(at)).dictionary_encode()
        held = [int(one) if kind == _INTEGER else one for one in coded.dictionary.to_pylist()]
        made = [None if one == "" else read(one) for one in held]
        if person is not None:
            made = [person(one) for one in made]
        return pl.Series(made).gather(coded.indices.to_numpy())

    def objects(self, more: Sequence[dict[str, Any]] = (), more_of: Places | None = None) -> pl.Series:
        """Return the attributes of each span as one JSON object, with more at its end.

        Parameters
        ----------
        more
            What to add to spans: attributes by name.
        more_of
            Which of these each span is given.
        """
        names = pl.Series([orjson.dumps(name).decode() + ":" for name in self._names], dtype=pl.String)
        joined = pl.Series(pl.from_arrow(self._joined(names.gather(self._codes) + self._written, ",")), dtype=pl.String)
        ends = pl.Series(["}" if not one else "," + orjson.dumps(one).decode()[1:] for one in more], dtype=pl.String)
        end: Any = pl.lit("}") if more_of is None else ends.gather(more_of)
        made = pl.select(pl.concat_str(pl.lit("{"), joined, end)).to_series()
        if (joined == "").any():
            made = made.str.replace(r"^\{,", "{")
        return made if joined.len() else joined

    def _joined(self, parts: pl.Series, between: str) -> pa.Array:
        lists = pa.ListArray.from_arrays(as_arrow(self._offsets).cast(pa.int32()), parts.to_arrow().cast(_TEXT))
        return pc.binary_join(lists, between)
