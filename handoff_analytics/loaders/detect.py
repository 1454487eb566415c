"""What format is this file?

By content, never by name: the fingerprint with the most matched keys wins.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import UnknownFormatError, UnreadableFileError
from . import batches, delimited, envelopes
from .readers import encoding as json_encoding
from .refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .ledger import Sink
    from .readers import Source


_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ENTRIES = 2
"""How many lines must begin an entry to recognise a log by few of its lines."""


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
    contains: tuple[str, ...] = ()
    """json: where any are given, a record must hold one of these somewhere; text: how a line begins that decides."""
    pattern: re.Pattern[str] | None = None
    """text: what a line begins with."""
    several: bool = False
    """text: whether an entry may go on over lines of its own form, such as traces and documents."""
    header: frozenset[str] = frozenset()
    """csv, xlsx, parquet: names that the header must have, in lower case."""

    def matches(self, record: dict[str, Any]) -> bool:
        """Tell whether a JSON object has the keys of this format."""
        names = record.keys()
        if not self.keys <= names or (self.any_keys and self.any_keys.isdisjoint(names)):
            return False
        if not self.contains:
            return True
        told = orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS)
        return any(word.encode() in told for word in self.contains)


@dataclass(frozen=True)
class Detection:
    """What was found out about a file before reading it."""

    format: Format
    confidence: float
    evidence: str
    encoding: str = "utf-8"
    delimiter: str = ","
    header: tuple[str, ...] = ()


def _parse_nothing(source: Source, sink: Sink, found: Detection) -> None:
    del source, found
    sink.note("the file is empty")


EMPTY = Format(name="empty", kind="empty", shape="text", parse=_parse_nothing)
"""What a file without content is: no error, since systems that had nothing to say write such files."""


def detect(source: Source, formats: Iterable[Format], *, wanted: str | None = None) -> Detection:
    """Return the format of a file, with how it was recognised.

    Parameters
    ----------
    source
        The file; only its first 256 KiB are looked at.
    formats
        The formats that there are.
    wanted
        The name of the format, where somebody said it.

    Raises
    ------
    UnreadableFileError
        If it is a kind of file that nobody can load: encrypted, a PDF, a program.
    UnknownFormatError
        If no format fits, or the one that is wanted does not exist.
    """
    known = tuple(formats)
    if (reason := refusal(source)) is not None:
        raise UnreadableFileError(reason)
    if wanted is not None:
        return _as_wanted(source, known, wanted)
    head = source.head
    if head.startswith((b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0")):
        return _of_header(source, known, batches.headers(source))
    if head.startswith(b"SQLite format 3\0"):
        for one in known:
            if one.shape == "sqlite":
                return Detection(one, 1.0, "the magic number of SQLite")
    encoding = json_encoding(source)
    text = head.decode(encoding if encoding != "utf-8" else "utf-8-sig", "replace").lstrip("\ufeff \t\r\n")
    if not text:
        return Detection(EMPTY, 1.0, "no content")
    # Logs put times and levels in brackets; no record begins with a bare word or number in one.
    if (
        text[:1] in {"{", "["}
        and not re.match(r"\[[A-Za-z0-9]", text)
        and (found := _of_json(text, known, source.name))
    ):
        return replace(found, encoding=encoding)
    if (declared := _toml(text)) is not None:
        for one in known:
            if one.shape == "toml" and (tables := sorted(one.any_keys & declared.keys())):
                return Detection(one, 1.0, "tables " + ", ".join(tables))
    return _of_text(source, text, known)


def _as_wanted(source: Source, known: tuple[Format, ...], wanted: str) -> Detection:
    by_name = {one.name: one for one in known}
    if wanted not in by_name:
        near = difflib.get_close_matches(wanted, by_name, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownFormatError(
            f"Cannot read {source.name} as {wanted!r}. Known formats: {', '.join(sorted(by_name))}.{hint}"
        )
    return Detection(by_name[wanted], 1.0, "given", **_dialect(source.head))


def _of_json(text: str, known: tuple[Format, ...], name: str) -> Detection | None:
    """Return the format with the most keys of the first record that any format knows; null if nothing is JSON."""
    fingerprints = [(one, one.keys | one.any_keys) for one in known if one.shape == "json"]
    first: dict[str, Any] | None = None
    for record in _samples(text):
        first = record if first is None else first
        fits = [(len(keys & record.keys()), one, keys) for one, keys in fingerprints if keys and one.matches(record)]
        if fits:
            matched, one, keys = max(fits, key=lambda fit: fit[0])
            return Detection(one, matched / len(keys), "keys " + ", ".join(sorted(keys & record.keys())))
    if first is None:
        return None
    names = first.keys()
    nearest = sorted(
        ((len(keys & names), one.name) for one, keys in fingerprints), key=lambda near: (-near[0], near[1])
    )
    guesses = " or ".join(list(dict.fromkeys(repr(guess) for matched, guess in nearest if matched))[:2])
    hint = f" The nearest are {guesses}: say format= if it is one of them," if guesses else " Say format=,"
    keys_seen = ", ".join(sorted(map(str, first))[:12])
    raise UnknownFormatError(f"Cannot recognise {name}: JSON with the keys {keys_seen}.{hint} or give a mapping.")


def _of_text(source: Source, text: str, known: tuple[Format, ...]) -> Detection:
    """Return the format that fits the header or most of the lines."""
    # A header says more than rows that begin with a time, as those of a log do.
    dialect = _dialect(source.head)
    header = _lowered(dialect["header"])
    if any(one.header and one.header <= header for one in known):
        return _of_header(source, known, [dialect["header"]], **dialect)
    # Indented lines continue the entry before them in every log: they speak neither for nor against a format. The last
    # line of a head may be cut.
    whole = [_ANSI.sub("", line) for line in text.splitlines()[: None if source.whole else -1] or [text]]
    for one in known:
        if one.shape == "text" and (said := next((line for line in whole if line.startswith(one.contains)), "")):
            return Detection(one, 1.0, f"the line {said[:80]!r}", encoding=dialect["encoding"])
    lines = [line for line in whole if line.strip() and not line[0].isspace()][:200]
    scores = [
        (sum(bool(one.pattern.match(line)) for line in lines) / len(lines), one)
        for one in known
        if one.pattern is not None and lines and any(one.pattern.match(line) for line in lines[:3])
    ]
    best = max(scores, key=lambda pair: pair[0], default=(0.0, None))
    if best[1] is not None and best[0] >= 0.5:
        return Detection(best[1], best[0], f"pattern of {best[1].name}", encoding=dialect["encoding"])
    for share, one in scores:
        # Few lines of a log begin an entry where its entries have many.
        if one.several and one.pattern is not None and one.pattern.match(lines[0]) and share * len(lines) >= _ENTRIES:
            return Detection(
                one, share, f"pattern of {one.name}, entries of several lines", encoding=dialect["encoding"]
            )
    if re.match(r"<(?:!doctype\s+html|html|table)\b", text, re.IGNORECASE):
        raise UnknownFormatError(
            f"{source.name} is an HTML page, whatever its name says. Export it as CSV or as a workbook."
        )
    near = sorted(scores, key=lambda pair: (-pair[0], pair[1].name))[:2]
    guesses = " or ".join(f"{one.name!r} ({score:.0%} of the lines)" for score, one in near if score)
    return _of_header(source, known, [dialect["header"]], nearest=guesses, **dialect)


def _of_header(
    source: Source, known: tuple[Format, ...], headers: list[tuple[str, ...]], *, nearest: str = "", **dialect: Any
) -> Detection:
    """Return the format with the most names among those that a header has; a workbook has one header a sheet."""
    fits = [
        (len(one.header), one) for header in headers for one in known if one.header and one.header <= _lowered(header)
    ]
    if fits:
        _, one = max(fits, key=lambda fit: fit[0])
        return Detection(one, 1.0, "header " + ", ".join(sorted(one.header)), **dialect)
    shown = "; ".join(", ".join(header[:12]) for header in headers if len(header) > 1)
    columns = f": its columns are {shown}" if shown else ""
    if not nearest and shown:
        seen = set().union(*map(_lowered, headers))
        shared = sorted(
            ((len(one.header & seen) / len(one.header), one.name) for one in known if one.header & seen),
            key=lambda near: (-near[0], near[1]),
        )
        nearest = " or ".join(repr(name) for _, name in shared[:2])
    hint = f" The nearest are {nearest}." if nearest else ""
    raise UnknownFormatError(f"Cannot recognise {source.name}{columns}.{hint} Say format=, or give a mapping.")


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
