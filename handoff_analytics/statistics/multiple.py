"""Which of many findings hold, when so many were looked for?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def adjusted(p_values: ArrayLike, *, dependent: bool = False) -> NDArray[np.float64]:
    """Adjust p-values so that calling those up to q findings makes at most a share q of them false, on average.

    Parameters
    ----------
    p_values
        Chance of each finding if there were nothing to find.
    dependent
        Whether the findings may depend on each other in any way (Benjamini and Yekutieli); else they are independent
        or depend positively (Benjamini and Hochberg).

    Returns
    -------
    numpy.ndarray
        The smallest false discovery rate at which each finding is made, in the order given.

    References
    ----------
    Benjamini and Hochberg, JRSS B 57, 1995; Benjamini and Yekutieli, Annals of Statistics 29, 2001.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    >>> adjusted([0.02, 0.5], dependent=True).round(3).tolist()
    [0.06, 0.75]
    """
    values = np.asarray(p_values, dtype=np.float64)
    count = len(values)
    if count == 0:
        return values
    places = np.arange(1, count + 1)
    price = float((1 / places).sum()) if dependent else 1.0
    order = np.argsort(values, kind="stable")
    ratio = values[order] * count * price / places
    result = np.empty(count)
    result[order] = np.minimum(np.minimum.accumulate(ratio[::-1])[::-1], 1.0)
    return result
