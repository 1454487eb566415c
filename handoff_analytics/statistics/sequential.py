"""When has a count risen by more than chance explains, and how often would chance alone say so?

The detector is Shiryaev and Roberts' over negative binomial counts: at every moment it holds, against "nothing
changed", the likelihood of every moment since which the counts may have been higher, by each of several factors. In
control its expectation grows by one a step, so a threshold is a mean time between false alarms; what it overshoots by
is computed here, so that the mean time is the one that was asked for and not only a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MULTIPLES = np.array([1.3, 1.6, 2.0, 3.0, 5.0, 10.0])
"""By how much a count may have risen."""
MEANS = np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0])
BURSTS = np.array([0.0, 0.03, 0.1, 0.3, 1.0, 3.0])
# The overshoot at these bursts (row) and mean counts (column): `python tests/overshoot.py` computes it.
_OVERSHOOT = np.array(
    (
        (1.20, 1.52, 1.45, 1.53, 1.77, 2.26, 3.16, 5.09, 9.40, 26.05, 120.96),
        (1.20, 1.53, 1.44, 1.53, 1.76, 2.27, 3.08, 4.53, 6.30, 8.07, 8.82),
        (1.19, 1.53, 1.45, 1.55, 1.77, 2.24, 2.89, 3.73, 4.32, 4.73, 4.77),
        (1.21, 1.54, 1.44, 1.54, 1.76, 2.19, 2.59, 2.95, 3.11, 3.16, 3.18),
        (1.19, 1.53, 1.45, 1.57, 1.77, 2.04, 2.23, 2.32, 2.36, 2.37, 2.40),
        (1.19, 1.56, 1.50, 1.61, 1.80, 1.93, 1.99, 2.02, 2.02, 2.03, 2.04),
    )
)
# Counts that do not cluster: so little that they differ from Poisson's by less than rounding, which log1p bears.
_CALM = 1e-14


def log_ratio(counts: ArrayLike, expected: ArrayLike, burst: ArrayLike) -> Floats:
    """Return the log likelihood ratio of a risen mean against the expected one, for each of the multiples.

    Parameters
    ----------
    counts
        What was counted; not necessarily whole.
    expected
        What was expected.
    burst
        How the counts cluster: alpha in variance = mean + alpha * mean².

    Returns
    -------
    numpy.ndarray
        One more axis than the counts: the multiples.

    Examples
    --------
    >>> log_ratio(0, 0.0, 0.5).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    x, mean, alpha = (
        np.asarray(value, dtype=np.float64)[..., None] for value in np.broadcast_arrays(counts, expected, burst)
    )
    size = 1 / np.maximum(alpha, _CALM)
    tilt = np.log1p(mean / size) - np.log1p(MULTIPLES * mean / size)
    return np.asarray(x * (np.log(MULTIPLES) + tilt) + size * tilt, dtype=np.float64)


def step(state: Floats, ratio: Floats) -> Floats:
    """Return the next state of the detector: the log statistics of each multiple, minus infinity at the start."""
    return np.logaddexp(0.0, state) + ratio


def statistic(state: Floats) -> Floats:
    """Return the log of the Shiryaev-Roberts statistic: its mean over the multiples."""
    return np.asarray(special.logsumexp(state, axis=-1) - np.log(len(MULTIPLES)), dtype=np.float64)


def start(*shape: int) -> Floats:
    """Return the state before anything was counted."""
    return np.full((*shape, len(MULTIPLES)), -np.inf)


def statistics(counts: ArrayLike, expected: ArrayLike, burst: float = 0.0) -> Floats:
    """Follow one series and return the log statistic after each count.

    Parameters
    ----------
    counts, expected
        What was counted and what was expected, step by step.
    burst
        How the counts cluster: alpha in variance = mean + alpha * mean².

    Returns
    -------
    numpy.ndarray
        Log of the Shiryaev-Roberts statistic.

    References
    ----------
    Pollak, Average run lengths of an optimal method of detecting a change in distribution, Annals of Statistics 15,
    1987.

    Examples
    --------
    Where nothing is expected and nothing counted, nothing is learnt: the statistic counts the steps.

    >>> np.exp(statistics([0, 0, 0], [0.0, 0.0, 0.0])).round(6).tolist()
    [1.0, 2.0, 3.0]
    """
    ratios = log_ratio(counts, expected, burst)
    state, path = start(), np.empty(len(ratios))
    for place, ratio in enumerate(ratios):
        state = step(state, ratio)
        path[place] = statistic(state)
    return path


def threshold(mean_steps: ArrayLike, expected: ArrayLike, burst: ArrayLike) -> Floats:
    """Return the log threshold that a series in control passes once in so many steps, on average.

    Parameters
    ----------
    mean_steps
        Wanted mean number of steps between false alarms.
    expected
        Mean count of a step.
    burst
        How the counts cluster.

    Returns
    -------
    numpy.ndarray
        Log threshold, at least 0.

    Examples
    --------
    >>> bool(threshold(1000.0, 0.5, 0.0) < np.log(1000.0))
    True
    """
    level: Floats = np.maximum(
        np.log(np.asarray(mean_steps, dtype=np.float64)) - np.log(overshoot(expected, burst)), 0.0
    )
    return level


def overshoot(expected: ArrayLike, burst: ArrayLike) -> Floats:
    """Return the mean time between false alarms as a multiple of the threshold.

    Counts come in whole failures, so that the statistic jumps over its threshold; the rarer such a jump, the longer
    between false alarms. The factor is interpolated in a table of values computed once.

    Parameters
    ----------
    expected, burst
        Mean count of a step, and how the counts cluster.

    Returns
    -------
    numpy.ndarray
        The factor, at least 1.
    """
    mean, alpha = np.broadcast_arrays(np.asarray(expected, dtype=np.float64), np.asarray(burst, dtype=np.float64))
    across = np.interp(np.log(np.clip(mean, MEANS[0], MEANS[-1])), np.log(MEANS), np.arange(len(MEANS)))
    # Bursts on a scale on which their grid is nearly even, and zero is a point of it.
    along = np.interp(np.clip(alpha, 0.0, BURSTS[-1]), BURSTS, np.arange(len(BURSTS)))
    left, low = np.floor(across).astype(np.int64), np.floor(along).astype(np.int64)
    right, high = np.minimum(left + 1, len(MEANS) - 1), np.minimum(low + 1, len(BURSTS) - 1)
    table = np.log(_OVERSHOOT.T)
    x, y = across - left, along - low
    between = (1 - x) * ((1 - y) * table[left, low] + y * table[left, high])
    between += x * ((1 - y) * table[right, low] + y * table[right, high])
    return np.asarray(np.exp(between), dtype=np.float64)
