"""Where teams looked is told from what tickets did, and agrees with a count by hand."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from histories import NOON, history_with

import handoff_analytics as ha


def stretch(ticket: int, place: int, team: str, hours: float, *, right: bool | None) -> dict[str, object]:
    began = NOON + timedelta(hours=10 * (place - 1))
    return {
        "ticket_uid": ticket, "stretch": place, "team": team, "looked_at": f"{team}-app", "failed_source": "crm", "failed_target": "erp",
        "right_team": right, "opened_at": NOON, "from_at": began, "until_at": began + timedelta(hours=hours), "hours": hours,
    }  # fmt: skip


@pytest.fixture
def history() -> ha.History:
    rows = [
        stretch(1, 1, "web", 6.0, right=False), stretch(1, 2, "erp", 2.0, right=True),
        stretch(2, 1, "web", 1.0, right=False), stretch(2, 2, "db", 3.0, right=False), stretch(2, 3, "web", 4.0, right=False),
        stretch(3, 1, "erp", 5.0, right=True),
    ]  # fmt: skip
    return history_with(attention=rows)


def test_hours_are_set_against_where_the_failure_was(history: ha.History) -> None:
    frame = ha.attention(history)
    web = frame.filter(looked_at="web-app").row(0, named=True)
    assert (web["tickets"], web["hours"], web["hours_misdirected"], web["ping_pong"]) == (2, 11.0, 11.0, 1)
    assert frame.filter(looked_at="erp-app")["hours_misdirected"].item() == 0
    assert frame["hours_share"].sum() == pytest.approx(1.0)
    assert frame["hours"].is_sorted(descending=True)


def test_routing_counts_as_by_hand(history: ha.History) -> None:
    row = ha.routing(history).row(0, named=True)
    assert (row["tickets"], row["handovers"], row["linked"]) == (3, 3, 3)
    assert row["first_right_share"] == pytest.approx(1 / 3)
    assert row["first_right_low"] < 1 / 3 < row["first_right_high"]
    assert row["ping_pong_direct"] == pytest.approx(1 / 3)
    assert row["first_is_last_share"] == pytest.approx(2 / 3)
    assert row["hours_to_right_team"] == pytest.approx(5.0)


def test_a_window_without_tickets_says_nothing(history: ha.History) -> None:
    later = history.between("2030-01-01")
    assert ha.attention(later).is_empty()
    assert ha.routing(later)["first_right_share"].item() is None


def test_the_network_of_teams_counts_both_ways() -> None:
    history = history_with()
    with history._store.writer() as connection:
        connection.execute(
            'CREATE OR REPLACE TABLE team_handoffs (ticket_uid BIGINT, source VARCHAR, target VARCHAR, "at" TIMESTAMP, hours DOUBLE)'
        ).fetchall()
        connection.execute(
            "INSERT INTO team_handoffs VALUES (1, 'a', 'b', NULL, 2), (2, 'a', 'b', NULL, 4), (1, 'b', 'a', NULL, 1)"
        ).fetchall()
    network = ha.team_network(history)
    assert network.rows() == [("a", "b", 2, 2, 1, 3.0), ("b", "a", 1, 1, 2, 1.0)]
    assert network.schema["handovers"] == pl.Int64
