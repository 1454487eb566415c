"""What recovery takes: hours and money that add up, open tickets that count, assumptions that show."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError

KEYS = ["source", "target", "channel"]


def ticket(number: int, handoff: tuple[str, str] | None, hours: float, **more: object) -> dict[str, object]:
    row: dict[str, object] = {
        "ticket_uid": number,
        "source": handoff[0] if handoff else None,
        "target": handoff[1] if handoff else None,
        "channel": "http" if handoff else None,
        "share": 1.0,
        "opened_at": NOON,
        "resolved_at": NOON + timedelta(hours=hours),
        "touch_hours": hours / 2,
        "elapsed_hours": hours,
        "open": False,
        "reassignments": 0,
        "basis": "measured",
    }
    return row | more


def priced(history: ha.History, *rates: dict[str, object]) -> ha.History:
    with history._store.writer() as connection:
        for rate in rates:
            connection.execute(
                "INSERT INTO cost_rates (item, category, low, likely, high, unit, currency, basis) "
                "VALUES ($item, $category, $low, $likely, $high, $unit, 'USD', 'assumed')",
                rate,
            ).fetchall()
    return history


ENGINEER = {"item": "role:engineer", "category": None, "low": 50.0, "likely": 50.0, "high": 50.0, "unit": "USD/hour"}
FIX = {
    "item": "fix",
    "category": "manual_intervention",
    "low": 10.0,
    "likely": 10.0,
    "high": 10.0,
    "unit": "USD/transaction",
}


def test_work_is_hours_times_rate_and_what_is_not_priced_is_null() -> None:
    history = history_with(
        crossings=[crossing(1, "a", "b")],
        failures=[failure(1, "a", "b"), failure(2, "a", "b")],
        recoveries=[ticket(1, ("a", "b"), 4.0), ticket(2, ("a", "b"), 8.0)],
    )
    row = ha.recovery_cost(priced(history, ENGINEER)).row(0, named=True)
    assert (row["work_hours"], row["debugging"], row["debugging_basis"]) == (6.0, 300.0, "measured")
    assert (row["cost"], row["cost_per_failure"], row["currency"]) == (300.0, 150.0, "USD")
    assert (row["assumed_share"], row["regulatory"], row["regulatory_basis"]) == (0.0, None, None)


def test_a_given_incidence_is_derived_and_a_missing_one_assumed() -> None:
    failures = [failure(n, "a", "b") for n in range(4)] + [failure(9, "a", "b", fate="handled")]
    history = priced(history_with(crossings=[crossing(1, "a", "b")], failures=failures), FIX)
    told = ha.recovery_cost(history, incidence={"fix": 0.5}).row(0, named=True)
    assert (told["manual_intervention"], told["manual_intervention_basis"]) == (5 * 0.5 * 10, "derived")
    guessed = ha.recovery_cost(history).row(0, named=True)
    assert guessed["manual_intervention_basis"] == "assumed"
    assert guessed["cost_low"] < guessed["cost"] < guessed["cost_high"]
    with pytest.raises(ArgumentError, match="no price for"):
        ha.recovery_cost(history, incidence={"fixx": 1.0})


def test_without_tickets_work_is_assumed_for_each_failure() -> None:
    row = ha.recovery_cost(history_with(crossings=[crossing(1, "a", "b")], failures=[failure(1, "a", "b")])).row(
        0, named=True
    )
    assert row["cost"] > 0
    assert (row["assumed_share"], row["touch_hours"], row["tickets"]) == (1.0, None, 0.0)


def test_open_tickets_count_as_long_as_those_that_went_on() -> None:
    closed = [ticket(n, ("a", "b"), float(n)) for n in range(1, 11)]
    still = [ticket(20 + n, ("a", "b"), 2.0, open=True, resolved_at=None) for n in range(5)]
    history = history_with(crossings=[crossing(1, "a", "b")], recoveries=closed + still)
    row = ha.recovery_cost(history).row(0, named=True)
    naive = sum(range(1, 11)) / 10
    assert (row["open_tickets"], row["censored_share"]) == (5.0, pytest.approx(1 / 3))
    assert row["elapsed_hours"] > naive - 0.1


def test_a_handoff_with_few_tickets_leans_on_the_others() -> None:
    many = [ticket(n, ("a", "b"), 2.0 + n % 3) for n in range(60)]
    unlike = [ticket(100 + n, ("c", "d"), 40.0 + 2 * (n % 3)) for n in range(60)]
    one = [ticket(200, ("e", "f"), 300.0)]
    found = ha.recovery_cost(history_with(crossings=[crossing(1, "a", "b")], recoveries=many + unlike + one))
    hours = dict(zip(found["source"], found["touch_hours"], strict=True))
    assert hours["a"] == pytest.approx(1.5, abs=0.2)
    assert hours["c"] == pytest.approx(21.0, abs=0.2)
    assert hours["e"] <= 150.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.01, 1.0), st.integers(0, 2)), min_size=1, max_size=12))
def test_shares_of_every_ticket_add_up_with_what_is_linked_to_none(tickets: list[tuple[float, float, int]]) -> None:
    rows = []
    for number, (hours, share, place) in enumerate(tickets):
        rows.append(ticket(number, ("a", f"t{place}"), hours, share=share))
        rows.append(ticket(number, None, hours, share=1 - share))
    found = ha.recovery_cost(history_with(crossings=[crossing(1, "a", "b")], recoveries=rows))
    assert found["tickets"].sum() == pytest.approx(len(tickets))
    assert found["work_hours"].sum() == pytest.approx(sum(hours / 2 for hours, *_ in tickets))
    assert found.filter(pl.col("source").is_null()).height <= 1
    assert found.row(-1)[0] is None or (found["source"].null_count() == 0)


def test_closings_in_one_minute_are_flagged() -> None:
    batch = [ticket(n, ("a", "b"), 30.0) for n in range(30)]
    single = [ticket(100 + n, ("a", "b"), 32.0 + n * 1.7) for n in range(40)]
    found = ha.recovery_cost(history_with(crossings=[crossing(1, "a", "b")], recoveries=batch + single))
    assert found["bulk_closed"].sum() == 30.0


def test_hours_are_booked_else_derived_from_who_had_it_in_hand_else_assumed() -> None:
    def state(number: int, hours: float, old: str, new: str) -> dict[str, object]:
        at = NOON + timedelta(hours=hours)
        event = {"event_uid": 10 * number + int(hours), "ticket_uid": number, "changed_at": at, "sequence": int(hours)}
        return event | {"field": "state", "old_value": old, "new_value": new}

    rows = [
        ticket(1, ("a", "b"), 3.0, touch_hours=0.5),
        ticket(2, ("a", "b"), 3.0, touch_hours=None),
        ticket(3, ("a", "c"), 3.0, touch_hours=None, reassignments=1),
    ]
    tickets = [
        {
            "ticket_uid": n,
            "ticket_id": f"T{n}",
            "opened_at": NOON,
            "person": "ann",
            "resolved_at": NOON + timedelta(hours=3),
        }
        for n in (1, 2, 3)
    ]
    history = history_with(
        crossings=[crossing(1, "a", "b")],
        recoveries=rows,
        tickets=tickets,
        ticket_events=[state(2, 1, "New", "In Progress"), state(2, 3, "In Progress", "Resolved")],
    )
    found = ha.recovery_cost(priced(history, ENGINEER)).sort("target")
    assert found["work_hours"].to_list() == pytest.approx([0.5 + 2.0, 2 * 1.75])
    assert found["touch_basis"].to_list() == ["measured", "assumed"]
    assert found["assumed_share"].to_list() == pytest.approx([0.0, 1.0])


def test_nobody_waits_for_the_follow_up_of_what_they_waited_for() -> None:
    waiting = {
        "item": "wait",
        "category": "productivity",
        "low": 10.0,
        "likely": 10.0,
        "high": 10.0,
        "unit": "USD/hour",
    }
    rows = [ticket(1, ("a", "b"), 2.0), ticket(2, ("a", "b"), 2.0, opened_at=NOON + timedelta(hours=1))]
    tickets = [{"ticket_uid": n, "ticket_id": f"T{n}", "opened_at": NOON + timedelta(hours=n - 1)} for n in (1, 2)]
    links = [{"ticket_uid": 2, "other_id": "T1", "link_type": "relates"}]
    made = {"crossings": [crossing(1, "a", "b")], "recoveries": rows, "tickets": tickets}
    alone = ha.recovery_cost(priced(history_with(**made), waiting), incidence={"wait": 1.0})
    linked = ha.recovery_cost(priced(history_with(**made, ticket_links=links), waiting), incidence={"wait": 1.0})
    assert alone["productivity"].to_list() == [40.0]
    assert linked["productivity"].to_list() == [20.0]
    assert linked["work_hours"].to_list() == alone["work_hours"].to_list()
