"""How is a good file made a bad one?

Bytes are flipped, cut, doubled and mixed with those of other files; values of JSON and cells of tables are replaced by
what readers stumble over. Everything follows from the seed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1e308, -0.0, 1e-320, 1.7976931348623157e308,
    "", " ", "0", "-1", "NaN", "Infinity", "null", "true", "1e400", "\0", "\ud800", "\U0001f600", "é" * 300, "a" * 5000,
    "=cmd()", "'; DROP TABLE spans; --", "<script>alert(1)</script>", "../../../../etc/passwd", "%s%n", "{}", "[]", "$x",
    "0000-00-00", "2024-13-45", "9999-12-31T23:59:60Z", "0001-01-01", "2026-03-29T02:30:00", "24:00:00", "31/12/1969",
    "1767225600", "1767225600000", "1767225600000000", "1767225600000000000", 1767225600000000000, 1.7672256e18, "99999999999999999999",
    "Bearer " + "x" * 60, "4111 1111 1111 1111", [], {}, [[]], [None], {"": None}, [[[[[[1]]]]]], {"a": {"b": {"c": []}}},
)  # fmt: skip
TOKENS = tuple(
    token.encode("utf-8", "surrogatepass")
    for token in (
        "\0", "\ufeff", "\r", "\n", "\r\n", ",", ";", "\t", '"', "'", "\\", "\\u0000", "\\ud800", "{", "}", "[", "]", ":", "[" * 200, '{"a":' * 200,
        "NaN", "-Infinity", "1e400", "0x", "<!DOCTYPE x>", "<![CDATA[", "&#0;", "&lt;", "</", "<x>", "sep=;", "\x1b[31m", "\u2028", "2026-01-01T00:00:00Z",
        "99999999999999999999999", "-", "=", "|", "  ", "null", "true", '""', "''", "#", "%", "(a+)+$", "\xff",
    )
)  # fmt: skip
LONGEST_BYTES = 6_000
"""A file that is fuzzed is small: what a reader stumbles over needs no more."""


def shortened(content: bytes, random: Random) -> bytes:
    """Return a file of a few of its lines, or as it is when it is small or of one piece."""
    if len(content) <= LONGEST_BYTES:
        return content
    lines = content.splitlines(keepends=True)
    if len(lines) < 4:
        return content[:LONGEST_BYTES] if random.random() < 0.5 else content[: LONGEST_BYTES * 4]
    start = random.randrange(1, max(2, len(lines) - 8))
    kept, size = [lines[0]], len(lines[0])
    for line in lines[start:]:
        if size + len(line) > LONGEST_BYTES:
            break
        kept.append(line)
        size += len(line)
    return b"".join(kept)


def mutated(content: bytes, others: list[bytes], random: Random) -> bytes:
    """Return a file with one to four things wrong with it."""
    for _ in range(random.choice((1, 1, 2, 4))):
        way = random.choice(_WAYS)
        content = way(content, others, random)
    return content[: LONGEST_BYTES * 8]


def _flip(content: bytes, _others: list[bytes], random: Random) -> bytes:
    if not content:
        return b"\xff"
    place = random.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << random.randrange(8))]) + content[place + 1 :]


def _insert(content: bytes, _others: list[bytes], random: Random) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.choice(TOKENS) + content[place:]


def _cut(content: bytes, _others: list[bytes], random: Random) -> bytes:
    start, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + content[min(end, start + random.choice((1, 8, 64, 4096))) :]


def _end(content: bytes, _others: list[bytes], random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _double(content: bytes, _others: list[bytes], random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    piece = content[start : start + random.choice((1, 16, 256))]
    return content[:start] + piece * random.choice((2, 3, 20)) + content[start:]


def _splice(content: bytes, others: list[bytes], random: Random) -> bytes:
    other = random.choice(others) if others else content
    place, start = random.randrange(len(content) + 1), random.randrange(len(other) + 1)
    return content[:place] + other[start : start + random.choice((16, 256, 2048))] + content[place:]


def _replace_word(content: bytes, _others: list[bytes], random: Random) -> bytes:
    """Replace a word or a number by something of another kind."""
    found = list(re.finditer(rb"[\w.+-]+", content))
    if not found:
        return content
    word = random.choice(found)
    value = random.choice(VALUES)
    text = value if isinstance(value, str) else json.dumps(value)
    return content[: word.start()] + text.encode("utf-8", "surrogatepass") + content[word.end() :]


def _in_json(content: bytes, _others: list[bytes], random: Random) -> bytes:
    """Replace, remove or double a value somewhere inside a JSON document, or in a few of its lines."""
    whole = _parsed(content)
    if whole is not None:
        return _written(_bent(whole, random))
    lines = content.split(b"\n")
    for _ in range(random.choice((1, 3, 20))):
        place = random.randrange(len(lines))
        value = _parsed(lines[place])
        if value is not None:
            lines[place] = _written(_bent(value, random))
    return b"\n".join(lines)


def _parsed(content: bytes) -> Any:
    if content[:1] not in {b"{", b"["} and content.lstrip()[:1] not in {b"{", b"["}:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _bent(value: Any, random: Random) -> Any:
    """Walk down a document at random, and change what is found there."""
    here = value
    for _ in range(random.randrange(1, 12)):
        keys = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        if not keys:
            return value
        key = random.choice(keys)
        if random.random() < 0.3 or not isinstance(here[key], dict | list) or not here[key]:
            what = random.random()
            if what < 0.6:
                here[key] = random.choice(VALUES)
            elif what < 0.75:
                del here[key]
            elif what < 0.9 and isinstance(here, dict):
                here[random.choice(("id", "name", "time", "status", "", "traceId", str(key) + "2"))] = here[key]
            else:
                here[key] = [here[key], here[key]]
            return value
        here = here[key]
    return value


def _lines_about(content: bytes, _others: list[bytes], random: Random) -> bytes:
    """Shuffle, double or drop lines."""
    lines = content.splitlines(keepends=True)
    if len(lines) < 3:
        return content
    what = random.randrange(3)
    if what == 0:
        head, rest = lines[:1], lines[1:]
        random.shuffle(rest)
        return b"".join(head + rest)
    place = random.randrange(len(lines))
    return b"".join(lines[:place] + ([lines[place]] * 3 if what == 1 else []) + lines[place + 1 :])


_WAYS = (
    _flip, _insert, _insert, _cut, _end, _double, _splice, _replace_word, _replace_word, _replace_word, _in_json, _in_json, _in_json, _in_json,
    _lines_about,
)  # fmt: skip
