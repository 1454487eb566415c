"""What must not be stored?

Secrets are masked before a row is written, in every text and every attribute, and counted. The patterns are those that
leak in practice: card numbers that pass the Luhn check, bearer tokens, keys of clouds, and whatever stands under a name
such as password or cookie.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "[redacted]"
_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|private[_-]?key|"
    r"authorization|auth[_-]?token|access[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?(?:id|token)|"
    r"set-cookie|cookie|cvv2?|cvc|card[_-]?number|pan"
)
# One look, by an engine without backtracking, decides whether the patterns below have anything to do in a text.
SUSPECT = (
    r"(?i)(?:\d[ -]?){12,18}\d|bearer |basic [A-Za-z0-9+/]|eyJ[\w-]+\.|AKIA|ASIA|gh[pousr]_|xox[baprs]-|-----BEGIN"
    rf"|(?:{_NAMES})[\"']?\s*[=:]"
)
_SUSPECT = re.compile(SUSPECT)
_CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w.-])")
_TOKENS = re.compile(
    r"(?P<keep>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bxox[baprs]-[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?P<keep>(?<![A-Za-z])(?:{_NAMES})[\"']?\s*[=:]\s*)(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;&}}\]\"']+)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b")


def _is_json_value(found: re.Match[str], start: int) -> bool:
    """Tell whether what is masked is a number of a JSON document: its mask must be a text, or the document breaks."""
    text = found.string
    before, after = text[max(0, start - 8) : start].rstrip()[-1:], text[found.end() : found.end() + 8].lstrip()[:1]
    return text[:1] in {"{", "["} and before in {":", "[", ","} and after in {",", "}", "]"}


def masked(text: str, *, mails: bool = False) -> tuple[str, int]:
    """Return a text without its secrets, and how many there were.

    Parameters
    ----------
    text
        Any text, JSON included.
    mails
        Whether addresses of people count as secrets.

    Examples
    --------
    >>> masked("card 4111 1111 1111 1111 declined")
    ('card [redacted] declined', 1)
    >>> masked('{"password": "hunter2", "user": "ann"}')
    ('{"password": "[redacted]", "user": "ann"}', 1)
    >>> masked('{"order": 4111111111111111}')[0]
    '{"order": "[redacted]"}'
    >>> masked("order 4111111111111112 is a number, not a card")[1]
    0
    """
    count = 0

    def replaced(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        keep = found.groupdict().get("keep") or ""
        quote = (
            found[0][-1]
            if found[0][-1:] in {'"', "'"} and found[0].count(found[0][-1]) - keep.count(found[0][-1]) > 1
            else ""
        )
        if not quote and _is_json_value(found, found.start() + len(keep)):
            quote = '"'
        return f"{keep}{quote}{MASK}{quote}"

    def card(found: re.Match[str]) -> str:
        nonlocal count
        digits = [int(letter) for letter in found[0] if letter.isdigit()]
        if not _luhn(digits) or len(set(digits)) == 1:
            return found[0]
        count += 1
        return f'"{MASK}"' if _is_json_value(found, found.start()) else MASK

    if _SUSPECT.search(text):
        steps: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
            (_TOKENS, replaced),
            (_NAMED, replaced),
            (_CARD, card),
        )
        for pattern, step in steps:
            text = pattern.sub(step, text)
    if mails:
        text = _MAIL.sub(replaced, text)
    return text, count


def _luhn(digits: list[int]) -> bool:
    """Tell whether the check digit is right (ISO/IEC 7812)."""
    doubled = (
        digit if place % 2 == 0 else (2 * digit - 9 if digit > 4 else 2 * digit)
        for place, digit in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0
