"""Which records does a file hold, and where does each of them stand?

A `Record` is one unit of a source with the place that a reject must name. Readers yield the good records and give the
bad ones to the sink.
"""

from __future__ import annotations

import csv
import io
import json
import math
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec
import orjson

from . import envelopes
from .containers import HEAD_BYTES, Source, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .ledger import Sink

__all__ = ["HEAD_BYTES", "Record", "Source", "csv_rows", "json_documents", "json_records", "lines", "sources"]

# Deeper documents are attacks: what people export ends at a tenth of this, and DuckDB stops at 128.
DEEPEST = 100
_BOM = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """One unit of a file: its value, and where it stands."""

    number: int
    """Place among the records of the file, from 1; 0 for a document that is no record itself."""
    value: Any
    line: int | None = None
    offset: int | None = None
    pointer: str | None = None
    raw: bytes | None = None


def lines(source: Source, sink: Sink, *, encoding: str = "utf-8") -> Iterator[Record]:
    """Yield the text lines of a file; lines that are no text become rejects with code ENCODING."""
    offset = 0
    with source.open() as stream:
        for number, raw in enumerate(stream, 1):
            text = raw.rstrip(b"\r\n")
            if text:
                record = sink.record(None, line=number, offset=offset, raw=text)
                try:
                    yield record._replace(value=text.decode(encoding))
                except UnicodeDecodeError as fault:
                    sink.reject(record, "ENCODING", f"not {encoding}: {fault.reason} at byte {fault.start}")
            offset += len(raw)


def parsed(raw: bytes) -> Any:
    """Return a JSON text as a value: at most 100 deep, numbers that are none as null.

    Raises
    ------
    RecursionError
        If it is deeper.
    ValueError
        If it is no JSON; the message says where.
    """
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _depth(raw) > DEEPEST:
        raise RecursionError(f"deeper than {DEEPEST} levels")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        # Python's own reader takes NaN, Infinity and lone surrogates, which exports do hold; what it does not take is
        # no JSON.
        text = raw.decode("utf-8", "strict") if b"NaN" in raw or b"Infinity" in raw or b"\\ud" in raw.lower() else None
        if text is None:
            raise
        try:
            return _finite(json.loads(text, parse_constant=lambda _: None))
        except RecursionError:
            raise
        except ValueError:
            raise fault from None


def _finite(value: Any) -> Any:
    """Replace what no database takes: infinite numbers by null, lone surrogates by the replacement character."""
    if isinstance(value, dict):
        return {_finite(name): _finite(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value


def _depth(raw: bytes) -> int:
    """Return how deep brackets nest, those inside strings left out; one pass, no recursion."""
    deepest = depth = 0
    inside = escaped = False
    for byte in raw:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in {0x5B, 0x7B}:
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEEPEST:
                return deepest
        elif byte in {0x5D, 0x7D}:
            depth -= 1
    return deepest


def json_documents(source: Source, sink: Sink) -> Iterator[Record]:
    """Yield each JSON document of a file: each line, each element of one array, or the whole.

    They are not counted as seen, since one document may hold many records; what cannot be parsed is, and is rejected.
    """
    if _by_line(source.head):
        yield from _json_lines(source, sink)
        return
    with source.open() as stream:
        whole = stream.read().removeprefix(_BOM)
    if not whole.strip():
        return
    if whole.lstrip()[:1] == b"[":
        try:
            pieces = msgspec.json.decode(whole, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as fault:
            sink.reject(sink.record(None, line=1, offset=0, raw=whole[:4096]), _code(fault), f"no JSON array: {fault}")
            return
        at, line = 0, 1
        for place, piece in enumerate(pieces):
            raw = bytes(piece)
            found = whole.find(raw, at)
            line += whole.count(b"\n", at, found)
            at = found
            yield from _document(raw, sink, line=line, offset=at, pointer=f"/{place}")
        return
    yield from _document(whole, sink, line=1, offset=0, pointer="")


def _by_line(head: bytes) -> bool:
    """Tell whether the first line is a document of its own and another follows."""
    text = head.removeprefix(_BOM).lstrip()
    first, found, rest = text.partition(b"\n")
    if not found:
        return False
    if text[:1] not in {b"{", b"["}:
        return True
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        # A bad first line among good ones is still JSON lines.
        second = rest.lstrip().partition(b"\n")[0]
        return second[:1] == b"{" and second.rstrip()[-1:] == b"}" and first.strip()[-1:] in {b"}", b"]"}
    return True


def _json_lines(source: Source, sink: Sink) -> Iterator[Record]:
    offset = 0
    with source.open() as stream:
        for number, raw in enumerate(stream, 1):
            content = raw.removeprefix(_BOM) if number == 1 else raw
            if content.strip():
                yield from _document(
                    content, sink, line=number, offset=offset, pointer="", last=not raw.endswith(b"\n")
                )
            offset += len(raw)


def _document(raw: bytes, sink: Sink, *, line: int, offset: int, pointer: str, last: bool = False) -> Iterator[Record]:
    try:
        value = parsed(raw)
    except (ValueError, RecursionError) as fault:
        hint = "; the file ends here, it may still be being written" if last else ""
        sink.reject(sink.record(None, line=line, offset=offset, raw=raw), _code(fault), f"no JSON: {fault}{hint}")
        return
    yield Record(0, value, line, offset, pointer, raw)


def _code(fault: Exception) -> str:
    if isinstance(fault, RecursionError):
        return "DEPTH"
    return "ENCODING" if isinstance(fault, UnicodeDecodeError) else "SYNTAX"


def json_records(
    source: Source, sink: Sink, *, stop: Callable[[dict[str, Any]], bool] | None = None
) -> Iterator[Record]:
    """Yield the records of a JSON file: one document, an array or JSON lines, envelopes opened.

    An object for which `stop` is true is a record even where it looks like an envelope.
    """
    for document in json_documents(source, sink):
        for pointer, value in envelopes.records(document.value, stop):
            yield sink.part(document, value, pointer)


def csv_rows(
    source: Source, sink: Sink, *, delimiter: str = ",", encoding: str = "utf-8", header: bool = True
) -> Iterator[Record]:
    """Yield the rows of delimited text, each value a list of str; the header comes first, uncounted (number 0)."""
    with source.open() as stream:
        text: IO[str] = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        line = 1
        for row in reader:
            if header:
                header = False
                yield Record(0, row, line)
            elif row:
                yield sink.record(row, line=line, raw=None)
            line = reader.line_num + 1
