"""What format is this file?

By content, never by name: the fingerprint with the most matched keys wins.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import UnknownFormatError
from . import batches, delimited, envelopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .ledger import Sink
    from .readers import Source


@dataclass(frozen=True)
class Format:
    """How a format is recognised, and who reads it."""

    name: str
    kind: str
    """traces, logs, runs, tickets, eventlog, outcomes or catalogue."""
    shape: str
    """json, csv, text, xml, sqlite, xlsx, parquet or toml."""
    parse: Callable[[Source, Sink, Detection], None]
    keys: frozenset[str] = frozenset()
    """json: keys that a record must have; toml: top-level tables; sqlite: tables; xml: elements."""
    any_keys: frozenset[str] = frozenset()
    """json: at least one of these too, where any are given; each one present counts as matched."""
    pattern: re.Pattern[str] | None = None
    """text: what a line begins with."""
    header: frozenset[str] = frozenset()
    """csv, xlsx, parquet: names that the header must have, in lower case."""

    def matches(self, record: dict[str, Any]) -> bool:
        """Tell whether a JSON object has the keys of this format."""
        names = record.keys()
        return self.keys <= names and (not self.any_keys or not self.any_keys.isdisjoint(names))


@dataclass(frozen=True)
class Detection:
    """What was found out about a file before reading it."""

    format: Format
    confidence: float
    evidence: str
    encoding: str = "utf-8"
    delimiter: str = ","
    header: tuple[str, ...] = ()


def detect(source: Source, formats: Iterable[Format], *, wanted: str | None = None) -> Detection:
    """Return the format of a file, with how it was recognised.

    Raises
    ------
    UnknownFormatError
        If no format fits, or the one that is wanted does not exist.
    """
    known = tuple(formats)
    if wanted is not None:
        by_name = {one.name: one for one in known}
        if wanted not in by_name:
            near = difflib.get_close_matches(wanted, by_name, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UnknownFormatError(
                f"Cannot read {source.name} as {wanted!r}. Known formats: {', '.join(sorted(by_name))}.{hint}"
            )
        return Detection(by_name[wanted], 1.0, "given", **_dialect(source.head))
    if source.head.startswith((b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0")):
        return _of_header(source, known, batches.headers(source))
    if source.head.startswith(b"SQLite format 3\0"):
        for one in known:
            if one.shape == "sqlite":
                return Detection(one, 1.0, "the magic number of SQLite")
    text = source.head.decode("utf-8-sig", "replace").lstrip()
    if text[:1] in {"{", "["} and not re.match(r"\[[A-Za-z]", text):
        best: tuple[int, Format, list[str]] | None = None
        for record in _samples(text):
            for one in known:
                if one.shape == "json" and one.keys | one.any_keys and one.matches(record):
                    found = sorted((one.keys | one.any_keys) & record.keys())
                    if best is None or len(found) > best[0]:
                        best = len(found), one, found
            if best is not None:
                return Detection(best[1], 1.0, "keys " + ", ".join(best[2]))
        first = next(_samples(text), None)
        if first is not None:
            keys = ", ".join(sorted(map(str, first))[:12])
            nearest = sorted(known, key=lambda one: (-len((one.keys | one.any_keys) & first.keys()), one.name))[:2]
            guesses = " or ".join(repr(one.name) for one in nearest if (one.keys | one.any_keys) & first.keys())
            hint = f" The nearest are {guesses}: say format= if it is one of them," if guesses else " Say format=,"
            raise UnknownFormatError(
                f"Cannot recognise {source.name}: JSON with the keys {keys}.{hint} or give a mapping."
            )
    if (declared := _toml(text)) is not None:
        for one in known:
            if one.shape == "toml" and (tables := sorted(one.any_keys & declared.keys())):
                return Detection(one, 1.0, "tables " + ", ".join(tables))
    # A header says more than rows that begin with a time, as those of a log do.
    dialect = _dialect(source.head)
    header = _lowered(dialect["header"])
    if any(one.header and one.header <= header for one in known):
        return _of_header(source, known, [dialect["header"]], **dialect)
    # Indented lines continue the entry before them in every log: they speak neither for nor against a format.
    lines = [line for line in text.splitlines() if line.strip() and not line[0].isspace()][:200]
    scores = [
        (sum(bool(one.pattern.match(line)) for line in lines) / len(lines), one)
        for one in known
        if one.pattern is not None and lines and any(one.pattern.match(line) for line in lines[:3])
    ]
    if scores and max(score for score, _ in scores) >= 0.5:
        score, one = max(scores, key=lambda pair: pair[0])
        return Detection(one, score, f"pattern of {one.name}")
    if re.match(r"<(?:!doctype\s+html|html|table)\b", text, re.IGNORECASE):
        raise UnknownFormatError(
            f"{source.name} is an HTML page, whatever its name says. Export it as CSV or as a workbook."
        )
    return _of_header(source, known, [dialect["header"]], **dialect)


def _of_header(source: Source, known: tuple[Format, ...], headers: list[tuple[str, ...]], **dialect: Any) -> Detection:
    """Return the format with the most names among those that a header has; a workbook has one header a sheet."""
    fits = [
        (len(one.header), one) for header in headers for one in known if one.header and one.header <= _lowered(header)
    ]
    if fits:
        _, one = max(fits, key=lambda fit: fit[0])
        return Detection(one, 1.0, "header " + ", ".join(sorted(one.header)), **dialect)
    shown = "; ".join(", ".join(header[:12]) for header in headers if len(header) > 1)
    columns = f": its columns are {shown}" if shown else ""
    raise UnknownFormatError(f"Cannot recognise {source.name}{columns}. Say format=, or give a mapping.")


def _lowered(header: tuple[str, ...]) -> set[str]:
    return {name.strip().lower() for name in header}


def _toml(text: str) -> dict[str, Any] | None:
    """Return the document if a file is TOML; only text that begins like it is tried."""
    start = next((line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")), "")
    if not re.match(r"\[{1,2}[\w.\"-]+\]{1,2}\s*(#.*)?$|[\w-]+\s*=", start):
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # A mistake in a catalogue is told by its reader, which says where; here the tables are enough.
        return {name: None for name in re.findall(r"^\[{1,2}([\w-]+)", text, re.MULTILINE)}  # noqa: C420 - as tomllib returns


def _samples(text: str) -> Iterator[dict[str, Any]]:
    """Yield JSON objects from the head of a file, outermost first; of a document that is cut, the keys alone."""
    documents: list[Any] = []
    try:
        documents.append(orjson.loads(text))
    except orjson.JSONDecodeError:
        for line in text.splitlines()[:50]:
            try:
                documents.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                continue
    if not any(isinstance(document, dict | list) for document in documents):
        documents = _cut(text)
        yield from documents
        return
    for document in documents:
        yield from _layers(document)


def _cut(text: str, *, objects: int = 200) -> list[dict[str, Any]]:
    """Return the keys of the first objects of a JSON text that ends too early."""
    found: list[dict[str, Any]] = []
    open_ones: list[dict[str, Any] | None] = []
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"(\s*:)?|[\[\]{}]', text):
        mark = token[0]
        if mark == "{":
            if len(found) == objects:
                break
            found.append({})
            open_ones.append(found[-1])
        elif mark == "[":
            open_ones.append(None)
        elif mark in "]}":
            if open_ones:
                open_ones.pop()
        elif token[1] and open_ones and (inside := open_ones[-1]) is not None:
            inside[mark[1:].partition('"')[0]] = None
    return [keys for keys in found if keys]


def _layers(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects that lead to the first record, outermost first: a record may itself look like an envelope."""
    visited: list[dict[str, Any]] = []

    def passing(one: dict[str, Any]) -> bool:
        visited.append(one)
        return False

    next(envelopes.records(document, passing), None)
    yield from visited


def _dialect(head: bytes) -> dict[str, Any]:
    encoding = delimited.encoding(head)
    found = delimited.dialect(head, encoding=encoding)
    return {"delimiter": found.delimiter, "header": found.header, "encoding": encoding}
