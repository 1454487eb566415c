"""Simulated years agree with what can be computed exactly."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from handoff_analytics.economics.simulation import (
    Figures,
    Hazard,
    SharedCauses,
    exact_losses,
    simulate,
    sums,
    tail_mean,
)
from handoff_analytics.errors import ArgumentError
from handoff_analytics.statistics.ranges import Lognormal

COST = Lognormal.of_range(1, 10)
STEP, SIZE = 0.02, 2**14


def costs(size: int = 100_000) -> np.ndarray:
    """Equally likely costs that stand for the lognormal from 1 to 10."""
    points = (np.arange(size) + 0.5) / size
    return stats.lognorm(COST.sigma, scale=np.exp(COST.mu)).ppf(points)


def exact(dispersion: float = 1.0) -> np.ndarray:
    edges = (np.arange(SIZE + 1) - 0.5) * STEP
    edges[0] = 0
    severity = np.diff(stats.lognorm.cdf(edges, COST.sigma, scale=np.exp(COST.mu)))
    return exact_losses(3.0, severity, dispersion=dispersion)


def panjer(rate: float, severity: np.ndarray) -> np.ndarray:
    """The recursion of Panjer for a Poisson number: an independent way to the same distribution."""
    found = np.zeros(len(severity))
    found[0] = np.exp(-rate * (1 - severity[0]))
    for total in range(1, len(severity)):
        sizes = np.arange(1, total + 1)
        found[total] = rate / total * float((sizes * severity[1 : total + 1] * found[total - sizes]).sum())
    return found


def test_the_transform_gives_the_exact_quantiles() -> None:
    distribution = exact()
    reached = distribution.cumsum()
    assert np.searchsorted(reached, 0.95) * STEP == pytest.approx(29.04, abs=0.011)
    assert np.searchsorted(reached, 0.99) * STEP == pytest.approx(40.1, abs=0.05)
    assert float((distribution * np.arange(SIZE) * STEP).sum()) == pytest.approx(12.12, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 5), st.lists(st.floats(0.01, 1), min_size=3, max_size=20))
def test_the_transform_agrees_with_panjers_recursion(rate: float, weights: list[float]) -> None:
    severity = np.zeros(120)
    severity[: len(weights)] = np.array(weights) / sum(weights)
    assert exact_losses(rate, severity) == pytest.approx(panjer(rate, severity), abs=1e-7)


def test_the_negative_binomial_has_the_variance_asked_for() -> None:
    one = np.zeros(4096)
    one[1] = 1.0
    # Beyond 400 there is nothing but what the tilt makes of rounding.
    distribution = exact_losses(30.0, one, dispersion=4.0)[:400]
    count = np.arange(400)
    mean = float((distribution * count).sum())
    assert mean == pytest.approx(30, rel=1e-4)
    assert float((distribution * (count - mean) ** 2).sum()) == pytest.approx(120, rel=1e-3)
    assert distribution[:100] == pytest.approx(stats.nbinom(10, 0.25).pmf(count[:100]), abs=1e-7)


def test_simulated_years_meet_mean_spread_and_tail() -> None:
    (figures,) = simulate((Hazard(np.array([3.0]), costs()),), parameter_draws=200, years=2000, seed=4).figures
    assert figures.mean == pytest.approx(12.120, abs=4 * figures.mean_error)
    assert figures.sd == pytest.approx(np.sqrt(3 * np.exp(2 * COST.mu + 2 * COST.sigma**2)), rel=0.01)
    assert figures.p95 == pytest.approx(29.04, abs=4 * figures.p95_error)
    assert figures.p99 == pytest.approx(40.1, abs=4 * figures.p99_error)


def test_one_cost_for_all_incidents_of_a_year_spreads_too_far() -> None:
    hazard = Hazard(np.array([3.0]), costs())
    (fair,) = simulate((hazard,), parameter_draws=200, years=2000, mode="fair_product", seed=4).figures
    assert fair.mean == pytest.approx(12.12, rel=0.01)
    assert fair.sd == pytest.approx(13.1, rel=0.02)
    assert fair.p99 == pytest.approx(63, rel=0.03)


def test_the_printed_error_is_the_error_that_repetition_shows() -> None:
    hazard = (Hazard(np.array([3.0]), costs(5000)),)
    runs = [simulate(hazard, parameter_draws=20, years=500, seed=seed).figures[0] for seed in range(60)]
    seen = np.std([run.mean for run in runs])
    assert np.mean([run.mean_error for run in runs]) == pytest.approx(seen, rel=0.35)
    seen = np.std([run.p95 for run in runs])
    assert np.mean([run.p95_error for run in runs]) == pytest.approx(seen, rel=0.5)


def test_doubt_about_parameters_stays_apart_from_luck() -> None:
    sure = simulate((Hazard(np.array([10.0]), np.ones(1)),), parameter_draws=400, years=500).figures[0]
    random = np.random.default_rng(0)
    doubtful = Hazard(random.gamma(4, 10 / 4, 400), np.ones(1))
    unsure = simulate((doubtful,), parameter_draws=400, years=500).figures[0]
    assert sure.mean_high - sure.mean_low < 0.6
    low, high = stats.gamma(4, scale=10 / 4).ppf([0.05, 0.95])
    assert unsure.mean_low == pytest.approx(low, rel=0.12)
    assert unsure.mean_high == pytest.approx(high, rel=0.12)
    # The negative binomial: variance = mean + mean^2 / shape.
    assert unsure.sd**2 == pytest.approx(10 + 100 / 4, rel=0.15)


def test_shared_causes_keep_the_mean_and_widen_the_portfolio() -> None:
    alone = tuple(Hazard(np.array([4.0]), np.ones(1)) for _ in range(10))
    own = tuple(Hazard(np.array([2.0]), np.ones(1)) for _ in range(10))
    shared = SharedCauses(np.array([2.0]), np.ones((1, 10)))
    apart = Figures.of(simulate(alone, parameter_draws=20, years=2000).portfolio)
    together = Figures.of(simulate(own, shared=shared, parameter_draws=20, years=2000).portfolio)
    assert apart.mean == pytest.approx(40, rel=0.01)
    assert together.mean == pytest.approx(40, rel=0.01)
    assert apart.sd == pytest.approx(np.sqrt(40), rel=0.03)
    assert together.sd == pytest.approx(np.sqrt(20 + 2 * 100), rel=0.03)


def test_parts_of_an_incident_in_a_window_keep_the_mean() -> None:
    shared = SharedCauses(np.array([10.0]), np.array([[0.25]]))
    figures = simulate((Hazard(np.array([1e-12]), np.ones(1)),), shared=shared, parameter_draws=20, years=2000).figures[
        0
    ]
    assert figures.mean == pytest.approx(2.5, rel=0.02)


def test_no_window_and_no_incident_cost_nothing() -> None:
    nothing = SharedCauses(np.array([1.0]), np.zeros((0, 1)))
    years = simulate((Hazard(np.array([1e-12]), np.ones(3)),), shared=nothing, parameter_draws=2, years=10)
    assert years.portfolio.sum() == 0
    assert years.figures[0].p99 == 0


def test_many_incidents_are_drawn_by_their_moments() -> None:
    counts = np.full(20_000, 900)
    severity = costs(2000)
    drawn = sums(counts, severity, np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(900 * severity.mean(), rel=0.002)
    assert drawn.std() == pytest.approx(30 * severity.std(), rel=0.03)
    assert stats.skew(drawn) == pytest.approx(stats.skew(severity) / 30, abs=0.08)
    assert sums(counts[:5], np.full(3, 2.0), np.random.default_rng(1)).tolist() == [1800.0] * 5
    symmetric = sums(counts, np.array([1.0, 3.0]), np.random.default_rng(1))
    assert symmetric.mean() == pytest.approx(1800, rel=0.001)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(0, 1000))
def test_every_incident_is_counted_once(counts: list[int], seed: int) -> None:
    drawn = sums(np.array(counts), np.ones(4), np.random.default_rng(seed))
    assert drawn.tolist() == [float(count) for count in counts]


def test_blocks_of_incidents_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff_analytics.economics.simulation._BLOCK", 7)
    counts = np.arange(40)
    assert sums(counts, np.ones(2), np.random.default_rng(0)).tolist() == [float(count) for count in counts]


def test_the_same_seed_gives_the_same_years_and_another_gives_others() -> None:
    hazards = (Hazard(np.array([3.0]), costs(100)), Hazard(np.array([1.0]), costs(100)))
    first = simulate(hazards, parameter_draws=5, years=50, seed=1)
    assert np.array_equal(first.portfolio, simulate(hazards, parameter_draws=5, years=50, seed=1).portfolio)
    assert not np.array_equal(first.portfolio, simulate(hazards, parameter_draws=5, years=50, seed=2).portfolio)


def test_five_hundred_handoffs_in_ten_thousand_years_stay_within_memory() -> None:
    random = np.random.default_rng(0)
    hazards = tuple(Hazard(np.array([5.0]), random.lognormal(0, 1, 40)) for _ in range(500))
    tracemalloc.start()
    simulate(hazards, parameter_draws=20, years=500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_the_tail_is_never_milder_than_the_mean_nor_than_its_quantile(losses: list[float], level: float) -> None:
    values = np.array([losses])
    tail = tail_mean(values, level)
    assert tail >= values.mean() - 1e-6
    assert tail <= values.max() + 1e-6


def test_a_simulation_without_years_is_refused() -> None:
    with pytest.raises(ArgumentError, match="years"):
        simulate((), years=0)
