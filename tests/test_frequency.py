"""How often handoffs fail: each way of counting by hand, and what a handoff without evidence gets."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, EmptyHistoryError

WEEKS = [NOON + timedelta(days=day) for day in range(28)]


def month() -> ha.History:
    """a -> b fails on 4 of 280 calls, one more was saved by a retry; b -> c never fails; c -> d was never crossed."""
    crossings = [crossing(n, "a", "b", started_at=WEEKS[n % 28]) for n in range(280)]
    crossings += [crossing(1000 + n, "b", "c", started_at=WEEKS[n % 28]) for n in range(280)]
    crossings.append(crossing(2000, "a", "b", started_at=WEEKS[3], call_id=5, is_last_attempt=False, failed=True))
    failures = [failure(n, "a", "b", failed_at=WEEKS[n]) for n in (1, 8, 15)]
    failures.append(failure(22, "a", "b", failed_at=WEEKS[22], silent=True, fate="swallowed"))
    failures.append(failure(2000, "a", "b", failed_at=WEEKS[3], fate="masked"))
    failures.append(failure(30, "b", "c", failed_at=WEEKS[2], origin="propagated", origin_weight=0.0, root_id=1))
    handoffs = [
        {"source": "a", "target": "b", "channel": "http", "declared": True},
        {"source": "b", "target": "c", "channel": "http", "declared": False},
        {"source": "c", "target": "d", "channel": "http", "declared": True},
    ]
    return history_with(crossings=crossings, failures=failures, handoffs=handoffs)


def row(frame: pl.DataFrame, source: str) -> dict[str, object]:
    return frame.filter(pl.col("source") == source).row(0, named=True)


def test_a_failure_counts_once_where_it_began_and_not_when_a_retry_saved_it() -> None:
    found = row(ha.failure_frequency(month()), "a")
    assert (found["crossings"], found["calls"], found["failures"]) == (281.0, 280.0, 4.0)
    assert (found["masked"], found["silent"], found["status"]) == (1.0, 1.0, "failing")
    assert found["raw_rate"] == pytest.approx(4 / 280)
    assert found["rate_low"] < found["failure_rate"] < found["rate_high"]


def test_attempts_count_every_failed_try_and_days_need_no_volume() -> None:
    attempts = row(ha.failure_frequency(month(), per="attempt"), "a")
    assert (attempts["failures"], attempts["raw_rate"]) == (5.0, pytest.approx(5 / 281))
    days = row(ha.failure_frequency(month(), per="day"), "a")
    assert days["raw_rate"] == pytest.approx(4 / 27)
    assert days["failures_per_year"] == pytest.approx(days["failure_rate"] * 365.25)


def test_days_without_any_crossing_count_as_quiet_days() -> None:
    days = [NOON + timedelta(days=day) for day in (0, 1, 2, 40, 41, 42)]
    crossings = [crossing(n, "a", "b", started_at=day) for n, day in enumerate(days)]
    broken = [failure(n, "a", "b", failed_at=day) for n, day in enumerate(days)]
    found = row(ha.failure_frequency(history_with(crossings=crossings, failures=broken), per="day"), "a")
    assert found["overdispersion"] > 1.5, "two bursts of three days are no independent failures"


def test_handoffs_without_failures_or_without_calls_are_told_apart() -> None:
    found = ha.failure_frequency(month())
    quiet, idle = row(found, "b"), row(found, "c")
    assert (quiet["status"], quiet["failures"], quiet["raw_rate"]) == ("no_failure", 0.0, 0.0)
    assert 0 < quiet["rate_high"] < 3 / 280 * 2
    assert (idle["status"], idle["raw_rate"], idle["failures_per_year"]) == ("never_exercised", None, None)
    assert idle["rate_high"] > quiet["rate_high"]


def test_a_crossing_that_never_happened_was_a_call_too() -> None:
    lost = failure(9, "a", "b", crossing_id=None, silent=True, fate="swallowed")
    found = row(ha.failure_frequency(history_with(crossings=[crossing(1, "a", "b")], failures=[lost])), "a")
    assert (found["calls"], found["failures"], found["raw_rate"]) == (2.0, 1.0, 0.5)


def test_sampled_crossings_stand_for_more_and_are_worth_less() -> None:
    plain = [crossing(n, "a", "b", started_at=WEEKS[n % 28]) for n in range(280)]
    broken = [failure(n, "a", "b", failed_at=WEEKS[n]) for n in (1, 8, 15, 22)]
    once = row(ha.failure_frequency(history_with(crossings=plain, failures=broken)), "a")
    sampled = history_with(
        crossings=[one | {"weight": 10.0} for one in plain], failures=[one | {"weight": 10.0} for one in broken]
    )
    tenfold = row(ha.failure_frequency(sampled), "a")
    assert (tenfold["failures"], tenfold["raw_rate"]) == (40.0, once["raw_rate"])
    assert tenfold["rate_high"] - tenfold["rate_low"] == pytest.approx(once["rate_high"] - once["rate_low"], rel=0.35)


def test_rare_failures_are_shrunk_towards_the_others_and_often_seen_ones_stay() -> None:
    crossings, failures, number = [], [], 0
    for place in range(8):
        for n in range(20 if place == 0 else 1000):
            number += 1
            crossings.append(crossing(number, f"s{place}", "t", started_at=WEEKS[n % 28]))
            if n % 50 == 7 or (place == 0 and n < 2):
                failures.append(failure(number, f"s{place}", "t", failed_at=WEEKS[n % 28]))
    found = ha.failure_frequency(history_with(crossings=crossings, failures=failures))
    small, large = row(found, "s0"), row(found, "s3")
    assert small["failure_rate"] < 0.6 * small["raw_rate"]
    assert large["failure_rate"] == pytest.approx(large["raw_rate"], rel=0.2)


def test_the_answer_repeats_and_wrong_arguments_are_named() -> None:
    history = month()
    assert ha.failure_frequency(history).equals(ha.failure_frequency(history))
    with pytest.raises(ArgumentError, match="Choose call, attempt or day"):
        ha.failure_frequency(history, per="week")
    with pytest.raises(ArgumentError, match="no probability"):
        ha.failure_frequency(history, confidence=90)
    with pytest.raises(EmptyHistoryError, match="no crossings"):
        ha.failure_frequency(history_with())
    with pytest.raises(EmptyHistoryError):
        ha.failure_frequency(history.between("2030-01-01"))
