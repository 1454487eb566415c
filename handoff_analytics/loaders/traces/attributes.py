"""What do the attributes of a span say, in columns of their own?

The model reads typed columns only. Names are those of the OpenTelemetry semantic conventions, old ones beside new ones,
and of the systems that came before them; where several say the same, the first one here wins. Spans of one instrument
have the same attributes in the same order, so what to look for is decided once for each order that occurs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ...identity import key
from ..people import is_person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NAMED_PEER = ("service.peer.name", "peer.service")
_PEER = (
    *("net.peer.name", "server.address", "network.peer.address", "peer.address", "peer.hostname", "net.sock.peer.name"),
    *("net.sock.peer.addr", "net.peer.ip", "peer.ipv4", "peer.ipv6"),
)
# Of a server span the address of the server is its own: the other side is the client.
_CALLER = (
    *("client.address", "net.peer.name", "network.peer.address", "peer.address", "peer.hostname", "net.sock.peer.name"),
    *("net.sock.peer.addr", "net.peer.ip", "peer.ipv4", "peer.ipv6"),
)
_DATABASE = ("db.namespace", "db.name", "db.instance")
_DATABASE_KIND = ("db.system.name", "db.system", "db.type")
_BROKER = ("messaging.system", "message_bus.system")
CORRELATION = (
    *("order.id", "order_id", "orderId", "order.number", "correlation.id", "correlation_id", "correlationId"),
    *("transaction.id", "transaction_id", "business.key", "business_key", "invoice.id", "payment.id", "shipment.id"),
    *("request.id", "http.request.header.x-request-id", "x-request-id", "guid:x-request-id", "x-correlation-id"),
    *("http.request.header.x-correlation-id", "messaging.message.conversation_id", "case.id", "workflow.run.id"),
)
"""Attributes that hold a key of the business transaction, the most telling ones first."""
_CUSTOMER = ("customer.id", "customer_id", "enduser.id", "user.id", "tenant.id")
WORKFLOW = ("workflow.name", "workflow", "cicd.pipeline.name", "process.name", "business.process")
HOST = ("host.name", "k8s.pod.name", "service.instance.id", "container.id", "hostname", "ip")
PLATFORM = ("platform.type", "deployment.platform.type")
_GRPC = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
_CODES = (
    ("sqlstate", ("db.response.status_code", "db.sqlstate", "sqlstate", "db.postgresql.error_code")),
    ("kafka", ("messaging.kafka.error", "kafka.error")),
    ("amqp", ("messaging.rabbitmq.reply_code", "amqp.reply_code")),
    ("aws", ("aws.error.code", "aws.error_code")),
)
# First letters of an attribute's name, and the channel that it tells of; the first one here that occurs wins.
_CHANNELS = (
    ("messaging", ("messaging.", "message_bus.")),
    ("database", ("db.",)),
    ("rpc", ("rpc.", "grpc.")),
    ("http", ("http.", "url.")),
    ("file", ("file.",)),
)
_THRESHOLD = re.compile(r"\bot=(?:[^,]{0,256};)?th:([0-9a-f]{1,14})(?![0-9a-f])")
_INT32 = range(-(2**31), 2**31)


class Plan(NamedTuple):
    """Where to find what, among attributes with certain names in a certain order."""

    channel: str
    wanted: tuple[tuple[str, tuple[tuple[str, Callable[[Any], Any]], ...]], ...]
    """Columns, the attributes that may fill each, the most telling first, and how their values are read."""
    people: tuple[str, ...]
    """Attributes that name a person or a customer."""
    sampled: bool
    """Whether attributes say with which probability the trace was kept."""


def as_it_is(value: Any) -> str | None:
    """Return a value as text."""
    return value if value.__class__ is str else str(value)


def number(value: Any) -> float | None:
    """Return a value as a number; null if it is none."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _whole(value: Any) -> int | None:
    read = number(value)
    return int(read) if read is not None and read == read and int(read) in _INT32 else None  # noqa: PLR0124 - not NaN


def _resent(value: Any) -> int | None:
    read = _whole(value)
    return None if read is None else read + 1


def _grpc(value: Any) -> str | None:
    named = _GRPC[int(value)] if str(value).isdigit() and int(value) < len(_GRPC) else str(value).upper()
    return None if named in {"OK", "0"} else f"grpc:{named}"


def _coded(family: str) -> Callable[[Any], str]:
    return lambda value: f"{family}:{value}"


_COLUMNS: tuple[tuple[str, tuple[str, ...], Callable[[Any], Any]], ...] = (
    ("host", ("host.name", "hostname"), as_it_is),
    ("platform", PLATFORM, as_it_is),
    (
        "destination",
        (
            *("messaging.destination.name", "messaging.destination", "message_bus.destination"),
            *("messaging.kafka.topic", "messaging.kafka.destination.topic", "kafka.topic", "db.collection.name"),
            *("db.sql.table", "db.mongodb.collection", "file.path", "http.route"),
        ),
        as_it_is,
    ),
    ("http_status", ("http.response.status_code", "http.status_code", "http.status"), _whole),
    (
        "error_code",
        ("rpc.grpc.status_code", "rpc.response.status_code", "grpc.status_code", "grpc.status"),
        _grpc,
    ),
    *(("error_code", names, _coded(family)) for family, names in _CODES),
    ("error_type", ("error.type", "exception.type", "error.kind", "error.class"), as_it_is),
    ("attempt", ("http.request.resend_count", "http.resend_count"), _resent),
    ("attempt", ("attempt", "retry.attempt", "messaging.delivery.attempt"), _whole),
    (
        "message_id",
        (
            *("messaging.message.id", "messaging.message_id", "message_bus.message_id"),
            *("messaging.message.conversation_id", "idempotency.key", "idempotency_key"),
        ),
        as_it_is,
    ),
    ("correlation_id", CORRELATION, as_it_is),
    ("run_id", ("workflow.run.id", "cicd.pipeline.run.id", "faas.invocation_id"), as_it_is),
    ("workflow", WORKFLOW, as_it_is),
    ("customer", _CUSTOMER, as_it_is),
    ("amount", ("order.amount", "amount", "transaction.amount", "payment.amount", "order.total"), number),
)


@lru_cache(maxsize=4096)
def plan(names: tuple[str, ...], kind: str = "internal") -> Plan:
    """Return where to find what, among attributes with these names of a span of this kind."""
    way = next((way for way, starts in _CHANNELS if any(name.startswith(starts) for name in names)), "unknown")
    if kind in {"producer", "consumer"}:
        way = "messaging"
    peer: tuple[str, ...]
    if way == "database":
        peer = (*_NAMED_PEER, *_DATABASE, *_PEER, *_DATABASE_KIND)
    elif way == "messaging":
        peer = (*_NAMED_PEER, *_BROKER, *_PEER)
    else:
        peer = (*_NAMED_PEER, *(_CALLER if kind == "server" else _PEER))
    there = set(names)
    wanted: dict[str, list[tuple[str, Callable[[Any], Any]]]] = {}
    for column, candidates, read in (("peer", peer, as_it_is), *_COLUMNS):
        wanted.setdefault(column, []).extend((name, read) for name in candidates if name in there)
    return Plan(
        channel=way,
        wanted=tuple((column, tuple(named)) for column, named in wanted.items() if named),
        people=tuple(filter(is_person, names)),
        sampled=not there.isdisjoint(("sampling.probability", "sampler.type")),
    )


def filled(
    decided: Plan, flats: Sequence[Mapping[str, Any]], rows: Sequence[int]
) -> Iterator[tuple[str, list[int], list[Any]]]:
    """Yield the columns that attributes fill, with the rows and the values.

    Parameters
    ----------
    decided
        The plan for the attributes of these rows.
    flats
        Attributes by name, of all rows.
    rows
        The rows in question: all have the attributes that the plan is for.
    """
    for column, named in decided.wanted:
        left = rows
        for name, read in named:
            places, values, silent = [], [], []
            for row in left:
                value = flats[row][name]
                made = None if value is None or value == "" else read(value)
                if made is None:
                    silent.append(row)
                else:
                    places.append(row)
                    values.append(made)
            if places:
                yield column, places, values
            if not silent:
                break
            left = silent


def columns(attributes: dict[str, Any], resource: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the typed columns that attributes fill; all attributes are kept beside them."""
    decided = plan(tuple(attributes), kind)
    made: dict[str, Any] = {**described(resource), "channel": decided.channel}
    return made | {column: values[0] for column, _, values in filled(decided, [attributes], [0])}


def described(resource: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the columns that a resource fills; the attributes of a span go before them."""
    return {
        "namespace": first(resource, ("service.namespace",)),
        "host": first(resource, HOST),
        "platform": first(resource, PLATFORM),
        "workflow": first(resource, WORKFLOW),
    }


def first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first of some attributes that says anything, as text."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return as_it_is(value)
    return None


def weight(attributes: dict[str, Any], trace_state: str | None = None) -> float:
    """Return the inverse of the probability with which the trace was sampled; 1 when nothing says it.

    References
    ----------
    OpenTelemetry, TraceState: probability sampling, `ot=th`: the threshold counts the rejected share in units of 2^-56,
    trailing zeros left out.

    Examples
    --------
    >>> weight({"sampling.probability": 0.25}), weight({}, "vendor=x,ot=th:c"), weight({})
    (4.0, 4.0, 1.0)
    """
    probability = number(attributes.get("sampling.probability"))
    if probability is None and attributes.get("sampler.type") == "probabilistic":
        probability = number(attributes.get("sampler.param"))
    if probability is not None and 0 < probability <= 1:
        return 1 / probability
    if trace_state and (threshold := _THRESHOLD.search(trace_state)):
        kept = 1 - int(threshold[1].ljust(14, "0"), 16) / 2**56
        return 1 / kept if kept > 0 else 1.0
    return 1.0


def identity(trace_id: str, span_id: str, parent_id: str | None, *, half: str | None = None) -> dict[str, Any]:
    """Return the ids of a span and their keys; the server half of a shared span has a key of its own."""
    span_key = key(span_id, half) if half == "server" else key(span_id)
    return {
        "span_uid": key(trace_id, span_id, half, 1),
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_span_id": parent_id,
        "trace_key": key(trace_id),
        "span_key": span_key,
        "parent_key": key(parent_id) if parent_id else None,
    }


def exception(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the exception columns of a log record."""
    return {
        "exception_type": first(attributes, ("exception.type", "error.kind", "error.class")),
        "exception_message": first(attributes, ("exception.message", "error.object")),
        "exception_stacktrace": first(attributes, ("exception.stacktrace", "stack", "error.stack")),
    }
