"""How do counts depend on several things at once, when they vary more than chance alone would have it?

Negative binomial regression with a logarithmic link and an exposure: variance = mean + dispersion * mean^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special, stats

from ..errors import ArgumentError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_ROUNDS = 100
_BOUND = 30.0  # a rate of e^-30 a call: where no failure was ever seen, the estimate runs off and is stopped here


@dataclass(frozen=True, slots=True)
class Regression:
    """Coefficients on the logarithmic scale, their covariance, and what is left to chance."""

    coefficients: Floats
    covariance: Floats
    dispersion: float
    degrees: int
    """Observations less coefficients: the t distribution of the intervals."""
    inflation: float = 1.0
    """Pearson's chi-square over its degrees of freedom, at least 1: how much wider the counts vary than modelled."""
    robust: Floats | None = None
    """Covariance that asks of the model only that its means are right (HC3)."""

    def ratio(self, weights: Floats, confidence: float = 0.9) -> tuple[float, float, float, float]:
        """Return exp of a combination of coefficients, its interval and the p-value of a ratio of 1.

        The error is the larger of the model's own, widened by the inflation, and the robust one: the first is too
        small where single observations lie far out, the second where observations are few.
        """
        log = float(weights @ self.coefficients)
        variance = float(weights @ self.covariance @ weights) * self.inflation
        if self.robust is not None:
            variance = max(variance, float(weights @ self.robust @ weights))
        error = float(np.sqrt(max(variance, 0.0)))
        reach = float(stats.t.ppf((1 + confidence) / 2, self.degrees)) * error
        p = float(2 * stats.t.sf(abs(log) / error, self.degrees)) if error > 0 else 1.0
        with np.errstate(over="ignore"):
            return float(np.exp(log)), float(np.exp(log - reach)), float(np.exp(log + reach)), p


def negative_binomial(counts: Floats, exposure: Floats, design: Floats, *, adjusted: bool = True) -> Regression:
    """Fit a negative binomial regression.

    Parameters
    ----------
    counts
        What is explained, such as failures; need not be whole.
    exposure
        What the counts are relative to, such as calls; above zero.
    design
        One row an observation, one column an explanation; the intercept is a column of ones.
    adjusted
        Correct the dispersion for the coefficients estimated beside it. Without, it is the maximum of the likelihood,
        which is too small when there are few observations for each coefficient.

    Returns
    -------
    Regression
        Coefficients with covariance.

    Raises
    ------
    ArgumentError
        If there are no more observations than coefficients, or the columns are linearly dependent.

    References
    ----------
    Cameron & Trivedi (2013), Regression Analysis of Count Data, 2nd edition, chapter 3; Cox & Reid (1987), Parameter
    orthogonality and approximate conditional inference, JRSS B 49(1), for the correction; MacKinnon & White (1985),
    Some heteroskedasticity-consistent covariance matrix estimators, Journal of Econometrics 29(3), for HC3.
    """
    rows, columns = design.shape
    if rows <= columns:
        raise ArgumentError(f"A regression of {columns} coefficients needs more than {columns} observations.")
    if np.linalg.matrix_rank(design) < columns:
        raise ArgumentError("The explanations overlap entirely: one of them says nothing of its own.")
    offset = np.log(exposure)

    def profile(log_dispersion: float) -> float:
        dispersion = float(np.exp(log_dispersion))
        coefficients = _coefficients(counts, offset, design, dispersion)
        mean = _mean(design, coefficients, offset)
        value = _likelihood(counts, mean, dispersion)
        if adjusted:
            value -= 0.5 * float(np.linalg.slogdet(_information(design, mean, dispersion))[1])
        return -value

    found = optimize.minimize_scalar(profile, bounds=(-12.0, 5.0), method="bounded", options={"xatol": 1e-7})
    dispersion = float(np.exp(found.x))
    coefficients = _coefficients(counts, offset, design, dispersion)
    mean = _mean(design, coefficients, offset)
    covariance = np.asarray(np.linalg.inv(_information(design, mean, dispersion)), dtype=np.float64)
    off = counts - mean
    pearson = float((off**2 / np.maximum(mean + dispersion * mean**2, 1e-12)).sum()) / (rows - columns)
    # What an observation pulls its own fit towards itself is taken back, up to where it decides the fit alone.
    leverage = np.einsum("ij,jk,ik->i", design, covariance, design) * mean / (1 + dispersion * mean)
    scores = design * (off / (1 + dispersion * mean) / np.maximum(1 - leverage, 0.05))[:, None]
    robust = np.asarray(covariance @ (scores.T @ scores) @ covariance, dtype=np.float64)
    return Regression(coefficients, covariance, dispersion, rows - columns, max(1.0, pearson), robust)


def _mean(design: Floats, coefficients: Floats, offset: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(design @ coefficients + offset, -2 * _BOUND, 2 * _BOUND)), dtype=np.float64)


def _likelihood(counts: Floats, mean: Floats, dispersion: float) -> float:
    size = 1 / dispersion
    terms = (
        special.gammaln(counts + size)
        - special.gammaln(size)
        - special.gammaln(counts + 1)
        - (counts + size) * np.log1p(dispersion * mean)
        + counts * (np.log(dispersion) + np.log(mean))
    )
    return float(terms.sum())


def _information(design: Floats, mean: Floats, dispersion: float) -> Floats:
    weights = mean / (1 + dispersion * mean)
    return np.asarray(design.T @ (design * weights[:, None]) + 1e-12 * np.eye(design.shape[1]), dtype=np.float64)


def _coefficients(counts: Floats, offset: Floats, design: Floats, dispersion: float) -> Floats:
    """Maximise over the coefficients by Fisher scoring, in steps that never lose."""
    coefficients = np.zeros(design.shape[1])
    start = np.log(max(counts.sum(), 0.5)) - special.logsumexp(offset)
    coefficients += np.linalg.lstsq(design, np.full(len(counts), start), rcond=None)[0]
    best = _likelihood(counts, _mean(design, coefficients, offset), dispersion)
    for _ in range(_ROUNDS):
        mean = _mean(design, coefficients, offset)
        score = design.T @ ((counts - mean) / (1 + dispersion * mean))
        step = np.linalg.solve(_information(design, mean, dispersion), score)
        scale = 1.0
        while scale > 1e-6:
            trial = np.clip(coefficients + scale * step, -_BOUND, _BOUND)
            value = _likelihood(counts, _mean(design, trial, offset), dispersion)
            if value >= best:
                break
            scale /= 2
        else:
            break
        moved = float(np.abs(trial - coefficients).max())
        coefficients, best = trial, value
        if moved < 1e-10:
            break
    return np.asarray(coefficients, dtype=np.float64)
