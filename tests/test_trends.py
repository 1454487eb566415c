"""Handoffs that fail more and more are told from those whose traffic grows."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, EmptyHistoryError
from handoff_analytics.trends import CHANGES, TREND


def weeks(rates: dict[str, list[float]], *, calls: int = 40, grow: float = 0.0, seed: int = 1) -> ha.History:
    """One handoff a -> name each; a list of failure rates, one a day, and calls that grow by `grow` a day."""
    random = np.random.default_rng(seed)
    crossings, failures, number = [], [], 0
    for name, daily in rates.items():
        for day, rate in enumerate(daily):
            for n in range(round(calls * (1 + grow * day))):
                number += 1
                at = NOON + timedelta(days=day, minutes=n)
                crossings.append(crossing(number, "a", name, started_at=at))
                if random.random() < rate:
                    failures.append(failure(number, "a", name, failed_at=at))
    return history_with(crossings=crossings, failures=failures)


@pytest.fixture(scope="module")
def history() -> ha.History:
    steep = [0.02 * 1.04**day for day in range(56)]
    return weeks(
        {"even": [0.05] * 56, "worse": steep, "fixed": [0.2] * 30 + [0.04] * 26, "fine": [0.0] * 56}, grow=0.02
    )


def row(frame: pl.DataFrame, target: str) -> dict[str, object]:
    return frame.filter(pl.col("target") == target).row(0, named=True)


def test_what_gets_worse_comes_first_and_more_traffic_is_no_trend(history: ha.History) -> None:
    found = ha.failure_trend(history)
    assert found.schema == TREND
    first = found.row(0, named=True)
    assert (first["target"], first["direction"], first["unit"]) == ("worse", "rising", "day")
    assert first["growth_low"] < 1.04**7 - 1 < first["growth_high"]
    assert row(found, "even")["direction"] == "no trend shown"
    assert row(found, "fixed")["direction"] == "falling"
    assert (row(found, "fine")["direction"], row(found, "fine")["p_value"]) == ("too few failures", None)


def test_a_jump_is_found_on_its_day(history: ha.History) -> None:
    found = ha.failure_changes(history)
    assert found.schema == CHANGES
    only = found.filter(pl.col("target") == "fixed")
    assert only.height == 1
    assert abs((only["changed_at"][0] - (NOON + timedelta(days=30))).days) <= 1
    assert only["ratio_low"][0] < 0.2 < only["ratio_high"][0] * 1.05
    assert found.filter(pl.col("target").is_in(["even", "fine"])).is_empty()


def test_rare_failures_are_counted_by_weeks_and_short_windows_by_hours() -> None:
    rare = ha.failure_trend(weeks({"b": [0.01] * 70}, calls=20))
    assert rare["unit"].to_list() == ["week"]
    assert ha.failure_trend(weeks({"b": [0.3] * 5}, calls=300))["unit"].to_list() == ["hour"]


def test_the_answers_repeat_and_faults_are_named(history: ha.History) -> None:
    assert ha.failure_trend(history).equals(ha.failure_trend(history))
    assert ha.failure_changes(history).equals(ha.failure_changes(history))
    with pytest.raises(ArgumentError, match="no probability"):
        ha.failure_trend(history, confidence=2)
    with pytest.raises(EmptyHistoryError):
        ha.failure_changes(history_with())
