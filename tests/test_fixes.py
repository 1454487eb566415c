"""A fix is judged by failures a call before and after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from histories import NOON
from test_trends import row, weeks

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError
from handoff_analytics.fixes import EFFECT


@pytest.fixture(scope="module")
def history() -> ha.History:
    return weeks({"even": [0.1] * 40, "fixed": [0.2] * 20 + [0.05] * 20, "broken": [0.05] * 20 + [0.2] * 20})


def test_a_fix_that_worked_is_told_from_none_and_from_harm(history: ha.History) -> None:
    found = ha.fix_effect(history, at=NOON + timedelta(days=20))
    assert found.schema == EFFECT
    assert found["target"].to_list() == ["fixed", "even", "broken"]
    assert found["verdict"].to_list() == ["fails less", "no effect shown", "fails more"]
    fixed = row(found, "fixed")
    assert (fixed["calls_before"], fixed["calls_after"]) == (800.0, 800.0)
    assert fixed["ratio_low"] < 0.25 < fixed["ratio_high"] * 1.2
    assert fixed["rate_before"] == pytest.approx(0.2, abs=0.04)


def test_the_change_itself_is_no_burst(history: ha.History) -> None:
    assert row(ha.fix_effect(history, at=NOON + timedelta(days=20)), "fixed")["overdispersion"] < 1.5


def test_a_moment_outside_leaves_nothing_to_compare(history: ha.History) -> None:
    with pytest.raises(ArgumentError, match="leaves nothing to compare"):
        ha.fix_effect(history, at="2030-01-01")
    with pytest.raises(ArgumentError, match="no time"):
        ha.fix_effect(history, at="yesterday")


def test_a_handoff_that_was_not_crossed_afterwards_is_left_out() -> None:
    history = weeks({"b": [0.1] * 30, "gone": [0.1] * 10})
    assert ha.fix_effect(history, at=NOON + timedelta(days=20))["target"].to_list() == ["b"]
