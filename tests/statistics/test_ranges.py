"""What a person gives as a range becomes a distribution with the figures that the textbooks give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from handoff_analytics.errors import ArgumentError
from handoff_analytics.statistics.ranges import Lognormal, Range

NUMBERS = st.floats(0, 1e6, allow_nan=False)


def test_riskquants_three_figures_are_met_to_the_last_digits() -> None:
    assert 0.1 * Lognormal.of_range(1, 10).mean == pytest.approx(0.4040012826945718, rel=1e-14)
    assert 3 * Lognormal.of_range(1, 10).mean == pytest.approx(12.120038480837177, rel=1e-14)
    assert Lognormal.of_range(635_000, 19_000_000).mean == pytest.approx(5922706.83351131, rel=1e-14)


def test_the_mean_of_a_pert_is_not_its_mode() -> None:
    # riskquant reports 2 here, which is 37 % too small.
    assert Range(1, 2, 10).mean == pytest.approx(19 / 6)
    a, b = Range(1, 2, 10).shapes
    assert (a, b) == pytest.approx((13 / 9, 41 / 9))
    reference = stats.beta(a, b, loc=1, scale=9)
    assert Range(1, 2, 10).mean == pytest.approx(reference.mean())
    assert Range(1, 2, 10).sd == pytest.approx(reference.std())


def test_draws_follow_the_beta_distribution() -> None:
    range_ = Range(1, 2, 10)
    drawn = range_.draws(np.random.default_rng(3), 4000)
    assert stats.kstest(drawn, stats.beta(*range_.shapes, loc=1, scale=9).cdf).pvalue > 0.01
    lognormal = Lognormal.of_range(1, 10)
    drawn = lognormal.draws(np.random.default_rng(3), 4000)
    assert stats.kstest(drawn, stats.lognorm(lognormal.sigma, scale=np.exp(lognormal.mu)).cdf).pvalue > 0.01


@given(st.lists(NUMBERS, min_size=3, max_size=3))
def test_draws_stay_within_the_range_and_the_mean_rises_with_each_end(values: list[float]) -> None:
    low, likely, high = sorted(values)
    range_ = Range(low, likely, high)
    drawn = range_.draws(np.random.default_rng(0), 50)
    assert ((drawn >= low) & (drawn <= high)).all()
    assert Range(low, likely, high + 1).mean > range_.mean
    assert low * (1 - 1e-9) <= range_.mean <= high * (1 + 1e-9)


def test_a_range_wider_than_its_high_end_says_says_so() -> None:
    # 1 to 100,000 has a mean of 144,400, beyond its own 95 % point.
    wide = Lognormal.of_range(1, 100_000)
    assert wide.mean > 100_000
    assert wide.heavy
    assert not Lognormal.of_range(1, 10).heavy


def test_a_catalogue_gives_one_number_three_or_none() -> None:
    assert Range.of(None) == Range(0, 0, 0)
    assert Range.of(5) == Range(5, 5, 5)
    assert Range.of([1, 2, 3]) == Range(1, 2, 3)
    assert str(Range(1, 2, 3)) == "1 / 2 / 3"
    assert str(Range.of(5)) == "5"
    assert Range.of(5).draws(np.random.default_rng(0), 2).tolist() == [5.0, 5.0]


@pytest.mark.parametrize("wrong", [[1, 2], [1, "2", 3], [3, 2, 1], [1, 2, float("nan")]])
def test_what_is_no_range_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ArgumentError, match="range"):
        Range.of(wrong)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (2, 1), (1, float("inf"))])
def test_what_is_no_cost_range_is_refused(low: float, high: float) -> None:
    with pytest.raises(ArgumentError, match="90 % range"):
        Lognormal.of_range(low, high)
