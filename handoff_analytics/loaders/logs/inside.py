"""What does the text inside an entry say?

Collectors wrap what a program printed, and what it printed has a format of its own: JSON, `key=value`, a framework's
line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..jsontext import Said, said
from . import access, logfmt, syslog, timestamped
from .entries import ANSI, Entry

if TYPE_CHECKING:
    from ..moments import Clock
    from .fields import Reader


def line_entry(line: str, clock: Clock, reader: Reader) -> Entry | None:
    """Return what a line of text says in the first format that it has, or None if it has none."""
    if line.startswith("{"):
        found = parsed(line)
        return None if found is None else flagged(reader.entry(found.value), found)
    if syslog.NEW_PATTERN.match(line):
        return syslog.new(line, clock)
    if access.PATTERN.match(line) and (entry := access.access(line, clock)) is not None:
        return entry
    if syslog.OLD_PATTERN.match(line) and (entry := syslog.old(line, clock)) is not None:
        if entry.body is not None and entry.system == "haproxy":
            access.haproxy(entry.body, entry, clock)
        return opened(entry, clock, reader)
    if logfmt.PATTERN.match(line) and (pairs := logfmt.pairs(line)) is not None:
        return _paired(pairs, line, reader)
    if timestamped.PATTERN.match(line) and (entry := timestamped.timestamped(line, clock)) is not None:
        return opened(entry, clock, reader)
    return None


def opened(entry: Entry, clock: Clock, reader: Reader, *, raw: bool = False) -> Entry:
    """Return an entry with what the text of its message says.

    Parameters
    ----------
    entry
        The entry as its wrapper says it.
    clock, reader
        Of the file.
    raw
        Whether the message is all that a program printed, and may have a time and level of its own.

    Raises
    ------
    RecursionError
        If JSON in it is nested too deeply.
    """
    if entry.body is None:
        return entry
    text = ANSI.sub("", entry.body).strip()
    entry.body = text
    if text.startswith("{") and text.endswith("}") and (found := parsed(text)) is not None:
        inner = flagged(reader.entry(found.value), found)
    elif "=" in text and logfmt.PATTERN.match(text) and (pairs := logfmt.pairs(text, least=3)) is not None:
        inner = _paired(pairs, text, reader)
    elif raw and entry.moment is not None:
        clock.on(entry.moment)
        inner = line_entry(text, clock, reader) or Entry()
        if inner.body is None and inner.moment is None:
            timestamped.leveled(text, inner)
    else:
        return entry
    if inner.body is None:
        inner.body = text
    return inner.under(entry)


def _paired(pairs: dict[str, str], line: str, reader: Reader) -> Entry:
    entry = reader.entry(dict(pairs))
    if entry.body is None:
        entry.body = line
    return entry


def flagged(entry: Entry, found: Said) -> Entry:
    """Return an entry with what is doubtful of the JSON that it was read from."""
    entry.flags += found.doubts
    return entry


def parsed(text: str) -> Said | None:
    """Return the JSON object that a text is, or None.

    Raises
    ------
    RecursionError
        If it is nested too deeply.
    """
    try:
        found = said(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    return found if isinstance(found.value, dict) else None
