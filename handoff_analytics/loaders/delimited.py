"""Which rows does delimited text hold?

An engine that guesses the dialect of a file can lose values without a word. Here the delimiter is decided once, from
the head, and every record is checked: whole blocks go through polars when their quotes, widths and encoding are proved
regular; any other block goes record by record through Python's strict reader, which says what is wrong and where.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from ..errors import UnreadableFileError
from .readers import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from .ledger import Sink
    from .readers import Source

    Place = tuple[int | None, int | None, str | None, bytes | None]

BLOCK_BYTES = 16 << 20
LONGEST_RECORD_BYTES = 64 << 20
DELIMITERS = ",;\t|"
csv.field_size_limit(LONGEST_RECORD_BYTES)


@dataclass(frozen=True)
class Dialect:
    """How a file writes its rows."""

    delimiter: str
    header: tuple[str, ...]
    encoding: str = "utf-8"
    share: float = 1.0
    """Share of the first rows that are as wide as the header."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a file as text: columns named c0, c1, ..., in the order of the header."""

    frame: pl.DataFrame
    numbers: pl.Series
    """Place of each row among the records of the file."""
    places: Callable[[], Sequence[Place]] | None = None
    """Where each row stands in a text file; asked only when a row is at fault."""
    wrapped: bool = False
    """Whether texts may be wrapped as ="00123"."""
    padded: bool = True
    """Whether texts may have blanks around them."""
    values: Sequence[tuple[Any, tuple[Any, ...]]] = ()
    """The records themselves, where they are JSON, each with those that enclose it."""
    attributes: pl.Series | None = None
    """What the reader itself made of the fields that no column takes, as JSON objects."""

    @cached_property
    def _places(self) -> Sequence[Place]:
        return self.places() if self.places is not None else ()

    def place(self, row: int) -> Place:
        """Return where a row stands."""
        return self._places[row] if self.places is not None else (None, None, None, None)

    def record(self, row: int) -> Record:
        """Return a row with the place that a reject or a flag must name."""
        line, offset, pointer, raw = self.place(row)
        cells = None if raw is not None else self.frame.row(row)
        return Record(int(self.numbers[row]), cells, line, offset, pointer, raw)


@dataclass(frozen=True)
class _Piece:
    """What a block of a file holds: rows, and records that are none."""

    records: int
    frame: pl.DataFrame | None
    rows: Sequence[int] | None
    """Place of each row among the records of the piece; null where every record is a row."""
    places: Callable[[], Sequence[Place]]
    rejects: Sequence[tuple[int, str, str, Place]] = ()
    nul: Sequence[tuple[int, Place]] = ()
    """Records that had bytes of value zero."""
    wrapped: bool = False
    padded: bool = True

    def counted(self, sink: Sink) -> Batch | None:
        """Count the records, give the sink what it must know of, and return the rows."""
        first = sink.seen(self.records)
        for place, code, reason, where in self.rejects:
            sink.reject(Record(first + place, None, *where), code, reason)
        for place, where in self.nul:
            record = Record(first + place, None, *where)
            sink.flag("loads", sink.load_id, "nul_removed", "bytes of value zero in the text", record)
        if self.frame is None:
            return None
        if self.rows is None:
            numbers = pl.int_range(first, first + self.records, eager=True)
        else:
            numbers = pl.Series(self.rows, dtype=pl.Int64) + first
        return Batch(self.frame, numbers, self.places, wrapped=self.wrapped, padded=self.padded)


def encoding(head: bytes) -> str:
    """Return the encoding of a text by its first bytes.

    Parameters
    ----------
    head
        The first bytes, decompressed.

    Returns
    -------
    str
        What a byte order mark says; else UTF-8 if at most one line in a hundred is none; UTF-16 if many bytes are
        zero; else cp1252, which Western spreadsheets write.

    Examples
    --------
    >>> encoding("café".encode()), encoding("café".encode("cp1252")), encoding("café".encode("utf-16"))
    ('utf-8', 'cp1252', 'utf-16')
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head[:4096].count(0) > len(head[:4096]) / 4:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    # The head may end inside of a character, so its last line does not count.
    lines = head.split(b"\n")[: -1 if b"\n" in head else None]
    strange = sum(not _is_utf8(line) for line in lines)
    return "utf-8" if strange <= len(lines) / 100 else "cp1252"


def dialect(head: bytes, *, encoding: str = "utf-8", delimiter: str | None = None) -> Dialect:
    r"""Decide how a file is written, from its first bytes.

    Parameters
    ----------
    head
        The first bytes, decompressed.
    encoding
        Their encoding.
    delimiter
        The delimiter, where it is known.

    Returns
    -------
    Dialect
        Delimiter and header. The delimiter is the one that a first line ``sep=;`` names, or the one that gives the
        most rows the width of the header, and then the widest header.

    Examples
    --------
    >>> dialect(b"number;cost\nINC1;1,5\nINC2;2,5\n").delimiter
    ';'
    """
    text = head.decode(encoding, "surrogateescape" if "16" not in encoding else "replace").removeprefix("\ufeff")
    # Text has more line ends than CSV has: splitlines would cut at a form feed.
    lines = list(io.StringIO(text, newline=""))
    named = _named_delimiter(lines[0]) if lines else None
    if named is not None:
        delimiter, lines = named, lines[1:]
    tried = DELIMITERS if delimiter is None else delimiter
    best = max((_width(lines, one) for one in tried), key=lambda one: (one.share, len(one.header)))
    return Dialect(best.delimiter, best.header, encoding, best.share)


def _named_delimiter(line: str) -> str | None:
    """Return the delimiter that a line such as ``sep=;`` names; Excel writes one."""
    line = line.strip().strip('"')
    return line[4] if len(line) == 5 and line[:4].lower() == "sep=" else None


def _width(lines: list[str], delimiter: str) -> Dialect:
    """Read the first rows with a delimiter, and say how many are as wide as the first."""
    rows: list[list[str]] = []
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    while len(rows) < 50:
        try:
            row = next(reader, None)
        except csv.Error:
            # The head ends inside of a quoted field, or this is not the delimiter: what was read so far decides.
            break
        if row is None:
            break
        if row:
            rows.append(row)
    if not rows:
        return Dialect(delimiter, (), share=0.0)
    header = tuple(name.strip() for name in rows[0])
    fitting = sum(len(row) == len(header) for row in rows[1:])
    share = fitting / (len(rows) - 1) if len(rows) > 1 else 1.0
    return Dialect(delimiter, header, share=share if len(header) > 1 else 0.0)


def batches(source: Source, sink: Sink, found: Dialect) -> Iterator[Batch]:
    """Yield the rows of a file after its header, block by block; what is no row is given to the sink.

    Parameters
    ----------
    source
        The file.
    sink
        Counts the records; gets those that are no rows.
    found
        The dialect, as `dialect` decided it.

    Yields
    ------
    Batch
        Rows as wide as the header.

    Raises
    ------
    UnreadableFileError
        If a quote is never closed: everything after it would be one field.
    """
    for piece in _pieces(source, found):
        batch = piece.counted(sink)
        if batch is not None:
            yield batch


def _pieces(source: Source, found: Dialect) -> Iterator[_Piece]:
    reader = _Reader(source.name, found)
    pending = b""
    with source.open() as stream:
        for chunk in _chunks(stream, found.encoding):
            pending += chunk
            if len(pending) >= BLOCK_BYTES:
                piece, pending = reader.piece(pending, last=False)
                if piece is not None:
                    yield piece
    while pending:
        piece, pending = reader.piece(pending, last=True)
        if piece is not None:
            yield piece


def _chunks(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """Yield the bytes of a file as UTF-8; what is no text in its encoding stays as the bytes that it is."""
    utf8 = encoding.lower().replace("_", "-") in {"utf-8", "utf-8-sig", "ascii"}
    decoder = (
        None
        if utf8
        else codecs.getincrementaldecoder(encoding)("surrogateescape" if "16" not in encoding else "replace")
    )
    while chunk := stream.read(BLOCK_BYTES):
        yield chunk if decoder is None else decoder.decode(chunk).encode("utf-8", "surrogateescape")
    if decoder is not None:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")


class _Reader:
    """Where the reading of one file stands."""

    def __init__(self, name: str, found: Dialect) -> None:
        self.name = name
        self.delimiter = found.delimiter
        self.width = len(found.header)
        self.columns = [f"c{place}" for place in range(self.width)]
        self.line = 1
        self.offset = 0
        self.headed = False

    def piece(self, block: bytes, *, last: bool) -> tuple[_Piece | None, bytes]:
        """Return what is at the beginning of a block, and what is left of it."""
        if not self.headed:
            block = self._after_header(block, last=last)
            if not self.headed:
                return None, block
        if last and block and not block.endswith((b"\n", b"\r")):
            block += b"\n"
        whole, outside = _whole_records(block)
        records = self._regular(whole, outside) if whole and self.width > 1 else None
        piece = self._parsed(whole, records, padded=_is_padded(whole, outside, self.delimiter)) if records else None
        if piece is not None:
            return piece, block[len(whole) :]
        return self._record_by_record(block, last=last)

    def _after_header(self, block: bytes, *, last: bool) -> bytes:
        """Skip the byte order mark, a line that names the delimiter, blank lines and the header."""
        start = 3 if block.startswith(codecs.BOM_UTF8) else 0
        lines = block[start:].splitlines(keepends=True)
        skipped = 0
        while skipped < len(lines) and (
            not lines[skipped].strip() or _named_delimiter(lines[skipped].decode("utf-8", "replace")) is not None
        ):
            skipped += 1
        texts = (line.decode("utf-8", "surrogateescape") for line in lines[skipped:])
        reader = csv.reader(texts, delimiter=self.delimiter)
        next(reader, None)
        skipped += reader.line_num
        if skipped >= len(lines) and not last:
            # The block may end inside of the header.
            return block
        self.headed = True
        return self._advanced(block, start + sum(len(line) for line in lines[:skipped]), skipped)

    def _advanced(self, block: bytes, length: int, lines: int) -> bytes:
        self.line += lines
        self.offset += length
        return block[length:]

    def _regular(self, whole: bytes, outside: list[bytes]) -> int | None:
        """Count the records of a block that is text without surprises: polars and the strict reader cannot differ."""
        if b"\0" in whole or not _is_utf8(whole):
            return None
        if len(outside) > 1:
            first = (self.delimiter.encode(), b"\n", b"\r\n")
            final = first[:2]
            if not (outside[0] == b"" or outside[0].endswith(final)):
                return None
            if not all(not part or (part.startswith(first) and part.endswith(final)) for part in outside[1:-1]):
                return None
            if not outside[-1].startswith(first):
                return None
        if b"\r" in whole and whole.count(b"\r") != whole.count(b"\r\n"):
            return None
        unquoted = b"".join(outside) if len(outside) > 1 else whole
        records = unquoted.count(b"\n")
        return records if unquoted.count(self.delimiter.encode()) == records * (self.width - 1) else None

    def _parsed(self, whole: bytes, records: int, *, padded: bool) -> _Piece | None:
        """Parse a regular block at once; null when the engine counts otherwise than we do."""
        try:
            frame = pl.read_csv(
                whole,
                has_header=False,
                separator=self.delimiter,
                schema=dict.fromkeys(self.columns, pl.String),
            )
        except pl.exceptions.PolarsError:
            # A surprise after all: the strict reader will say which.
            return None
        if frame.height != records:
            return None
        line, offset = self.line, self.offset
        self._advanced(b"", len(whole), whole.count(b"\n"))
        return _Piece(records, frame, None, lambda: _places(whole, line, offset), wrapped=b'="' in whole, padded=padded)

    def _record_by_record(self, block: bytes, *, last: bool) -> tuple[_Piece | None, bytes]:
        """Read a block with the strict reader, which says of each record that is no row what is wrong with it."""
        lines = block.splitlines(keepends=True)
        if not last and lines and not lines[-1].endswith(b"\n"):
            # The last line may go on in the next block; a carriage return may be half of its end.
            lines.pop()
        reader = csv.reader(
            (line.replace(b"\0", b"").decode("utf-8", "surrogateescape") for line in lines),
            delimiter=self.delimiter,
            strict=True,
        )
        rows: list[list[str]] = []
        kept: list[int] = []
        places: list[Place] = []
        rejects: list[tuple[int, str, str, Place]] = []
        nul: list[tuple[int, Place]] = []
        records = used = length = 0
        while True:
            fault = None
            row: list[str] = []
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                fault = str(error)
            raw = b"".join(lines[used : reader.line_num])
            if fault is not None and "unexpected end of data" in fault:
                self._check_open(raw, used, last=last)
                break
            place: Place = (self.line + used, self.offset + length, None, raw.rstrip(b"\r\n"))
            used = reader.line_num
            length += len(raw)
            if not row and fault is None:
                continue
            if fault is not None:
                rejects.append((records, "SYNTAX", f"{fault}; the record begins on line {place[0]}", place))
            elif not _is_utf8(raw):
                rejects.append((records, "ENCODING", "bytes that are not UTF-8", place))
            elif (wide := self._as_wide(row)) is None:
                rejects.append((records, "COLUMNS", f"{len(row)} fields, the header has {self.width}", place))
            else:
                rows.append(wide)
                kept.append(records)
                places.append(place)
                if b"\0" in raw:
                    nul.append((records, place))
            records += 1
        rest = self._advanced(block, length, used)
        if not records:
            return None, rest
        schema = dict.fromkeys(self.columns, pl.String)
        frame = pl.DataFrame(rows, schema=schema, orient="row") if rows else None
        return _Piece(records, frame, kept, lambda: places, rejects, nul, wrapped=b'="' in block), rest

    def _as_wide(self, row: list[str]) -> list[str] | None:
        """Return a row as wide as the header; further fields are let go where they are empty, never otherwise."""
        if len(row) < self.width or any(row[self.width :]):
            return None
        return row[: self.width]

    def _check_open(self, raw: bytes, used: int, *, last: bool) -> None:
        """Refuse a file with a quote that is not closed, unless the rest of the file may close it."""
        if last or len(raw) > LONGEST_RECORD_BYTES:
            line = self.line + used + raw[: _open_quote(raw, self.delimiter.encode())].count(b"\n")
            raise UnreadableFileError(
                f"{self.name}, line {line}: a quote is opened here and never closed, so that the rest of the file "
                f"would be one field. Close it, or double it inside of a quoted field."
            )


def _is_padded(whole: bytes, outside: list[bytes], delimiter: str) -> bool:
    """Tell whether a field of a regular block has a blank at one of its ends."""
    if b"\t" in whole or not whole.isascii():
        return True
    comma = delimiter.encode()
    unquoted = b"\n" + (b'""'.join(outside) if len(outside) > 1 else whole)
    if any(blank in unquoted for blank in (comma + b" ", b" " + comma, b"\n ", b" \n", b" \r")):
        return True
    if len(outside) == 1:
        return False
    inside = whole.split(b'"')[1::2]
    # Between the halves of a doubled quote nothing is outside: those ends are in the middle of a field.
    return any(
        (part[:1] == b" " and before != b"") or (part[-1:] == b" " and after != b"")
        for part, before, after in zip(inside, outside, outside[1:], strict=False)
    )


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _whole_records(block: bytes) -> tuple[bytes, list[bytes]]:
    """Return a block up to the last newline outside of quotes, and its parts that are outside of quotes."""
    if b'"' not in block:
        whole = block[: block.rfind(b"\n") + 1]
        return whole, [whole]
    parts = block.split(b'"')
    end = len(block)
    for place in range(len(parts) - 1, -1, -1):
        begin = end - len(parts[place])
        cut = parts[place].rfind(b"\n") + 1 if place % 2 == 0 else 0
        if cut:
            outside = parts[:place:2]
            outside.append(parts[place][:cut])
            return block[: begin + cut], outside
        end = begin - 1
    return b"", []


def _places(whole: bytes, line: int, offset: int) -> list[Place]:
    """Return where each record of a regular block stands."""
    found: list[Place] = []
    pending = b""
    lines = 0
    for raw in whole.split(b"\n"):
        pending += raw + b"\n"
        lines += 1
        if pending.count(b'"') % 2 == 0:
            found.append((line, offset, None, pending.rstrip(b"\r\n")))
            line, offset = line + lines, offset + len(pending)
            pending, lines = b"", 0
    return found


def _open_quote(raw: bytes, delimiter: bytes) -> int:
    """Return where the last quoted field of a record begins, which is the one that is not closed."""
    place = 0
    while True:
        if raw[place : place + 1] != b'"':
            ends = [end for end in (raw.find(delimiter, place), raw.find(b"\n", place)) if end >= 0]
            if not ends:
                return place
            place = min(ends) + 1
            continue
        opened = place
        place += 1
        while (close := raw.find(b'"', place)) >= 0 and raw[close + 1 : close + 2] == b'"':
            place = close + 2
        if close < 0:
            return opened
        place = close + 1
        if raw[place : place + 1] in {delimiter, b"\n"}:
            place += 1
