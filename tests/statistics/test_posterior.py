"""Intervals are those of closed forms, and hold the truth as often as they say, bursts or not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from handoff_analytics.statistics.bursts import overdispersion
from handoff_analytics.statistics.posterior import rate_posterior, share_posterior
from handoff_analytics.statistics.priors import BetaPrior, GammaPrior, beta_binomial_prior, gamma_poisson_prior


def test_without_bursts_the_posteriors_are_the_conjugate_ones() -> None:
    x, n = np.array([0.0, 3.0, 40.0]), np.array([0.0, 50.0, 1000.0])
    found = share_posterior(x, n, np.zeros(3), BetaPrior(2, 40))
    exact = stats.beta(x + 2, n - x + 40)
    assert found.mean == pytest.approx(exact.mean(), rel=1e-3)
    for probability in (0.05, 0.5, 0.95):
        assert found.quantile(probability) == pytest.approx(exact.ppf(probability), rel=5e-3)
    rates = rate_posterior(x, np.array([1.0, 5.0, 9.0]), np.zeros(3), GammaPrior(2, 4))
    gamma = stats.gamma(x + 2, scale=1 / (np.array([1.0, 5.0, 9.0]) + 4))
    assert rates.mean == pytest.approx(gamma.mean(), rel=1e-3)
    assert rates.quantile(0.95) == pytest.approx(gamma.ppf(0.95), rel=5e-3)


def test_draws_follow_the_posterior_and_repeat() -> None:
    found = share_posterior([5.0], [100.0], [0.0], BetaPrior(1, 1))
    draws = found.draws(np.random.default_rng(1), 20_000)
    assert draws.mean() == pytest.approx(found.mean[0], rel=0.02)
    assert np.array_equal(draws, found.draws(np.random.default_rng(1), 20_000))


def covered(burst: float, handoffs: int, repetitions: int) -> tuple[float, float]:
    """Share of 90 % intervals, of rates a call and a day, that hold the truth in 90 days with bursts."""
    random = np.random.default_rng(int(burst) * 100 + handoffs)
    calls, days = [], []
    for _ in range(repetitions):
        weekly = np.exp(0.3 * np.sin(np.arange(90) * 2 * np.pi / 7) + random.normal(0, 0.1, (handoffs, 90)))
        volume = np.round(1000 * weekly)
        p = random.beta(4, 1000, handoffs) if handoffs > 1 else np.array([0.004])
        multiple = random.gamma(1 / burst, burst, (handoffs, 90)) if burst else np.ones((handoffs, 90))
        x = random.binomial(volume.astype(int), np.clip(p[:, None] * multiple, 0, 1))
        total, trials = x.sum(axis=1), volume.sum(axis=1)
        rate, group = total / trials, np.repeat(np.arange(handoffs), 90)
        found = overdispersion(group, x.ravel(), (rate[:, None] * volume).ravel(), groups=handoffs, shares=rate)
        share = share_posterior(
            total, trials, found.excess, beta_binomial_prior(total / found.factor, trials / found.factor)
        )
        calls.append(np.mean((share.quantile(0.05) <= p) & (p <= share.quantile(0.95))))
        found = overdispersion(group, x.ravel(), np.repeat(total / 90, 90), groups=handoffs)
        time = np.full(handoffs, 90.0)
        daily = rate_posterior(
            total, time, found.excess, gamma_poisson_prior(total / found.factor, time / found.factor)
        )
        truth = p * volume.mean(axis=1)
        days.append(np.mean((daily.quantile(0.05) <= truth) & (truth <= daily.quantile(0.95))))
    return float(np.mean(calls)), float(np.mean(days))


@pytest.mark.parametrize("burst", [0, 5])
def test_intervals_hold_under_bursts(burst: float) -> None:
    for coverage in covered(burst, 20, 12):
        assert 0.83 <= coverage <= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("burst", [0, 1, 5, 20])
@pytest.mark.parametrize("handoffs", [1, 20, 60])
def test_ninety_percent_intervals_cover_85_to_93_percent(burst: float, handoffs: int) -> None:
    for coverage in covered(burst, handoffs, {1: 3000, 20: 500, 60: 200}[handoffs]):
        # Half a point is what the simulation itself is off by.
        assert 0.845 <= coverage <= 0.935
