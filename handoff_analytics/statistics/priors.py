"""What is usual among handoffs, before one's own evidence?

Handoffs with little evidence borrow from all the others, as much as the data say that they should: empirical Bayes.
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
