"""What do the columns of an extended log file mean?

IIS and content networks name their columns in a line that begins with `#Fields:`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from .entries import Entry
    from .fields import Reader

_DIRECTIVE = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)*")
_VALUE = re.compile(r'"[^"]*"|[^\s"]\S*')


class Directives:
    """The column names that a file has given so far."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def read(self, line: str) -> bool:
        """Read a line that begins with a number sign; tell whether it is a directive."""
        name, colon, value = line[1:].partition(":")
        if not colon or not _DIRECTIVE.fullmatch(name):
            return False
        if name == "Fields":
            self._names = value.split()
        return True

    def entry(self, line: str, reader: Reader) -> Entry | None:
        """Return what a line says, if columns have been named and it has as many."""
        values = line.split("\t") if "\t" in line else line.split(" ")
        if self._names and len(values) != len(self._names):
            values = [quoted[1:-1] if quoted[:1] == '"' else quoted for quoted in _VALUE.findall(line)]
        if not self._names or len(values) != len(self._names):
            return None
        fields = {name: unquote(value) for name, value in zip(self._names, values, strict=True) if value != "-"}
        if "date" in fields and "time" in fields:
            fields["@timestamp"] = f"{fields.pop('date')}T{fields.pop('time')}Z"
        elif "date-local" in fields and "time-local" in fields:
            fields["@timestamp"] = f"{fields.pop('date-local')}T{fields.pop('time-local')}"
        entry = reader.entry(fields)
        return entry if entry.moment is not None else None
