"""Which documents does a table of raw API answers hold?

DevLake and its like keep what an API answered in one column of a table: each row of the CSV is a JSON document.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO, cast

from .containers import Source

if TYPE_CHECKING:
    from collections.abc import Generator

_COLUMNS = frozenset(("params", "data", "url", "input"))
_LONGEST_CELL_BYTES = 64 << 20


def opened(source: Source) -> Source:
    """Return the documents of a table of raw answers as JSON lines; any other source as it is.

    Parameters
    ----------
    source
        The file.
    """
    first = source.head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    names = [name.strip().strip('"').lower() for name in first.decode("utf-8", "replace").split(",")]
    return _Documents(source, names.index("data")) if set(names) >= _COLUMNS else source


class _Documents(Source):
    """The documents in one column of a table, a line each."""

    def __init__(self, table: Source, column: int) -> None:
        super().__init__(table.name, table.path, table.container, table.member, given=table.given)
        self._table = table
        self._column = column

    def open(self) -> BinaryIO:
        """Open the documents; line numbers are those of the rows."""
        return cast("BinaryIO", io.BufferedReader(_Joined(self._lines())))

    def _lines(self) -> Generator[bytes]:
        csv.field_size_limit(_LONGEST_CELL_BYTES)
        with self._table.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="") as text:
            rows = csv.reader(text)
            next(rows, None)
            yield b"\n"  # in place of the header, so that row and line have one number
            for row in rows:
                cell = row[self._column] if len(row) > self._column else ""
                # Line feeds between the parts of a document mean nothing; inside of texts they are escaped.
                yield cell.replace("\n", " ").replace("\r", " ").encode() + b"\n"
        self.fault = self._table.fault


class _Joined(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override] # any buffer, as io calls it
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def close(self) -> None:
        self._pieces.close()
        super().close()
