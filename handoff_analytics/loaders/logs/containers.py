"""Which stream of which container wrote a line?

Runtimes wrap each line that a container prints, and cut long ones: the pieces of one line are joined again, stream by
stream.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..moments import Clock, Moment

_CRI = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?P<stream>stdout|stderr) (?P<tag>[FP])(?::\S+)?(?: (?P<text>.*))?$", re.DOTALL
)
CRI_PATTERN = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP]\b")
_COMPOSE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*?)(?:[_-]\d+)?\s+\| ?(?P<text>.*)$", re.DOTALL)
COMPOSE_PATTERN = re.compile(r"^(?:\x1b\[[\d;]*m)*[A-Za-z0-9][\w.-]* +\|(?:\x1b\[[\d;]*m)* |^\[pod/")
_POD = re.compile(r"\[pod/(?P<pod>[^/\]]{1,253})/(?P<name>[^\]]{1,253})\] (?P<text>.*)$", re.DOTALL)


class Piece(NamedTuple):
    """What a runtime says about one line, or a piece of one."""

    moment: Moment | None
    stream: str
    text: str
    partial: bool = False
    """Whether the line goes on in the next piece of the stream."""
    system: str | None = None


def cri(line: str, clock: Clock) -> Piece | None:
    """Read a line that containerd or CRI-O wrote: time, stream, F or P, text.

    Examples
    --------
    >>> from ..moments import Clock
    >>> cri("2026-01-01T00:00:00.1Z stderr P half", Clock())[1:4]
    ('stderr', 'half', True)
    """
    found = _CRI.match(line)
    moment = clock.read(found["time"]) if found is not None else None
    if found is None or moment is None:
        return None
    return Piece(moment, found["stream"], found["text"] or "", found["tag"] == "P")


def prefixed(line: str) -> Piece | None:
    """Read a line that docker-compose or kubectl put a name before; replicas lose their number.

    Examples
    --------
    >>> prefixed("web_1   | started")[1:]
    ('web', 'started', False, 'web')
    """
    found = _COMPOSE.match(line) or _POD.match(line)
    return None if found is None else Piece(None, found["name"], found["text"], system=found["name"])


def docker(value: dict[str, Any], clock: Clock, *, ended: bool) -> Piece | None:
    """Read a record of docker's json-file driver.

    Parameters
    ----------
    value
        The record.
    clock
        Reads its time.
    ended
        Whether whole lines of this file end in a newline, so that one without it is a piece.
    """
    log = value.get("log")
    if not isinstance(log, str):
        return None
    partial = ended and not log.endswith("\n")
    return Piece(
        clock.read(value.get("time")), str(value.get("stream")), log.rstrip("\r\n") if not partial else log, partial
    )
