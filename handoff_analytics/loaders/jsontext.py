"""What does one JSON text say, and what of it is doubtful?

The fast parser decides. What it refuses but exports hold (numbers that are none, halves of characters), and what it
would change without a word (long integers, keys that occur twice), goes through Python's own parser and is flagged.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NamedTuple

import orjson

from .structure import DEEPEST, depth

# Beyond this a 64-bit integer ends, and the fast parser makes a float of it.
_LONG = 2.0**63
_INT64 = range(-(2**63), 2**64)
# Only texts of the size of a record are looked at for keys that occur twice.
_RECORD_BYTES = 1 << 20


class Said(NamedTuple):
    """A JSON text as a value, and what is doubtful about it: flags with details."""

    value: Any
    doubts: tuple[tuple[str, str], ...] = ()


def said(text: bytes, *, known_shallow: bool = False) -> Said:
    """Return what a JSON text says.

    Parameters
    ----------
    text
        UTF-8, without byte order mark.
    known_shallow
        Whether its reader looks only as deep as its format goes, so that depth need not be measured.

    Returns
    -------
    Said
        The value; of a key that occurs twice the last. Numbers that are none are null, integers past 64 bits are text,
        halves of surrogate pairs are U+FFFD; each is a doubt.

    Raises
    ------
    RecursionError
        If it nests deeper than 100 levels.
    UnicodeDecodeError
        If it is not UTF-8.
    ValueError
        If it is no JSON; the message says where.

    Examples
    --------
    >>> said(b'{"id": 12345678901234567890123, "id": 7, "rate": NaN}')
    Said(value={'id': 7, 'rate': None}, doubts=(('range', 'NaN is no number'), ('duplicate_key', 'id')))
    """
    if not known_shallow and text.count(b"[") + text.count(b"{") > DEEPEST and depth(text) > DEEPEST:
        raise RecursionError(f"deeper than {DEEPEST} levels")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        if "depth" in str(fault):
            raise RecursionError(f"deeper than {DEEPEST} levels") from fault
        decoded = text.decode("utf-8")
        try:
            return _slowly(decoded)
        except RecursionError:
            raise RecursionError(f"deeper than {DEEPEST} levels") from None
        except ValueError:
            raise fault from None
    if known_shallow or len(text) > _RECORD_BYTES or not _is_suspect(text, value):
        return Said(value)
    return _slowly(text.decode("utf-8"))


def _is_suspect(text: bytes, value: Any) -> bool:
    """Tell whether a key may occur twice, or a long integer became a float."""
    if not isinstance(value, dict):
        return False
    keys = 0
    waiting: list[Any] = [value]
    for item in waiting:
        inside = item
        if item.__class__ is dict:
            keys += len(item)
            inside = item.values()
        for one in inside:
            kind = one.__class__
            if kind is dict or kind is list:
                waiting.append(one)
            elif kind is float and not -_LONG < one < _LONG:
                return True
    # A quote inside of a string has a backslash before it, so this counts keys; blanks before a colon hide some.
    return text.count(b'":') - text.count(b'\\":') > keys


def _slowly(text: str) -> Said:
    doubts: list[tuple[str, str]] = []

    def whole(digits: str) -> int | str:
        number = int(digits) if len(digits) < 4000 else None
        if number is not None and number in _INT64:
            return number
        return digits

    def real(digits: str) -> float | None:
        number = float(digits)
        if math.isfinite(number):
            return number
        doubts.append(("range", f"{digits[:40]} is too large"))
        return None

    def no_number(word: str) -> None:
        doubts.append(("range", f"{word} is no number"))

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice = sorted(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
            doubts.append(("duplicate_key", ", ".join(twice)[:200]))
        return made

    value = json.loads(text, parse_int=whole, parse_float=real, parse_constant=no_number, object_pairs_hook=members)
    if "\\u" in text and (without := repaired(value)) != value:
        doubts.append(("replaced_character", "half of a surrogate pair"))
        value = without
    return Said(value, tuple(dict.fromkeys(doubts)))


def repaired(value: Any) -> Any:
    """Return a value in which each half of a surrogate pair is the replacement character."""
    if isinstance(value, dict):
        return {repaired(key): repaired(content) for key, content in value.items()}
    if isinstance(value, list):
        return [repaired(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
