"""What is believed of a rate after its evidence, bursts included?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from .priors import BetaPrior, GammaPrior

    Floats = NDArray[np.float64]


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
