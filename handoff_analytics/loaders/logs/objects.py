"""Which entries does a JSON object of a log hold?

Most objects are one entry. Collectors also write lists of them, previews that are repeated later, pieces of long lines,
and text whose own format has still to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .. import envelopes
from .fields import Dialect, Reader
from .inside import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..moments import Clock
    from .entries import Entry

# Docker's json-file driver writes these fields and no others; with others, a collector has joined the pieces already.
_DOCKER = {"log", "stream", "time"}
_DOCKER_MORE = {"attrs"}
# Names of the text that a program printed, as collectors store it: it may have a time and a level of its own.
_PRINTED = {"log", "_raw", "MESSAGE", "textPayload", "line", "@message"}
# Fields of loggers that count severity as syslog does.
_SYSLOG = {"__REALTIME_TIMESTAMP", "short_message", "SYSLOG_IDENTIFIER"}
_SAYS = {"message", "msg", "log", "_raw", "@m", "@mt", "body", "textPayload", "jsonPayload", "MESSAGE", "short_message"}


class Part(NamedTuple):
    """One entry inside an object."""

    pointer: str
    value: dict[str, Any]
    skipped: str | None = None
    """Why it is left out, if it is."""
    fault: str | None = None
    """Why it is no entry, if it is none."""


def is_docker(value: dict[str, Any]) -> bool:
    """Tell whether an object is a line, or a piece of one, that docker's own driver wrote."""
    names = value.keys()
    return names >= _DOCKER and names <= _DOCKER | _DOCKER_MORE


def parts(value: dict[str, Any]) -> Iterator[Part]:
    """Yield the entries of an object, each with what its wrapper says of all of them.

    Examples
    --------
    >>> wrapped = {"logGroup": "/aws/lambda/pay", "logEvents": [{"timestamp": 1, "message": "a"}]}
    >>> next(parts(wrapped)).value
    {'logGroup': '/aws/lambda/pay', 'timestamp': 1, 'message': 'a'}
    """
    if isinstance(value.get("logEvents"), list):
        shared: dict[str, Any] = {name: value[name] for name in ("logGroup", "logStream") if name in value}
        for place, event in enumerate(value["logEvents"]):
            if isinstance(event, dict):
                yield Part(f"/logEvents/{place}", shared | event)
            else:
                yield Part(f"/logEvents/{place}", {}, fault="an event that is no object")
    elif isinstance(value.get("result"), dict) and ("preview" in value or "offset" in value):
        # Splunk repeats its results while it searches: only the last ones are final.
        yield Part("/result", value["result"], "preview" if value.get("preview") is True else None)
    elif isinstance(value.get("event"), dict) and ("sourcetype" in value or "source" in value):
        yield Part("", {name: item for name, item in value.items() if name != "event"} | value["event"])
    else:
        for pointer, inner in envelopes.records(value, lambda item: not _SAYS.isdisjoint(item)):
            if isinstance(inner, dict):
                yield Part(pointer, inner)
            else:
                yield Part(pointer, {}, fault="a member that is no object")


class Readers:
    """Reads objects, each with the severity scale of the logger that wrote it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.common = Reader(clock)
        self._syslog = Reader(clock, Dialect(scale="syslog", first={"body": ("message", "shortmessage")}))

    def entry(self, value: dict[str, Any]) -> Entry:
        """Return what an object says, the text in it included.

        Raises
        ------
        RecursionError
            If objects are nested too deeply.
        """
        reader = self.common if _SYSLOG.isdisjoint(value) else self._syslog
        entry = reader.entry(value)
        printed = next((name for name in _PRINTED if isinstance(value.get(name), str)), None)
        # A wrapper without a level of its own tells nothing but the time: the text in it says the rest.
        raw = printed is not None or (not entry.severity and value.keys() <= _WRAPPER)
        return opened(entry, self._clock, self.common, raw=raw)


_WRAPPER = {"timestamp", "message", "logStreamName", "logGroup", "logStream", "ingestionTime", "eventId", "id", "ptr"}
