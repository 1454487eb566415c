"""Which records does a file hold, and where does each of them stand?

A `Source` is one stream of bytes: a file, or one member of an archive, decompressed as it is read. A `Record` is one
unit of it with the place that a reject must name. Readers yield the good records and give the bad ones to the sink.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import lzma
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple

import orjson

from ..errors import UnreadableFileError
from . import envelopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .ledger import Sink

HEAD_BYTES = 256 * 1024
_MAGIC = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
)


class Record(NamedTuple):
    """One unit of a file: its value, and where it stands."""

    number: int
    """Place among the records of the file, from 1; 0 for a document that is no record itself."""
    value: Any
    line: int | None = None
    offset: int | None = None
    pointer: str | None = None
    raw: bytes | None = None


@dataclass(frozen=True)
class Source:
    """One stream of bytes to read: a file, or a member of an archive."""

    name: str
    path: Path
    container: str | None = None
    member: str | None = None

    @cached_property
    def size_bytes(self) -> int:
        """Size of the file on disk."""
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes as they lie on disk."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def open(self) -> BinaryIO:
        """Open the decompressed bytes."""
        match self.container:
            case None:
                return self.path.open("rb")
            case "gz":
                return gzip.open(self.path, "rb")  # type: ignore[return-value] # a GzipFile reads like any other stream
            case "bz2":
                return bz2.open(self.path, "rb")
            case "xz":
                return lzma.open(self.path, "rb")
            case _:
                archive = zipfile.ZipFile(self.path)
                return archive.open(self.member or "")  # type: ignore[return-value] # as above

    @cached_property
    def head(self) -> bytes:
        """The first bytes, decompressed: what detection looks at."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)


def sources(paths: str | Path | Iterable[str | Path]) -> Iterator[Source]:
    """Yield every stream under some paths: folders are walked in the order of names, archives opened."""
    for given in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(given).expanduser()
        if path.is_dir():
            for child in sorted(path.rglob("*")):
                if child.is_file() and not child.name.startswith("."):
                    yield from _streams(child, str(child))
        elif path.is_file():
            yield from _streams(path, str(given))
        else:
            raise UnreadableFileError(f"There is no file {given}.")


def _streams(path: Path, name: str) -> Iterator[Source]:
    with path.open("rb") as stream:
        start = stream.read(16)
    container = next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
    if container == "zip":
        with zipfile.ZipFile(path) as archive:
            members = [member.filename for member in archive.infolist() if not member.is_dir()]
        if "xl/workbook.xml" in members:
            yield Source(name, path)
            return
        for member in members:
            yield Source(f"{name}!{member}", path, "zip", member)
        return
    yield Source(name, path, container)


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


def json_documents(source: Source, sink: Sink) -> Iterator[Record]:
    """Yield each JSON document of a file: each line, or the whole. They are not counted; what fails to parse is."""
    with source.open() as stream:
        whole = stream.read()
    start = whole.lstrip()
    try:
        yield Record(0, orjson.loads(start), 1, 0, "", None)
    except orjson.JSONDecodeError:
        offset = 0
        for number, raw in enumerate(whole.splitlines(keepends=True), 1):
            if raw.strip():
                try:
                    yield Record(0, orjson.loads(raw), number, offset, "", raw)
                except orjson.JSONDecodeError as fault:
                    sink.reject(sink.record(None, line=number, offset=offset, raw=raw), "SYNTAX", str(fault))
            offset += len(raw)


def json_records(
    source: Source, sink: Sink, *, stop: Callable[[dict[str, Any]], bool] | None = None
) -> Iterator[Record]:
    """Yield the records of a JSON file: one document, an array or JSON lines, envelopes opened.

    An object for which `stop` is true is a record even where it looks like an envelope.
    """
    for document in json_documents(source, sink):
        for pointer, value in envelopes.records(document.value, stop):
            yield sink.record(value, line=document.line, offset=document.offset, pointer=pointer, raw=document.raw)


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
