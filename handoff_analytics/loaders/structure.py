"""Where does each part of a JSON text begin and end?

A file of one line may be larger than the memory. The brackets and commas of a JSON text are found here block by block,
by arithmetic on whole arrays of bytes, so that the elements of one long array can be parsed one at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import numpy.typing as npt

_QUOTE, _OPEN, _CLOSE, _COMMA = 1, 2, 3, 4
_CODES = bytes(
    {34: _QUOTE, 44: _COMMA, 91: _OPEN, 93: _CLOSE, 123: _OPEN, 125: _CLOSE}.get(byte, 0) for byte in range(256)
)
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_KEY = re.compile(rb'"([^"\\]{1,64})"\s*:\s*\Z')
# How far back from a bracket its key is looked for.
_KEY_BYTES = 256
# Arrays are split down to this level: records of {"hits": {"hits": [...]}} stand on the third.
_LEVELS = 3
DEEPEST = 100
"""Levels of nesting that are taken. What people export ends at a tenth of it; DuckDB stops at 128."""


class Marks:
    """Brackets and commas outside of strings, block after block of one text."""

    def __init__(self) -> None:
        self._inside = False
        self._escaping = False
        self.depth = 0

    def of(self, block: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
        """Return places, codes and levels of the marks in the next block.

        The level of a bracket is that of the container which it opens or closes, the level of a comma that of the
        container it stands in; the outermost container has level 1.
        """
        if self._escaping:
            block = b"_" + block[1:]
            self._escaping = False
        if b"\\" in block:
            block = _ESCAPED.sub(b"__", block)
            if block.endswith(b"\\"):
                self._escaping = True
        marks = np.frombuffer(block.translate(_CODES), np.uint8)
        places = np.flatnonzero(marks != 0)
        codes = marks[places]
        quotes = codes == _QUOTE
        strings = np.logical_xor.accumulate(quotes)
        outside = ~quotes & (strings == self._inside)
        if strings.size:
            self._inside ^= bool(strings[-1])
        places, codes = places[outside], codes[outside]
        opens, closes = codes == _OPEN, codes == _CLOSE
        after = np.cumsum(opens.view(np.int8) - closes.view(np.int8), dtype=np.int32)
        after += self.depth
        if after.size:
            self.depth = int(after[-1])
        return places, codes, after + closes


def depth(text: bytes) -> int:
    """Return how deep the brackets of a JSON text nest.

    Examples
    --------
    >>> depth(b'{"a": [1, {"b": "[[["}]}'), depth(b"1")
    (3, 0)
    """
    _, _, levels = Marks().of(text)
    return int(levels.max(initial=0))


@dataclass(frozen=True)
class Element:
    """One element of a long array, or what is left of the document around it."""

    text: bytes
    line: int
    offset: int
    pointer: str
    name: str | None
    """Key of the array in the object around it; null for an array that is the document itself."""
    place: int
    """Place in its array, from 0; -1 for the rest of a document, in which each array that was split is empty."""
    deepest: int = 0
    """How deep the element nests, where that is more than is taken; else 0 or any smaller number."""
    size_bytes: int = 0
    """Size of the element; larger than its text where it was too long to be kept."""
    complete: bool = True
    """False if the text ended before the element did."""
    split: bool = False
    """Whether arrays of this rest of a document were split."""


class _Splitter:
    """Elements of the arrays of a text, and the rest of each of its documents."""

    def __init__(self, names: Collection[str], longest_bytes: int) -> None:
        self._names = frozenset(names)
        self._marks = Marks()
        self._element = _Kept(longest_bytes)
        self._rest = _Kept(longest_bytes)
        self._tail = b""
        self._offset = 0
        self._line = 1
        self._counted = 0
        self._target = 0
        self._name: str | None = None
        self._pointer = ""
        self._place = 0
        self._path: list[str] = []
        self._split = False

    def take(self, block: bytes) -> Iterator[Element]:
        """Yield what is complete with the next block."""
        places, codes, levels = self._marks.of(block)
        # More closed than opened: no array can be told from here on, and the rest is no JSON.
        sound = int(np.argmax(levels < 1)) if (levels < 1).any() else levels.size
        deep = int(levels[:sound].max(initial=0)) > DEEPEST
        at = first = 0
        while first < sound:
            limit = self._target or _LEVELS
            relevant = np.flatnonzero(levels[first:sound] <= limit) + first
            first = sound
            for index, place, code, level in zip(
                relevant.tolist(),
                places[relevant].tolist(),
                codes[relevant].tolist(),
                levels[relevant].tolist(),
                strict=True,
            ):
                if self._target:
                    if level != self._target or code == _OPEN:
                        continue
                    if deep:
                        self._note_depth(places, levels, at, place)
                    self._element.add(block[at:place])
                    yield from self._finished()
                    at = place + 1
                    self._element.begin(*self._position(block, at))
                    if code == _COMMA:
                        continue
                    self._target = 0
                    self._rest.add(b"]")
                    if level == 1:
                        yield self._document(block, at)
                    # From here other levels matter again.
                    first = index + 1
                    break
                if code == _OPEN:
                    self._path[level - 1 :] = [self._key(block, place)]
                    if block[place : place + 1] == b"[" and self._splits(level):
                        self._rest.add(block[at : place + 1])
                        at = place + 1
                        self._element.begin(*self._position(block, at))
                        first = index + 1
                        break
                elif code == _CLOSE and level == 1:
                    self._rest.add(block[at : place + 1])
                    at = place + 1
                    yield self._document(block, at)
        if self._target:
            if deep:
                self._note_depth(places, levels, at, len(block))
            self._element.add(block[at:])
        else:
            self._rest.add(block[at:])
        self._tail = (self._tail + block)[-_KEY_BYTES:]
        self._line += block.count(b"\n", self._counted)
        self._counted = 0
        self._offset += len(block)

    def end(self) -> Iterator[Element]:
        """Yield what is left when the text ends."""
        if self._target:
            yield from self._finished(complete=False)
        elif self._rest.text().strip():
            yield self._document(b"", 0, complete=False)

    def _position(self, block: bytes, place: int) -> tuple[int, int]:
        self._line += block.count(b"\n", self._counted, place)
        self._counted = place
        return self._line, self._offset + place

    def _note_depth(self, places: npt.NDArray[np.int64], levels: npt.NDArray[np.int32], start: int, stop: int) -> None:
        first, last = np.searchsorted(places, (start, stop))
        deepest = int(levels[first:last].max(initial=0)) - self._target
        self._element.deepest = max(self._element.deepest, deepest)

    def _key(self, block: bytes, place: int) -> str:
        before = block[max(0, place - _KEY_BYTES) : place]
        if place < _KEY_BYTES:
            before = self._tail + before
        found = _KEY.search(before)
        return found[1].decode("utf-8", "replace") if found else ""

    def _splits(self, level: int) -> bool:
        """Tell whether the array that opens here is to be split; if so, its elements come next."""
        name = self._path[-1]
        if level > 1 and name not in self._names:
            return False
        self._split = True
        self._target = level
        self._name = name if level > 1 else None
        self._pointer = "".join(f"/{key}" for key in self._path[1:])
        self._place = 0
        return True

    def _finished(self, *, complete: bool = True) -> Iterator[Element]:
        text = self._element.text()
        if text.strip() or self._place:
            line, offset = self._element.start()
            yield Element(
                text=text,
                line=line,
                offset=offset,
                pointer=f"{self._pointer}/{self._place}",
                name=self._name,
                place=self._place,
                deepest=self._element.deepest,
                size_bytes=self._element.size_bytes,
                complete=complete,
            )
        self._place += 1

    def _document(self, block: bytes, place: int, *, complete: bool = True) -> Element:
        line, offset = self._rest.start()
        element = Element(
            text=self._rest.text(),
            line=line,
            offset=offset,
            pointer="",
            name=None,
            place=-1,
            size_bytes=self._rest.size_bytes,
            complete=complete,
            split=self._split,
        )
        self._split = False
        self._rest.begin(*self._position(block, place))
        self._path.clear()
        return element


class _Kept:
    """The bytes of one part of the text, at most so many of them, and where they begin."""

    def __init__(self, longest_bytes: int) -> None:
        self._longest = longest_bytes
        self.begin(1, 0)

    def begin(self, line: int, offset: int) -> None:
        self._parts: list[bytes] = []
        self._line = line
        self._offset = offset
        self.size_bytes = 0
        self.deepest = 0

    def add(self, part: bytes) -> None:
        if self.size_bytes < self._longest:
            self._parts.append(part)
        self.size_bytes += len(part)

    def text(self) -> bytes:
        return b"".join(self._parts)

    def start(self) -> tuple[int, int]:
        """Return line and offset of the first byte that is no blank."""
        text = self.text()
        blanks = text[: len(text) - len(text.lstrip())]
        return self._line + blanks.count(b"\n"), self._offset + len(blanks)


def elements(
    blocks: Iterable[bytes], *, names: Collection[str] = (), longest_bytes: int = 256 << 20
) -> Iterator[Element]:
    """Yield the elements of the long arrays of a JSON text, and what is left of each document around them.

    Parameters
    ----------
    blocks
        The text, in UTF-8.
    names
        Keys under which an array is split, down to the third level. An array that is the document itself always is.
    longest_bytes
        How much of one element is kept at most; a longer one is given with its size and only the beginning.

    Examples
    --------
    >>> for one in elements([b'{"total": 2, "data": [{"a": 1}, {"a"', b': 2}]}'], names=["data"]):
    ...     print(one.pointer, one.offset, one.text)
    /data/0 22 b'{"a": 1}'
    /data/1 32 b' {"a": 2}'
     0 b'{"total": 2, "data": []}'
    """
    splitter = _Splitter(names, longest_bytes)
    for block in blocks:
        yield from splitter.take(block)
    yield from splitter.end()
