"""How do rows of which each says little become columns?

A table has forty columns, and most rows fill fifteen. What every row has is a list; what few rows have is kept as
places and values; what holds for a whole process is kept once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl

from ..settling import schemas
from .attributes import described, first
from .otlp_values import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OF_RESOURCE: dict[str, pl.DataType] = dict.fromkeys(
    ("system", "namespace", "host", "platform", "workflow", "resource"), pl.String()
)


class Gathering:
    """The rows of one batch of one table."""

    def __init__(self, table: str) -> None:
        self._schema = schemas()[table]
        self._resources: list[dict[str, str | None]] = []
        self._sparse: dict[str, tuple[list[int], list[Any]]] = {}
        self._pieces: dict[str, list[tuple[Any, pl.Series]]] = {}

    def enter(self, resource: Mapping[str, Any]) -> int:
        """Return the place of a resource among those of the batch."""
        columns = described(resource)
        columns["system"] = first(resource, ("service.name",)) or "unknown"
        columns["resource"] = orjson.dumps(resource).decode()
        self._resources.append(columns)
        return len(self._resources) - 1

    def fill(self, column: str, rows: Sequence[int], values: Sequence[Any]) -> None:
        """Fill a column in some rows; columns that the table does not have are left to the attributes."""
        if column in self._schema:
            known = self._sparse.get(column)
            if known is None:
                known = self._sparse[column] = ([], [])
            known[0].extend(rows)
            known[1].extend(values)

    def fill_series(self, column: str, rows: Any, values: pl.Series) -> None:
        """Fill a column in some rows, an array of them, with a series."""
        if column in self._schema:
            self._pieces.setdefault(column, []).append((rows, values.cast(self._schema[column])))

    def frame(
        self, dense: Mapping[str, Sequence[Any] | pl.Series], resource_of: Sequence[int] | pl.Series
    ) -> pl.DataFrame:
        """Return the batch; what a row says goes before what its resource says."""
        columns = {
            name: values.alias(name) if isinstance(values, pl.Series) else series(name, values, self._schema[name])
            for name, values in dense.items()
        }
        places = pl.Series(resource_of, dtype=pl.UInt32, strict=False)
        resources = pl.DataFrame(self._resources, schema=_OF_RESOURCE)
        for name in _OF_RESOURCE:
            if name in self._schema and resources[name].null_count() < resources.height:
                columns[name] = resources[name].gather(places)
        empty = pl.Series([None])
        for name, (rows, values) in self._sparse.items():
            before = columns.get(name, empty.cast(self._schema[name]).new_from_index(0, places.len()))
            columns[name] = before.scatter(rows, series(name, values, self._schema[name])).alias(name)
        for name, pieces in self._pieces.items():
            before = columns.get(name, empty.cast(self._schema[name]).new_from_index(0, places.len()))
            places_of = np.concatenate([rows for rows, _ in pieces])
            columns[name] = before.scatter(places_of, pl.concat([values for _, values in pieces])).alias(name)
        return pl.DataFrame(columns)


def series(name: str, values: Sequence[Any], kind: pl.DataType) -> pl.Series:
    """Return a column; what should be text and is none is written as text."""
    if values and isinstance(values[0], bytes):
        return pl.Series(name, values, dtype=pl.Binary).cast(pl.String)
    try:
        return pl.Series(name, values, dtype=kind, strict=True)
    except TypeError:
        return pl.Series(name, [None if value is None else as_text(value) for value in values], dtype=kind)
