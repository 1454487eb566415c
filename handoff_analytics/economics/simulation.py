"""What can a year cost?

A handoff's year is a compound sum: a random number of incidents, each with a random cost. Two kinds of doubt stay
apart. The outer draws are about the parameters (how often, how dear on average): more evidence makes them narrower.
The inner years are luck: no evidence makes them narrower. Causes shared by several handoffs are drawn as whole
windows that were observed, so that bad hours come together in the simulation as they do in life.

Handoffs are simulated one after the other into one portfolio vector, and incidents in blocks, so that memory does not
grow with the number of handoffs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import fft

from ..errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Mode = Literal["compound", "fair_product"]
_BLOCK = 500_000  # incidents drawn at once: 12 MB
_MANY = 400  # from here on the sum of a year is drawn by its first three moments
_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Hazard:
    """One handoff's incidents: how many a year, and what one costs.

    Parameters
    ----------
    per_year
        Incidents a year that are this handoff's own: one number an outer draw, or a single one when it is known.
    severities
        Costs of one incident to draw from, each as likely as the others.
    means
        Mean cost of an incident, one number an outer draw; null when it is taken as known.
    """

    per_year: Floats
    severities: Floats
    means: Floats | None = None


@dataclass(frozen=True, slots=True)
class SharedCauses:
    """Windows in which several handoffs failed together.

    Parameters
    ----------
    per_year
        Such windows in a year: one number an outer draw, or a single one.
    incidents
        One row an observed window, one column a handoff: incidents of the handoff in that window.
    """

    per_year: Floats
    incidents: Floats


@dataclass(frozen=True, slots=True)
class Years:
    """Simulated years: the portfolio's losses, and the losses of each handoff in figures.

    `portfolio` has one row an outer draw and one column an inner year. `figures` has one row a handoff.
    """

    portfolio: Floats
    figures: tuple[Figures, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a set of simulated years says, in the currency of the costs."""

    mean: float
    mean_low: float
    mean_high: float
    sd: float
    p50: float
    p90: float
    p95: float
    p99: float
    tail_mean: float
    mean_error: float
    p95_error: float
    p99_error: float

    @classmethod
    def of(cls, losses: Floats) -> Figures:
        """Describe losses with one row an outer draw and one column a year."""
        means = losses.mean(axis=1)
        low, high = np.quantile(means, [0.05, 0.95])
        p50, p90, p95, p99 = np.quantile(losses, [0.5, 0.9, 0.95, 0.99])
        errors = [error(losses, measure) for measure in (None, 0.95, 0.99)]
        return cls(
            mean=float(losses.mean()),
            mean_low=float(low),
            mean_high=float(high),
            sd=float(losses.std()),
            p50=float(p50),
            p90=float(p90),
            p95=float(p95),
            p99=float(p99),
            tail_mean=tail_mean(losses, 0.95),
            mean_error=errors[0],
            p95_error=errors[1],
            p99_error=errors[2],
        )


def tail_mean(losses: Floats, level: float) -> float:
    """Return the mean of the worst years, those beyond the quantile `level`: the tail value at risk.

    The worst n (1 - level) years are averaged, the last one in part, so that the figure moves smoothly and lies never
    below the quantile.

    Examples
    --------
    >>> tail_mean(np.array([[1.0, 2.0, 3.0, 4.0]]), 0.5)
    3.5
    """
    ordered = np.sort(losses, axis=None)[::-1]
    wanted = max(ordered.size * (1 - level), 1.0)
    whole = int(wanted)
    total = float(ordered[:whole].sum())
    if whole < ordered.size:
        total += (wanted - whole) * float(ordered[whole])
    return total / wanted


def error(losses: Floats, level: float | None) -> float:
    """Return the Monte Carlo standard error of the mean (level null) or of a quantile, from batches of outer draws."""
    # Every twentieth: where the outer draws are evenly spaced over the posterior, each batch is, too.
    rows = losses if len(losses) >= _BATCHES else losses.reshape(-1)
    batches = [rows[start::_BATCHES] for start in range(_BATCHES)]
    figures = [float(np.mean(batch)) if level is None else float(np.quantile(batch, level)) for batch in batches]
    return float(np.std(figures, ddof=1) / np.sqrt(len(figures)))


def simulate(
    hazards: tuple[Hazard, ...],
    *,
    shared: SharedCauses | None = None,
    parameter_draws: int = 100,
    years: int = 1000,
    mode: Mode = "compound",
    seed: int = 0,
) -> Years:
    """Simulate years of losses for several handoffs and for all of them together.

    Parameters
    ----------
    hazards
        The handoffs.
    shared
        Causes that strike several handoffs at once; null means none.
    parameter_draws
        Outer draws: sets of parameters.
    years
        Inner draws: years for each set of parameters.
    mode
        ``compound`` adds one cost for each incident. ``fair_product`` multiplies the number of incidents by a single
        cost, as pyfair does: the mean is right, the spread is not. It exists to reproduce such figures.
    seed
        Start of the random numbers.

    Returns
    -------
    Years
        Losses of the portfolio, and figures for each handoff.
    """
    if parameter_draws < 1 or years < 1:
        raise ArgumentError(f"A simulation needs draws and years; found {parameter_draws} and {years}.")
    portfolio = np.zeros((parameter_draws, years))
    figures: list[Figures] = []
    for losses in losses_by_handoff(
        hazards, shared=shared, parameter_draws=parameter_draws, years=years, mode=mode, seed=seed
    ):
        portfolio += losses
        figures.append(Figures.of(losses))
    return Years(portfolio, tuple(figures))


def losses_by_handoff(
    hazards: tuple[Hazard, ...],
    *,
    shared: SharedCauses | None,
    parameter_draws: int,
    years: int,
    mode: Mode,
    seed: int,
) -> Iterator[Floats]:
    """Yield the losses of one handoff after the other: one row an outer draw, one column a year."""
    streams = np.random.SeedSequence(seed).spawn(len(hazards) + 1)
    windows, window_years = _windows(shared, parameter_draws, years, np.random.default_rng(streams[-1]))
    for place, hazard in enumerate(hazards):
        random = np.random.default_rng(streams[place])
        per_year = np.resize(hazard.per_year, parameter_draws)
        counts = random.poisson(np.broadcast_to(per_year[:, None], (parameter_draws, years))).astype(np.int64)
        if shared is not None and len(windows):
            struck = shared.incidents[windows, place]
            extra = np.bincount(window_years, weights=struck, minlength=counts.size)
            # A window can hold part of an incident; chance rounds it, so that the mean is kept.
            counts += np.floor(extra + random.random(counts.size)).astype(np.int64).reshape(counts.shape)
        if mode == "fair_product":
            losses = counts * random.choice(hazard.severities, counts.shape)
        else:
            losses = sums(counts.reshape(-1), hazard.severities, random).reshape(counts.shape)
        if hazard.means is not None:
            losses *= (np.resize(hazard.means, parameter_draws) / hazard.severities.mean())[:, None]
        yield losses


def _windows(
    shared: SharedCauses | None, parameter_draws: int, years: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw which observed windows recur, and in which simulated year."""
    if shared is None or len(shared.incidents) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    counts = random.poisson(np.repeat(np.resize(shared.per_year, parameter_draws), years))
    window_years = np.repeat(np.arange(counts.size), counts)
    return random.integers(0, len(shared.incidents), window_years.size), window_years


def sums(counts: npt.NDArray[np.int64], severities: Floats, random: np.random.Generator) -> Floats:
    """Add up one cost for each incident of each year."""
    sums = np.zeros(counts.size)
    many = counts > _MANY
    few = np.flatnonzero(~many & (counts > 0))
    before = np.cumsum(counts[few])
    start = 0
    while start < few.size:
        base = before[start - 1] if start else 0
        end = max(int(np.searchsorted(before, base + _BLOCK, side="right")), start + 1)
        block = few[start:end]
        drawn = severities[random.integers(0, severities.size, int(before[end - 1] - base))]
        sums[block] = np.add.reduceat(drawn, np.concatenate([[0], before[start : end - 1] - base]))
        start = end
    if many.any():
        sums[many] = _by_moments(counts[many], severities, random)
    return sums


def _by_moments(counts: npt.NDArray[np.int64], severities: Floats, random: np.random.Generator) -> Floats:
    """Draw the sum of many costs as a shifted gamma with the same mean, variance and skewness."""
    mean, sd = float(severities.mean()), float(severities.std())
    if sd == 0:
        return np.asarray(counts * mean, dtype=np.float64)
    skew = float(np.mean(((severities - mean) / sd) ** 3)) / np.sqrt(counts)
    spread = sd * np.sqrt(counts)
    drawn = np.where(np.abs(skew) < 1e-3, random.standard_normal(counts.size), 0.0)
    shaped = np.abs(skew) >= 1e-3
    shape = 4 / skew[shaped] ** 2
    drawn[shaped] = np.sign(skew[shaped]) * (random.gamma(shape) - shape) / np.sqrt(shape)
    return np.asarray(np.maximum(counts * mean + spread * drawn, counts * severities.min()), dtype=np.float64)


def exact_losses(rate: float, severity: Floats, *, dispersion: float = 1.0) -> Floats:
    """Return the exact distribution of a year's loss on a grid, by the fast Fourier transform.

    Parameters
    ----------
    rate
        Expected incidents in a year.
    severity
        Probability that one incident costs 0, 1, 2... steps.
    dispersion
        Variance of the number of incidents over its mean: 1 for Poisson, more for the negative binomial.

    Returns
    -------
    numpy.ndarray
        Probability that the year costs 0, 1, 2... steps; as long as `severity`.

    Notes
    -----
    The exponential tilt keeps what lies beyond the grid from wrapping around.

    References
    ----------
    Grübel & Hermesmeier (1999), Computation of compound distributions I, ASTIN Bulletin 29(2).

    Examples
    --------
    >>> exact_losses(0.5, np.array([0.0, 1.0, 0.0, 0.0])).round(4).tolist()
    [0.6065, 0.3033, 0.0758, 0.0126]
    """
    size = len(severity)
    tilt = np.exp(-20.0 / size * np.arange(size))
    wave = np.asarray(fft.fft(severity * tilt))
    if dispersion > 1:
        excess = dispersion - 1
        total = (1 - excess * (wave - 1)) ** (-rate / excess)
    else:
        total = np.exp(rate * (wave - 1))
    return np.asarray(fft.ifft(total).real / tilt, dtype=np.float64)
