"""How long does it last, when some have not ended yet?

Tickets still open, errors that nobody has seen yet: leaving them out makes everything look shorter than it is, and so
does counting them as ended now. Kaplan and Meier's estimator uses what they do say: at least this long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Survival:
    """Share that lasts longer than each time: a step function that falls at `times`."""

    times: Floats
    """Times at which some ended, rising."""
    survival: Floats
    """Share that lasts longer than each of them."""

    def at(self, moment: ArrayLike) -> Floats:
        """Return the share that lasts longer than each moment."""
        place = np.searchsorted(self.times, np.asarray(moment, dtype=np.float64), side="right")
        return np.concatenate([[1.0], self.survival])[place]

    def quantile(self, share: float) -> float:
        """Return the time by which a share has ended; infinite when so many never do while watched."""
        ended = np.flatnonzero(self.survival <= 1 - share + 1e-12)
        return float(self.times[ended[0]]) if len(ended) else float("inf")

    @property
    def median(self) -> float:
        """Time by which half have ended."""
        return self.quantile(0.5)

    def restricted_mean(self, horizon: float) -> float:
        """Return the mean time up to a horizon: the area under the curve.

        References
        ----------
        Royston and Parmar, Restricted mean survival time, BMC Medical Research Methodology 13, 2013.

        Examples
        --------
        >>> survival([1, 2, 4], [True, True, True]).restricted_mean(3)
        2.0
        """
        return float(self._area(np.array([horizon]))[0])

    def expected(self, age: ArrayLike, *, horizon: float) -> Floats:
        """Expect how long those of a given age will have lasted when they end, or reach the horizon.

        The mean of all, open ones replaced by this, is the restricted mean again (self-consistency, Efron 1967): so
        single tickets can be added up and averaged by group.
        """
        now = np.asarray(age, dtype=np.float64)
        left = self._area(np.full(len(now), horizon)) - self._area(np.minimum(now, horizon))
        lasting = self.at(now)
        return now + np.divide(left, lasting, out=np.zeros(len(now)), where=(lasting > 0) & (now < horizon))

    def _area(self, until: Floats) -> Floats:
        """Integrate the curve from 0 to each time."""
        edges = np.concatenate([[0.0], self.times])
        heights = np.concatenate([[1.0], self.survival])
        summed = np.concatenate([[0.0], np.cumsum(np.diff(edges) * heights[:-1])])
        place = np.searchsorted(edges, until, side="right") - 1
        return np.asarray(summed[place] + (until - edges[place]) * heights[place], dtype=np.float64)


def survival(durations: ArrayLike, ended: ArrayLike, *, weights: ArrayLike | None = None) -> Survival:
    """Estimate how long something lasts from spans of which some are still running.

    Parameters
    ----------
    durations
        How long each lasted, or has lasted so far.
    ended
        Whether it ended; false when it was still running when last seen.
    weights
        What each counts; left out, 1.

    Returns
    -------
    Survival
        The product-limit estimate.

    References
    ----------
    Kaplan and Meier, Nonparametric estimation from incomplete observations, JASA 53, 1958.

    Examples
    --------
    >>> survival([1, 2, 2, 3], [True, True, False, True]).survival.tolist()
    [0.75, 0.5, 0.0]
    """
    time = np.asarray(durations, dtype=np.float64)
    over = np.asarray(ended, dtype=bool)
    weight = np.ones(len(time)) if weights is None else np.asarray(weights, dtype=np.float64)
    times, place = np.unique(time, return_inverse=True)
    deaths = np.bincount(place, weights=weight * over, minlength=len(times))
    leaving = np.bincount(place, weights=weight, minlength=len(times))
    risk = leaving[::-1].cumsum()[::-1]
    falls = deaths > 0
    steps = np.clip(1 - deaths[falls] / risk[falls], 0.0, 1.0)
    return Survival(times[falls], np.cumprod(steps))
