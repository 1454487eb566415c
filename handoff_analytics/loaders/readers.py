"""Which records does a file hold, and where does each of them stand?

A `Record` is one unit of a source with the place that a reject must name. Readers yield the good records and give the
bad ones to the sink. They hold a block of the file at a time, however long it is.
"""

from __future__ import annotations

import codecs
import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from . import envelopes
from .containers import HEAD_BYTES, Source, sources
from .jsontext import said
from .structure import DEEPEST, elements

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from .ledger import Sink
    from .structure import Element

__all__ = [
    "HEAD_BYTES",
    "Lot",
    "Record",
    "Source",
    "exported",
    "json_documents",
    "json_lots",
    "json_records",
    "lines",
    "sources",
    "useful",
]

BLOCK_BYTES = 4 << 20
LONGEST_LINE_BYTES = 256 << 20
# A document that is no long array is parsed as a whole up to this size; the value takes several times as much.
LONGEST_DOCUMENT_BYTES = 256 << 20
# What is this small is parsed at once; its parts are looked for only if that fails.
_AT_ONCE_BYTES = 32 << 20
_BOM = codecs.BOM_UTF8
_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# So many bytes of lines are taken at once, and fewer lines are not worth it.
_LOT_BYTES = 12 << 20
_FEW_LINES = 8
# A format that needs the object around a long array is given it, with one element in the array.
_WRAPPED = frozenset(("resourceSpans", "resourceLogs", "resourceMetrics", "batches"))


class Record(NamedTuple):
    """One unit of a file: its value, and where it stands."""

    number: int
    """Place among the records of the file, from 1; 0 for a document that is no record itself."""
    value: Any
    line: int | None = None
    offset: int | None = None
    pointer: str | None = None
    raw: bytes | None = None
    doubts: tuple[tuple[str, str], ...] = ()
    """Flags and their details that parsing raised; they go to each record of the document."""
    first: int = 0
    """Place of the first element of the array that the document holds a part of."""


class Lot(NamedTuple):
    """Many documents of a file, to be read at once where they are alike, or else one by one."""

    text: bytes
    """Whole lines, each a document; empty where there are few, or where lines mean nothing."""
    line: int
    """Number of the first line."""
    offset: int | None
    """Where it stands."""
    documents: Callable[[], Iterator[Record]]
    """Reads them one by one."""

    def places(self) -> list[tuple[int, int | None, str, bytes]]:
        """Return where each document stands: line, offset, pointer and its bytes."""
        lines = _cut([self.text], self.line, self.offset or 0, b"\n")
        return [(one.number, None if self.offset is None else one.offset, "", one.raw) for one in lines]


class _Line(NamedTuple):
    number: int
    offset: int
    raw: bytes
    size_bytes: int
    ended: bool


def encoding(source: Source) -> str:
    """Return the encoding of a text that is JSON: UTF-8, or the wider one that its first bytes show."""
    head = source.head
    for mark, name in _WIDE.items():
        if head.startswith(mark):
            return name
    if len(head) > 1 and head[:2].count(0) == 1:
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    return "utf-8"


def _blocks(source: Source, encoded: str = "utf-8") -> Iterator[bytes]:
    """Yield a text as UTF-8, block by block, without byte order mark."""
    with source.open() as stream:
        decoder = codecs.getincrementaldecoder(encoded)("replace") if encoded != "utf-8" else None
        first = True
        while block := stream.read(BLOCK_BYTES):
            if decoder is not None:
                block = decoder.decode(block).encode("utf-8", "replace")
            if first:
                block, first = block.removeprefix(_BOM), False
            yield block


def _lines(source: Source, encoded: str = "utf-8") -> Iterator[_Line]:
    """Yield the lines of a text that are not blank; of one that is too long only the beginning."""
    return _cut(_blocks(source, encoded), 1, _first_offset(source, encoded), _line_end(source))


def _first_offset(source: Source, encoded: str) -> int:
    return len(_BOM) if encoded == "utf-8" and source.head.startswith(_BOM) else 0


def _line_end(source: Source) -> bytes:
    # Old Macs end lines with a carriage return alone.
    return b"\r" if b"\n" not in source.head and b"\r" in source.head.rstrip() else b"\n"


def _cut(blocks: Iterable[bytes], number: int, offset: int, ends: bytes) -> Iterator[_Line]:
    """Yield the lines of some blocks, the first of which begins a line."""
    kept: list[bytes] = []
    size = 0
    for block in blocks:
        parts = block.split(ends)
        if len(parts) == 1:
            if size < LONGEST_LINE_BYTES:
                kept.append(block)
            size += len(block)
            continue
        begun = b"".join((*kept, parts[0])) if kept else parts[0]
        size += len(parts[0])
        if begun and not begun.isspace():
            yield _Line(number, offset, begun, size, ended=True)
        number += 1
        offset += size + 1
        for raw in parts[1:-1]:
            if raw and not raw.isspace():
                yield _Line(number, offset, raw, len(raw), ended=True)
            number += 1
            offset += len(raw) + 1
        kept = [parts[-1]]
        size = len(parts[-1])
    last = b"".join(kept)
    if last and not last.isspace():
        yield _Line(number, offset, last, size, ended=False)


def lines(source: Source, sink: Sink, *, encoding: str = "utf-8") -> Iterator[Record]:
    """Yield the lines of a text that are not blank, counted.

    Lines that are no text are rejected with code ENCODING, those too long for any log with TOO_LARGE.
    """
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    for number, offset, raw, size, _ in _lines(source, encoding if wide else "utf-8"):
        record = sink.record(None, line=number, offset=None if wide else offset, raw=raw.rstrip(b"\r"))
        if size > LONGEST_LINE_BYTES:
            sink.reject(record, "TOO_LARGE", _too_large("line", size, LONGEST_LINE_BYTES))
            continue
        try:
            yield record._replace(value=raw.rstrip(b"\r").decode("utf-8" if wide else encoding))
        except UnicodeDecodeError as fault:
            sink.reject(record, "ENCODING", f"not {encoding}: {fault.reason} at byte {fault.start} of the line")


def _too_large(what: str, size_bytes: int, limit_bytes: int) -> str:
    return f"a {what} of {size_bytes:,} bytes; at most {limit_bytes:,} are read"


def json_documents(
    source: Source,
    sink: Sink,
    *,
    split: Collection[str] = (),
    known_shallow: bool = False,
) -> Iterator[Record]:
    """Yield each JSON document of a file: each line, each element of one array, or the whole.

    They are not counted as seen, since one document may hold many records; what cannot be parsed is, and is rejected.

    Parameters
    ----------
    source
        The file.
    sink
        Where rejects go.
    split
        Keys of an object whose long arrays come element by element, so that the file may be larger than the memory.
        Under the keys of OTLP an element comes inside of its object, with `Record.first` as its place.
    known_shallow
        Whether the reader looks only as deep as its format goes, so that depth need not be measured.
    """
    reading = _Json(source, sink, split, known_shallow=known_shallow)
    yield from reading.lines() if reading.is_by_line() else reading.documents()


def json_lots(source: Source, sink: Sink, *, split: Collection[str] = (), known_shallow: bool = False) -> Iterator[Lot]:
    """Yield the JSON documents of a file many at a time, so that a reader may take those that are alike at once.

    Parameters are those of `json_documents`, which is what reading every lot one by one amounts to.
    """
    reading = _Json(source, sink, split, known_shallow=known_shallow)
    if reading.is_by_line():
        yield from reading.lots()
    else:
        yield Lot(b"", 0, None, reading.documents)


class _Json:
    """One file of JSON while it is read."""

    def __init__(
        self,
        source: Source,
        sink: Sink,
        split: Collection[str],
        *,
        known_shallow: bool,
    ) -> None:
        self._source = source
        self._sink = sink
        self._encoded = encoding(source)
        self._split = split
        self._shallow = known_shallow
        # Places in a text of wide characters are not those in its bytes.
        self._placed = self._encoded == "utf-8"

    def is_by_line(self) -> bool:
        """Tell whether each line is a document of its own."""
        head = self._source.head
        if self._encoded != "utf-8":
            head = head.decode(self._encoded, "ignore").encode("utf-8", "replace")
        elif b"\n" not in head.lstrip(_BOM + b" \r\n") and not self._source.whole:
            # One line that is longer than the head: of many such, or the whole file?
            with self._source.open() as stream:
                head = stream.readline(_AT_ONCE_BYTES) + stream.read(64)
        text = head.removeprefix(_BOM).lstrip()
        tried = [line.strip() for line in text.replace(b"\r", b"\n").split(b"\n")[:-1] if line.strip()][:20]
        if text[:1] not in {b"{", b"["}:
            return bool(tried)
        for line in tried:
            # A document over several lines begins with a bracket alone, or with one that is left open.
            if line[-1:] in {b"}", b"]"} and len(line) > 2:
                try:
                    said(line)
                except (ValueError, RecursionError):
                    continue
                return line is tried[0] or len(tried[0]) > 1
        # Line after line begins an object, and none is good.
        return len(tried) > 1 and all(line[:1] == b"{" and len(line) > 1 for line in tried)

    def lines(self) -> Iterator[Record]:
        """Yield the documents of a file with one in each line."""
        return self._read(_lines(self._source, self._encoded))

    def lots(self) -> Iterator[Lot]:
        """Yield the lines of a file, so many bytes of them at a time."""
        ends = _line_end(self._source)
        number, offset = 1, _first_offset(self._source, self._encoded)
        blocks = _blocks(self._source, self._encoded)
        kept: list[bytes] = []
        size = 0
        for block in blocks:
            kept.append(block)
            size += len(block)
            if size > LONGEST_LINE_BYTES:
                break  # a line that is too long: what comes is read one by one
            end = block.rfind(b"\n") + 1
            if size < _LOT_BYTES or not end:
                continue
            kept[-1] = block[:end]
            text = b"".join(kept)
            yield self._lot(text, number, offset, ends)
            number += text.count(b"\n")
            offset += len(text)
            kept = [block[end:]]
            size = len(kept[0])
        else:
            yield self._lot(b"".join(kept), number, offset, ends)
            return
        rest = _cut(itertools.chain(kept, blocks), number, offset, ends)
        yield Lot(b"", 0, None, partial(self._read, rest))

    def _lot(self, text: bytes, number: int, offset: int, ends: bytes) -> Lot:
        worth_it = ends == b"\n" and text.count(b"\n") >= _FEW_LINES
        one_by_one = partial(_cut, [text], number, offset, ends)
        return Lot(
            text if worth_it else b"",
            number,
            offset if self._placed else None,
            lambda: self._read(one_by_one()),
        )

    def _read(self, given: Iterable[_Line]) -> Iterator[Record]:
        for number, offset, raw, size, ended in given:
            record = Record(0, None, number, offset if self._placed else None, "", raw)
            if size > LONGEST_LINE_BYTES:
                self._reject(record, "TOO_LARGE", _too_large("line", size, LONGEST_LINE_BYTES))
                continue
            if size > _AT_ONCE_BYTES and self._split:
                for one in elements(_slices(raw), names=self._split, longest_bytes=LONGEST_DOCUMENT_BYTES):
                    yield from self._part(one, line=number, shift=offset)
                continue
            try:
                value, doubts = said(raw, known_shallow=self._shallow)
            except (ValueError, RecursionError) as fault:
                if not ended and self._source.fault is not None:
                    return  # the record that the damage cut: the damage itself is rejected in its place
                hint = "" if ended else "; the file ends here, it may still be being written"
                self._reject(record, _code(fault), f"no JSON: {fault}{hint}")
                continue
            yield record._replace(value=value, doubts=doubts)

    def documents(self) -> Iterator[Record]:
        """Yield the documents of a file in which lines mean nothing."""
        blocks = _blocks(self._source, self._encoded)
        shift = len(_BOM) if self._source.head.startswith(_BOM) else 0
        begun = b""
        for block in blocks:
            begun += block
            if len(begun) > _AT_ONCE_BYTES:
                break
        else:
            # A small document is parsed at once; if it is broken, what is good of it is found part by part.
            if begun.lstrip()[:1] == b"{":
                try:
                    value, doubts = said(begun, known_shallow=self._shallow)
                except (ValueError, RecursionError):
                    pass
                else:
                    yield Record(0, value, 1, shift if self._placed else None, "", begun, doubts)
                    return
        parts = elements(itertools.chain([begun], blocks), names=self._split, longest_bytes=LONGEST_DOCUMENT_BYTES)
        for one in parts:
            yield from self._part(one, line=1, shift=shift)

    def _part(self, one: Element, *, line: int, shift: int) -> Iterator[Record]:
        """Yield a part of a document; of what is left around the parts only faults matter."""
        raw = one.text.strip()
        record = Record(0, None, one.line + line - 1, one.offset + shift if self._placed else None, one.pointer, raw)
        if one.size_bytes > LONGEST_DOCUMENT_BYTES:
            what = "part of a document" if one.place >= 0 else "document that is no long array"
            self._reject(record, "TOO_LARGE", _too_large(what, one.size_bytes, LONGEST_DOCUMENT_BYTES))
            return
        if one.deepest > DEEPEST and not self._shallow:
            self._reject(record, "DEPTH", f"no JSON: deeper than {DEEPEST} levels")
            return
        try:
            value, doubts = said(raw, known_shallow=self._shallow)
        except (ValueError, RecursionError) as fault:
            if not one.complete and self._source.fault is not None:
                return  # as for lines
            hint = "" if one.complete else "; the file ends inside of it"
            self._reject(record, _code(fault), f"no JSON: {fault}{hint}")
            return
        if one.name in _WRAPPED:
            yield record._replace(value={one.name: [value]}, pointer="", doubts=doubts, first=one.place)
        elif one.place >= 0 or not one.split:
            yield record._replace(value=value, doubts=doubts)

    def _reject(self, place: Record, code: str, reason: str) -> None:
        record = self._sink.record(None, line=place.line, offset=place.offset, pointer=place.pointer, raw=place.raw)
        self._sink.reject(record, code, reason)


def _slices(text: bytes) -> Iterator[bytes]:
    for start in range(0, len(text), BLOCK_BYTES):
        yield text[start : start + BLOCK_BYTES]


def _code(fault: Exception) -> str:
    if isinstance(fault, RecursionError):
        return "DEPTH"
    return "ENCODING" if isinstance(fault, UnicodeDecodeError) else "SYNTAX"


def exported(
    source: Source,
    sink: Sink,
    *,
    stop: Callable[[dict[str, Any]], bool] | None = None,
    split: Collection[str] = (),
) -> Iterator[Record]:
    """Yield each JSON document of a file; those that only steer the export are skipped.

    Parameters
    ----------
    source
        The file.
    sink
        Where rejects go, and what is skipped.
    stop
        An object for which this is true is a record, whatever it looks like.
    split
        Keys of an object whose long arrays come element by element.
    """
    yield from useful(json_documents(source, sink, split=split), sink, stop=stop)


def useful(
    documents: Iterable[Record], sink: Sink, *, stop: Callable[[dict[str, Any]], bool] | None = None
) -> Iterator[Record]:
    """Yield the documents that do not only steer an export; the others are skipped."""
    for document in documents:
        if envelopes.is_control(document.value) and not (stop is not None and stop(document.value)):
            sink.skip(sink.part(document, document.value, ""), "line that only steers the export")
        else:
            yield document


def json_records(
    source: Source,
    sink: Sink,
    *,
    stop: Callable[[dict[str, Any]], bool] | None = None,
    split: Collection[str] = envelopes.LISTS,
) -> Iterator[Record]:
    """Yield the records of a JSON file: one document, an array or JSON lines, envelopes opened.

    Parameters
    ----------
    source
        The file.
    sink
        Where rejects go, and lines that only steer the program which wrote the file.
    stop
        An object for which this is true is a record even where it looks like an envelope.
    split
        Keys of an object whose long arrays come element by element.
    """
    for document in exported(source, sink, stop=stop, split=split):
        for pointer, value in envelopes.records(document.value, stop):
            yield sink.part(document, value, pointer)
