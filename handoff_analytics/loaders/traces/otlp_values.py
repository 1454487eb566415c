"""What do the ids, enums and values of OTLP say, in either JSON dialect?"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ..readers import Record
from ..structure import DEEPEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..ledger import Sink

KINDS: dict[Any, str] = {None: "internal", "SPAN_KIND_UNSPECIFIED": "internal"} | {
    written: word
    for number, word in enumerate(("internal", "internal", "server", "client", "producer", "consumer"))
    for written in (number, str(number), f"SPAN_KIND_{word.upper()}")
}
STATUSES: dict[Any, str] = {None: "unset"} | {
    written: word
    for number, word in enumerate(("unset", "ok", "error"))
    for written in (number, str(number), f"STATUS_CODE_{word.upper()}")
}
SEVERITIES: dict[Any, int] = {
    f"SEVERITY_NUMBER_{word}{step}": base + int(step or 1) - 1
    for base, word in ((1, "TRACE"), (5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR"), (21, "FATAL"))
    for step in ("", "2", "3", "4")
}
END_NS = 4_102_444_800_000_000_000
"""The year 2100; later times are units gone wrong."""
UNUSABLE = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, binascii.Error)
"""What comes of looking for the parts of a record in a value of another shape."""
_INT64 = range(-(2**63), 2**63)
_NUMBERS = frozenset(("intValue", "doubleValue"))


class Scope(NamedTuple):
    """Spans or log records of one instrument of one process, and what holds for all of them."""

    document: Record
    pointer: str
    items: list[Any]
    resource: dict[str, Any]
    more: dict[str, Any]
    """Attributes that the scope adds to each."""

    def record(self, number: int, place: int) -> Record:
        """Return one of the items with its place in the file."""
        where = f"{self.document.pointer or ''}{self.pointer}/{place}"
        return Record(number, self.items[place], self.document.line, self.document.offset, where, None)

    def seen(self, sink: Sink) -> int:
        """Count the items, hand on what is doubtful about their document, and return the number of the first."""
        first = sink.seen(len(self.items))
        for flag, detail in self.document.doubts:
            for place in range(len(self.items)):
                sink.flag("loads", sink.load_id, flag, detail, self.record(first + place, place))
        return first


def hex_id(identifier: Any, digits: int) -> str | None:
    """Return an id as lower-case hex: the specification writes hex, plain protojson base64; null if it is none.

    Examples
    --------
    >>> hex_id("EEE19B7EC3C1B174", 16), hex_id("7uGbfsPBsXQ=", 16), hex_id("0000000000000000", 16)
    ('eee19b7ec3c1b174', 'eee19b7ec3c1b174', None)
    """
    if not identifier:
        return None
    if not isinstance(identifier, str):
        raise TypeError(f"an id is {identifier!r}, wanted text")
    if len(identifier) == digits:
        return identifier.lower() if identifier.strip("0") else None
    if len(identifier) == 16 and digits == 32:
        return identifier.lower().rjust(32, "0")
    decoded = base64.b64decode(identifier + "=" * (-len(identifier) % 4), validate=True)
    if len(decoded) != digits // 2:
        raise ValueError(f"an id is {identifier!r}, wanted {digits} hex digits or their bytes as base64")
    return decoded.hex() if any(decoded) else None


def said(value: Any, depth: int = 0) -> Any:
    """Return what an AnyValue says; integers past 64 bits as text."""
    if depth > DEEPEST:
        raise RecursionError(f"an attribute is deeper than {DEEPEST} levels")
    for name, content in value.items():
        if content.__class__ is str and name not in _NUMBERS:
            return content
        if content is None:
            continue
        if name == "intValue":
            number = int(content)
            return number if number in _INT64 else str(number)
        if name == "doubleValue":
            return float(content)
        if name == "arrayValue":
            return [said(item, depth + 1) for item in (content or {}).get("values") or ()]
        if name == "kvlistValue":
            return flat((content or {}).get("values"), depth + 1)
        return as_text(content) if isinstance(content, dict | list) else content
    return None


def flat(attributes: Any, depth: int = 0) -> dict[str, Any]:
    """Return attributes by name."""
    named = {one["key"]: said(one.get("value") or {}, depth) for one in attributes or ()}
    check_names(named)
    return named


def check_names(names: Iterable[Any]) -> None:
    """Refuse names of attributes that are no text."""
    for name in names:
        if name.__class__ is not str:
            raise TypeError(f"the key of an attribute is {name!r}, wanted text")


def parts(value: Any) -> list[Any]:
    """Return what should be an array as one; anything else as its only part, which nobody can read."""
    return value if isinstance(value, list) else [value] if value else []


def as_text(value: Any) -> str:
    """Return a value of any shape as text."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return "(nested too deeply)"
