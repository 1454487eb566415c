"""Which exception does a text report?"""

from __future__ import annotations

import re
from typing import NamedTuple

_ENDS = r"(?:Exception|Error|Fault|Failure|Timeout|Interrupt|Exit|Throwable|Warning)"
_CLASS = r"(?:[A-Za-z_][\w$]*[.:]{1,2})*(?:[A-Z][\w$]*)?" + _ENDS
_HEAD = re.compile(r"(?:Exception in thread \"[^\"]*\" |Caused by: |Uncaught |Unhandled exception\. |fatal error: )?"
                   r"(?P<type>" + _CLASS + r")(?:: ?(?P<message>.*))?$")  # fmt: skip
_PYTHON = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_GO = re.compile(r"panic: (?P<message>.*)$")
# A type begins where its package does: to try from each of its dots would take for ever on a long one.
_INLINE = re.compile(
    r"(?<![\w$.])(?P<type>(?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Fault))\b(?:: ?(?P<message>.*))?"
)
_TRACEBACK = re.compile(r"^\s*Traceback \(most recent call last\):")
_FRAME = re.compile(
    r"^\s+at |^\s+File \"|^\s*\.\.\. \d+ (?:more|common frames)|^Caused by: |^\s+Suppressed: |^goroutine \d+ \["
    r"|^\s+from /|^\t"
)


class Reported(NamedTuple):
    """An exception as far as a text tells of it."""

    type: str | None = None
    message: str | None = None


def is_trace(lines: list[str]) -> bool:
    """Tell whether the lines that follow a log line are a stack trace."""
    return any(_FRAME.match(line) or _TRACEBACK.match(line) for line in lines)


def reported(trace: str) -> Reported:
    r"""Return the exception of a stack trace: Python's last line, or the first line that any other language writes.

    Examples
    --------
    >>> reported("Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: no such order")
    Reported(type='ValueError', message='no such order')
    >>> reported("java.net.ConnectException: refused\n\tat a.B.c(B.java:1)")
    Reported(type='java.net.ConnectException', message='refused')
    """
    lines = [line.rstrip() for line in trace.splitlines() if line.strip()]
    if any(_TRACEBACK.match(line) for line in lines):
        for line in reversed(lines):
            found = _PYTHON.match(line)
            if found is not None and not line.startswith((" ", "\t")) and not _TRACEBACK.match(line):
                return Reported(found["type"], found["message"])
    for line in lines:
        if found := _HEAD.match(line.strip()):
            return Reported(found["type"], found["message"])
        if found := _GO.match(line):
            return Reported("panic", found["message"])
    return inline(lines[0]) if lines else Reported()


def inline(message: str) -> Reported:
    """Return the exception whose class, with its package, a message names."""
    found = _INLINE.search(message)
    return Reported(found["type"], found["message"]) if found else Reported()
