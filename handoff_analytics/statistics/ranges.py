"""Which values can an uncertain number take?

A person who gives a number gives three: low, likely, high. They become a beta-PERT distribution; two ends of a 90 %
range become a lognormal one. Both are drawn by an explicit generator, so that a study repeats to the last digit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from ..errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_WEIGHT = 4.0  # how much the likely value counts against the two ends; 4 is the PERT of 1959
_Z95 = float(norm.ppf(0.95))


@dataclass(frozen=True, slots=True)
class Range:
    """Low, likely and high of a number that nobody knows exactly.

    Examples
    --------
    >>> Range(1, 2, 10).mean
    3.1666666666666665
    >>> Range.of(5)
    Range(low=5.0, likely=5.0, high=5.0)
    """

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        """Refuse an order that no distribution has."""
        if not all(math.isfinite(value) for value in (self.low, self.likely, self.high)):
            raise ArgumentError(f"A range needs finite numbers; found {self.low}, {self.likely}, {self.high}.")
        if not self.low <= self.likely <= self.high:
            raise ArgumentError(
                f"A range runs low <= likely <= high; found {self.low:g}, {self.likely:g}, {self.high:g}. "
                "Write [low, likely, high]."
            )

    @classmethod
    def of(cls, value: float | Sequence[float] | None) -> Range:
        """Read what a catalogue says: one number, three numbers, or nothing, which is zero.

        Raises
        ------
        ArgumentError
            If it is neither.
        """
        if value is None:
            return cls(0.0, 0.0, 0.0)
        if isinstance(value, int | float):
            return cls(float(value), float(value), float(value))
        values: list[Any] = list(value)
        if len(values) != 3 or not all(isinstance(part, int | float) for part in values):
            raise ArgumentError(f"A range is one number or [low, likely, high]; found {values!r}.")
        return cls(*(float(part) for part in values))

    @property
    def width(self) -> float:
        """High less low."""
        return self.high - self.low

    @property
    def mean(self) -> float:
        """Mean of the beta-PERT distribution: (low + 4 likely + high) / 6."""
        return (self.low + _WEIGHT * self.likely + self.high) / (_WEIGHT + 2)

    @property
    def shapes(self) -> tuple[float, float]:
        """The two shapes of the beta distribution on low to high."""
        if self.width == 0:
            return (1.0, 1.0)
        return (
            1 + _WEIGHT * (self.likely - self.low) / self.width,
            1 + _WEIGHT * (self.high - self.likely) / self.width,
        )

    @property
    def sd(self) -> float:
        """Standard deviation of the beta-PERT distribution."""
        a, b = self.shapes
        return self.width * math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))

    def draws(self, random: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
        """Return values drawn from the beta-PERT distribution.

        Parameters
        ----------
        random
            Where the draws come from.
        size
            How many.

        Returns
        -------
        numpy.ndarray
            Values from low to high.

        Notes
        -----
        The shapes are 1 + 4 (likely - low) / (high - low) and 1 + 4 (high - likely) / (high - low). pyfair derives
        others from an assumed standard deviation of (high - low) / 6, and riskquant's PERT frequency reports the
        likely value as its mean, which for (1, 2, 10) is 37 % too small. Neither is done here.

        References
        ----------
        Malcolm, Roseboom, Clark & Fazar (1959), Application of a technique for research and development program
        evaluation, Operations Research 7(5).
        """
        if self.width == 0:
            return np.full(size, self.low)
        return self.low + self.width * random.beta(*self.shapes, size)

    def __str__(self) -> str:
        """Write it as an assumption register shows it."""
        if self.width == 0:
            return f"{self.likely:g}"
        return f"{self.low:g} / {self.likely:g} / {self.high:g}"


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A cost known only by the two ends of its 90 % range.

    Examples
    --------
    >>> round(0.1 * Lognormal.of_range(1, 10).mean, 6)
    0.404001
    """

    mu: float
    sigma: float

    @classmethod
    def of_range(cls, low: float, high: float) -> Lognormal:
        """Return the lognormal whose 5 % and 95 % points are given.

        Raises
        ------
        ArgumentError
            Unless 0 < low <= high.
        """
        if not 0 < low <= high < math.inf:
            raise ArgumentError(f"A 90 % range of a cost needs 0 < low <= high; found {low:g} to {high:g}.")
        return cls((math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / (2 * _Z95))

    @property
    def mean(self) -> float:
        """Mean; with a wide range it lies above the high end, see `heavy`."""
        return math.exp(self.mu + self.sigma**2 / 2)

    @property
    def heavy(self) -> bool:
        """Whether the mean lies above the 90 % point, so that the high end understates what to expect."""
        return self.sigma > 2 * float(norm.ppf(0.9))

    def draws(self, random: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
        """Return values drawn from the distribution."""
        return random.lognormal(self.mu, self.sigma, size)
