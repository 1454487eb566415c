"""Few observations are believed as far as they deserve: against closed forms, scipy and simulations with a truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from handoff_analytics.credibility import (
    BetaPrior,
    GammaPrior,
    beta_binomial_prior,
    credible_means,
    gamma_poisson_prior,
    overdispersion,
    rank_summary,
    rate_posterior,
    share_posterior,
)


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


def test_credibility_is_the_textbook_formula() -> None:
    groups = [np.array([3.0, 5.0, 4.0]), np.array([8.0, 12.0, 10.0, 10.0]), np.array([6.0, 7.0])]
    n = np.array([len(one) for one in groups], dtype=float)
    means = np.array([one.mean() for one in groups])
    squares = np.array([((one - one.mean()) ** 2).sum() for one in groups])
    found = credible_means(means, n, squares, n - 1)
    within = squares.sum() / (n - 1).sum()
    pooled = (n * means).sum() / n.sum()
    between = ((n * (means - pooled) ** 2).sum() - 2 * within) / (n.sum() - (n**2).sum() / n.sum())
    z = n / (n + within / between)
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx(between)
    assert found.means == pytest.approx(z * means + (1 - z) * (z * means).sum() / z.sum())


def test_groups_that_cannot_be_told_apart_share_a_mean() -> None:
    assert credible_means([5.0, 5.0], [10, 10], [90.0, 90.0], [9, 9]).means.tolist() == [5.0, 5.0]
    assert credible_means([1.0, 9.0], [1, 1], [0.0, 0.0], [0, 0]).means.tolist() == [5.0, 5.0]
    assert np.isnan(credible_means([0.0], [0], [0.0], [0]).grand_mean)


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
def test_ninety_percent_intervals_cover_85_to_94_percent(burst: float, handoffs: int) -> None:
    for coverage in covered(burst, handoffs, {1: 400, 20: 200, 60: 60}[handoffs]):
        assert 0.845 <= coverage <= 0.945


def test_ranks_are_counted_draw_by_draw() -> None:
    ranks = rank_summary(np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), top=1)
    assert ranks.p_top == pytest.approx([2 / 3, 0, 1 / 3])
    assert ranks.median.tolist() == [1.0, 2.0, 2.0]
