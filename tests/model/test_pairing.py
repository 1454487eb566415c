"""Work that passes through a table, a file or a queue for the undeliverable is a handoff too."""

from __future__ import annotations

from typing import Any

import pytest
from handmade import history_of, link, span

from handoff_analytics.identity import key

MINUTE = 60_000_000


def deed(number: int, system: str, name: str, at: int, **more: Any) -> dict[str, Any]:
    """One statement of a system about the table `orders` of a database."""
    place = {"channel": "database", "destination": "orders", "peer": "db"} | more
    return span(f"d{number}", f"t{number}", None, system, "client", at, 10, name=name, **place)


@pytest.mark.parametrize(
    ("channel", "write", "read"),
    [("database", "INSERT orders", "SELECT orders"), ("file", "PUT export.csv", "download export.csv")],
)
def test_who_reads_what_another_wrote_was_handed_it(channel: str, write: str, read: str) -> None:
    rows = [
        deed(1, "erp", write, 0, channel=channel),
        deed(2, "shipping", read, 5 * MINUTE, channel=channel),
        deed(3, "shipping", read, 6 * MINUTE, channel=channel),
    ]
    found = history_of(spans=rows).sql(
        "SELECT source, target, channel, via, tier, transit_us FROM crossings WHERE evidence = 'shared_table'"
    )
    assert found.rows() == [("erp", "shipping", channel, "orders", "low", 5 * MINUTE - 10)]


def test_a_write_that_failed_and_a_system_that_reads_its_own_hand_nothing_over() -> None:
    rows = [deed(1, "erp", "INSERT orders", 0, status="error"), deed(2, "shipping", "SELECT orders", MINUTE)]
    own = [deed(1, "erp", "INSERT orders", 0), deed(2, "erp", "SELECT orders", MINUTE)]
    for spans in (rows, own):
        assert history_of(spans=spans).sql("SELECT 1 FROM crossings WHERE evidence = 'shared_table'").is_empty()


def letter(number: int, at: int) -> dict[str, Any]:
    """A record of a dead-letter queue, as the loader of such queues reads it."""
    return span(f"l{number}", f"l{number}", None, "order-events", "client", at, None, channel="messaging",
                destination="order-events", peer="ledger", status="error", error_type="DataException")  # type: ignore[arg-type] # a point in time  # fmt: skip


def test_a_dead_letter_is_a_failure_between_who_sent_and_who_could_not_take() -> None:
    sent = span("p", "t", None, "shop", "producer", 0, 5, channel="messaging", destination="order-events")
    found = history_of(spans=[sent, letter(1, 60)]).sql(
        "SELECT source, target, channel, origin, rule, fate FROM failures"
    )
    assert found.rows() == [("shop", "ledger", "messaging", "boundary", "A10", "surfaced")]
    evidence = history_of(spans=[sent, letter(1, 60)]).sql(
        "SELECT evidence, tier FROM crossings WHERE target = 'ledger'"
    )
    assert evidence.rows() == [("dead_letter", "medium")]


def test_a_queue_that_several_send_to_stays_the_sender() -> None:
    sent = [
        span(f"p{n}", f"t{n}", None, system, "producer", n, 5, channel="messaging", destination="order-events")
        for n, system in enumerate(("shop", "crm"))
    ]
    found = history_of(spans=[*sent, letter(1, 60)]).sql("SELECT source, target FROM failures")
    assert found.rows() == [("order-events", "ledger")]


def test_a_receiver_that_puts_a_message_aside_and_reports_success_failed_silently() -> None:
    spans = [
        span("p", "t", None, "shop", "producer", 0, 5, channel="messaging", destination="orders"),
        span("k", "u", None, "ledger", "consumer", 100, 50, channel="messaging", destination="orders", status="ok"),
        span("d", "u", "k", "ledger", "producer", 120, 5, channel="messaging", destination="orders.dlq"),
    ]
    history = history_of(spans=spans, span_links=[link("u", "k", "t", "p")])
    found = history.sql("SELECT source, target, detector, mode, handoff_type, fate FROM failures WHERE silent")
    assert found.rows() == [("shop", "ledger", "dead_letter", "dead_letter", "rollback_recovery", "swallowed")]
    calm = history_of(spans=spans[:2], span_links=[link("u", "k", "t", "p")])
    assert calm.sql("SELECT 1 FROM failures").is_empty()


def test_steps_of_a_run_hand_over_in_their_order_and_teams_stay_apart() -> None:
    steps = [
        span(name, "r", None, system, "step", at, 10, run_id="r1", name=name, channel="step")
        for name, system, at in (("form", "web", 0), ("contact", "crm", 20), ("mail", "mailer", 40))
    ]
    tickets = [{"ticket_uid": 1, "ticket_id": "T1", "load_id": 1}]
    events = [
        {"event_uid": key(str(n)), "ticket_uid": 1, "sequence": n, "field": "team", "old_value": a, "new_value": b, "load_id": 1}
        for n, (a, b) in enumerate((("desk", "web-team"), ("web-team", "crm-team")))
    ]  # fmt: skip
    history = history_of(spans=steps, tickets=tickets, ticket_events=events)
    assert history.sql("SELECT source, target, evidence, tier FROM crossings ORDER BY start_us").rows() == [
        ("web", "crm", "workflow_step", "high"),
        ("crm", "mailer", "workflow_step", "high"),
    ]
    assert history.sql("SELECT source, target FROM team_handoffs ORDER BY 1").rows() == [
        ("desk", "web-team"),
        ("web-team", "crm-team"),
    ]
    assert history.sql("SELECT 1 FROM handoffs WHERE source = 'desk' OR target = 'desk'").is_empty()
