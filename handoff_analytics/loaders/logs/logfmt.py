"""What does a line of `key=value` pairs say?"""

from __future__ import annotations

import re

_PAIR = re.compile(
    r"\s*(?P<name>[A-Za-z_@][\w.@/-]*)=(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|'(?P<single>[^']*)'|(?P<plain>[^\s]*))(?=\s|,|$),?"
)
_BARE = re.compile(r"\s*(?P<name>[A-Za-z_][\w.-]*)(?=\s|$)")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
PATTERN = re.compile(r"^(?:\x1b\[[\d;]*m)*(?:[A-Za-z_@][\w.@/-]*=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]*)(?:\s+|$)){3,}")


def pairs(line: str, *, least: int = 2) -> dict[str, str] | None:
    """Return the pairs of a line that holds nothing but pairs and bare words; None for any other line.

    The last value of a repeated key counts; a bare key is true.

    Examples
    --------
    >>> pairs('time=12:00 level=info msg="two words" reason= dry_run')
    {'time': '12:00', 'level': 'info', 'msg': 'two words', 'reason': '', 'dry_run': 'true'}
    >>> pairs("no pairs = none") is None
    True
    """
    found: dict[str, str] = {}
    place = bare = 0
    while place < len(line.rstrip()):
        pair = _PAIR.match(line, place)
        if pair is not None:
            quoted = pair["quoted"]
            if quoted is not None:
                value = _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted)
            else:
                value = (pair["single"] if pair["single"] is not None else pair["plain"]).rstrip(",")
            found[pair["name"]] = value
            place = pair.end()
            continue
        word = _BARE.match(line, place)
        if word is None:
            return None
        found.setdefault(word["name"], "true")
        bare += 1
        place = word.end()
    return found if len(found) - bare >= least and bare <= len(found) // 3 else None
