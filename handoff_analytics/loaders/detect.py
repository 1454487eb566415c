"""What format is this file?

By content, never by name: the fingerprint with the most matched keys wins.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import UnknownFormatError
from . import envelopes

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
    lines = [line for line in text.splitlines() if line.strip()][:200]
    scores = [
        (sum(bool(one.pattern.match(line)) for line in lines) / len(lines), one)
        for one in known
        if one.pattern is not None and lines
    ]
    if scores and max(score for score, _ in scores) >= 0.5:
        score, one = max(scores, key=lambda pair: pair[0])
        return Detection(one, score, f"pattern of {one.name}")
    dialect = _dialect(source.head)
    names = {name.strip().lower() for name in dialect["header"]}
    fits = [one for one in known if one.header and one.header <= names]
    if fits:
        one = max(fits, key=lambda one: len(one.header))
        return Detection(one, 1.0, "header " + ", ".join(sorted(one.header)), **dialect)
    raise UnknownFormatError(f"Cannot recognise {source.name}. Say format=, or give a mapping.")


def _samples(text: str) -> Iterator[dict[str, Any]]:
    """Yield JSON objects from the head of a file, outermost first."""
    documents: list[Any] = []
    try:
        documents.append(orjson.loads(text))
    except orjson.JSONDecodeError:
        for line in text.splitlines()[:50]:
            try:
                documents.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                continue
    for document in documents:
        yield from _layers(document)


def _layers(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for _, record in envelopes.records(document):
        if isinstance(record, dict) and record is not document:
            yield record
            break


def _dialect(head: bytes) -> dict[str, Any]:
    text = head.decode("utf-8-sig", "replace")
    best: tuple[int, str, tuple[str, ...]] = (0, ",", ())
    for delimiter in ",;\t|":
        try:
            row = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        except csv.Error:
            continue
        if len(row) > best[0]:
            best = len(row), delimiter, tuple(row)
    return {"delimiter": best[1], "header": best[2]}
