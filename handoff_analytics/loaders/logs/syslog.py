"""What does a line of syslog say?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .entries import Entry
from .severity import severity

if TYPE_CHECKING:
    from ..moments import Clock

_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
_COUNTED = re.compile(r"\d{1,9} (?=<\d{1,3}>)")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_NEW = re.compile(
    r"1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) (?P<message_id>\S+) ?(?P<rest>.*)$", re.DOTALL
)
_ELEMENT = re.compile(r"\[(?P<id>[^\s=\]\"]+)(?P<parameters>(?: [^\s=\]\"]+=\"(?:[^\"\\]|\\.)*\")*)\]")
_PARAMETER = re.compile(r" ([^\s=\]\"]+)=\"((?:[^\"\\]|\\.)*)\"")
_TAG = re.compile(r"(?P<tag>[\w./()@-]{1,64}?)(?:\[(?P<process>[^\]]{1,32})\])?: ?")
_NAME = re.compile(r"(?P<host>[\w.:%-]+) +")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
NEW_PATTERN = re.compile(r"^(?:\d+ )?<\d{1,3}>1 \S+ \S+ ")
OLD_PATTERN = re.compile(rf"^(?:<\d{{1,3}}>)?(?:{_MONTHS}) +\d\d? \d\d:\d\d:\d\d(?:\.\d+)? \S+|^<\d{{1,3}}>\S")


def old(line: str, clock: Clock) -> Entry | None:
    """Read a line as RFC 3164 describes it, or as a daemon writes it to a file: time, host, tag, message.

    Examples
    --------
    >>> from ..moments import Clock
    >>> entry = old("<34>Oct 11 22:14:15 gate su[77]: failed", Clock(year=2026))
    >>> entry.system, entry.host, entry.severity, entry.body
    ('su', 'gate', 18, 'failed')
    """
    entry = Entry()
    place = _priority(line, entry)
    found = clock.leading(line, place) if OLD_PATTERN.match(line) else None
    if found is None:
        return None
    entry.moment, place = found
    rest = line[place:].lstrip()
    host = _NAME.match(rest)
    if host is not None and not _TAG.match(rest):
        entry.host, rest = host["host"], rest[host.end() :]
    tagged(rest, entry)
    return entry


def tagged(rest: str, entry: Entry) -> None:
    """Read `tag[process]: message`; a message without a tag is a message."""
    tag = _TAG.match(rest)
    if tag is None:
        entry.body = rest
        return
    entry.system = re.sub(r"\(.*\)$", "", tag["tag"].rpartition("/")[2]) or tag["tag"]
    entry.body = rest[tag.end() :]
    if tag["process"] is not None:
        entry.attributes["pid"] = tag["process"]
    if entry.system != tag["tag"]:
        entry.attributes["tag"] = tag["tag"]


def new(line: str, clock: Clock) -> Entry | None:
    r"""Read a line as RFC 5424 describes it, with or without the length that a stream puts before it.

    Examples
    --------
    >>> from ..moments import Clock
    >>> line = '<165>1 2026-10-11T22:14:15.003Z gate erp 7 ID47 [order@1 id="O \\"7\\""] posted'
    >>> entry = new(line, Clock())
    >>> entry.system, entry.event_name, entry.attributes["order@1.id"], entry.body
    ('erp', 'ID47', 'O "7"', 'posted')
    """
    counted = _COUNTED.match(line)
    line = line[counted.end() :] if counted else line
    entry = Entry()
    place = _priority(line, entry)
    found = _NEW.match(line, place) if place else None
    if found is None:
        return None
    entry.moment = None if found["time"] == "-" else clock.read(found["time"])
    if entry.moment is None and found["time"] != "-":
        return None
    entry.host, entry.system, entry.event_name = (_given(found[name]) for name in ("host", "app", "message_id"))
    if (process := _given(found["process"])) is not None:
        entry.attributes["pid"] = process
    rest = found["rest"]
    rest = rest.removeprefix("-")
    while (element := _ELEMENT.match(rest)) is not None:
        for name, value in _PARAMETER.findall(element["parameters"]):
            entry.attributes[f"{element['id']}.{name}"] = re.sub(r"\\([\"\\\]])", r"\1", value)
        rest = rest[element.end() :]
    entry.body = rest.lstrip(" ").lstrip("\ufeff")
    return entry


def _priority(line: str, entry: Entry) -> int:
    """Read the number that holds facility and severity, and return where it ends."""
    found = _PRIORITY.match(line)
    if found is None or int(found[1]) >= 192:
        return 0
    facility, level = divmod(int(found[1]), 8)
    entry.severity, entry.severity_text = severity(level, scale="syslog"), str(level)
    entry.attributes["facility"] = _FACILITIES[facility]
    return found.end()


def _given(value: str) -> str | None:
    return None if value == "-" else value
