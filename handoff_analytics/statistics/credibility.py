"""How far may a group's own mean be believed, when it has few observations?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


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


def credible_means(
    means: ArrayLike, weights: ArrayLike, squares: ArrayLike, degrees: ArrayLike, *, relative: bool = False
) -> Credibility:
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
    relative
        Whether groups vary in proportion to their means, as times and costs do, instead of all alike: then what is
        pooled is the square of the coefficient of variation. Else the dearest groups' spread counts for everybody, and
        nobody is believed enough.

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
    spreads = np.asarray(squares, dtype=np.float64)
    if relative:
        spreads = spreads * np.divide(pooled, m, out=np.zeros(len(m)), where=m > 0) ** 2
    within = float(spreads.sum()) / freedom if freedom > 0 else float("nan")
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
