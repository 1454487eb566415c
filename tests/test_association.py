"""Handoffs that fail together in time are found, and a common cause is not mistaken for one of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from histories import crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.association import ASSOCIATIONS, COMMON
from handoff_analytics.errors import ArgumentError, EmptyHistoryError

START = datetime.fromisoformat("2026-03-02")
DAYS, SHOCKS, CAUSED = 120, 25, 0.5


def company(seed: int = 1, *, caused: float = CAUSED, shocks: int = SHOCKS) -> ha.History:
    """web calls ten services, each of which calls a store; some failures of one store let the web fail minutes later.

    Every handoff fails on its own too, more often by day; shocks make most of them fail at once.
    """
    random = np.random.default_rng(seed)
    names = [("web", f"service{n}") for n in range(6)] + [(f"service{n}", f"store{n}") for n in range(6)]
    begun: list[tuple[float, tuple[str, str]]] = []
    for name in names:
        for day in range(DAYS):
            hours = random.choice(24, random.poisson(0.8), p=np.where(np.arange(24) // 8 == 1, 2, 1) / 32)
            begun += [(day * 1440 + hour * 60 + 60 * random.random(), name) for hour in hours]
    for minute, name in list(begun):
        if name == ("service0", "store0") and random.random() < caused:
            begun.append((minute + random.uniform(2, 9), ("web", "service0")))
    for minute in random.uniform(0, DAYS * 1440, shocks):
        begun += [(minute, name) for name in names if random.random() < 0.7]
    failures = [
        failure(n, *name, failed_at=START + timedelta(minutes=minute), correlation_id=f"order-{n}")
        for n, (minute, name) in enumerate(sorted(begun))
    ]
    crossings = [crossing(10_000 + n, *name, started_at=START) for n, name in enumerate(names)]
    return history_with(crossings=crossings, failures=failures)


@pytest.fixture(scope="module")
def history() -> ha.History:
    return company()


def test_the_pair_that_is_linked_comes_first_with_the_excess_that_was_planted(history: ha.History) -> None:
    found = ha.failure_associations(history)
    assert found.schema == ASSOCIATIONS
    first = found.row(0, named=True)
    assert (first["source"], first["target"]) == ("service0", "store0")
    assert (first["then_source"], first["then_target"]) == ("web", "service0")
    assert first["excess"] == pytest.approx(CAUSED, abs=0.12)
    assert 0 < first["lag_minutes"] <= 10
    assert first["could_reach"]


def test_nothing_else_is_found_where_nothing_is(history: ha.History) -> None:
    assert (ha.failure_associations(history)["q_value"] <= 0.1).sum() == 1
    false = [
        (ha.failure_associations(company(seed, caused=0.0), reachable_only=False)["q_value"] <= 0.1).sum()
        for seed in range(2, 6)
    ]
    assert sum(false) <= 2


def test_common_causes_are_set_apart_and_would_mislead(history: ha.History, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ha.common_causes(history)
    assert found.schema == COMMON
    assert found.height == pytest.approx(SHOCKS, abs=3)
    assert found["share"].min() >= 0.3
    assert all(len(names) >= 3 for names in found["handoffs"])
    kept = ha.failure_associations(history, reachable_only=False)
    monkeypatch.setattr("handoff_analytics.association._EVERYWHERE", 2.0)
    misled = ha.failure_associations(history, reachable_only=False)
    assert (kept["q_value"] <= 0.1).sum() <= 2
    assert (misled["q_value"] <= 0.1).sum() >= 50


def test_failures_that_a_transaction_carried_on_are_left_out() -> None:
    rows = []
    for day in range(20):
        at = START + timedelta(days=day)
        rows.append(failure(2 * day, "b", "c", failed_at=at))
        carried = {"origin": "propagated", "origin_weight": 0.0, "root_id": 2 * day}
        rows.append(failure(2 * day + 1, "a", "b", failed_at=at, **carried))
    history = history_with(crossings=[crossing(900, "a", "b"), crossing(901, "b", "c")], failures=rows)
    assert ha.failure_associations(history).is_empty()


def test_the_answer_repeats_and_faults_are_named(history: ha.History) -> None:
    assert ha.failure_associations(history).equals(ha.failure_associations(history))
    with pytest.raises(ArgumentError, match="must be positive"):
        ha.failure_associations(history, window_minutes=0)
    with pytest.raises(ArgumentError, match="must be positive"):
        ha.common_causes(history, bucket_minutes=-1)
    with pytest.raises(EmptyHistoryError):
        ha.common_causes(history_with())
    assert ha.common_causes(history_with(crossings=[crossing(1, "a", "b")])).is_empty()
    assert isinstance(ha.failure_associations(history_with(crossings=[crossing(1, "a", "b")])), pl.DataFrame)
