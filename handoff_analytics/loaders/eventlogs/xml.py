"""How is XML of a stranger read?

Element by element, so that memory does not grow with the file, and without a document type: whoever may declare
entities may make a kilobyte expand to gigabytes, or read files of this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from ...errors import UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..readers import Source

_CHUNK_BYTES = 256 * 1024


class Element:
    """One element with what stands in it, named without its namespace."""

    __slots__ = ("attributes", "children", "line", "name", "offset", "text")

    def __init__(self, name: str, attributes: dict[str, str], line: int, offset: int) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""
        self.line = line
        self.offset = offset


class _Builder:
    """Builds the elements that are wanted whole, and keeps the path to where the reader stands."""

    def __init__(self, source: Source, whole: frozenset[str]) -> None:
        self.done: list[tuple[tuple[str, ...], Element]] = []
        self._source = source
        self._whole = whole
        self._path: list[str] = []
        self._open: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refused

    def _refused(self, *_: object) -> None:
        raise UnreadableFileError(
            f"{self._source.name} declares a document type (<!DOCTYPE ...>), which could make it read anything. "
            "Export it without one."
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        bare = name.rpartition(":")[2]
        if self._open or bare in self._whole:
            if len(self._open) > 100:
                raise UnreadableFileError(f"{self._source.name}: elements are nested more than 100 deep.")
            element = Element(bare, attributes, self.parser.CurrentLineNumber, self.parser.CurrentByteIndex)
            if self._open:
                self._open[-1].children.append(element)
            self._open.append(element)
        else:
            self._path.append(bare)
            self.done.append((tuple(self._path), Element(bare, attributes, self.parser.CurrentLineNumber, 0)))

    def _end(self, _: str) -> None:
        if self._open:
            element = self._open.pop()
            if not self._open:
                self.done.append(((*self._path, element.name), element))
        else:
            self._path.pop()

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text


def elements(source: Source, whole: frozenset[str]) -> Iterator[tuple[tuple[str, ...], Element]]:
    """Yield the wanted elements whole, each with its path, and the beginnings of those around them.

    Raises
    ------
    UnreadableFileError
        If the file has a document type, or is no well-formed XML.
    """
    builder = _Builder(source, whole)
    try:
        with source.open() as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                builder.parser.Parse(chunk, False)
                yield from builder.done
                builder.done.clear()
        builder.parser.Parse(b"", True)
    except LookupError as fault:
        raise UnreadableFileError(f"{source.name} is XML in an {fault}. Export it in UTF-8.") from fault
    except expat.ExpatError as fault:
        yield from builder.done
        said = expat.errors.messages.get(fault.code, fault)
        raise UnreadableFileError(
            f"{source.name} is no well-formed XML: {said} in line {fault.lineno}. Export it again."
        ) from fault
    yield from builder.done
