"""A ranking that rests on one week is told from one that every week repeats."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from histories import crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError
from handoff_analytics.scope import Scope
from handoff_analytics.stability import STABILITY

MONDAY = datetime.fromisoformat("2026-03-02")


def weeks(failing: dict[str, list[int]]) -> ha.History:
    """a -> name with 30 calls a week, of which so many fail."""
    crossings, failures, number = [], [], 0
    for name, weekly in failing.items():
        for week, failed in enumerate(weekly):
            for n in range(30):
                number += 1
                at = MONDAY + timedelta(weeks=week, hours=5 * n)
                crossings.append(crossing(number, "a", name, started_at=at))
                if n < failed:
                    failures.append(failure(number, "a", name, failed_at=at))
    return history_with(crossings=crossings, failures=failures)


@pytest.fixture(scope="module")
def steady() -> ha.History:
    return weeks({"worst": [9] * 6, "second": [4] * 6, "third": [1] * 6, "fine": [0] * 6})


def test_a_ranking_that_every_week_repeats_is_stable(steady: ha.History) -> None:
    found = ha.rank_stability(steady, resamples=3)
    assert found.schema == STABILITY
    assert found["first_same"].all()
    assert found["kendall_tau"].min() == 1.0
    assert found["top10_jaccard"].min() == 1.0
    assert found["left_out"].null_count() == 3


def test_one_that_rests_on_one_week_is_not() -> None:
    history = weeks({"once": [25, 0, 0, 0, 0, 0], "always": [3] * 6})
    without = ha.rank_stability(history, by="leave_one_out", resamples=99)
    assert without.height == 6
    assert not without["first_same"][0], "without its one bad week it is not the worst"
    assert without["first_same"][1:].all()
    assert without["left_out"][0] == MONDAY.date()
    assert not ha.rank_stability(history, resamples=6)["first_same"].all()


def test_drawn_weeks_are_seen_as_often_as_drawn_and_in_their_places(steady: ha.History) -> None:
    weeks = tuple((MONDAY, MONDAY + timedelta(weeks=place)) for place in range(3))
    history = steady._narrowed(Scope(weeks=weeks))
    counted = history.sql(
        "SELECT date_trunc('week', started_at) AS week, count(*) AS n FROM crossings GROUP BY ALL ORDER BY 1"
    )
    assert counted.rows() == [(place, 120) for _, place in weeks]
    assert history.sql("SELECT count(*) FROM failures").item() == 3 * (9 + 4 + 1)
    assert "3 weeks drawn" in str(history.scope)


def test_the_answer_repeats_and_faults_are_named(steady: ha.History) -> None:
    assert ha.rank_stability(steady, resamples=2).equals(ha.rank_stability(steady, resamples=2))
    with pytest.raises(ArgumentError, match="Choose bootstrap or leave_one_out"):
        ha.rank_stability(steady, by="jackknife")
    with pytest.raises(ArgumentError, match="needs three"):
        ha.rank_stability(weeks({"b": [1, 1]}))
