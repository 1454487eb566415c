"""Which lines does a text file have, and where does each begin?"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..readers import Source

LONGEST = 16 * 1024 * 1024


class Line(NamedTuple):
    """One line of a file, not yet a record: an entry may take several."""

    number: int
    offset: int | None
    raw: bytes
    text: str | None
    """None where the bytes are no text, or are too many."""
    fault: str = ""
    ended: bool = True
    """False for a last line without its line feed: it may still be being written."""


def lines(source: Source, encoding: str = "utf-8") -> Iterator[Line]:
    """Yield the lines of a file that hold anything; line feed, carriage return and both end a line.

    A line longer than 16 MiB is given without text.
    """
    if encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        yield from _wide(source, encoding)
        return
    number, offset = 0, 0
    with source.open() as stream:
        while raw := stream.readline(LONGEST):
            start = offset
            offset += len(raw)
            if len(raw) == LONGEST and not raw.endswith(b"\n"):
                number += 1
                while more := stream.readline(LONGEST):
                    offset += len(more)
                    if more.endswith(b"\n"):
                        break
                yield Line(number, start, raw[:4096], None, f"a line of {offset - start:,} bytes")
                continue
            ended = raw.endswith((b"\n", b"\r"))
            for part in raw.rstrip(b"\r\n").split(b"\r"):
                number += 1
                if part.strip():
                    yield _line(number, start, part, encoding, ended=ended)
                start += len(part) + 1


def _line(number: int, offset: int, raw: bytes, encoding: str, *, ended: bool) -> Line:
    if number == 1:
        raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return Line(number, offset, raw, raw.decode(encoding), ended=ended)
    except UnicodeDecodeError as fault:
        return Line(number, offset, raw, None, f"not {encoding}: {fault.reason} at byte {fault.start} of the line")


def _wide(source: Source, encoding: str) -> Iterator[Line]:
    with source.open() as stream, io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=None) as text:
        for number, line in enumerate(text, 1):
            stripped = line.strip("\ufeff\n")
            if stripped.strip():
                yield Line(number, None, line.encode("utf-8", "replace"), stripped, ended=line.endswith("\n"))
