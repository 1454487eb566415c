"""Where does each handoff stand, when its number is uncertain?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


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
