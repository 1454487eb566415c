"""How does a chart say numbers, names and times to somebody who has five seconds?

Names come from evidence and are untrusted: what is invisible or reorders its surroundings is shown as a question mark,
and what is too long is cut in the middle, where two long names differ least.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import polars as pl

ARROW = " → "
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def name(text: object, *, limit: int = 36) -> str:
    r"""Return a name as it can be shown.

    Examples
    --------
    >>> name("order\u202eservice\n")
    'order?service?'
    >>> name("a-service-with-a-name-that-never-ends-in-production", limit=20)
    'a-service-…roduction'
    """
    if text is None:
        return "unknown"
    shown = "".join("?" if unicodedata.category(sign) in _HIDDEN else sign for sign in str(text)).strip() or "unnamed"
    if len(shown) <= limit:
        return shown
    head = limit // 2
    return shown[:head] + "…" + shown[head + 1 - limit :]


def handoffs(frame: pl.DataFrame) -> list[str]:
    """Return each row's handoff as ``source → target``, with the channel, then a number, where two would look alike."""
    labels = [
        f"{name(source, limit=26)}{ARROW}{name(target, limit=26)}"
        for source, target in frame.select("source", "target").iter_rows()
    ]
    if "channel" in frame.columns:
        alike = Counter(labels)
        labels = [
            f"{label} ({name(channel, limit=12)})" if alike[label] > 1 else label
            for label, channel in zip(labels, frame["channel"], strict=True)
        ]
    return distinct(labels)


def distinct(labels: Sequence[str]) -> list[str]:
    """Tell labels that occur again apart by a number, so that no two rows of a chart become one.

    Examples
    --------
    >>> distinct(["crm", "erp", "crm"])
    ['crm', 'erp', 'crm #2']
    """
    seen: Counter[str] = Counter()
    numbered = []
    for label in labels:
        seen[label] += 1
        numbered.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return numbered


def plain(word: object) -> str:
    """Return a word of the vocabulary without its underscores."""
    return name(word).replace("_", " ")


def listed(parts: Sequence[str], *, most: int = 3) -> str:
    """Join a few words into a phrase.

    Examples
    --------
    >>> listed(["crm", "erp", "shop", "bank"])
    'crm, erp, shop and 1 more'
    """
    if len(parts) > most:
        return f"{', '.join(parts[:most])} and {len(parts) - most:,} more"
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "failure"), counted(1204, "failure"), counted(0, "retry", "retries")
    ('1 failure', '1,204 failures', 'no retries')
    """
    rounded = round(number)
    if rounded == 1:
        return f"1 {noun}"
    return f"{f'{rounded:,}' if rounded else 'no'} {plural or noun + 's'}"


def share(part: float | None) -> str:
    """Return a share as per cent, with as many digits as tell it from nothing and from all.

    Examples
    --------
    >>> share(0.231), share(0.0042), share(0.9996), share(0)
    ('23%', '0.42%', '99.96%', '0%')
    """
    if part is None:
        return "unknown"
    percent = part * 100
    if percent in (0, 100):
        return f"{percent:.0f}%"
    if 1 <= percent <= 99:
        return f"{percent:.0f}%"
    if percent < 1:
        return f"{percent:.2g}%"
    return f"{percent:.1f}%" if percent < 99.95 else f"{percent:.4g}%"


def money(amount: float | None, currency: str | None = None) -> str:
    """Return an amount that can be said aloud.

    Examples
    --------
    >>> money(1_234_000, "EUR"), money(45_600, "EUR"), money(312.4), money(-9_400, "USD")
    ('EUR 1.2m', 'EUR 46k', '312', '−USD 9.4k')
    """
    if amount is None:
        return "unknown"
    size = abs(amount)
    unit, letter = next(
        (scale for scale in ((1e9, "bn"), (1e6, "m"), (1e3, "k")) if size >= scale[0] * 0.9995), (1.0, "")
    )
    scaled = size / unit
    text = f"{scaled:.1f}".removesuffix(".0") if letter and scaled < 10 else f"{scaled:,.0f}"
    sign = "−" if amount < 0 and text != "0" else ""
    return f"{sign}{f'{currency} ' if currency else ''}{text}{letter}"


def duration(hours: float | None) -> str:
    """Return a span of time in the unit that people would use.

    Examples
    --------
    >>> duration(0.004), duration(0.5), duration(1), duration(7.25), duration(100)
    ('14 seconds', '30 minutes', '1 hour', '7.2 hours', '4.2 days')
    """
    if hours is None:
        return "unknown"
    for size, noun in ((24 * 2, "day"), (1, "hour"), (1 / 60, "minute"), (1 / 3600, "second")):
        if abs(hours) >= size:
            count = hours / (24 if noun == "day" else size)
            text = f"{count:.0f}" if noun in {"minute", "second"} or count >= 10 else f"{count:.1f}".removesuffix(".0")
            return f"1 {noun}" if text == "1" else f"{text} {noun}s"
    return f"{hours * 3_600_000:.0f} milliseconds"


def day(moment: datetime) -> str:
    """Return a date as people write it; times of a history are UTC."""
    return f"{moment.day} {moment:%b %Y}"


def window(since: datetime, until: datetime) -> str:
    """Return a window of time.

    Examples
    --------
    >>> from datetime import datetime
    >>> window(datetime(2026, 1, 1), datetime(2026, 6, 30))
    '1 Jan to 30 Jun 2026'
    """
    if since.date() == until.date():
        return day(since)
    start = f"{since.day} {since:%b}" if since.year == until.year else day(since)
    return f"{start} to {day(until)}"


def sentence(parts: Iterable[str]) -> str:
    """Join what is there of a line of facts."""
    return " · ".join(part for part in parts if part)


def currency(frame: pl.DataFrame) -> str | None:
    """Return the one currency of a frame, if it names one."""
    if "currency" not in frame.columns or frame.is_empty():
        return None
    named = frame["currency"].drop_nulls().unique().sort().to_list()
    return name(named[0], limit=8) if len(named) == 1 else None
