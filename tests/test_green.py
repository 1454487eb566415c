"""Green minutes are counted by hand, and their interval holds the truth as often as it says."""

from datetime import timedelta

import numpy as np
import pytest
from histories import NOON, crossing, failure, history_with
from statsmodels.stats.proportion import proportion_confint

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, EmptyHistoryError
from handoff_analytics.green import jeffreys

MINUTE = timedelta(minutes=1)


def history(reports, failures):
    """Health reports as (system, minute, passed), failures as (number, source, target, minute, more)."""
    made = history_with(
        crossings=[crossing(1, "crm", "erp")],
        failures=[
            failure(number, source, target, failed_at=NOON + minute * MINUTE + timedelta(seconds=30), **more)
            for number, source, target, minute, more in failures
        ],
    )
    with made._store.writer() as connection:
        for uid, (system, minute, passed) in enumerate(reports):
            connection.execute(
                "INSERT INTO outcomes (outcome_uid, check_name, system, passed, checked_at) VALUES (?, 'health', ?, ?, ?)",
                [uid, system, passed, NOON + minute * MINUTE],
            ).fetchall()
    return made


REPORTS = [(system, minute, True) for system in ("crm", "erp") for minute in range(0, 60, 10)]


def test_minutes_are_green_red_or_unknown_by_hand():
    reports = [one for one in REPORTS if one[:2] != ("erp", 20)] + [("erp", 20, False)]
    found = ha.green_but_failing(
        history(
            reports,
            [
                (1, "crm", "erp", 5, {}),  # green
                (2, "crm", "erp", 5, {}),  # the same minute
                (3, "crm", "erp", 9, {"silent": True}),  # green, and the handoff says that all is well
                (4, "crm", "erp", 20, {}),  # red, from its first second
                (5, "crm", "erp", 29, {}),  # red until the next report
                (6, "crm", "erp", 30, {}),  # green again
                (7, "crm", "erp", 75, {}),  # the last report of minute 50 holds for 20 minutes
                (8, "crm", "erp", 40, {"fate": "masked"}),  # saved by a retry
                (9, "crm", "erp", 41, {"origin": "propagated"}),  # another handoff's
            ],
        )
    ).row(0, named=True)
    assert found["failing_minutes"] == 6
    assert (found["green_minutes"], found["red_minutes"], found["unknown_minutes"]) == (3, 2, 1)
    assert found["silent_minutes"] == 1
    assert found["green_share"] == 0.6
    assert (found["days"], found["checks"]) == (1, 2)


def test_before_every_system_has_reported_nobody_knows():
    reports = [*REPORTS, ("bank", 30, True), ("bank", 40, True)]
    found = ha.green_but_failing(history(reports, [(1, "crm", "erp", 5, {}), (2, "crm", "erp", 35, {})]))
    assert found.select("green_minutes", "unknown_minutes").row(0) == (1, 1)


def test_all_handoffs_together_count_a_minute_once():
    failures = [(1, "crm", "erp", 5, {}), (2, "erp", "bank", 5, {"silent": True}), (3, "erp", "bank", 7, {})]
    made = history(REPORTS, failures)
    assert ha.green_but_failing(made)["failing_minutes"].to_list() == [2, 1]
    whole = ha.green_but_failing(made, by_handoff=False)
    assert whole.select("source", "failing_minutes", "silent_minutes").row(0) == (None, 2, 0)


def test_a_check_of_a_transaction_is_no_health():
    made = history([], [(1, "crm", "erp", 5, {})])
    with made._store.writer() as connection:
        connection.execute(
            "INSERT INTO outcomes (check_name, system, passed, checked_at, correlation_id) "
            "VALUES ('shipment', 'erp', TRUE, ?, 'SO-1')",
            [NOON],
        ).fetchall()
    with pytest.raises(EmptyHistoryError, match="No system reports its health"):
        ha.green_but_failing(made)


def test_no_failure_is_no_row():
    assert ha.green_but_failing(history(REPORTS, [])).is_empty()
    with pytest.raises(ArgumentError, match="no probability"):
        ha.green_but_failing(history(REPORTS, []), confidence=90)


def test_the_interval_of_independent_days_is_that_of_the_textbook():
    for hits in range(1, 10):
        low, high = jeffreys(np.array([hits / 10]), np.array([10.0]), 0.9)
        assert (low[0], high[0]) == pytest.approx(proportion_confint(hits, 10, alpha=0.1, method="jeffreys"))
    low, high = jeffreys(np.array([0.0, 1.0, np.nan]), np.array([10.0, 10.0, np.nan]), 0.9)
    assert (low[0], high[1]) == (0.0, 1.0)
    assert np.isnan(low[2])


def test_the_interval_holds_the_share_although_the_minutes_of_a_day_go_together():
    random, covered, naive = np.random.default_rng(1), 0, 0
    for _ in range(600):
        n = random.poisson(4, 40) + 1
        green = random.random(40) < 0.8
        share, worth = (n * green).sum() / n.sum(), n.sum() ** 2 / (n**2).sum()
        low, high = jeffreys(np.array([share]), np.array([worth]), 0.9)
        covered += low[0] <= 0.8 <= high[0]
        low, high = jeffreys(np.array([share]), np.array([float(n.sum())]), 0.9)
        naive += low[0] <= 0.8 <= high[0]
    # 600 runs: one standard error is 1.2 %.
    assert covered / 600 == pytest.approx(0.9, abs=0.04)
    assert naive / 600 < 0.65
