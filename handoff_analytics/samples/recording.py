"""What did the systems report, and what truly happened at each handoff?

A `Trace` is written as the work is done: every call leaves its client and server spans, and beside them the crossing
that an all-knowing observer would note.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from .company import DATABASES, SILENT_PEERS, hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
OK, ERROR = 0, 2
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def stream(seed: int, *names: object) -> Random:
    """Return random numbers of their own for one purpose, so that another purpose does not disturb them."""
    return Random(":".join(str(part) for part in (seed, *names)))  # noqa: S311 - samples, no secrets


@dataclass(slots=True)
class Span:
    """One span as its system reports it."""

    trace_id: str
    span_id: str
    parent_id: str
    system: str
    host: str
    name: str
    kind: int
    start_us: int
    end_us: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    status: int = OK
    message: str = ""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Order:
    """One business transaction, and what about it makes it fail."""

    number: int
    order_id: str
    placed_us: int
    customer: str
    segment: str
    country: str
    postal_code: str
    vat_id: str
    mail_domain: str
    amount: float
    is_new_customer: bool = False
    has_contract_price: bool = False


@dataclass(slots=True, eq=False)
class Crossing:
    """One attempt to pass one handoff, as it truly was."""

    source: str
    target: str
    channel: str
    order: Order
    trace_id: str
    source_span: str
    target_span: str
    start_us: int
    call: int
    attempt: int
    failed: bool = False
    origin: str = ""
    fate: str = ""
    silent: bool = False
    detector: str = ""
    mode: str = ""
    plant: str = ""
    root: Crossing | None = None
    is_duplicate: bool = False
    is_last: bool = True
    is_observed: bool = True
    """Whether the telemetry shows the attempt; a lost message never arrived, an orphan lost its caller's span."""
    evidence: str = "spans"
    end_us: int = 0

    @property
    def handoff(self) -> tuple[str, str, str]:
        """The boundary it passes."""
        return self.source, self.target, self.channel


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in one attempt.

    `kind` is where: ``reject`` (the receiver refuses), ``unreachable``, ``timeout`` (the answer comes too late),
    ``inside`` (the receiver breaks), ``unreadable`` (the answer does), or ``silent`` (nobody says so).
    """

    plant: str
    kind: str
    mode: str
    text: str
    http_status: int = 0
    error_type: str = ""
    clears: float = 0.0
    detector: str = ""
    attributes: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Call:
    """What a caller asks of another system, however often it has to ask."""

    number: int
    target: str
    name: str
    body: Callable[[Span], Crossing | None] | None
    sent: dict[str, Any]
    stored: dict[str, Any]
    work_ms: tuple[float, float]


class Record:
    """All spans and crossings of the company, in the order in which they were made."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.spans: list[Span] = []
        self.crossings: list[Crossing] = []
        self.calls = 0

    def next_call(self) -> int:
        """Return the number of a new logical call."""
        self.calls += 1
        return self.calls


class Trace:
    """One trace being made; its clock advances with the work."""

    def __init__(self, record: Record, order: Order, start_us: int, name: str) -> None:
        self.record = record
        self.order = order
        self.random = stream(record.seed, "trace", name, order.order_id)
        self.trace_id = f"{self.random.getrandbits(128):032x}"
        self.now = start_us

    def pass_time(self, low_ms: float, high_ms: float) -> None:
        """Let some time pass; long waits are rarer than short ones."""
        share = self.random.random() ** 3
        self.now += int((low_ms + (high_ms - low_ms) * share) * MILLISECOND)

    def start(
        self,
        system: str,
        name: str,
        kind: int,
        *,
        parent: Span | None = None,
        links: tuple[tuple[str, str], ...] = (),
    ) -> Span:
        """Begin a span now."""
        where = hosts(system)
        span = Span(
            trace_id=self.trace_id,
            span_id=f"{self.random.getrandbits(64):016x}",
            parent_id=parent.span_id if parent else "",
            system=system,
            host=where[self.order.number % len(where)],
            name=name,
            kind=kind,
            start_us=self.now,
            links=links,
        )
        self.record.spans.append(span)
        return span

    def finish(self, span: Span, *, error: str = "") -> None:
        """End a span now."""
        span.end_us = self.now
        if error:
            span.status = ERROR
            span.message = error

    def cross(self, sender: Span, target: str, channel: str, *, call: int | None = None, attempt: int = 1) -> Crossing:
        """Note that one attempt passes a handoff."""
        crossing = Crossing(
            source=sender.system,
            target=target,
            channel=channel,
            order=self.order,
            trace_id=self.trace_id,
            source_span=sender.span_id,
            target_span="",
            start_us=sender.start_us,
            call=self.record.next_call() if call is None else call,
            attempt=attempt,
        )
        self.record.crossings.append(crossing)
        return crossing

    def call(
        self,
        parent: Span,
        target: str,
        name: str,
        *,
        faults: Callable[[int], Fault | None] = lambda _: None,
        body: Callable[[Span], Crossing | None] | None = None,
        retries: int = 0,
        fate: Callable[[Crossing], str] = lambda _: "surfaced",
        sent: dict[str, Any] | None = None,
        stored: dict[str, Any] | None = None,
        work_ms: tuple[float, float] = (4, 60),
    ) -> Crossing:
        """Hand work to another system, and try again as often as the caller does.

        Returns the last attempt; its `failed` says how the call ended. `fate` is what the caller makes of a failure.
        """
        asked = _Call(self.record.next_call(), target, name, body, sent or {}, stored or {}, work_ms)
        made: list[Crossing] = []
        for attempt in range(1, retries + 2):
            fault = faults(attempt)
            crossing = self._attempt(parent, asked, attempt, fault)
            made.append(crossing)
            if not crossing.failed or (fault is not None and fault.clears <= 0):
                break
            self.pass_time(200 * attempt, 900 * attempt)
        last = made[-1]
        for crossing in made:
            crossing.is_last = crossing is last
            if crossing.failed:
                crossing.fate = "masked" if not last.failed else fate(last)
        return last

    def _attempt(self, parent: Span, asked: _Call, attempt: int, fault: Fault | None) -> Crossing:
        target = asked.target
        is_database = target in DATABASES
        client = self.start(parent.system, asked.name, CLIENT, parent=parent)
        client.attributes |= asked.sent
        if attempt > 1:
            client.attributes["http.request.resend_count"] = attempt - 1
        channel = "database" if is_database else "http"
        crossing = self.cross(client, target, channel, call=asked.number, attempt=attempt)
        if is_database:
            client.attributes |= {"db.system.name": "postgresql", "server.address": target}
        elif target in SILENT_PEERS or (fault is not None and fault.kind == "unreachable"):
            client.attributes |= {"http.request.method": asked.name.split(maxsplit=1)[0], "server.address": target}
        self.pass_time(1, 12)
        server = None
        if target not in SILENT_PEERS and (fault is None or fault.kind != "unreachable"):
            server = self.start(target, asked.name, SERVER, parent=client)
            crossing.target_span = server.span_id
        if fault is not None and fault.kind != "silent":
            self._fail(client, server, crossing, fault)
            return crossing
        self.pass_time(*asked.work_ms)
        root = asked.body(server) if asked.body is not None and server is not None else None
        if root is None:
            self._succeed(client, server, crossing, asked, fault)
        else:
            text = f"upstream {root.target} failed: {root.mode}"
            for span in (span for span in (server, client) if span is not None):
                span.attributes |= {"http.response.status_code": 502, "error.type": "502"}
                self.finish(span, error=text)
            crossing.failed, crossing.origin, crossing.root, crossing.mode = True, "propagated", root.root, root.mode
        crossing.end_us = client.end_us
        return crossing

    def _succeed(
        self, client: Span, server: Span | None, crossing: Crossing, asked: _Call, fault: Fault | None
    ) -> None:
        """Let one attempt report success; a silent fault is only in what was stored."""
        stored = asked.stored
        if fault is not None:
            crossing.silent, crossing.detector = True, fault.detector
            crossing.mode, crossing.plant, crossing.origin = fault.mode, fault.plant, "boundary"
            crossing.root = crossing
            stored = stored | dict(fault.attributes)
        (client if server is None else server).attributes.update(stored)
        if server is not None:
            self.finish(server)
        self.pass_time(1, 12)
        if asked.target not in DATABASES:
            client.attributes["http.response.status_code"] = 202 if asked.target == "mail-provider" else 200
        self.finish(client)

    def _fail(self, client: Span, server: Span | None, crossing: Crossing, fault: Fault) -> None:
        """Let one attempt fail as its fault says."""
        crossing.failed, crossing.mode, crossing.plant, crossing.root = True, fault.mode, fault.plant, crossing
        crossing.origin = "inside" if fault.kind == "inside" else "boundary"
        extra = dict(fault.attributes)
        status = {"http.response.status_code": fault.http_status} if fault.http_status else {}
        error = fault.error_type or str(fault.http_status)
        if fault.kind == "unreachable":
            self.pass_time(1000, 3000)
        elif fault.kind == "timeout":
            # The receiver finishes its work after the caller has given up.
            self.now += 4 * SECOND
        else:
            self.pass_time(3, 40)
        if server is not None:
            late = self.now + int((0.4 + 3 * self.random.random()) * SECOND)
            server.end_us = late if fault.kind == "timeout" else self.now
            server.attributes |= extra
            if fault.kind == "inside":
                server.attributes |= status | {"error.type": error}
                server.status, server.message = ERROR, fault.text
            elif fault.kind == "reject":
                # OpenTelemetry leaves a server span of a 4xx answer without an error: the caller is to blame.
                server.attributes |= status
            else:
                server.attributes["http.response.status_code"] = 200
        else:
            client.attributes |= extra
        self.pass_time(1, 8)
        client.attributes |= status | {"error.type": error}
        self.finish(client, error=fault.text)
        crossing.end_us = client.end_us

    def fallback(self, parent: Span, name: str) -> None:
        """Record that the caller knew what to do instead."""
        span = self.start(parent.system, f"fallback {name}", INTERNAL, parent=parent)
        span.attributes["fallback"] = True
        self.pass_time(20, 200)
        self.finish(span)

    def publish(self, parent: Span, topic: str) -> Span:
        """Send a message."""
        span = self.start(parent.system, f"{topic} publish", PRODUCER, parent=parent)
        span.attributes |= {
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.message.id": f"{self.random.getrandbits(48):012x}",
        }
        self.pass_time(1, 6)
        self.finish(span)
        return span

    def receive(self, system: str, producers: tuple[Span, ...]) -> tuple[Span, list[Crossing]]:
        """Begin the work on messages that were sent in other traces, and note one crossing a message."""
        topic = producers[0].attributes["messaging.destination.name"]
        links = tuple((producer.trace_id, producer.span_id) for producer in producers)
        span = self.start(system, f"{topic} process", CONSUMER, links=links)
        span.attributes |= {"messaging.system": "kafka", "messaging.destination.name": topic}
        if len(producers) == 1:
            span.attributes["messaging.message.id"] = producers[0].attributes["messaging.message.id"]
        crossings = []
        for producer in producers:
            crossing = self.cross(producer, system, "messaging")
            crossing.target_span = span.span_id
            crossings.append(crossing)
        return span, crossings


def per_handoff(crossings: list[Crossing]) -> Iterator[tuple[tuple[str, str, str], list[Crossing]]]:
    """Group crossings by handoff, in the order of the names."""
    groups: dict[tuple[str, str, str], list[Crossing]] = {}
    for crossing in crossings:
        groups.setdefault(crossing.handoff, []).append(crossing)
    yield from sorted(groups.items())
