"""What does a line of an access log say?

Web servers and proxies write one line a request. The system behind a proxy is the peer: that is the handoff.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .entries import Entry
from .fields import host_of, peer_name
from .ids import trace_id

if TYPE_CHECKING:
    from ..moments import Clock

_QUOTED = r"\"(?:[^\"\\]|\\.)*\""
_COMMON = re.compile(
    r"(?:(?P<vhost>[\w.-]+(?::\d+)?) )?(?P<client>\S+) (?P<ident>\S+) (?P<user>\S.{0,200}?|-) "
    r"\[(?P<time>[^\]]{1,64})\] \"(?P<request>(?:[^\"\\]|\\.)*)\" (?P<status>\d{3}|-) (?P<size>\d+|-)(?P<rest>.*)$"
)
_ENVOY = re.compile(
    r"\[(?P<time>\d{4}-[^\]]+Z)\] \"(?P<request>[^\"]*)\" (?P<status>\d{1,3}) (?P<flags>\S+) (?P<rest>.*)$"
)
_HAPROXY = re.compile(
    r"(?P<client>[\w.:]+):(?P<port>\d+) \[(?P<time>[^\]]+)\] (?P<frontend>\S+) (?P<backend>[^\s/]+)/(?P<server>\S+) "
    r"(?P<timers>[-+\d/]+) (?P<status>\d{3}|-1)? ?(?P<size>[+\d]+) (?P<rest>.*)$"
)
_BALANCER = re.compile(
    r"(?P<kind>https?|h2|wss?|grpcs) (?P<time>\d{4}-\S+Z) (?P<balancer>\S+) (?P<client>\S+) (?P<target>\S+) "
    r"(?P<timers>[-\d.]+ [-\d.]+ [-\d.]+) (?P<status>\d{3}|-) (?P<target_status>\d{3}|-) \d+ \d+ "
    r"\"(?P<request>[^\"]*)\" (?P<rest>.*)$"
)
_TOKEN = re.compile(_QUOTED + r"|\S+")
_METHOD = re.compile(r"[A-Z-]{2,20} ")
PATTERN = re.compile(
    r"^(?:\S+ )?\S+ \S+ \S.*?\[\d\d?/\w{3}/\d{4}:[\d:]{8}(?: [+-]\d{4})?\] \""
    r"|^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] \"[A-Z-]+ |^(?:https?|h2|wss?|grpcs) \d{4}-\S+Z \S+/\S+ "
)


def access(line: str, clock: Clock) -> Entry | None:
    """Read a line in the common or combined format, or as Envoy, an AWS load balancer or HAProxy writes it.

    Examples
    --------
    >>> from ..moments import Clock
    >>> line = '10.0.0.9 - ann [17/May/2026:10:05:03 +0200] "GET /orders/7 HTTP/1.1" 502 0 "-" "curl/8"'
    >>> entry = access(line, Clock())
    >>> entry.moment.at.hour, entry.body, entry.http_status
    (8, 'GET /orders/7 HTTP/1.1', 502)
    """
    if (found := _COMMON.match(line)) is not None:
        return _common(found, clock)
    if (found := _ENVOY.match(line)) is not None:
        return _envoy(found, clock)
    if (found := _BALANCER.match(line)) is not None:
        return _balancer(found, clock)
    return None


def _common(found: re.Match[str], clock: Clock) -> Entry | None:
    entry = _requested(found, clock)
    if entry is None:
        return None
    entry.person = None if found["user"] in {"-", '"-"'} else found["user"]
    entry.attributes["client"] = found["client"]
    if found["vhost"] is not None:
        entry.attributes["vhost"] = found["vhost"]
    if found["size"] != "-":
        entry.attributes["bytes"] = int(found["size"])
    rest = [token.strip('"') for token in _TOKEN.findall(found["rest"])]
    for name, value in zip(("referer", "agent"), rest, strict=False):
        if value != "-":
            entry.attributes[name] = value
    if extra := rest[2:]:
        entry.attributes["extra"] = extra  # what these are, only the server's configuration knows
        _upstream(extra, entry)
    return entry


def _upstream(extra: list[str], entry: Entry) -> None:
    """Take the server behind the proxy from the fields that a log format adds: an address with a port."""
    for value in extra:
        upstream = value.partition("=")[2] or value
        if re.fullmatch(r"(?:https?://)?(?:[\w.-]*[A-Za-z][\w.-]*|(?:\d{1,3}\.){3}\d{1,3}):\d{2,5}(?:/.*)?", upstream):
            entry.peer = entry.peer or peer_name(
                upstream.removeprefix("http://").removeprefix("https://").split("/")[0]
            )


def _envoy(found: re.Match[str], clock: Clock) -> Entry | None:
    entry = _requested(found, clock)
    if entry is None:
        return None
    rest = [token.strip('"') for token in _TOKEN.findall(found["rest"])]
    quoted = [token.strip('"') for token in _TOKEN.findall(found["rest"]) if token.startswith('"')]
    entry.attributes["response_flags"] = found["flags"]
    # Quoted, in this order: forwarded for, user agent, request id, authority, upstream host.
    for place, value in enumerate(quoted):
        if re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", value):
            entry.correlation_id = value
            authority = quoted[place + 1] if place + 1 < len(quoted) else "-"
            entry.attributes["authority"] = authority
            entry.peer = None if authority == "-" else peer_name(authority)
            break
    cluster = next((value for value in rest if value.startswith("outbound|")), None)
    if cluster is not None:
        entry.peer = peer_name(cluster)
    elif any(value.startswith("inbound|") for value in rest):
        entry.peer = None  # the proxy of the receiver: its authority is the system itself
    entry.attributes["fields"] = rest
    return entry


def _balancer(found: re.Match[str], clock: Clock) -> Entry | None:
    entry = _requested(found, clock)
    if entry is None:
        return None
    entry.system = found["balancer"].split("/")[1] if found["balancer"].count("/") == 2 else found["balancer"]
    entry.peer = None if found["target"] == "-" else peer_name(found["target"])
    entry.attributes |= {"client": found["client"], "target_status": found["target_status"]}
    for token in _TOKEN.findall(found["rest"]):
        if "Root=1-" in token:
            entry.trace_id = trace_id(token.strip('"'))
    host = host_of(found["request"].partition(" ")[2])
    if host is not None:
        entry.attributes["host"] = host
    return entry


def haproxy(line: str, entry: Entry, clock: Clock) -> bool:
    """Read what HAProxy sends to syslog into the entry of its line; tell whether it is that."""
    found = _HAPROXY.match(line)
    moment = None if found is None else clock.read(found["time"])
    if found is None or moment is None:
        return False
    entry.moment = moment
    entry.peer = found["backend"] if found["server"] == "<NOSRV>" else found["server"]
    entry.http_status = int(found["status"]) if found["status"] not in {None, "-1"} else None
    request = _TOKEN.findall(found["rest"])[-1].strip('"')
    entry.body = request if _METHOD.match(request) else line
    entry.attributes |= {
        "client": found["client"], "frontend": found["frontend"], "backend": found["backend"],
        "timers": found["timers"],
    }  # fmt: skip
    termination = re.search(r"\b[-A-Za-z]{2,4}(?= \d+/\d+/\d+)", found["rest"])
    if termination is not None:
        entry.attributes["termination"] = termination[0]
    return True


def _requested(found: re.Match[str], clock: Clock) -> Entry | None:
    moment = clock.read(found["time"])
    if moment is None:
        return None
    status = found["status"]
    entry = Entry(
        moment=moment, body=found["request"], http_status=int(status) if status.isdigit() and int(status) else None
    )
    if entry.http_status is not None and entry.http_status >= 500:
        entry.severity = 17
    return entry
