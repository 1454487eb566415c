"""Accounts, payback and the value of information meet closed forms and the worked example of the methods."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from handoff_analytics.economics.cash import (
    Investment,
    Stream,
    accounts,
    expected_value_of_perfect_information,
    normal_value_of_perfect_information,
    payback_months,
    single_failure_repays,
    value_of_knowing,
    variance_share,
)
from handoff_analytics.economics.cash import (
    given as expected_given,
)

N = 20_000


@pytest.fixture(scope="module")
def example() -> tuple[Stream, Investment, np.ndarray, np.ndarray, np.ndarray]:
    """60,000 once and 8,000 a year against 12.5 incidents of about 9,000, of which about 60 % are prevented."""
    random = np.random.default_rng(0)
    often, effect = random.gamma(12.5, 1, N), random.beta(6, 4, N)
    dear = np.exp(random.normal(math.log(9000), 0.35, N))
    severities = stats.lognorm(1.2).ppf((np.arange(20_000) + 0.5) / 20_000)
    stream = Stream(often, severities / severities.mean(), dear, effect, np.zeros(N))
    return stream, Investment(np.full(N, 60e3), np.full(N, 8e3), 0, 60, 0.1), often, effect, dear


def test_realised_payback_is_later_than_a_quotient_of_means(example: tuple) -> None:
    stream, investment, *_ = example
    _, balances = accounts([stream], investment, np.random.default_rng(0))
    years = payback_months(balances) / 12
    naive = 60e3 / (float(stream.saving.mean()) - 8e3)
    assert naive == pytest.approx(0.94, abs=0.02)
    assert np.median(years) == pytest.approx(1.33, abs=0.01)
    assert (years <= 1).mean() == pytest.approx(0.39, abs=0.015)
    assert np.isinf(years).mean() == pytest.approx(0.05, abs=0.01)


def test_each_input_has_its_share_of_the_variance(example: tuple) -> None:
    stream, _, often, effect, dear = example
    investment = Investment(np.full(N, 60e3), np.full(N, 8e3), 0, 36, 0.1)
    net = investment.present_benefit(stream.saving) - investment.present_cost()
    shares = [variance_share(net, known) for known in (dear, often, effect)]
    assert shares == pytest.approx([0.43, 0.27, 0.20], abs=0.025)


def test_an_account_without_savings_only_falls() -> None:
    nothing = Stream(np.zeros(3), np.ones(2), np.ones(3), np.zeros(3), np.zeros(3))
    investment = Investment(np.full(3, 100.0), np.full(3, 12.0), 0, 24, 0.0)
    lost, balances = accounts([nothing], investment, np.random.default_rng(0))
    assert lost.sum() == 0
    assert balances[0].tolist() == [-100.0 - month for month in range(25)]
    assert np.isinf(payback_months(balances)).all()
    assert investment.present_cost() == pytest.approx([124.0] * 3)


def test_preventing_all_saves_what_is_lost_and_cheapening_saves_its_share() -> None:
    shape = np.ones(400)
    investment = Investment(np.zeros(400), np.zeros(400), 0, 12, 0.0)
    whole = Stream(shape * 10, np.array([5.0]), shape, shape, shape * 0)
    lost, balances = accounts([whole], investment, np.random.default_rng(0))
    assert balances[:, -1] == pytest.approx(lost.sum(axis=1))
    cheap = Stream(shape * 10, np.array([5.0]), shape, shape * 0, shape * 0.3)
    lost, balances = accounts([cheap], investment, np.random.default_rng(0))
    assert balances[:, -1] == pytest.approx(0.3 * lost.sum(axis=1))
    assert cheap.saving == pytest.approx(0.3 * cheap.loss)


def test_a_measure_works_up_to_its_full_effect() -> None:
    slow = Investment(np.ones(1), np.ones(1), 6, 12, 0.0)
    assert slow.working[:6].sum() == pytest.approx(3)
    assert (slow.working[6:] == 1).all()
    assert slow.present_benefit(np.array([12.0])) == pytest.approx([9.0])


def test_discounting_is_that_of_an_annuity() -> None:
    investment = Investment(np.zeros(1), np.array([1200.0]), 0, 36, 0.08)
    monthly = 1.08 ** (1 / 12) - 1
    assert investment.present_cost()[0] == pytest.approx(100 * (1 - (1 + monthly) ** -36) / monthly)


def test_one_failure_repays_with_the_probability_of_the_closed_form(example: tuple) -> None:
    _, investment, often, effect, _ = example
    median = np.exp(math.log(9000) + 1.2 * stats.norm.ppf((np.arange(50_000) + 0.5) / 50_000))
    stream = Stream(often, median, np.ones(N), effect, effect)
    expected = stats.norm.sf((math.log(60_000) - math.log(9000)) / 1.2)
    assert single_failure_repays([stream], investment) == pytest.approx(expected, abs=1e-3)
    assert expected == pytest.approx(0.057, abs=1e-3)


def test_the_claim_of_the_first_failure_can_come_out_either_way() -> None:
    cheap = Investment(np.full(10, 1.0), np.zeros(10), 0, 12, 0.0)
    dear = Investment(np.full(10, 1e9), np.zeros(10), 0, 12, 0.0)
    one = np.ones(10)
    stream = Stream(one, np.array([10.0, 20.0]), one, one, one)
    assert single_failure_repays([stream], cheap) == 1.0
    assert single_failure_repays([stream], dear) == 0.0
    assert single_failure_repays([], cheap) == 0.0


def test_the_value_of_perfect_information_meets_its_closed_form() -> None:
    assert normal_value_of_perfect_information(20, 100) == pytest.approx(30.689, abs=1e-3)
    values = 20 + 100 * stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert expected_value_of_perfect_information(values) == pytest.approx(30.689, abs=0.01)


def test_the_value_of_knowing_one_of_two_inputs_meets_its_closed_form() -> None:
    random = np.random.default_rng(2)
    one, other = random.normal(0, 80, 60_000), random.normal(0, 60, 60_000)
    values = 20 + one + other
    assert value_of_knowing(values, one) == pytest.approx(normal_value_of_perfect_information(20, 80), abs=1)
    assert value_of_knowing(values, other) == pytest.approx(normal_value_of_perfect_information(20, 60), abs=1)


@given(st.lists(st.floats(-1e4, 1e4), min_size=8, max_size=40), st.integers(0, 999))
def test_knowing_more_is_never_worth_less_than_nothing(values: list[float], seed: int) -> None:
    net = np.array(values)
    known = np.random.default_rng(seed).normal(size=len(net))
    part = value_of_knowing(net, known)
    assert -1e-6 <= part <= expected_value_of_perfect_information(net) + np.abs(net).max() * 1e-6 + 1e-6
    assert expected_given(net, np.ones(len(net))) == pytest.approx(np.full(len(net), net.mean()))
    assert variance_share(np.ones(5), np.arange(5.0)) == 0.0
