"""What is usual is learnt as scipy would learn it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from handoff_analytics.statistics.priors import BetaPrior, GammaPrior, beta_binomial_prior, gamma_poisson_prior


def test_the_beta_prior_maximises_scipys_beta_binomial_likelihood() -> None:
    random = np.random.default_rng(3)
    n = random.integers(50, 2000, 60)
    x = random.binomial(n, random.beta(2, 60, 60))

    def misfit(point: np.ndarray) -> float:
        m, s = special.expit(point[0]), np.exp(point[1])
        return -float(stats.betabinom.logpmf(x, n, m * s, (1 - m) * s).sum() - np.log(m) - point[1])

    best = optimize.minimize(misfit, [special.logit(x.sum() / n.sum()), 4.0], method="Nelder-Mead", tol=1e-9)
    prior = beta_binomial_prior(x, n)
    assert prior.mean == pytest.approx(special.expit(best.x[0]), rel=1e-3)
    assert prior.alpha + prior.beta == pytest.approx(np.exp(best.x[1]), rel=1e-2)


def test_the_gamma_prior_maximises_scipys_negative_binomial_likelihood() -> None:
    random = np.random.default_rng(4)
    t = random.uniform(1, 20, 60)
    x = random.poisson(t * random.gamma(2, 1.5, 60))

    def misfit(point: np.ndarray) -> float:
        a, b = np.exp(point[1]), np.exp(point[1] - point[0])
        return -float(stats.nbinom.logpmf(x, a, b / (b + t)).sum() - point[1])

    best = optimize.minimize(misfit, [np.log(x.sum() / t.sum()), 0.0], method="Nelder-Mead", tol=1e-9)
    prior = gamma_poisson_prior(x, t)
    assert prior.mean == pytest.approx(np.exp(best.x[0]), rel=1e-3)
    assert prior.shape == pytest.approx(np.exp(best.x[1]), rel=1e-2)


@pytest.mark.parametrize(("x", "n"), [([1], [10]), ([0, 0, 0, 0], [5, 6, 7, 8]), ([], [])])
def test_without_neighbours_or_failures_the_prior_is_jeffreys(x: list[int], n: list[int]) -> None:
    assert beta_binomial_prior(x, n) == BetaPrior(0.5, 0.5)
    assert gamma_poisson_prior(x, n) == GammaPrior(0.5, 0.0)
    assert GammaPrior(0.5, 0.0).mean == float("inf")
