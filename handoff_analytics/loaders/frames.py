"""Do the rows of a loader fit the columns of a table?

Loaders hand over dictionaries. Nearly all of them become columns at once; where one value does not fit, the rows are
looked at one by one, and only the row at fault is refused.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INTEGERS = {"Int64": range(-(2**63), 2**63), "Int32": range(-(2**31), 2**31)}
_UNFIT = (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError)


class Unfit(NamedTuple):
    """A row with a value that fits no column."""

    place: int
    column: str
    reason: str


def framed(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, pl.DataType]) -> tuple[pl.DataFrame, list[Unfit]]:
    """Return rows as columns, without those that have a value which fits no column, and these.

    Parameters
    ----------
    rows
        The rows, in order; a column that a row does not name is null in it.
    schema
        The columns that there are.

    Raises
    ------
    KeyError
        If a row names a column that does not exist: a fault of the loader.
    """
    names = {name for row in rows for name in row}
    if unknown := names - schema.keys():
        raise KeyError(f"no columns {sorted(unknown)}; there are {sorted(schema)}")
    columns: dict[str, pl.Series] = {}
    bad: dict[int, Unfit] = {}
    for name in (name for name in schema if name in names):
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pl.Series(name, values, dtype=schema[name], strict=True)
        except _UNFIT:
            fitted = []
            for place, value in enumerate(values):
                try:
                    fitted.append(_fitting(value, schema[name]))
                except _UNFIT as fault:
                    fitted.append(None)
                    bad.setdefault(place, Unfit(place, name, str(fault)))
            columns[name] = pl.Series(name, fitted, dtype=schema[name], strict=True)
    frame = pl.DataFrame(columns, height=len(rows))
    if bad:
        frame = frame.filter(pl.Series([place not in bad for place in range(len(rows))]))
    return frame, list(bad.values())


def _fitting(value: Any, kind: pl.DataType) -> Any:
    """Return a value as a column takes it, or say why it cannot."""
    if value is None:
        return None
    if isinstance(kind, pl.String):
        return _text(value)
    if isinstance(kind, pl.Datetime):
        if not isinstance(value, datetime) or value.tzinfo is not None:
            raise TypeError(f"{value!r} is no time in UTC")
        return value
    if isinstance(kind, pl.Boolean):
        if value not in {True, False}:
            raise TypeError(f"{value!r} is neither true nor false")
        return bool(value)
    number = float(value) if not isinstance(value, int) else value
    if isinstance(kind, pl.Float64):
        return float(number)
    if isinstance(number, float):
        if not math.isfinite(number) or not number.is_integer():
            raise ValueError(f"{value!r} is no whole number")
        number = int(number)
    limits = _INTEGERS[str(kind)]
    if number not in limits:
        raise OverflowError(f"{value} is beyond {limits.stop - 1}")
    return int(number)


def _text(value: Any) -> str:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        case _:
            return str(value)
