"""When has a measure paid for itself, if ever?

Payback is a date on an account, not a quotient of means: the outlay leaves at once, upkeep every month, and savings
arrive when an incident does not happen. So accounts are simulated month by month, one for each set of parameters, and
the date is read off each. The value of the investment, by contrast, is taken for each set of parameters without the
luck of single incidents: that is what a decision can rest on, and what more information could change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from .simulation import sums

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """The incidents of one handoff that a measure is aimed at; one entry an outer draw.

    Parameters
    ----------
    per_year
        Incidents a year without the measure.
    severities
        Costs of one incident to draw from.
    scale
        By what the costs are multiplied, for each outer draw: doubt about the mean.
    prevented
        Share of the incidents that no longer happen.
    cheapened
        Share of its cost that an incident loses when it still happens.
    """

    per_year: Floats
    severities: Floats
    scale: Floats
    prevented: Floats
    cheapened: Floats

    @property
    def loss(self) -> Floats:
        """Expected yearly loss without the measure."""
        return np.asarray(self.per_year * self.scale * self.severities.mean(), dtype=np.float64)

    @property
    def saving(self) -> Floats:
        """Expected yearly saving once the measure works in full."""
        return np.asarray(self.loss * (self.prevented + (1 - self.prevented) * self.cheapened), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Investment:
    """What a measure costs, one entry an outer draw, and how it starts and ends."""

    one_off: Floats
    yearly: Floats
    ramp_up_months: float
    months: int
    discount_rate: float

    @property
    def working(self) -> Floats:
        """Share of the full effect in each month: rising in a straight line while the measure is introduced."""
        middle = np.arange(self.months) + 0.5
        return np.minimum(middle / self.ramp_up_months, 1.0) if self.ramp_up_months > 0 else np.ones(self.months)

    @property
    def discounts(self) -> Floats:
        """Present value of one unit paid at the end of each month."""
        return np.asarray((1 + self.discount_rate) ** (-(np.arange(self.months) + 1) / 12), dtype=np.float64)

    def present_cost(self) -> Floats:
        """Outlay and upkeep at present value."""
        return np.asarray(self.one_off + self.yearly / 12 * self.discounts.sum(), dtype=np.float64)

    def present_benefit(self, saving: Floats) -> Floats:
        """Present value of a yearly saving over the life of the measure."""
        return saving / 12 * float(self.working @ self.discounts)


def accounts(streams: list[Stream], investment: Investment, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Simulate what is lost without a measure, and the account of the measure, month by month.

    Parameters
    ----------
    streams
        The incidents that the measure is aimed at.
    investment
        Its costs and its life.
    random
        Where the draws come from.

    Returns
    -------
    tuple of numpy.ndarray
        Losses of each month without the measure: one row an outer draw, one column a month. Balances: the same with one
        column more, the first before any month has passed. Cash, not discounted.
    """
    shape = (len(investment.one_off), investment.months)
    lost, saved = np.zeros(shape), np.zeros(shape)
    for stream in streams:
        here, kept = _months(stream, investment, random)
        lost += here
        saved += kept
    balance = np.cumsum(saved - investment.yearly[:, None] / 12, axis=1) - investment.one_off[:, None]
    return lost, np.concatenate([-investment.one_off[:, None], balance], axis=1)


def _months(stream: Stream, investment: Investment, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return what one handoff loses without the measure, and what the measure saves of it, month by month."""
    working = investment.working
    shape = (len(stream.per_year), investment.months)
    happening = random.poisson(np.broadcast_to(stream.per_year[:, None] / 12, shape)).astype(np.int64)
    avoided = random.binomial(happening, np.clip(stream.prevented[:, None] * working, 0, 1))
    gone = sums(avoided.reshape(-1), stream.severities, random).reshape(shape) * stream.scale[:, None]
    rest = sums((happening - avoided).reshape(-1), stream.severities, random).reshape(shape) * stream.scale[:, None]
    return gone + rest, gone + rest * (stream.cheapened[:, None] * working)


def payback_months(balances: Floats) -> Floats:
    """Return the month in which each account first is not in debt; infinite if it never is.

    Examples
    --------
    >>> payback_months(np.array([[-10.0, -4.0, 2.0], [-10.0, -9.0, -8.0], [0.0, 1.0, 2.0]])).tolist()
    [2.0, inf, 0.0]
    """
    clear = balances >= 0
    return np.where(clear.any(axis=1), clear.argmax(axis=1), np.inf)


def single_failure_repays(streams: list[Stream], investment: Investment) -> float:
    """Return the probability that one incident costs at least the outlay: the claim of the first major failure."""
    rates = sum((stream.per_year for stream in streams), np.zeros_like(investment.one_off))
    total = float(rates.sum())
    if total <= 0:
        return 0.0
    probability = 0.0
    for stream in streams:
        ordered = np.sort(stream.severities)
        needed = np.where(stream.scale > 0, investment.one_off / np.where(stream.scale > 0, stream.scale, 1), np.inf)
        beyond = 1 - np.searchsorted(ordered, needed, side="left") / len(ordered)
        probability += float((stream.per_year * beyond).sum())
    return probability / total


def expected_value_of_perfect_information(values: Floats) -> float:
    """Return what it would be worth to know the outcome before deciding between doing it and leaving it.

    References
    ----------
    Raiffa & Schlaifer (1961), Applied Statistical Decision Theory.

    Examples
    --------
    >>> expected_value_of_perfect_information(np.array([-10.0, 30.0]))
    5.0
    """
    return float(np.maximum(values, 0).mean() - max(float(values.mean()), 0.0))


def normal_value_of_perfect_information(mean: float, sd: float) -> float:
    """Return the same for a normal distribution, in closed form: sd phi(z) - |mean| Phi(-z), z = |mean| / sd.

    Examples
    --------
    >>> round(normal_value_of_perfect_information(20, 100), 3)
    30.689
    """
    z = abs(mean) / sd
    return float(sd * norm.pdf(z) - abs(mean) * norm.cdf(-z))


def value_of_knowing(values: Floats, known: Floats) -> float:
    """Return what it would be worth to know one input before deciding.

    The value expected given the input is a cubic regression of the simulated values on it.

    Parameters
    ----------
    values
        Net present value, one an outer draw.
    known
        The input, in the same draws.

    Returns
    -------
    float
        In the currency of the values; at most the value of knowing everything.

    References
    ----------
    Strong, Oakley & Brennan (2014), Estimating multiparameter partial expected value of perfect information from a
    probabilistic sensitivity analysis sample, Medical Decision Making 34(3).
    """
    # A regression can overshoot; knowing one input is never worth more than knowing all.
    part = expected_value_of_perfect_information(given(values, known))
    return min(part, expected_value_of_perfect_information(values))


def given(values: Floats, known: Floats) -> Floats:
    """Return the values expected given one input: a cubic regression."""
    spread = float(known.std())
    if spread <= 1e-12 * max(1.0, abs(float(known.mean()))):
        return np.full_like(values, values.mean())
    scaled = (known - known.mean()) / spread
    design = np.vander(scaled, 4)
    coefficients, *_ = np.linalg.lstsq(design, values, rcond=None)
    return np.asarray(design @ coefficients, dtype=np.float64)


def variance_share(values: Floats, known: Floats) -> float:
    """Return the share of the values' variance that one input explains alone: a first-order sensitivity index.

    References
    ----------
    Sobol (1993), Sensitivity estimates for nonlinear mathematical models, Mathematical Modelling and Computational
    Experiments 1(4).
    """
    variance = float(values.var())
    return float(given(values, known).var() / variance) if variance > 0 else 0.0
