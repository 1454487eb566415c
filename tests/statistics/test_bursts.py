"""Bursts are measured, against simulations whose excess is known."""

from __future__ import annotations

import numpy as np
import pytest

from handoff_analytics.statistics.bursts import overdispersion


def test_bursts_are_measured_and_calm_is_left_alone() -> None:
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(40), 90)
    calm = random.poisson(4.0, 3600)
    assert overdispersion(group, calm, np.full(3600, 4.0), groups=40).pooled < 0.05
    burst = random.poisson(4.0 * random.gamma(0.5, 2.0, 3600))
    found = overdispersion(group, burst, np.full(3600, 4.0), groups=40)
    assert found.pooled == pytest.approx(2.0, rel=0.25)
    assert (found.factor >= 1).all()


def test_a_failure_that_stands_for_ten_is_worth_less_than_ten() -> None:
    x = np.array([10.0, 0.0, 10.0, 10.0])
    found = overdispersion([0] * 4, x, np.full(4, 7.5), groups=1, squared_weights=x * 10)
    assert found.inflation[0] == 10
    assert found.factor[0] >= 10
