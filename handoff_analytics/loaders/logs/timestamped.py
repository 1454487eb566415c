"""What does a line that begins with a time say?

Frameworks write time, level, thread and logger in any order, with any brackets, and then the message. The head of a
line is read segment by segment until a segment is none of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .entries import Entry
from .fields import host_of, peer_name
from .ids import present, span_id, trace_id
from .severity import LEVEL, severity
from .syslog import tagged

if TYPE_CHECKING:
    from ..moments import Clock

_MOST_SEGMENTS = 9
_LETTER = re.compile(r"(?P<level>[VDIWEFCA])(?=\d{4} \d\d:\d\d:\d\d\.)")
_GLOG = re.compile(r"\s+(?P<thread>\d+)\s+(?P<logger>[\w./-]+:\d+)\] ?")
# What may stand before the time: a file's name, an opening bracket, a level.
_BEFORE = re.compile(
    r"(?P<system>[A-Za-z][\w./@-]{0,253}?)(?:\.log\S{0,100}) +(?=\d{4}-)"
    r"|(?P<bracket>[\[(<])"
    r"|(?P<word>" + LEVEL + r")[:\s]\s*(?=\[?[\d(])",
)
_ALERT = re.compile(r"(?P<alert>\S+) (?P<epoch>\d{10}) \d{4}\.\d\d\.\d\d (?P<host>\S+) (?P<rest>.*)$", re.DOTALL)
_SEPARATOR = re.compile(r"[\s\])>,;|]*(?:(?:-{1,3}|\||:)\s+)?")
_LEVEL = re.compile(rf"(?P<level>{LEVEL})(?::|\]|\b(?=[\s|\[(,;-]|$))", re.IGNORECASE)
_STRICT = re.compile(rf"(?:{LEVEL}|[A-Z][a-z]+)$")
_ONE_LETTER = re.compile(r"(?P<level>[VDIWEFA])(?=[ /] ?[\w.$-]+\s*(?:\(|:))/?")
_NUMBER = re.compile(r"\d{1,10}(?=[\s|\])#])(?:#\d+:?)?")
_LOGGER = re.compile(r"(?P<logger>[A-Za-z_][\w.$/@#-]*(?:\[[^\]]*\])?(?::\w+)*)(?:\s*:(?=\s|$)|\s+-(?=\s))\s*")
_DOTTED = re.compile(r"(?P<logger>[A-Za-z_]\w*(?:[.$]\w+)+(?:#\d+)?)(?=\s)\s*")
_SLEUTH = re.compile(r"(?P<app>[\w.-]*),\s*(?P<trace>[0-9a-f]{16,32})?,\s*(?P<span>[0-9a-f]{16})?(?:,\s*\w*)*$")
_PROCESS = re.compile(r"(?P<host>[A-Za-z][\w.-]*) (?P<tag>[A-Za-z][\w./()@-]*(?:\[[^\]]+\]|(?=:)):.*)$", re.DOTALL)
_TAGGED = re.compile(r"[\w./()@-]+\[\d+\]: ")
_DYNO = re.compile(r"[A-Za-z][\w./-]*\[[\w.-]+\]: ?")
_SESSION = re.compile(r"(?P<user>[\w.\[\]-]+)@(?P<database>[\w.\[\]-]+)(?=\s)")
_FACILITY = re.compile(rf"(?P<facility>[A-Z][A-Z_ ]*?) (?P<level>{LEVEL}|SEVERE|FAILURE) ")
_LEVELED = re.compile(rf"\[?(?:{LEVEL})\b[\]:| \t-]", re.IGNORECASE)
_CHANNEL = re.compile(rf"(?P<logger>[A-Za-z][\w-]*)\.(?P<level>{LEVEL}): ?")
_UUID = re.compile(r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\s+")
_CLIENT = re.compile(r"(?:, )?(?P<name>client|server|request|upstream|host|referrer): (?P<value>\"[^\"]*\"|[^,]+)")
_REQUEST = re.compile(r"req-[0-9a-f-]{36}")
CONTINUATION = (
    r"\s|Traceback \(most recent|Caused by: |\.\.\. \d+ more|[\w.$]+(?:Exception|Error)\b|goroutine \d+ \[|panic: |\}"
    r"|\)"
)
"""What continues the entry before it, as a pattern."""
PATTERN = re.compile(
    r"^(?:\x1b\[[\d;]*m)*(?:[A-Za-z][\w./@-]*\.log\S* +)?(?:- )?[\[(<]?(?:"
    r"\d{4}[-/.]\d\d?[-/.]\d\d?(?:[T _@-]|, ?)+\d\d?[:.]\d\d"
    r"|\d\d?[-/ .](?:\d\d?|\w{3})[-/ .]\d{2,4},?[ :T]\d\d?:\d\d"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? (?:\d\d? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w* +\d\d?,? \d{4}"
    r"|\d{8}[-T _]?\d\d:?\d\d:?\d\d|\d{6}[- ]\d\d:?\d\d:?\d\d(?!\d)|\d\d[-.]\d\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d[.,\s\]]"
    r"|\d{10}(?:\.\d+|\d{3}|\d{6}|\d{9})?[\s\]])"
    r"|^[IWEFD]\d{4} \d\d:\d\d:\d\d\.|^\S+ \d{10} \d{4}\.\d\d\.\d\d \S+ "
    rf"|^(?:{LEVEL})[:\s]\s*\[?\d{{4}}[-/]"
    rf"|^(?:{CONTINUATION})"
)


def timestamped(line: str, clock: Clock) -> Entry | None:
    """Read a line that a logging framework wrote.

    Examples
    --------
    >>> from ..moments import Clock
    >>> entry = timestamped("2026-07-29 17:41:44,747 - WARN  [main:Quorum@774] - timed out", Clock())
    >>> entry.severity, entry.attributes, entry.body
    (13, {'thread': 'main:Quorum@774'}, 'timed out')
    """
    entry = Entry()
    if (letter := _LETTER.match(line)) is not None:
        return _glog(line, letter, entry, clock)
    if (alert := _ALERT.match(line)) is not None:
        entry.moment = clock.read(alert["epoch"], unit="s")
        entry.host = alert["host"]
        entry.attributes["alert"] = alert["alert"]
        _alerted(alert["rest"], entry, clock)
        return entry
    place = 0
    if (before := _BEFORE.match(line)) is not None:
        place = before.end()
    elif line.startswith("- "):
        place = 2
    found = clock.leading(line, place)
    if found is None:
        return None
    entry.moment, end = found
    if before is not None and before["system"] is not None:
        entry.system = before["system"].rpartition("/")[2]
    if before is not None and before["word"] is not None:
        entry.severity, entry.severity_text = severity(before["word"]), before["word"]
    rest = line[end:]
    process = _PROCESS.match(rest.lstrip())
    if process is not None and not _STRICT.match(process["host"].upper()) and not severity(process["host"]):
        entry.host = process["host"]
        tagged(process["tag"], entry)
        return entry
    if _DYNO.match(rest.lstrip()) is not None:
        tagged(rest.lstrip(), entry)
        return entry
    _head(rest, entry)
    _upstream(entry)
    return entry


def _glog(line: str, letter: re.Match[str], entry: Entry, clock: Clock) -> Entry | None:
    found = clock.leading(line, letter.end())
    head = None if found is None else _GLOG.match(line, found[1])
    if found is None or head is None:
        return None
    entry.moment = found[0]
    entry.severity, entry.severity_text = severity(letter["level"]), letter["level"]
    entry.attributes |= {"thread": head["thread"], "logger": head["logger"]}
    entry.body = line[head.end() :]
    return entry


def _alerted(rest: str, entry: Entry, clock: Clock) -> None:
    """Read what a cluster's log repeats before its message: time, node, then facility and level, or a process."""
    inner = clock.leading(rest)
    rest = rest[inner[1] :].lstrip() if inner else rest
    _, _, after = rest.partition(" ")
    if _TAGGED.match(after) is not None:
        tagged(after, entry)
        return
    level = _FACILITY.match(after)
    if level is None:
        entry.body = rest
        return
    entry.severity, entry.severity_text = severity(level["level"]), level["level"]
    entry.attributes["logger"] = level["facility"]
    entry.body = after[level.end() :]


def leveled(text: str, entry: Entry) -> None:
    """Read the level, and what else stands before the message, of a text that begins with a level instead of a time."""
    if _LEVELED.match(text) is not None:
        _head(text, entry)


def _head(rest: str, entry: Entry) -> None:
    """Read level, process, thread, ids and logger from the head of a line; what follows is the message."""
    if rest.startswith("|"):
        _columns(rest, entry)
        return
    for _ in range(_MOST_SEGMENTS):
        rest = rest[_skipped(rest) :]
        length = _segment(rest, entry)
        if length == 0:
            break
        done = length < 0
        rest = rest[abs(length) :]
        if done:
            break
    entry.body = rest.strip(" ")


def _skipped(rest: str) -> int:
    found = _SEPARATOR.match(rest)
    return found.end() if found else 0


def _segment(rest: str, entry: Entry) -> int:
    """Read one segment; return its length, negative where the message begins after it, 0 where it is the message."""
    level = _LEVEL.match(rest)
    if level is not None and not entry.severity and _is_level(level["level"], rest[level.end("level") :]):
        entry.severity, entry.severity_text = severity(level["level"]), level["level"]
        return level.end()
    letter = _ONE_LETTER.match(rest)
    if letter is not None and not entry.severity:
        entry.severity, entry.severity_text = severity(letter["level"]), letter["level"]
        return letter.end()
    if rest[:1] in {"[", "("} and (end := _closing(rest)) > 0:
        return end if _bracketed(rest[1 : end - 1], entry) else 0
    if (number := _NUMBER.match(rest)) is not None:
        name = "pid" if "pid" not in entry.attributes else "thread"
        entry.attributes[name] = number[0].rstrip(":")
        return number.end()
    session = _SESSION.match(rest)
    if session is not None and not entry.severity:
        entry.attributes |= {"user": session["user"], "database": session["database"]}
        return session.end()
    if (channel := _CHANNEL.match(rest)) is not None and not entry.severity:
        entry.severity, entry.severity_text = severity(channel["level"]), channel["level"]
        entry.attributes["logger"] = channel["logger"]
        return -channel.end()
    if (request := _UUID.match(rest)) is not None and entry.correlation_id is None:
        entry.correlation_id = request["id"]
        return request.end()
    logger = _LOGGER.match(rest)
    if (
        logger is not None
        and "logger" not in entry.attributes
        and (entry.severity or _LEVEL.match(rest, logger.end()) or " -" in logger[0])
    ):
        entry.attributes["logger"] = logger["logger"]
        return logger.end() if not entry.severity else -logger.end()
    dotted = _DOTTED.match(rest)
    if dotted is not None and entry.severity and "logger" not in entry.attributes:
        entry.attributes["logger"] = dotted["logger"]
        return dotted.end()
    return 0


def _is_level(word: str, after: str) -> bool:
    """Tell a level from the first word of a message: other spellings than capitals need a bracket or colon."""
    return word.isupper() or after[:1] in {":", "]", "|", ""} or after.startswith("  ") or after[:1] == "\t"


def _closing(rest: str) -> int:
    """Return the length of the bracket that a text begins with; 0 if it does not close."""
    pairs = {"[": "]", "(": ")"}
    close, depth = pairs[rest[0]], 0
    for place, character in enumerate(rest[:300]):
        depth += (character == rest[0]) - (character == close)
        if depth == 0:
            return place + 1
    return 0


def _bracketed(content: str, entry: Entry) -> bool:
    """Read what brackets hold; tell whether they belong to the head of the line."""
    if (number := severity(content.rpartition(":")[2])) and not entry.severity:
        entry.severity, entry.severity_text = number, content.rpartition(":")[2]
        if ":" in content:
            entry.attributes["module"] = content.rpartition(":")[0]
        return True
    sleuth = _SLEUTH.fullmatch(content)
    if sleuth is not None:
        entry.system = sleuth["app"] or entry.system
        entry.trace_id, entry.span_id = trace_id(sleuth["trace"]), span_id(sleuth["span"])
        return True
    if (request := _REQUEST.search(content)) is not None:
        entry.correlation_id = request[0]
        return True
    name, _, value = content.partition("=" if "=" in content else ":" if content.count(":") == 1 else " ")
    named = name.strip().lower().replace("_", "").replace("-", "")
    if named in {"traceid", "trace"}:
        entry.trace_id = trace_id(value.strip()) or entry.trace_id
        return True
    if named in {"spanid", "span"}:
        entry.span_id = span_id(value.strip()) or entry.span_id
        return True
    if named in {"correlationid", "requestid", "reqid", "orderid", "txid", "transactionid"}:
        entry.correlation_id = present(value.strip()) or entry.correlation_id
        return True
    if named in {"tid", "client"} or (named == "pid" and "pid" not in entry.attributes):
        entry.attributes[named] = value.strip()
        return True
    if content.isdigit() and "pid" not in entry.attributes:
        entry.attributes["pid"] = content
        return True
    if "thread" in entry.attributes and entry.severity and " " in content.strip():
        return False
    entry.attributes["thread" if "thread" not in entry.attributes else "logger"] = content.strip()
    return True


def _columns(rest: str, entry: Entry) -> None:
    """Read `|component|process|message`."""
    columns = [column.strip() for column in rest[1:].split("|")]
    entry.body = columns[-1]
    for column in columns[:-1]:
        if (number := severity(column)) and not entry.severity:
            entry.severity, entry.severity_text = number, column
        elif column.isdigit():
            entry.attributes.setdefault("pid", column)
        elif column:
            entry.attributes["logger" if "logger" not in entry.attributes else "thread"] = column


def _upstream(entry: Entry) -> None:
    """Take from the end of an nginx error line the server behind the proxy."""
    if entry.body is None or "upstream: " not in entry.body:
        return
    for found in _CLIENT.finditer(entry.body):
        value = found["value"].strip('"')
        entry.attributes[found["name"]] = value
        if found["name"] == "upstream":
            entry.peer = peer_name(host_of(value) or value)
