"""What does a record of named fields say?

The first field of a role that holds something usable is taken; fields without a role stay in `attributes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ..moments import Moment
from .entries import Entry, without_replica
from .exceptions import is_trace, reported
from .ids import present, span_id, trace_id
from .roles import SCALES, UNITS, bare, plan
from .severity import severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..moments import Clock

DEEPEST = 100
# The end of the year 9999, seconds since 1970: no time of a history lies past it.
_LATEST_S = 253_402_300_799
_HOST = re.compile(r"(?:[A-Za-z][\w+.-]*:)+//(?:[^/@\s]*@)?(\[[^\]]+\]|[^/:?#\s\",]+)")
_PORT = re.compile(r":\d+$")
_CLUSTER = re.compile(r"([\w-]+)\.[\w-]+\.svc(?:\.cluster\.local)?\.?")
_NAME = re.compile(r"[^\s\"'{}()<>]{1,200}")
_HEX = re.compile(r"[0-9a-f]{12,}")
_HOLE = re.compile(r"\{[@$]?(\w+)(?:,[^:}]*)?(?::[^}]*)?\}")


@dataclass(frozen=True)
class Dialect:
    """How one kind of logger differs from what all of them have in common."""

    scale: str = "words"
    """What a numeric level means; see `severity`."""
    unit: str | None = None
    """Unit of a numeric time; guessed from its size where it is None."""
    first: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that this logger uses for a role, asked before the common ones."""


class Fields:
    """The fields of one record, and which of them have been read."""

    def __init__(self, values: dict[str, Any], roles: dict[str, tuple[str, ...]]) -> None:
        self.values = values
        self._roles = roles
        self._read: set[str] = set()

    def of(self, role: str) -> Iterator[tuple[str, Any]]:
        """Yield the fields that may hold a role and hold anything, best first."""
        for name in self._roles.get(role, ()):
            value = self.values[name]
            if value is not None and value not in ("", [], {}):
                yield name, value

    def unread(self, role: str) -> Iterator[tuple[str, Any]]:
        """As `of`, without the fields that another role has taken."""
        return ((name, value) for name, value in self.of(role) if name not in self._read)

    def taken(self, name: str) -> None:
        """Say that a field has become a column and need not stay among the attributes."""
        self._read.add(name)

    def take(self, role: str, reader: Callable[[Any], Any] | None = None) -> Any:
        """Return the first value of a role that its reader accepts, and take it."""
        for name, value in self.unread(role):
            found = text(value) if reader is None else reader(value)
            if found is not None:
                self.taken(name)
                return found
        return None

    def rest(self) -> dict[str, Any]:
        """Return the fields that no column has taken."""
        return {name: value for name, value in self.values.items() if name not in self._read}


def flat(value: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of a nested record under dotted names, and the names that it has twice.

    A name written with dots wins over the same name written by nesting.

    Raises
    ------
    RecursionError
        If objects are nested more than 100 deep.

    Examples
    --------
    >>> flat({"log.level": "warn", "log": {"level": "info", "line": 3}})
    ({'log.level': 'warn', 'log.line': 3}, ['log.level'])
    """
    if not any(isinstance(item, dict) for item in value.values()):
        return value, []
    nested: dict[str, Any] = {}
    _flatten(value, "", nested, 0)
    plain = {name: item for name, item in value.items() if not isinstance(item, dict)}
    clashes = [name for name, item in plain.items() if name in nested and nested[name] != item]
    return plain | {name: item for name, item in nested.items() if name not in plain}, clashes


def _flatten(value: dict[str, Any], prefix: str, into: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise RecursionError(f"objects are nested more than {DEEPEST} deep")
    for name, item in value.items():
        if isinstance(item, dict) and item:
            _flatten(item, f"{prefix}{name}.", into, depth + 1)
        elif prefix:
            into[f"{prefix}{name}"] = item


class Reader:
    """Reads records of one dialect; it remembers what it worked out about each set of field names."""

    def __init__(self, clock: Clock, dialect: Dialect | None = None) -> None:
        self._clock = clock
        self._dialect = dialect or Dialect()
        self._plans: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}

    def entry(self, value: dict[str, Any]) -> Entry:
        """Return what a record says.

        Raises
        ------
        RecursionError
            If it is nested too deeply.
        """
        values, clashes = flat(value)
        names = tuple(values)
        if names not in self._plans:
            self._plans[names] = plan(names, self._dialect.first)
        fields = Fields(values, self._plans[names])
        entry = Entry(moment=self._moment(fields), flags=[("key_clash", name) for name in clashes])
        self._level(fields, entry)
        entry.body = _body(fields)
        _exception(fields, entry)
        entry.system = fields.take("system", _system) or fields.take("pod", _workload)
        entry.host = fields.take("host", _short)
        _ids(fields, entry)
        entry.http_status = fields.take("status", _status)
        entry.peer = _peer(fields, entry)
        entry.event_name = fields.take("event", _short)
        entry.person = fields.take("person", _short)
        entry.team = fields.take("team", _short)
        if entry.body is None:
            entry.body = _request(fields)
        entry.attributes = fields.rest()
        return entry

    def _moment(self, fields: Fields) -> Moment | None:
        for name, value in fields.of("time"):
            unit = UNITS.get(bare(name), self._dialect.unit)
            moment = self._clock.read(value, unit=unit, column=name)
            if moment is not None:
                fields.taken(name)
                return moment
        seconds = fields.values.get("instant.epochSecond")
        if not isinstance(seconds, int) or abs(seconds) > _LATEST_S:
            return None
        fields.taken("instant.epochSecond")
        fields.taken("instant.nanoOfSecond")
        nanos = fields.values.get("instant.nanoOfSecond")
        return Moment(seconds * 10**9 + (nanos if isinstance(nanos, int) and 0 <= nanos < 10**9 else 0))

    def _level(self, fields: Fields, entry: Entry) -> None:
        for role in ("level", "status"):
            for name, value in fields.of(role):
                scale = SCALES.get(bare(name), self._dialect.scale)
                number = severity(value, scale=scale) if role == "level" or isinstance(value, str) else 0
                if number and not (role == "status" and str(value).isdigit()):
                    entry.severity, entry.severity_text = number, str(value)
                    fields.taken(name)
                    return


def text(value: Any) -> str | None:
    """Return a value as text: a list of byte numbers is text that a journal could not print."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, list):
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).decode("utf-8", "replace")
        if all(isinstance(item, str) for item in value):
            return "\n".join(value)
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def host_of(url: str) -> str | None:
    """Return the host that a URL names, or None.

    Examples
    --------
    >>> host_of("https://api.partner.example:8443/v1/orders"), host_of("/v1/orders"), host_of("jdbc:postgresql://db1/erp")
    ('api.partner.example', None, 'db1')
    """
    found = _HOST.match(url.strip())
    return found[1] if found else None


def peer_name(value: str) -> str | None:
    """Return the system that an address stands for: no port, no path, a cluster's service by its short name.

    Examples
    --------
    >>> peer_name("outbound|9080||reviews.default.svc.cluster.local"), peer_name("10.0.0.1:80, 10.0.0.2:80")
    ('reviews', '10.0.0.2')
    """
    name = value.rpartition("|")[2].split(",")[-1].strip()
    name = host_of(name) or name
    name = _PORT.sub("", name)
    if cluster := _CLUSTER.fullmatch(name):
        return cluster[1]
    if "::" in name and not re.fullmatch(r"[0-9a-fA-F:.]+", name):
        return None  # a module path of Rust or C++
    return name if _NAME.fullmatch(name) and name not in {"-", "null", "None"} and not name.startswith("/") else None


def _short(value: Any) -> str | None:
    found = text(value) if not isinstance(value, bool) else None
    return found if found is not None and len(found) <= 300 else None


def _system(value: Any) -> str | None:
    if not isinstance(value, str) or not _NAME.fullmatch(value.strip()):
        return value.strip() if isinstance(value, str) and value.strip() and len(value) <= 100 else None
    name = value.strip()
    if name.startswith(("/", "arn:")):
        name = re.split(r"[/:]", name)[-1]
    name = name.removesuffix(".service")
    return None if _HEX.fullmatch(name) or name in {"-", "null"} else name or None


def _workload(value: Any) -> str | None:
    return without_replica(value) if isinstance(value, str) else None


def _status(value: Any) -> int | None:
    if isinstance(value, bool) or not re.fullmatch(r"[1-5]\d\d(?:\.0)?", str(value)):
        return None
    return int(float(value))


def _body(fields: Fields) -> str | None:
    for name, value in fields.of("body"):
        said = text(value) if not isinstance(value, bool | int | float) else None
        if said is None:
            continue
        fields.taken(name)
        if bare(name) in {"@mt", "messagetemplate"}:
            said = _HOLE.sub(lambda hole: str(_hole(fields.values, hole[1], hole[0])), said)
        return said
    return None


def _hole(values: dict[str, Any], name: str, otherwise: str) -> Any:
    """Return the property that fills a hole of a message template."""
    for prefix in ("", "Properties.", "properties."):
        if f"{prefix}{name}" in values:
            return values[f"{prefix}{name}"]
    return otherwise


def _exception(fields: Fields, entry: Entry) -> None:
    """Read what the fields say of an exception; a stack trace says also its class and message."""
    for name, value in fields.unread("stack"):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            innermost = value[-1]
            entry.exception_type = _short(innermost.get("exc_type") or innermost.get("type"))
            entry.exception_message = _short(innermost.get("exc_value") or innermost.get("value"))
            entry.exception_stacktrace = text(value)
            fields.taken(name)
            break
        said = text(value) if isinstance(value, str | list) else None
        if said is not None and ("\n" in said or is_trace(said.splitlines()) or "exception" not in bare(name)):
            entry.exception_stacktrace = said
            fields.taken(name)
            break
    if entry.exception_stacktrace is not None and entry.exception_type is None:
        entry.exception_type, entry.exception_message = reported(entry.exception_stacktrace)
    entry.exception_type = fields.take("exception_type", _short) or entry.exception_type
    if entry.exception_message is None:
        entry.exception_message = fields.take(
            "exception_message", lambda value: value if isinstance(value, str) else None
        )
    else:
        fields.take("exception_message", lambda value: value if value == entry.exception_message else None)
    if entry.exception_type is None and entry.exception_message is not None:
        entry.exception_type = reported(entry.exception_message).type


def _ids(fields: Fields, entry: Entry) -> None:
    for name, value in fields.of("trace"):
        entry.trace_id = trace_id(value, decimal=bare(name).startswith("dd"))
        if entry.trace_id is not None:
            fields.taken(name)
            break
    for name, value in fields.of("span"):
        entry.span_id = span_id(value, decimal=bare(name).startswith("dd"))
        if entry.span_id is not None:
            fields.taken(name)
            break
    for name, value in fields.of("correlation"):
        # Elastic calls the span of a request its transaction; elsewhere that is a business key.
        if entry.span_id is None and entry.trace_id is not None and name == "transaction.id":
            entry.span_id = span_id(value)
            if entry.span_id is not None:
                fields.taken(name)
                continue
        entry.correlation_id = present(value)
        if entry.correlation_id is not None:
            fields.taken(name)
            break


def _peer(fields: Fields, entry: Entry) -> str | None:
    """Return the other system that a field names, or else the host of a URL in a field, if it is not this one."""
    own = {name for name in (entry.system, entry.host) if name}
    for name, value in fields.unread("peer"):
        peer = peer_name(value) if isinstance(value, str) else None
        if peer is not None and peer not in own:
            fields.taken(name)
            return peer
    for _, value in fields.of("url"):
        host = host_of(value) if isinstance(value, str) else None
        if host is not None and (peer := peer_name(host)) is not None and peer not in own:
            return peer
    return None


def _request(fields: Fields) -> str | None:
    """Say a request as a message, for records that have no message of their own."""
    method = next((value for _, value in fields.of("method") if isinstance(value, str)), None)
    path = next((value for _, value in fields.of("path") if isinstance(value, str)), None)
    return " ".join(part for part in (method, path) if part) or None
