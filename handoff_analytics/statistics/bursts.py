"""How much more do failures cluster than independent ones would?

Ten failures of one bad night say less about a handoff than ten in ten weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .credibility import credible_means

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


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
