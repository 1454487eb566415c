"""What do the systems write into their logs?

The warehouse floor has logs and, for most orders, nothing else: entry and exit lines under one order number. The other
systems log what they refuse. Each line knows its template, so that grouping can be scored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .phenomena import PLANT
from .recording import SECOND, Record, stream
from .telemetry import compact, iso

if TYPE_CHECKING:
    from .recording import Crossing, Order
    from .transactions import Flow

# What each system says when work begins and when it ends; the template ids are the answers for template grouping.
_FLOOR = {
    "pick": (
        ("pick_start", "picking of order {order} started with {n} lines"),
        ("pick_end", "picking of order {order} finished after {n} s"),
    ),
    "pack": (("pack_start", "job for order {order} accepted"), ("pack_end", "job for order {order} done, {n} parcels")),
    "print": (
        ("print_start", "label for {order} queued at position {n}"),
        ("print_end", "label for {order} printed in {n} ms"),
    ),
    "slot": (("slot_start", "slot {n} asked for order {order}"), ("slot_end", "slot {n} assigned to order {order}")),
}


class Line(NamedTuple):
    """One log line, with the template that made it."""

    at: int
    system: str
    level: str
    template: str
    message: str
    order_id: str
    trace_id: str
    span_id: str
    peer: str

    def text(self) -> str:
        """Write the line as its system does."""
        fields = {
            "timestamp": iso(self.at),
            "level": self.level,
            "service": self.system,
            "message": self.message,
            "order_id": self.order_id,
        }
        if self.peer:
            fields["peer"] = self.peer
        if self.trace_id:
            fields |= {"trace_id": self.trace_id, "span_id": self.span_id}
        return compact(fields)


def floor_lines(flow: Flow, order: Order, at: int, *, instrumented: bool) -> list[Line]:
    """Let the warehouse pick one order; only an instrumented floor leaves spans and their ids."""
    visits = flow.pick(order, at)
    random = stream(flow.record.seed, "floor", order.order_id)
    spans = {span.system: span for span in flow.record.spans if span.trace_id == flow.record.spans[-1].trace_id}
    lines = []
    for system, what, since, until, crossing in visits:
        span = spans.get(system)
        ids = (span.trace_id, span.span_id) if instrumented and span is not None else ("", "")
        for moment, (template, text) in ((since, _FLOOR[what][0]), (until, _FLOOR[what][1])):
            if crossing is not None and crossing.failed and moment == until:
                message = (
                    f"order {order.order_id} not done: {PLANT[crossing.plant].fault.text}"
                    if crossing.plant
                    else f"order {order.order_id} not done"
                )
                lines.append(Line(moment, system, "error", f"{what}_failed", message, order.order_id, *ids, ""))
                continue
            message = text.format(order=order.order_id, n=random.randrange(1, 900))
            lines.append(
                Line(moment + random.randrange(900), system, "info", template, message, order.order_id, *ids, "")
            )
        if what == "pack":
            asked = since + 15 * SECOND
            lines.append(
                Line(
                    asked,
                    system,
                    "info",
                    "pack_label",
                    f"asking label-printer for the label of {order.order_id}",
                    order.order_id,
                    *ids,
                    "label-printer",
                )
            )
    return lines


def refusal_lines(record: Record) -> list[Line]:
    """Return what callers log about failures at their boundaries; half of them know the trace."""
    lines = []
    random = stream(record.seed, "refusals")
    for crossing in record.crossings:
        knows_trace = random.random() < 0.6
        line = _refusal(crossing, knows_trace=knows_trace)
        if line is not None:
            lines.append(line)
    return lines


def _refusal(crossing: Crossing, *, knows_trace: bool) -> Line | None:
    order = crossing.order
    ids = (crossing.trace_id, crossing.source_span) if knows_trace else ("", "")
    if crossing.plant == "vat_dropped":
        return Line(
            crossing.end_us,
            "erp",
            "warn",
            "vat_dropped",
            f"unknown attribute vat_id ignored for partner of {order.order_id}",
            order.order_id,
            "",
            "",
            "",
        )
    if not crossing.failed or not crossing.plant or not crossing.is_last or crossing.evidence != "spans":
        return None
    fault = PLANT[crossing.plant].fault
    if crossing.channel == "messaging":
        # The sender of a message never hears of its failure: the reader logs it, in a trace of its own.
        ids = (crossing.trace_id, crossing.target_span) if knows_trace else ("", "")
        message = f"event of order {order.order_id} not processed: {fault.text}"
        template = f"refused_{crossing.plant}"
        return Line(crossing.end_us, crossing.target, "error", template, message, order.order_id, *ids, "")
    message = f"{crossing.target} refused order {order.order_id}: {fault.text}"
    return Line(
        crossing.end_us,
        crossing.source,
        "error",
        f"refused_{crossing.plant}",
        message,
        order.order_id,
        *ids,
        crossing.target,
    )


def race_lines(record: Record, orders: list[Order]) -> tuple[list[Line], list[str]]:
    """Return the stock's two writers, and the orders at which an older version overwrote a newer one."""
    random = stream(record.seed, "races")
    lines, inverted = [], []
    version = 100
    for order in orders[::23]:
        version += 2
        is_race = random.random() < 0.25
        first, second = (version + 1, version) if is_race else (version, version + 1)
        sku = f"SKU-{random.randrange(10, 99)}"
        for delay, seen, writer in ((40, first, "inventory"), (41, second, "scheduler")):
            message = f"stock of {sku} set to {random.randrange(2, 400)} by {writer}, version {seen}"
            lines.append(
                Line(
                    order.placed_us + delay * SECOND,
                    "inventory",
                    "info",
                    "stock_set",
                    message,
                    order.order_id,
                    "",
                    "",
                    "",
                )
            )
        if is_race:
            inverted.append(order.order_id)
    return lines, inverted
