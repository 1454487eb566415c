"""Hours that nobody booked follow from who had what in hand, and no person works twice at once."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import polars as pl
import pytest
from histories import history_with
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff_analytics.catalogue import Calendar
from handoff_analytics.person_hours import person_hours, shared_hours
from handoff_analytics.working_time import OFFICE_HOURS

NINE = datetime.fromisoformat("2026-03-02T09:00")  # a Monday
ALWAYS = Calendar(timezone="UTC", open=time(0), close=time(23), days=tuple(range(7)), holidays=frozenset())
INTERVAL = st.tuples(st.integers(1, 4), st.sampled_from(["ann", "bob"]), st.integers(0, 200), st.integers(1, 60))


@settings(deadline=None, max_examples=60)
@given(st.lists(INTERVAL, min_size=1, max_size=12))
def test_a_person_works_as_long_as_the_union_of_the_intervals(told: list[tuple[int, str, int, int]]) -> None:
    rows = [(t, p, NINE + timedelta(minutes=a), NINE + timedelta(minutes=a + n)) for t, p, a, n in told]
    intervals = pl.DataFrame(rows, schema=["ticket_uid", "person", "since", "until"], orient="row")
    busy = {(person, minute) for _, person, start, length in told for minute in range(start, start + length)}
    found = shared_hours(intervals, ALWAYS)
    assert found["hours"].sum() == pytest.approx(len(busy) / 60)
    assert found["hours"].min() >= -1e-9


def told(number: int, person: str | None, hours: list[tuple[float, str]], **more: object) -> tuple[dict, list[dict]]:
    """One ticket, opened at nine, and its states by the hour."""
    ticket = {"ticket_uid": number, "ticket_id": f"T{number}", "opened_at": NINE, "person": person} | more
    events, before = [], "New"
    for place, (hour, state) in enumerate(hours):
        at = NINE + timedelta(hours=hour)
        events.append(
            {"event_uid": 100 * number + place, "ticket_uid": number, "changed_at": at, "sequence": place}
            | {"field": "state", "old_value": before, "new_value": state}
        )
        before = state
        if state == "Resolved":
            ticket["resolved_at"] = at
    return ticket, events


def test_only_active_states_within_working_hours_of_a_known_person_count() -> None:
    cases = [
        told(1, "ann", [(1, "In Progress"), (3, "Awaiting User Info"), (5, "In Progress"), (6, "Resolved")]),
        told(2, "bob", [(0, "In Progress"), (24 + 2, "Resolved")]),
        told(3, None, [(0, "In Progress"), (5, "Resolved")]),
        told(4, "ann", [(2, "In Progress"), (3, "Resolved")]),
    ]
    history = history_with(tickets=[one for one, _ in cases], ticket_events=[e for _, events in cases for e in events])
    found = dict(person_hours(history, OFFICE_HOURS).iter_rows())
    # Ann has 1 in hand from ten to twelve and from two to three, and 4 beside it from eleven to twelve.
    assert found == pytest.approx({1: 2.5, 2: 8.0 + 2.0, 4: 0.5})


def test_a_ticket_that_changed_hands_is_each_persons_for_a_while() -> None:
    ticket, events = told(1, "bob", [(0, "In Progress"), (4, "Resolved")])
    change = {"event_uid": 9, "ticket_uid": 1, "changed_at": NINE + timedelta(hours=1), "sequence": 9}
    events.append(change | {"field": "person", "old_value": "ann", "new_value": "bob"})
    other, more = told(2, "ann", [(0, "In Progress"), (2, "Resolved")])
    history = history_with(tickets=[ticket, other], ticket_events=events + more)
    assert dict(person_hours(history, OFFICE_HOURS).iter_rows()) == pytest.approx({1: 0.5 + 3.0, 2: 0.5 + 1.0})


def test_without_changes_there_is_nothing_to_derive() -> None:
    assert person_hours(history_with(), OFFICE_HOURS).is_empty()
