"""How does an order pass through the company?

One function a system or consumer: what it does, whom it calls, and what it makes of a failure below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .company import WORKFLOW
from .phenomena import PLANT, draw
from .plants import TIMES, load, token_age_us, token_left_us
from .recording import DAY, HOUR, INTERNAL, MINUTE, SECOND, SERVER, Crossing, Fault, Order, Record, Span, Trace, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

SAGA = {"saga.compensation": True}
SETTLEMENT_HOUR = 22


def orders(count: int, *, seed: int, since: int, until: int) -> list[Order]:
    """Return orders spread over a window as the company's week goes, in order of time."""
    random = stream(seed, "orders")
    hours = range(since, until, HOUR)
    weights = [load(hour) for hour in hours]
    total = sum(weights)
    moments: list[int] = []
    due = 0.0
    for hour, weight in zip(hours, weights, strict=True):
        due += count * weight / total
        while len(moments) < round(due):
            moments.append(hour + int(random.random() * HOUR))
    return [_order(number, at, stream(seed, "order", number)) for number, at in enumerate(sorted(moments))]


def _order(number: int, at: int, random: Random) -> Order:
    country = random.choices(("DE", "US", "FR", "PL"), (55, 22, 14, 9))[0]
    segment = random.choices(("private", "business", "self_employed"), (50, 38, 12))[0]
    digits = f"{random.randrange(10_000, 99_999)}"
    if country == "US" and random.random() < 0.72:
        digits += f"-{random.randrange(1000, 9999)}"
    return Order(
        number=number,
        order_id=f"SO-{100_000 + number}",
        placed_us=at,
        customer=f"C{random.randrange(1, 900):04d}",
        segment=segment,
        country=country,
        postal_code=digits,
        vat_id=f"{country}{random.randrange(10**8, 10**9)}" if segment == "business" and random.random() < 0.8 else "",
        mail_domain=random.choices(("mail.example", "post.example", "web.example"), (25, 40, 35))[0],
        amount=round(30 + 90 * random.random() + 1200 * random.random() ** 5, 2),
        is_new_customer=random.random() < 0.28,
        has_contract_price=segment == "business" and random.random() < 0.4,
    )


class Flow:
    """The flow of one company: it owns the record, and whether faults strike."""

    def __init__(self, record: Record, *, faults: bool) -> None:
        self.record = record
        self.has_faults = faults
        self.payments: list[tuple[Span, Order]] = []
        # Orders that were charged while the ERP could not book them: they stay inconsistent.
        self.unbooked: set[str] = set()

    def faults(self, trace: Trace, source: str, target: str, operation: str = "") -> Callable[[int], Fault | None]:
        """Draw what one logical call will meet."""
        drawn = draw(trace.random, trace.order, trace.now, source=source, target=target, operation=operation)
        return drawn if self.has_faults else lambda _attempt: None

    def place(self, order: Order) -> None:
        """Let one order pass."""
        trace = Trace(self.record, order, order.placed_us, "order")
        shop = trace.start("shop", "POST /orders", SERVER)
        shop.attributes |= {
            "workflow.name": WORKFLOW,
            "order.id": order.order_id,
            "customer.id": order.customer,
            "order.amount": order.amount,
        }
        shop.attributes |= {
            "customer.segment": order.segment,
            "shipping.country": order.country,
            "shipping.postal_code": order.postal_code,
        }
        entry = Crossing(
            "external",
            "shop",
            "http",
            order,
            trace.trace_id,
            "",
            shop.span_id,
            shop.start_us,
            self.record.next_call(),
            1,
        )
        self.record.crossings.append(entry)
        trace.pass_time(2, 20)
        failed = self._shop(trace, shop)
        trace.pass_time(2, 20)
        shop.attributes["http.response.status_code"] = 502 if failed else 201
        if failed is not None and failed.root is not None:
            shop.attributes["error.type"] = "502"
            entry.failed, entry.origin, entry.fate = True, "propagated", "surfaced"
            entry.root, entry.mode = failed.root, failed.mode
        trace.finish(shop, error=f"order {order.order_id} failed: {failed.root.mode}" if failed and failed.root else "")
        entry.end_us = shop.end_us

    def _shop(self, trace: Trace, shop: Span) -> Crossing | None:
        customer = trace.call(
            shop,
            "crm",
            "PUT /customers",
            faults=self.faults(trace, "shop", "crm", "PUT /customers"),
            body=lambda crm: self._crm(trace, crm),
        )
        if customer.failed:
            return customer
        published: list[Span] = []
        flow = trace.call(shop, "ipaas", "POST /flows/order", body=lambda hub: self._ipaas(trace, hub, published))
        for event in published:
            self._invoicing(event, trace.order)
            self._shipping(event, trace.order)
        return flow if flow.failed else None

    def _crm(self, trace: Trace, crm: Span) -> Crossing | None:
        order = trace.order
        if order.is_new_customer:
            check = trace.call(crm, "credit-check", "POST /checks", faults=self.faults(trace, "crm", "credit-check"))
            if check.failed:
                return check
        if order.vat_id:
            trace.call(
                crm,
                "erp",
                "PUT /business-partners",
                faults=self.faults(trace, "crm", "erp", "PUT /business-partners"),
                sent={"crm.order.vat_id": order.vat_id},
                stored={"erp.order.vat_id": order.vat_id},
            )
        return None

    def _ipaas(self, trace: Trace, hub: Span, published: list[Span]) -> Crossing | None:
        order = trace.order

        def goes_on(last: Crossing) -> str:
            # The integration hub takes a refused connection behind the ERP for a slow one, and assumes success.
            return "swallowed" if last.root is not None and last.root.plant == "database_outage" else "surfaced"

        hub.attributes["order.id"] = order.order_id
        booking = trace.call(
            hub,
            "erp",
            "POST /sales-orders",
            faults=self.faults(trace, "ipaas", "erp", "POST /sales-orders"),
            body=lambda erp: self._erp(trace, erp),
            retries=2,
            fate=goes_on,
        )
        if booking.failed and booking.fate != "swallowed":
            return booking
        if booking.failed:
            self.unbooked.add(order.order_id)
        stock = trace.call(
            hub,
            "inventory",
            "POST /reservations",
            faults=self.faults(trace, "ipaas", "inventory", "POST /reservations"),
            body=lambda inventory: self._inventory(trace, inventory, "UPDATE stock"),
            retries=2,
        )
        if stock.failed:
            trace.call(hub, "erp", "DELETE /sales-orders", sent=SAGA)
            return stock
        charge = trace.call(
            hub,
            "payment",
            "POST /charges",
            faults=self.faults(trace, "ipaas", "payment", "POST /charges"),
            body=lambda payment: self._payment(trace, payment),
            retries=1,
            sent={"order.id": order.order_id},
            stored={"payment.result": "approved"},
        )
        if charge.failed:
            trace.call(
                hub,
                "inventory",
                "DELETE /reservations",
                faults=self.faults(trace, "ipaas", "inventory", "DELETE /reservations"),
                fate=lambda _: "swallowed",
                sent=SAGA,
            )
            if charge.mode == "timeout" and trace.random.random() < 0.8:
                trace.call(hub, "payment", "POST /refunds", sent=SAGA)
            return charge
        event = trace.publish(hub, "order-events")
        event.attributes["order.id"] = order.order_id
        published.append(event)
        return None

    def _erp(self, trace: Trace, erp: Span) -> Crossing | None:
        row = trace.call(
            erp,
            "orders-db",
            "INSERT orders",
            faults=self.faults(trace, "erp", "orders-db", "INSERT orders"),
            retries=1,
            sent={"db.collection.name": "orders"},
            work_ms=(1, 8),
        )
        if row.failed:
            return row
        if trace.order.has_contract_price:
            price = trace.call(erp, "pricing", "GET /prices", body=lambda pricing: self._pricing(trace, pricing))
            return price if price.failed else None
        return None

    def _pricing(self, trace: Trace, pricing: Span) -> Crossing | None:
        group = trace.call(
            pricing, "erp", "GET /customer-groups", faults=self.faults(trace, "pricing", "erp", "GET /customer-groups")
        )
        return group if group.failed else None

    def _inventory(self, trace: Trace, inventory: Span, statement: str) -> Crossing | None:
        row = trace.call(inventory, "stock-db", statement, sent={"db.collection.name": "stock"}, work_ms=(1, 8))
        return row if row.failed else None

    def _payment(self, trace: Trace, payment: Span) -> Crossing | None:
        has_second_acquirer = trace.random.random() < 0.5
        card = trace.call(
            payment,
            "card-network",
            "POST /authorisations",
            faults=self.faults(trace, "payment", "card-network"),
            retries=1,
            fate=lambda _: "handled" if has_second_acquirer else "surfaced",
        )
        if card.failed and not has_second_acquirer:
            return card
        if card.failed:
            trace.fallback(payment, "second acquirer")
        self.payments.append((trace.publish(payment, "payment-events"), trace.order))
        return None

    def _invoicing(self, event: Span, order: Order) -> None:
        trace = Trace(self.record, order, event.end_us, "invoicing")
        fault = self.faults(trace, "ipaas", "invoicing")(1)
        slow = trace.random.random() < 0.03
        trace.now += int((trace.random.random() ** 2 * 20 + 0.5) * SECOND) + (
            int(trace.random.random() * 9 * HOUR) if slow else 0
        )
        if fault is not None:
            lost = trace.cross(event, "invoicing", "messaging")
            lost.silent, lost.detector, lost.mode, lost.plant = True, fault.detector, fault.mode, fault.plant
            lost.origin, lost.root, lost.end_us, lost.is_observed = "boundary", lost, event.end_us, False
            return
        is_delivered_twice = self.has_faults and trace.random.random() < 0.02
        for delivery in range(2 if is_delivered_twice else 1):
            span, (crossing,) = trace.receive("invoicing", (event,))
            crossing.is_duplicate = delivery > 0
            span.attributes |= {"order.id": order.order_id, "workflow.name": WORKFLOW}
            faults = self.faults(trace, "invoicing", "erp", "POST /v1/invoices")
            if order.order_id in self.unbooked:
                faults = _unknown_order
            invoice = trace.call(
                span,
                "erp",
                "POST /v1/invoices" if trace.now < TIMES.endpoint_moved.until else "POST /v2/invoices",
                faults=faults,
            )
            _end(trace, span, crossing, invoice if invoice.failed else None)
            trace.now += 40 * SECOND

    def _shipping(self, event: Span, order: Order) -> None:
        trace = Trace(self.record, order, event.end_us, "shipping")
        fault = self.faults(trace, "ipaas", "shipping")(1)
        trace.now = _shift(trace.now + int((0.3 + trace.random.random() ** 2 * 9) * HOUR), trace.random)
        span, (crossing,) = trace.receive("shipping", (event,))
        span.attributes |= {"order.id": order.order_id, "workflow.name": WORKFLOW}
        if fault is not None:
            trace.pass_time(5, 50)
            span.attributes["error.type"] = fault.error_type
            trace.finish(span, error=fault.text)
            crossing.failed, crossing.origin, crossing.fate, crossing.end_us = True, "boundary", "surfaced", span.end_us
            crossing.mode, crossing.plant, crossing.root = fault.mode, fault.plant, crossing
            return
        trace.call(span, "orders-db", "SELECT orders", sent={"db.collection.name": "orders"}, work_ms=(1, 8))
        label = trace.call(
            span,
            "carrier-api",
            "POST /labels",
            faults=self.faults(trace, "shipping", "carrier-api", "POST /labels"),
            retries=1,
            sent={
                "auth.token.age_s": token_age_us(trace.now) // SECOND,
                "auth.token.expires_in_s": token_left_us(trace.now, late=self.has_faults) // SECOND,
            },
        )
        shipped = None if label.failed else trace.publish(span, "shipment-events")
        _end(trace, span, crossing, label if label.failed else None)
        if shipped is not None:
            self._notification(shipped, order)

    def _notification(self, event: Span, order: Order) -> None:
        trace = Trace(self.record, order, event.end_us, "notification")
        trace.now += int((trace.random.random() ** 2 * 8 + 0.2) * SECOND)
        span, (crossing,) = trace.receive("notification", (event,))
        span.attributes["order.id"] = order.order_id
        mail = trace.call(
            span,
            "mail-provider",
            "POST /messages",
            faults=self.faults(trace, "notification", "mail-provider"),
            retries=2,
        )
        if not mail.failed and order.number % 3 == 0:
            trace.call(
                span,
                "crm",
                "POST /contacts",
                faults=self.faults(trace, "notification", "crm"),
                fate=lambda _: "swallowed",
            )
        _end(trace, span, crossing, mail if mail.failed else None)

    def settle(self, day: int) -> None:
        """Run the nightly batch: read the day's payments at once, and send the stock list."""
        due = [(event, order) for event, order in self.payments if event.start_us < day + SETTLEMENT_HOUR * HOUR]
        self.payments = [pair for pair in self.payments if pair[0].start_us >= day + SETTLEMENT_HOUR * HOUR]
        if not due:
            return
        trace = Trace(self.record, due[0][1], day + SETTLEMENT_HOUR * HOUR + 5 * MINUTE, "settlement")
        span, crossings = trace.receive("scheduler", tuple(event for event, _ in due))
        for crossing, (_, order) in zip(crossings, due, strict=True):
            crossing.order = order
        span.attributes["workflow.name"] = "nightly_settlement"
        trace.pass_time(900, 9000)
        trace.call(
            span,
            "inventory",
            "PUT /stock",
            faults=self.faults(trace, "scheduler", "inventory", "PUT /stock"),
            body=lambda inventory: self._inventory(trace, inventory, "COPY stock"),
            retries=1,
            fate=lambda _: "swallowed",
            work_ms=(300, 4000),
        )
        trace.finish(span)
        for crossing in crossings:
            crossing.end_us = span.end_us

    def pick(self, order: Order, at: int) -> list[tuple[str, str, int, int, Crossing | None]]:
        """Pick and pack one order on the warehouse floor; returns who worked from when to when, for the logs."""
        trace = Trace(self.record, order, at, "picking")
        floor = trace.start("warehouse-app", "pick order", INTERNAL)
        floor.attributes |= {"workflow.name": "pick_and_pack", "order.id": order.order_id}
        trace.pass_time(3000, 40_000)
        visits: list[tuple[str, str, int, int, Crossing | None]] = []

        def packing(station: Span) -> Crossing | None:
            label = trace.call(
                station,
                "label-printer",
                "POST /labels",
                faults=self.faults(trace, "packing-station", "label-printer"),
                retries=1,
                work_ms=(800, 4000),
            )
            visits.append(("label-printer", "print", label.start_us, label.end_us, label))
            trace.pass_time(20_000, 90_000)
            return label if label.failed else None

        packed = trace.call(floor, "packing-station", "POST /jobs", body=packing, work_ms=(20_000, 200_000))
        visits.append(("packing-station", "pack", packed.start_us, packed.end_us, packed))
        trace.pass_time(2000, 30_000)
        gate = trace.call(floor, "dock-gate", "POST /slots", work_ms=(1000, 9000))
        visits.append(("dock-gate", "slot", gate.start_us, gate.end_us, gate))
        trace.pass_time(500, 4000)
        trace.finish(floor)
        visits.append(("warehouse-app", "pick", floor.start_us, floor.end_us, None))
        return visits


def _unknown_order(_attempt: int) -> Fault:
    """Refuse an invoice for an order that was never booked, however often it is tried."""
    return PLANT["order_unknown"].fault


def _end(trace: Trace, span: Span, crossing: Crossing, failed: Crossing | None) -> None:
    """End a consumer's work; its failure is the failure below it."""
    trace.pass_time(2, 20)
    if failed is not None and failed.root is not None:
        span.attributes["error.type"] = "HandlerError"
        crossing.failed, crossing.origin, crossing.fate = True, "propagated", "surfaced"
        crossing.root, crossing.mode = failed.root, failed.mode
    trace.finish(span, error=f"{failed.target} failed: {failed.mode}" if failed is not None else "")
    crossing.end_us = span.end_us


def _shift(at: int, random: Random) -> int:
    """Move work of the warehouse into its working hours, 06:00 to 18:00 UTC."""
    hour = at % DAY // HOUR
    if 6 <= hour < 18:
        return at
    midnight = at - at % DAY + (DAY if hour >= 18 else 0)
    return midnight + int((6 + 5 * random.random() ** 1.5) * HOUR)
