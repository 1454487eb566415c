"""What do the attributes of a span say, in columns of their own?

The model reads typed columns only. Names are those of the OpenTelemetry semantic conventions, old ones beside new ones,
and of the systems that came before them; where several say the same, the first one here wins.
"""

from __future__ import annotations

import re
from typing import Any

from ...identity import key

_PEER = (
    *("service.peer.name", "peer.service", "net.peer.name", "server.address", "network.peer.address"),
    *("peer.address", "peer.hostname", "net.sock.peer.name", "net.sock.peer.addr"),
)
_DATABASE = ("db.namespace", "db.name", "db.instance")
_DATABASE_KIND = ("db.system.name", "db.system", "db.type")
_DESTINATION = (
    *("messaging.destination.name", "messaging.destination", "message_bus.destination", "messaging.kafka.topic"),
    *("db.collection.name", "db.sql.table", "db.mongodb.collection", "file.path", "http.route"),
)
_HTTP_STATUS = ("http.response.status_code", "http.status_code", "http.status")
_ERROR_TYPE = ("error.type", "exception.type", "error.kind", "error.class")
_MESSAGE = ("messaging.message.id", "messaging.message_id", "messaging.message.conversation_id", "idempotency.key")
_CORRELATION = (
    *("order.id", "correlation.id", "correlation_id", "correlationId", "transaction.id", "business.key", "order_id"),
    *("orderId", "invoice.id", "payment.id", "request.id", "http.request.header.x-request-id", "x-request-id"),
    *("guid:x-request-id", "messaging.message.conversation_id", "case.id", "workflow.run.id"),
)
_WORKFLOW = ("workflow.name", "workflow", "cicd.pipeline.name", "process.name", "business.process")
_CUSTOMER = ("customer.id", "customer_id", "enduser.id", "user.id", "tenant.id")
_AMOUNT = ("order.amount", "amount", "transaction.amount", "payment.amount", "order.total")
_PLATFORM = ("platform.type", "deployment.platform.type")
_RUN = ("workflow.run.id", "cicd.pipeline.run.id", "faas.invocation_id")
_GRPC = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
_HOST = ("host.name", "k8s.pod.name", "service.instance.id", "container.id", "hostname", "ip")
_THRESHOLD = re.compile(r"\bot=(?:[^,]*;)?th:([0-9a-f]{1,14})")


def first(attributes: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of some attributes that says anything."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def text(attributes: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first of some attributes as text."""
    value = first(attributes, names)
    return None if value is None else str(value)


def number(attributes: dict[str, Any], names: tuple[str, ...]) -> float | None:
    """Return the first of some attributes as a number; what is none is left to the attributes."""
    value = first(attributes, names)
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def channel(attributes: dict[str, Any], kind: str) -> str:
    """Say how the work was handed over, as far as this span tells."""
    names = attributes.keys()
    if kind in {"producer", "consumer"} or any(name.startswith(("messaging.", "message_bus.")) for name in names):
        return "messaging"
    if any(name.startswith("db.") for name in names):
        return "database"
    if any(name.startswith(("rpc.", "grpc.")) for name in names):
        return "rpc"
    if any(name.startswith(("http.", "url.")) for name in names):
        return "http"
    if any(name.startswith("file.") for name in names):
        return "file"
    return "unknown"


def error_code(attributes: dict[str, Any]) -> str | None:
    """Return the code of an error with its family, such as grpc:UNAVAILABLE or sqlstate:23505."""
    grpc = first(attributes, ("rpc.grpc.status_code", "rpc.response.status_code", "grpc.status_code", "grpc.status"))
    if grpc is not None:
        named = _GRPC[int(grpc)] if str(grpc).isdigit() and int(grpc) < len(_GRPC) else str(grpc).upper()
        return None if named == "OK" else f"grpc:{named}"
    for family, names in (
        ("sqlstate", ("db.response.status_code", "db.sqlstate", "sqlstate", "db.postgresql.error_code")),
        ("kafka", ("messaging.kafka.error", "kafka.error")),
        ("amqp", ("messaging.rabbitmq.reply_code", "amqp.reply_code")),
        ("aws", ("aws.error.code", "aws.error_code")),
    ):
        value = first(attributes, names)
        if value is not None:
            return f"{family}:{value}"
    return None


def weight(attributes: dict[str, Any], trace_state: str | None = None) -> float:
    """Return the inverse of the probability with which the trace was sampled; 1 when nothing says it."""
    probability = number(attributes, ("sampling.probability", "sample.rate.inverse"))
    if probability is None and attributes.get("sampler.type") == "probabilistic":
        probability = number(attributes, ("sampler.param",))
    if probability is not None and 0 < probability <= 1:
        return 1 / probability
    # The threshold counts the rejected share in units of 2^-56, trailing zeros left out.
    if trace_state and (found := _THRESHOLD.search(trace_state)):
        kept = 1 - int(found[1].ljust(14, "0"), 16) / 2**56
        return 1 / kept if kept > 0 else 1.0
    return 1.0


def columns(attributes: dict[str, Any], resource: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the typed columns that attributes fill; all attributes are kept beside them."""
    way = channel(attributes, kind)
    peer = text(attributes, _PEER[:2])
    if peer is None and way == "database":
        peer = text(attributes, _DATABASE) or text(attributes, _PEER) or text(attributes, _DATABASE_KIND)
    if peer is None and way == "messaging":
        peer = text(attributes, ("messaging.system",))
    if peer is None:
        peer = text(attributes, _PEER)
    status = number(attributes, _HTTP_STATUS)
    resend = number(attributes, ("http.request.resend_count", "http.resend_count"))
    attempt = number(attributes, ("attempt", "retry.attempt", "messaging.delivery.attempt"))
    return {
        "namespace": text(resource, ("service.namespace",)),
        "host": text(resource, _HOST) or text(attributes, ("host.name", "hostname")),
        "platform": text(attributes, _PLATFORM) or text(resource, _PLATFORM),
        "channel": way,
        "peer": peer,
        "destination": text(attributes, _DESTINATION),
        "http_status": int(status) if status is not None else None,
        "error_code": error_code(attributes),
        "error_type": text(attributes, _ERROR_TYPE),
        "attempt": int(resend) + 1 if resend is not None else int(attempt) if attempt is not None else None,
        "message_id": text(attributes, _MESSAGE),
        "correlation_id": text(attributes, _CORRELATION),
        "run_id": text(attributes, _RUN),
        "workflow": text(attributes, _WORKFLOW) or text(resource, _WORKFLOW),
        "customer": text(attributes, _CUSTOMER),
        "amount": number(attributes, _AMOUNT),
    }


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
        "exception_type": text(attributes, ("exception.type", "error.kind", "error.class")),
        "exception_message": text(attributes, ("exception.message", "error.object")),
        "exception_stacktrace": text(attributes, ("exception.stacktrace", "stack", "error.stack")),
    }
