"""Has a rate changed, or does it only look so?

Counts rise with traffic and come in bursts; both look like change. So every answer here is about failures a call, and
allows for as much clustering as the counts themselves show.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from .posterior import Posterior, rate_posterior
from .priors import GammaPrior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_STEPS = 100
# Median of the square of a standard normal number: turns a median of squares into a variance.
_MEDIAN_SQUARE = float(stats.chi2.ppf(0.5, 1))
# Points a side at which two posteriors are multiplied out.
_POINTS = 250


@dataclass(frozen=True, slots=True)
class Trend:
    """How fast a rate grows: logarithm of the factor that one unit of time multiplies it by."""

    growth: float
    error: float
    low: float
    high: float
    p_value: float
    """Probability of a slope as steep when the rate is the same all the time."""
    dispersion: float
    """Variance of the counts over that of independent ones, at least 1."""
    freedom: int


def rate_trend(
    counts: ArrayLike,
    exposure: ArrayLike,
    time: ArrayLike,
    *,
    season: Sequence[int] | None = None,
    confidence: float = 0.9,
) -> Trend | None:
    """Fit log(rate) = season + growth * time by quasi-Poisson regression.

    Counts are Poisson around exposure * rate; the logarithm of the exposure is an offset, so that more traffic is no
    trend. The variance is scaled by Pearson's chi-square over its degrees of freedom, where that exceeds 1, and the
    slope is judged by Student's t.

    Parameters
    ----------
    counts
        Failures in each bucket.
    exposure
        Calls, or time, in each bucket; those without any say nothing.
    time
        When each bucket was, in the unit that the growth is wanted in.
    season
        Group of each bucket, such as its weekday: each has a level of its own. Groups in which nothing was ever
        counted say nothing of the trend.
    confidence
        Probability that the interval holds the truth.

    Returns
    -------
    Trend or None
        None where nothing was counted, or too few buckets are left to tell a slope from noise.

    References
    ----------
    McCullagh and Nelder, Generalized Linear Models, 1989, sections 6.2 and 9.2.

    Examples
    --------
    >>> round(rate_trend([10, 20, 40, 80], [100] * 4, [0, 1, 2, 3]).growth / log(2), 6)
    1.0
    """
    x, e, t = (np.asarray(values, dtype=np.float64) for values in (counts, exposure, time))
    group = np.zeros(len(x), dtype=np.int64) if season is None else np.unique(season, return_inverse=True)[1]
    total = np.bincount(group, weights=x * (e > 0), minlength=1)
    kept = (e > 0) & (total[group] > 0)
    x, e, t, group = x[kept], e[kept], t[kept], np.unique(group[kept], return_inverse=True)[1]
    levels = int(group.max()) + 1 if len(group) else 0
    freedom = len(x) - levels - 1
    if freedom < 1 or np.ptp(t) == 0:
        return None
    middle = float((t * x).sum() / x.sum())
    design = np.column_stack([group[:, None] == np.arange(levels), t - middle]).astype(np.float64)
    beta = np.append(np.log(np.bincount(group, weights=x) / np.bincount(group, weights=e)), 0.0)
    offset = np.log(e)
    for _ in range(_STEPS):
        mu = np.exp(np.clip(offset + design @ beta, -300, 300))
        information = design.T @ (mu[:, None] * design)
        try:
            step = np.linalg.solve(information, design.T @ (x - mu))
        except np.linalg.LinAlgError:
            return None
        # A long step overshoots where the counts are few; halving its reach keeps the fit from leaving.
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-10:
            break
    else:
        return None
    mu = np.exp(offset + design @ beta)
    dispersion = max(1.0, float(((x - mu) ** 2 / mu).sum() / freedom))
    try:
        covariance = np.linalg.inv(design.T @ (mu[:, None] * design)) * dispersion
    except np.linalg.LinAlgError:
        return None
    growth, error = float(beta[-1]), float(np.sqrt(covariance[-1, -1]))
    reach = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(growth) / error, freedom))
    return Trend(growth, error, growth - reach, growth + reach, p_value, dispersion, freedom)


def change_points(counts: ArrayLike, exposure: ArrayLike, *, penalty: float = 3.0, shortest: int = 3) -> list[int]:
    """Find where a rate jumped, by optimal partitioning.

    Of all ways to cut the buckets into stretches of one rate each, the one with the least sum of -2 * log likelihood
    (Poisson, deflated by the dispersion) plus `penalty` * log(buckets) for every cut. The dispersion is estimated
    from differences of neighbouring buckets, by their median, so that a jump does not pass for noise.

    Parameters
    ----------
    counts, exposure
        Failures and calls of each bucket, in order of time.
    penalty
        What a cut must gain, in units of log(number of buckets).
    shortest
        Fewest buckets of a stretch.

    Returns
    -------
    list of int
        First bucket of every stretch but the first.

    References
    ----------
    Jackson et al., An algorithm for optimal partitioning of data on an interval, 2005; Killick, Fearnhead and Eckley,
    Optimal detection of changepoints with a linear computational cost, JASA 107, 2012.

    Examples
    --------
    >>> change_points([2, 2, 2, 2, 9, 9, 9, 9], [100] * 8)
    [4]
    """
    x, e = np.asarray(counts, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    size = len(x)
    if size < 2 * shortest or not x.sum() > 0:
        return []
    phi = neighbour_dispersion(x, e)
    fine = penalty * log(size)
    summed, exposed = np.concatenate([[0.0], np.cumsum(x)]), np.concatenate([[0.0], np.cumsum(e)])
    best, cut = np.full(size + 1, inf), np.zeros(size + 1, dtype=np.int64)
    best[0] = -fine
    for end in range(shortest, size + 1):
        s, n = summed[end] - summed[: end - shortest + 1], exposed[end] - exposed[: end - shortest + 1]
        rate = np.divide(s, n, out=np.ones(len(s)), where=(s > 0) & (n > 0))
        cost = best[: end - shortest + 1] - 2 * s * np.log(rate) / phi + fine
        cut[end] = int(np.argmin(cost))
        best[end] = cost[cut[end]]
    found, end = [], size
    while end > 0:
        end = int(cut[end])
        found.append(end)
    return found[-2::-1]


def neighbour_dispersion(counts: ArrayLike, exposure: ArrayLike) -> float:
    """Measure how much more neighbouring buckets differ than independent failures would let them, at least 1.

    The squared difference of two neighbours' rates over its Poisson variance has mean 1 without bursts. The median of
    all is used, for one jump moves a mean. Where most buckets are empty it is zero and sees no bursts: choose buckets
    in which a failure or more is usual.
    """
    x, e = np.asarray(counts, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    x, e = x[e > 0], e[e > 0]
    if len(x) < 3:
        return 1.0
    both = (x[1:] + x[:-1]) / (e[1:] + e[:-1])
    usual = both * (1 / e[1:] + 1 / e[:-1])
    squares = np.divide(np.diff(x / e) ** 2, usual, out=np.zeros(len(usual)), where=usual > 0)
    return max(1.0, float(np.median(squares)) / _MEDIAN_SQUARE)


@dataclass(frozen=True, slots=True)
class RateRatio:
    """A rate after something, over the rate before it."""

    ratio: float
    """Median."""
    low: float
    high: float
    p_fell: float
    """Probability that the rate is lower afterwards."""
    before: Posterior
    after: Posterior


def rate_ratio(
    before: tuple[float, float],
    after: tuple[float, float],
    *,
    excess: tuple[float, float] = (0.0, 0.0),
    confidence: float = 0.9,
) -> RateRatio:
    """Compare two rates: did the fix work?

    Each rate has a posterior from Jeffreys' prior and a count that is Poisson, or negative binomial where failures
    come in bursts. Without bursts the ratio is exactly F distributed, on (2 * after + 1, 2 * before + 1) degrees of
    freedom; with them the two posteriors are multiplied out.

    Parameters
    ----------
    before, after
        Failures and calls of the two periods; both with calls.
    excess
        Relative variance that bursts add to each count, as `overdispersion` measures it.
    confidence
        Probability that the interval holds the truth.

    Returns
    -------
    RateRatio
        The ratio, its interval and the probability of a fall.

    References
    ----------
    Przyborowski and Wilenski, Homogeneity of results in testing samples from Poisson series, Biometrika 31, 1940.

    Examples
    --------
    >>> found = rate_ratio((40, 1000), (20, 1000))
    >>> round(found.ratio, 2), found.high < 1
    (0.5, True)
    """
    jeffreys = GammaPrior(0.5, 0.0)
    sides = [
        rate_posterior([count], [calls], [extra], jeffreys)
        for (count, calls), extra in zip((before, after), excess, strict=True)
    ]
    places = (np.arange(_POINTS) + 0.5) / _POINTS
    early, late = (np.interp(places, np.linspace(0, 1, side.table.shape[1]), side.table[0]) for side in sides)
    ratios = (late[:, None] / np.maximum(early[None, :], np.finfo(np.float64).tiny)).ravel()
    low, middle, high = np.quantile(ratios, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return RateRatio(float(middle), float(low), float(high), float((ratios < 1).mean()), *sides)
