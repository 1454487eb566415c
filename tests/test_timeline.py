"""All that happened to one transaction is on one line of time, and nothing that happened to another."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

sys.path.append(str(Path(__file__).parent / "model"))
from handmade import START, history_of, span

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError
from handoff_analytics.timeline import TIMELINE


def moment(day: int, hour: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, 0, 0, microsecond)  # noqa: DTZ001 - times of a history are UTC without a zone


@pytest.fixture(scope="module")
def history() -> ha.History:
    """An order whose payment fails, is retried, fails again and is refunded; somebody opens a ticket, two teams hold it."""
    spans = [
        span("root", "t", None, "web", "server", 0, 1_000, channel="http", status="error", correlation_id="ord1"),
        span("a", "t", "root", "web", "client", 100, 50, channel="http", peer="bank", name="POST /pay", status="error",
             status_message="connection refused"),
        span("b", "t", "root", "web", "client", 200, 50, channel="http", peer="bank", name="POST /pay", status="error",
             status_message="connection refused"),
        span("u", "t", "root", "web", "client", 300, 50, channel="http", peer="stock", name="cancel reservation"),
        span("f", "t", "root", "web", "internal", 400, 5, name="fallback to invoice"),
        span("root2", "u", None, "web", "server", 50, 10, channel="http", correlation_id="ord2"),
    ]  # fmt: skip
    logs = [
        {"log_uid": 1, "trace_id": "t", "trace_key": spans[0]["trace_key"], "system": "web", "log_us": START + 260, "severity": 17,
         "severity_text": "ERROR", "body": "payment of ord1 failed", "logged_at": moment(1, microsecond=260), "load_id": 1},
        {"log_uid": 2, "correlation_id": "ord2", "system": "web", "log_us": START, "severity": 9, "body": "other",
         "logged_at": moment(1), "load_id": 1},
    ]  # fmt: skip
    tickets = [
        {"ticket_uid": 9, "ticket_id": "INC9", "title": "Card declined (ord1)", "opened_at": moment(1, 9),
         "resolved_at": moment(2), "state_category": "closed", "team": "payments", "load_id": 1},
        {"ticket_uid": 8, "ticket_id": "INC8", "title": "About ord11", "opened_at": moment(1, 9), "load_id": 1},
    ]  # fmt: skip
    events = [
        {"event_uid": 1, "ticket_uid": 9, "changed_at": moment(1, 10), "sequence": 1, "field": "team",
         "old_value": "desk", "new_value": "payments", "load_id": 1}
    ]  # fmt: skip
    outcomes = [
        {"outcome_uid": 5, "correlation_id": "ord1", "check_name": "paid", "system": "bank", "expected": "yes", "actual": "no",
         "passed": False, "checked_at": moment(3), "load_id": 1}
    ]  # fmt: skip
    return history_of(spans=spans, log_records=logs, tickets=tickets, ticket_events=events, outcomes=outcomes)


def test_attempts_errors_recoveries_checks_and_tickets_follow_each_other(history: ha.History) -> None:
    told = ha.trace(history, "ord1")
    assert told["event"].to_list() == [
        "attempt", "attempt", "error", "retry", "error", "error log", "recovery", "recovery", "error",
        "ticket", "ticket handed over", "ticket resolved", "outcome",
    ]  # fmt: skip
    assert told["at"].is_sorted()
    assert told["place"].to_list() == list(range(1, told.height + 1))
    assert told.filter(event="retry").select("source", "target", "attempt", "status").rows() == [
        ("web", "bank", 2, "failed")
    ]
    assert told.filter(event="recovery")["text"].to_list() == ["cancel reservation", "fallback to invoice"]
    assert told.filter(event="ticket")["reference"].to_list() == ["INC9"]
    assert told.filter(event="ticket handed over").select("source", "target").rows() == [("desk", "payments")]
    assert told.schema == TIMELINE


def test_a_trace_id_leads_to_its_transaction(history: ha.History) -> None:
    assert ha.trace(history, "t").equals(ha.trace(history, "ord1"))


def test_a_window_does_not_cut_a_transaction(history: ha.History) -> None:
    assert ha.trace(history.between("2026-01-01", "2026-01-01T00:00:01"), "ord1").equals(ha.trace(history, "ord1"))


def test_a_trace_without_a_key_stands_for_itself() -> None:
    spans = [span("root", "x", None, "web", "server", 0, 10, channel="http")]
    assert ha.trace(history_of(spans=spans), "x")["event"].to_list() == ["attempt"]


@pytest.mark.parametrize("unknown", ["ord3", "", "ord1' OR 1=1 --"])
def test_an_unknown_id_is_refused(history: ha.History, unknown: str) -> None:
    with pytest.raises(ArgumentError, match="Nothing carries the id"):
        ha.trace(history, unknown)


def test_the_chart_names_where_it_went_wrong(history: ha.History) -> None:
    said = ha.charts.timeline(ha.trace(history, "ord1"), history=history).to_dict()
    assert said["description"] == "3 attempts in 2 days; it went wrong at web → bank; recovered; 1 ticket about it"
    assert ha.charts.timeline(ha.trace(history, "ord2")).to_dict()["description"].endswith("and nothing failed")
    only_logs = ha.trace(history, "ord1").filter(pl.col("event") == "log")
    assert "nothing to show" in ha.charts.timeline(only_logs).to_dict()["description"]
