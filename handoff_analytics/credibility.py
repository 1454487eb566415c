"""How far may a few observations be believed?

Every measure that compares handoffs meets handoffs with little evidence. The methods here let each borrow from all the
others, as much as the data say that it should: empirical Bayes for rates, credibility for means, and counts deflated
to what they are worth when failures come in bursts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# With fewer handoffs than this nothing can be learnt from the neighbours.
_FEWEST = 3
# With fewer that failed, nothing can be learnt of how they differ: the prior then has the shape of Jeffreys'.
_FEWEST_FAILING = 2
_LARGEST_STRENGTH = 1e8


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """What is believed of a share before its own evidence: Beta(alpha, beta)."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """The share that is expected."""
        return self.alpha / (self.alpha + self.beta)


@dataclass(frozen=True, slots=True)
class GammaPrior:
    """What is believed of a rate before its own evidence: Gamma(shape, rate)."""

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        """The rate that is expected; infinite when nothing is known."""
        return self.shape / self.rate if self.rate > 0 else float("inf")


def _maximum(
    likelihood: Callable[[float, float], float], center: float, starts: tuple[float, ...]
) -> tuple[float, float]:
    """Maximise a likelihood of (center, log strength) from several starts; the best wins, the first on a tie."""

    def misfit(point: Floats) -> float:
        return -likelihood(float(point[0]), float(point[1]))

    best: tuple[float, float, float] | None = None
    for start in starts:
        found = optimize.minimize(misfit, [center, start], method="Nelder-Mead", tol=1e-8)
        if best is None or found.fun < best[0] - 1e-9:
            best = (float(found.fun), float(found.x[0]), float(found.x[1]))
    assert best is not None  # noqa: S101 - starts is never empty
    return best[1], best[2]


def beta_binomial_prior(failures: ArrayLike, trials: ArrayLike) -> BetaPrior:
    """Learn from many handoffs what their shares are like.

    The two parameters maximise the beta-binomial likelihood of all handoffs together plus the logarithm of the
    relative variance between them, 1 / (mean * strength): few handoffs that happen to agree do not make each other
    certain. The prior is never worth more trials than were seen in all. With fewer than three handoffs, or no failure
    anywhere, it is Jeffreys' Beta(1/2, 1/2); with failures at one of them alone, alpha is 1/2 around the pooled share.

    Parameters
    ----------
    failures, trials
        Effective counts of each handoff, not necessarily whole.

    Returns
    -------
    BetaPrior
        Parameters of the prior.

    References
    ----------
    Griffiths, Maximum likelihood estimation for the beta-binomial distribution, Biometrics 29, 1973. The penalty:
    Chung, Rabe-Hesketh, Dorie, Gelman and Liu, A nondegenerate penalized likelihood estimator for variance
    parameters, Psychometrika 78, 2013.

    Examples
    --------
    >>> prior = beta_binomial_prior([1, 9, 2, 8, 30], [10, 100, 20, 90, 300])
    >>> round(prior.mean, 2)
    0.09
    >>> beta_binomial_prior([0], [10])
    BetaPrior(alpha=0.5, beta=0.5)
    """
    x, n = _exercised(failures, trials)
    if len(n) < _FEWEST or x.sum() <= 0 or (n - x).sum() <= 0:
        return BetaPrior(0.5, 0.5)
    if (x > 0).sum() < _FEWEST_FAILING:
        return BetaPrior(0.5, 0.5 * float((n - x).sum() / x.sum()))

    def likelihood(center: float, strength: float) -> float:
        m, s = float(special.expit(center)), float(np.exp(min(strength, 50)))
        a, b = max(m * s, 1e-300), max((1 - m) * s, 1e-300)
        apart = -np.log(m) - strength
        return float(np.sum(special.betaln(x + a, n - x + b) - special.betaln(a, b)) + apart)

    pooled = float(special.logit((x.sum() + 0.5) / (n.sum() + 1)))
    center, strength = _maximum(likelihood, pooled, (2.0, 5.0, 8.0))
    m = float(special.expit(center))
    s = float(min(np.exp(min(strength, 50)), _LARGEST_STRENGTH, n.sum()))
    return BetaPrior(m * s, (1 - m) * s)


def gamma_poisson_prior(events: ArrayLike, exposure: ArrayLike) -> GammaPrior:
    """Learn from many handoffs what their rates are like.

    As `beta_binomial_prior`, with the negative binomial likelihood; the relative variance between handoffs is
    1 / shape. With fewer than three handoffs, or no event anywhere, it is Jeffreys' Gamma(1/2, 0).

    Parameters
    ----------
    events
        Effective counts of each handoff.
    exposure
        Time or calls in which they were seen.

    Returns
    -------
    GammaPrior
        Parameters of the prior; its rate has the unit of the exposure.

    References
    ----------
    Greenwood and Yule, An inquiry into the nature of frequency distributions, JRSS 83, 1920.

    Examples
    --------
    >>> round(gamma_poisson_prior([2, 5, 9, 1, 3], [1, 1, 1, 1, 1]).mean, 1)
    4.0
    """
    x, t = _exercised(events, exposure)
    if len(t) < _FEWEST or x.sum() <= 0:
        return GammaPrior(0.5, 0.0)
    if (x > 0).sum() < _FEWEST_FAILING:
        return GammaPrior(0.5, 0.5 * float(t.sum() / x.sum()))

    def likelihood(center: float, strength: float) -> float:
        a = float(np.exp(np.clip(strength, -50, 50)))
        b = a / float(np.exp(np.clip(center, -300, 300)))
        terms = special.gammaln(a + x) - special.gammaln(a) + a * np.log(b / (b + t)) - x * np.log(b + t)
        return float(np.sum(terms)) - strength

    center, strength = _maximum(likelihood, float(np.log(x.sum() / t.sum())), (-1.0, 1.0, 3.0))
    mean = float(np.exp(center))
    b = float(min(np.exp(min(strength, 50)) / mean, t.sum(), _LARGEST_STRENGTH / mean))
    return GammaPrior(mean * b, b)


def _exercised(counts: ArrayLike, exposure: ArrayLike) -> tuple[Floats, Floats]:
    x, n = np.asarray(counts, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    return x[n > 0], n[n > 0]


@dataclass(frozen=True, slots=True)
class Credibility:
    """Means of groups, each between its own mean and everybody's (Bühlmann-Straub)."""

    means: Floats
    """Credible mean of each group."""
    weight: Floats
    """How far each group is believed on its own, from 0 to 1."""
    grand_mean: float
    """What is expected of a group that has no observations."""
    within: float
    """Variance of one observation inside a group (the expected value of the process variance)."""
    between: float
    """Variance between the groups' true means (the variance of the hypothetical means)."""


def credible_means(means: ArrayLike, weights: ArrayLike, squares: ArrayLike, degrees: ArrayLike) -> Credibility:
    """Bühlmann-Straub credibility of group means.

    Z = w / (w + within / between); the credible mean is Z * own + (1 - Z) * grand. The variance between groups is
    estimated without bias and floored at zero: then every group gets the grand mean.

    Parameters
    ----------
    means
        Weighted mean of each group; ignored where the weight is zero.
    weights
        Sum of the observation weights of each group: the number of tickets, where all count alike.
    squares
        Weighted sum of squared deviations of each group from its own mean.
    degrees
        Number of observations of each group, less one where there is any.

    Returns
    -------
    Credibility
        Credible means and what they are made of.

    References
    ----------
    Bühlmann and Straub, Glaubwürdigkeit für Schadensätze, 1970. Klugman, Panjer and Willmot, Loss Models, chapter 18.

    Examples
    --------
    >>> found = credible_means([10, 20, 0], [50, 50, 0], [450, 450, 0], [49, 49, 0])
    >>> [round(float(mean), 1) for mean in found.means]
    [10.0, 20.0, 15.0]
    """
    w = np.asarray(weights, dtype=np.float64)
    m = np.where(w > 0, np.asarray(means, dtype=np.float64), 0.0)
    seen = int((w > 0).sum())
    if seen == 0:
        return Credibility(np.full(len(w), np.nan), np.zeros(len(w)), float("nan"), float("nan"), float("nan"))
    total = float(w.sum())
    pooled = float((w * m).sum() / total)
    freedom = float(np.asarray(degrees, dtype=np.float64).sum())
    within = float(np.asarray(squares, dtype=np.float64).sum()) / freedom if freedom > 0 else float("nan")
    if seen < 2 or not freedom > 0:
        # One group, or one observation a group: nothing tells noise from difference, so all share one mean.
        return Credibility(np.full(len(w), pooled), np.zeros(len(w)), pooled, within, 0.0)
    spread = total - float((w**2).sum()) / total
    between = max((float((w * (m - pooled) ** 2).sum()) - (seen - 1) * within) / spread, 0.0)
    if between <= 0:
        z = np.zeros(len(w))
        grand = pooled
    else:
        z = w / (w + within / between)
        grand = float((z * m).sum() / z.sum())
    return Credibility(z * m + (1 - z) * grand, z, grand, within, between)


@dataclass(frozen=True, slots=True)
class Overdispersion:
    """How much more failures cluster than independent ones would."""

    alpha: Floats
    """Excess of each handoff, in var = mean + alpha * mean² of a bucket, shrunk towards `pooled`."""
    inflation: Floats
    """What sampling weights alone add to the variance: mean weight of a failure."""
    excess: Floats
    """Relative variance that bursts add to each handoff's total: alpha over the effective number of buckets."""
    factor: Floats
    """Variance of each handoff's total over its Poisson variance, at least 1: divide its counts by it."""
    pooled: float
    """Excess of all handoffs together."""


def overdispersion(
    group: ArrayLike,
    counts: ArrayLike,
    expected: ArrayLike,
    *,
    groups: int,
    shares: ArrayLike | None = None,
    squared_weights: ArrayLike | None = None,
) -> Overdispersion:
    """Measure how failures cluster in time, from counts in buckets of time.

    By moments: ((x - mean)² - variance) / mean² of each bucket estimates alpha, with weight mean²; the handoffs'
    estimates are shrunk towards their pool by credibility, for one handoff's own buckets seldom tell.

    Parameters
    ----------
    group
        Index of the handoff of each bucket, from 0.
    counts
        Failures in each bucket.
    expected
        Failures expected from the handoff's own rate and the bucket's calls.
    groups
        Number of handoffs.
    shares
        Failure rate of each handoff, where failures are a share of calls: their variance without bursts is then
        mean * (1 - share). Left out, it is the mean.
    squared_weights
        Sum of squared sampling weights of the failures of each bucket; left out, every failure weighs 1.

    Returns
    -------
    Overdispersion
        Excess and deflation factor of each handoff.

    References
    ----------
    McCullagh and Nelder, Generalized Linear Models, 1989, section 6.2; shrinkage by Bühlmann-Straub.

    Examples
    --------
    >>> overdispersion([0] * 6, [3, 7, 3, 7, 3, 7], [5.0] * 6, groups=1).factor.tolist()
    [1.0]
    >>> round(float(overdispersion([0] * 6, [0, 10, 0, 10, 0, 10], [5.0] * 6, groups=1).factor[0]))
    7
    """
    g = np.asarray(group, dtype=np.int64)
    x, mu = np.asarray(counts, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    squared = x if squared_weights is None else np.asarray(squared_weights, dtype=np.float64)
    calm = np.ones(groups) if shares is None else 1 - np.asarray(shares, dtype=np.float64)

    def by_group(values: Floats) -> Floats:
        return np.bincount(g, weights=values, minlength=groups).astype(np.float64)

    events, buckets, size = by_group(x), by_group((mu > 0).astype(np.float64)), by_group(mu)
    # A sampled failure that stands for w others has variance w², not w.
    inflation = np.divide(by_group(squared), events, out=np.ones(groups), where=events > 0)
    information = by_group(mu**2)
    # The rate was estimated from the same buckets, which takes one degree of freedom.
    freedom = np.divide(buckets, buckets - 1, out=np.zeros(groups), where=buckets > 1)
    excess = (x - mu) ** 2 * freedom[g] - mu * (inflation * calm)[g]
    own = np.divide(by_group(excess), information, out=np.zeros(groups), where=information > 0)
    usable = (buckets > 1) & (information > 0)
    pooled = max(float((own * information)[usable].sum() / information[usable].sum()), 0.0) if usable.any() else 0.0
    rate = np.divide(excess, mu**2, out=np.zeros(len(mu)), where=mu > 0)
    found = credible_means(
        own,
        np.where(usable, information, 0.0),
        by_group(mu**2 * (rate - own[g]) ** 2) * usable,
        np.maximum(buckets - 1, 0) * usable,
    )
    alpha = np.where(usable, np.maximum(found.weight * own + (1 - found.weight) * pooled, 0.0), pooled)
    share = np.divide(information, size**2, out=np.zeros(groups), where=size > 0)
    # Bursts move the estimated rate as well, which makes mean² too large by 1 + alpha * share.
    alpha /= np.maximum(1 - alpha * share, 0.25)
    factor = inflation + alpha * np.divide(information, size, out=np.zeros(groups), where=size > 0)
    return Overdispersion(alpha, inflation, alpha * share, np.maximum(factor, 1.0), pooled)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of the rate of each handoff, as a table of quantiles."""

    mean: Floats
    """Expected rate of each handoff."""
    table: Floats
    """Quantiles of each handoff (row) at equally spaced probabilities (column)."""

    def quantile(self, probability: float) -> Floats:
        """Return one quantile of each handoff."""
        return self._at(np.full((1, len(self.mean)), probability)).ravel()

    def draws(self, random: np.random.Generator, size: int) -> Floats:
        """Draw rates: one row a draw, one column a handoff."""
        return self._at(random.random((size, len(self.mean))))

    def _at(self, probabilities: Floats) -> Floats:
        places = self.table.shape[1] - 1
        at = np.clip(probabilities, 0, 1) * places
        left = np.minimum(at.astype(np.int64), places - 1)
        column = np.arange(len(self.mean))
        low, high = self.table[column, left], self.table[column, left + 1]
        return np.asarray(low + (at - left) * (high - low), dtype=np.float64)


_POINTS = 640
_PLACES = 1000
_SMALLEST = 1e-12
_BLOCK = 256


def share_posterior(failures: ArrayLike, trials: ArrayLike, excess: ArrayLike, prior: BetaPrior) -> Posterior:
    """Believe a share of each handoff after its evidence.

    Prior Beta(alpha, beta); the failures are beta-binomial around the share, with the relative variance `excess` that
    bursts add to the total (0: plain binomial, and the posterior is Beta(x + alpha, n - x + beta)). Deflating both
    counts by the burst factor instead keeps the posterior conjugate, but loses its long upper tail: at strong bursts
    90 % intervals then cover 80 %.

    Parameters
    ----------
    failures, trials
        Counts of each handoff, failures at most trials.
    excess
        Relative variance of each handoff's total beyond the binomial.
    prior
        What `beta_binomial_prior` learnt.

    Returns
    -------
    Posterior
        One row a handoff; the prior itself where there are no trials.
    """
    x, n = np.asarray(failures, dtype=np.float64)[:, None], np.asarray(trials, dtype=np.float64)[:, None]
    size = 1 / np.maximum(np.asarray(excess, dtype=np.float64), 1e-7)[:, None]

    def density(block: slice, logit: Floats) -> Floats:
        # On the scale of the log odds the Jacobian p (1 - p) joins the prior.
        p, q = special.expit(logit), special.expit(-logit)
        b = np.maximum(size[block] * q / p, 1e-300)
        calm = x[block] * np.log(p) + (n - x)[block] * np.log(q)
        burst = special.betaln(x[block] + size[block], (n - x)[block] + b) - special.betaln(size[block], b)
        return np.asarray(np.where(size[block] > 1e6, calm, burst) + prior.alpha * np.log(p) + prior.beta * np.log(q))

    low = np.full(len(x), special.logit(_SMALLEST))
    return _posterior(density, low, np.full(len(x), -special.logit(_SMALLEST)), special.expit)


def rate_posterior(events: ArrayLike, exposure: ArrayLike, excess: ArrayLike, prior: GammaPrior) -> Posterior:
    """Believe a rate of each handoff after its evidence.

    Prior Gamma(shape, rate); the events are negative binomial around rate * exposure, with the relative variance
    `excess` that bursts add to the total (0: plain Poisson, and the posterior is Gamma(shape + x, rate + exposure)).

    Parameters
    ----------
    events, exposure
        Count and exposure of each handoff.
    excess
        Relative variance of each handoff's total beyond the Poisson.
    prior
        What `gamma_poisson_prior` learnt; its rate must be above zero where an exposure is zero.

    Returns
    -------
    Posterior
        One row a handoff.
    """
    x, t = np.asarray(events, dtype=np.float64)[:, None], np.asarray(exposure, dtype=np.float64)[:, None]
    size = 1 / np.maximum(np.asarray(excess, dtype=np.float64), 1e-7)[:, None]

    def density(block: slice, logarithm: Floats) -> Floats:
        rate = np.exp(logarithm)
        mu = rate * t[block]
        calm = x[block] * logarithm - mu
        burst = x[block] * logarithm - (x[block] + size[block]) * np.log1p(mu / size[block])
        return np.asarray(np.where(size[block] > 1e6, calm, burst) + prior.shape * logarithm - prior.rate * rate)

    scale = (x[:, 0] + prior.shape) / np.maximum(t[:, 0] + prior.rate, _SMALLEST)
    return _posterior(density, np.log(scale * 1e-10), np.log(scale * 1e4), np.exp)


def _posterior(
    density: Callable[[slice, Floats], Floats], low: Floats, high: Floats, back: Callable[[Floats], Floats]
) -> Posterior:
    """Integrate densities on a grid: a coarse pass finds where the mass lies, a second one looks there."""
    means, tables = np.empty(len(low)), np.empty((len(low), _PLACES + 1))
    probabilities = np.linspace(0, 1, _PLACES + 1)
    for start in range(0, len(low), _BLOCK):
        block = slice(start, start + _BLOCK)
        for _ in range(2):
            grid = low[block, None] + np.linspace(0, 1, _POINTS) * (high - low)[block, None]
            logs = density(block, grid)
            logs -= logs.max(axis=1, keepdims=True)
            heavy = logs > -18.0
            first, last = heavy.argmax(axis=1), _POINTS - 1 - heavy[:, ::-1].argmax(axis=1)
            row = np.arange(len(grid))
            low[block] = grid[row, np.maximum(first - 1, 0)]
            high[block] = grid[row, np.minimum(last + 1, _POINTS - 1)]
        mass = np.exp(logs)
        cumulated = np.zeros_like(mass)
        np.cumsum((mass[:, 1:] + mass[:, :-1]) / 2, axis=1, out=cumulated[:, 1:])
        cumulated /= cumulated[:, -1:]
        values = back(grid)
        for row_number, (place, chance, value) in enumerate(
            zip(range(start, start + len(grid)), cumulated, values, strict=True)
        ):
            tables[place] = np.interp(probabilities, chance, value)
            means[place] = float((mass[row_number] * value).sum() / mass[row_number].sum())
    return Posterior(means, tables)


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where each handoff stands over the draws: 1 is the largest."""

    median: Floats
    low: Floats
    high: Floats
    p_top: Floats


def rank_summary(draws: ArrayLike, *, top: int = 10) -> Ranks:
    """Rank every draw and sum up: median rank, 5 and 95 % rank, probability to be among the `top` largest.

    Parameters
    ----------
    draws
        One row a draw, one column a handoff; ties go to the earlier column.
    top
        How many count as the top.

    Returns
    -------
    Ranks
        One value a handoff each.

    Examples
    --------
    >>> rank_summary([[3, 1, 2], [3, 2, 1]], top=1).p_top.tolist()
    [1.0, 0.0, 0.0]
    """
    values = np.asarray(draws, dtype=np.float64)
    order = np.argsort(-values, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, values.shape[1] + 1)[None, :], axis=1)
    low, median, high = np.quantile(ranks, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf").astype(np.float64)
    return Ranks(median, low, high, np.asarray((ranks <= top).mean(axis=0)))
