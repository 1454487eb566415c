"""What stands to be lost, and in what way?

The ranking says what a year loses on average. A case for prevention needs more: how single incidents vary, which ways
of failing make up the loss, how much of it is the cascade and how much lies unseen, and which hours strike several
handoffs at once. All of it comes from the same posterior as the ranking, so that the numbers agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import poisson

from ..cascade import learnt_impact
from ..errors import EmptyHistoryError
from ..frequency import failure_frequency, window
from ..prices import ASSUMED_HOURS
from ..ranking import KEYS, Losses, losses
from ..ticket_times import ticket_times
from .propagation import Spread
from .simulation import Hazard, SharedCauses

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..history import History

    Floats = npt.NDArray[np.float64]

_SHAPE_POINTS = 400  # equally likely costs that stand for the distribution of one incident
_FEWEST_TOGETHER = 3  # handoffs that fail in one hour before a shared cause is looked for
_UNLIKELY = 0.01  # chance, over all hours, that independent failures look like a shared cause


@dataclass(frozen=True, slots=True)
class Exposure:
    """The loss of a history, taken apart; every array's columns are the rows of `handoffs`."""

    handoffs: pl.DataFrame
    """As `rank` orders them: source, target, channel, expected_annual_loss, currency, assumed_share, owner."""
    incidents: Floats
    """Draws of incidents a year. An incident is a burst: as many failures as come together on average."""
    costs: Floats
    """Draws of the mean cost of one incident."""
    shapes: tuple[Floats, ...]
    """Equally likely costs of an incident relative to its mean, for each handoff."""
    cascading: Floats
    """Share of the cost that failures elsewhere cause, for each handoff, from 0 to 1."""
    spread: Spread
    """How far failures of each handoff travel, and would travel if they were stopped on their way."""
    cells: pl.DataFrame
    """How each handoff fails: column, handoff_type, mode, silent, share; the shares of a handoff sum to 1."""
    shared: SharedCauses | None
    own_share: Floats
    """Share of each handoff's incidents that no shared cause explains."""
    window_years: float
    has_tickets: bool

    @property
    def currency(self) -> str:
        """ISO 4217."""
        return str(self.handoffs["currency"][0])

    @property
    def assumed_share(self) -> float | None:
        """Share of the expected loss that rests on assumptions; null where nothing has failed."""
        known = self.handoffs.filter(pl.col("assumed_share").is_not_null())
        weight = float(known["expected_annual_loss"].sum())
        if weight <= 0:
            return None
        return float((known["assumed_share"] * known["expected_annual_loss"]).sum()) / weight

    def hazards(self, draws: int) -> tuple[Hazard, ...]:
        """Return what the simulation of years needs: each handoff's own incidents, in so many sets of parameters."""
        incidents, costs = self.drawn(draws)
        return tuple(
            Hazard(incidents[:, place] * self.own_share[place], self.shapes[place], costs[:, place])
            for place in range(self.handoffs.height)
        )

    def drawn(self, draws: int) -> tuple[Floats, Floats]:
        """Return incidents and costs of draws that stand for all: evenly spaced in the order of the loss in all.

        The costs are scaled so that each handoff's mean loss is that of all draws, which is what the ranking says.
        """
        annual = self.incidents * self.costs
        order = np.argsort(annual.sum(axis=1), kind="stable")
        rows = order[((np.arange(draws) + 0.5) / draws * len(order)).astype(np.int64)]
        mean, here = annual.mean(axis=0), annual[rows].mean(axis=0)
        return self.incidents[rows], self.costs[rows] * np.divide(mean, here, out=np.ones_like(mean), where=here > 0)


def exposure(history: History, *, draws: int = 4000, seed: int = 1) -> Exposure:
    """Take the loss of a history apart.

    Parameters
    ----------
    history
        What to measure, and in which window.
    draws
        Posterior draws.
    seed
        Of the draws.

    Returns
    -------
    Exposure
        Incidents, costs, ways of failing and shared causes.

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.
    """
    lost = losses(history, draws=draws, seed=seed)
    if lost.frame.is_empty():
        raise EmptyHistoryError(f"Nothing has crossed a handoff in {history.scope}.")
    bursts = _bursts(history, lost)
    since, until = window(history)
    years = max((until - since).total_seconds() / 86_400, 1.0) / 365.25
    shared, own = shared_causes(history, lost.frame, bursts, window_years=years, draws=draws, seed=seed)
    shapes, has_tickets = _shapes(history, lost.frame)
    mean = lost.costs.mean(axis=0)
    return Exposure(
        handoffs=lost.frame.select(*KEYS, "expected_annual_loss", "currency", "assumed_share", "owner"),
        incidents=lost.rates / bursts,
        costs=lost.costs * bursts,
        shapes=shapes,
        cascading=np.divide(lost.cascading.mean(axis=0), mean, out=np.zeros_like(mean), where=mean > 0),
        spread=Spread(learnt_impact(history), lost.frame.select(KEYS).iter_rows()),
        cells=failure_cells(history, lost.frame),
        shared=shared,
        own_share=own,
        window_years=years,
        has_tickets=has_tickets,
    )


def _bursts(history: History, lost: Losses) -> Floats:
    """Return how many failures make one incident: the measured overdispersion."""
    factors = failure_frequency(history, draws=100).select(*KEYS, "overdispersion")
    placed = lost.frame.select(KEYS).join(factors, on=KEYS, how="left", maintain_order="left")
    return np.asarray(np.maximum(placed["overdispersion"].fill_null(1.0).to_numpy(), 1.0), dtype=np.float64)


def failure_cells(history: History, handoffs: pl.DataFrame) -> pl.DataFrame:
    """Split the failures of each handoff over type, mode and whether a status told.

    Parameters
    ----------
    history
        What to measure.
    handoffs
        source, target and channel of the handoffs, in the order of their columns.

    Returns
    -------
    polars.DataFrame
        column (Int64), source, target, channel, handoff_type, mode (String), silent (Boolean) and share (Float64); the
        shares of a handoff sum to 1. A handoff that never failed has one unclassified row.
    """
    counted = history.sql("""
        SELECT source, target, channel, coalesce(handoff_type, 'unclassified') AS handoff_type, mode,
               coalesce(silent, FALSE) AS silent, sum(origin_weight * weight) AS failed
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        GROUP BY source, target, channel, coalesce(handoff_type, 'unclassified'), mode, coalesce(silent, FALSE)
        HAVING sum(origin_weight * weight) > 0
        ORDER BY source, target, channel, handoff_type, mode, silent
    """).with_columns(share=pl.col("failed") / pl.col("failed").sum().over(KEYS))
    return (
        handoffs.select(KEYS)
        .with_row_index("column")
        .join(counted, on=KEYS, how="left", maintain_order="left_right")
        .select(
            pl.col("column").cast(pl.Int64),
            *KEYS,
            pl.col("handoff_type").fill_null("unclassified"),
            "mode",
            pl.col("silent").fill_null(value=False),
            pl.col("share").fill_null(1.0),
        )
    )


def _shapes(history: History, handoffs: pl.DataFrame) -> tuple[tuple[Floats, ...], bool]:
    """Return how the cost of an incident varies around its mean: as the work on tickets does.

    A handoff's own tickets count as far as they are many: n / (n + 10); the rest is the shape of all tickets, each
    relative to the mean of its handoff. Where there are no tickets the shape is that of the assumed hours.
    """
    times = ticket_times(history).filter(pl.col("source").is_not_null() & (pl.col("touch_hours") > 0))
    points = (np.arange(_SHAPE_POINTS) + 0.5) / _SHAPE_POINTS
    if times.is_empty():
        drawn = np.sort(ASSUMED_HOURS.draws(np.random.default_rng(0), 20_000))
        assumed = np.quantile(drawn, points)
        return (assumed / assumed.mean(),) * handoffs.height, False
    hours = {
        name: (part["touch_hours"].to_numpy(), part["share"].to_numpy())
        for name, part in times.group_by(KEYS, maintain_order=True)
    }
    relative = [(values / np.average(values, weights=weights), weights) for values, weights in hours.values()]
    pooled = _weighted_quantiles(
        np.concatenate([values for values, _ in relative]), np.concatenate([weights for _, weights in relative]), points
    )
    shapes = []
    for name in handoffs.select(KEYS).iter_rows():
        values, weights = hours.get(name, (np.ones(0), np.ones(0)))
        trust = round(_SHAPE_POINTS * weights.sum() / (weights.sum() + 10))
        if trust:
            own = _weighted_quantiles(values, weights, (np.arange(trust) + 0.5) / trust)
            rest = np.quantile(pooled, (np.arange(_SHAPE_POINTS - trust) + 0.5) / max(_SHAPE_POINTS - trust, 1))
            shape = np.concatenate([own / own.mean(), rest])
        else:
            shape = pooled
        shapes.append(shape / shape.mean())
    return tuple(shapes), True


def _weighted_quantiles(values: Floats, weights: Floats, points: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, points * reached[-1])
    return np.asarray(values[order][np.minimum(places, len(values) - 1)], dtype=np.float64)


def shared_causes(
    history: History, handoffs: pl.DataFrame, bursts: Floats, *, window_years: float, draws: int, seed: int
) -> tuple[SharedCauses | None, Floats]:
    """Find hours in which more handoffs began to fail than independence explains.

    Parameters
    ----------
    history
        What to measure.
    handoffs
        source, target and channel, in the order of the columns.
    bursts
        Failures that make one incident, for each handoff.
    window_years
        Length of what is measured.
    draws, seed
        Of the posterior of how often such hours come.

    Returns
    -------
    tuple
        The shared causes, null where there are none, and the share of each handoff's failures outside of them.

    Notes
    -----
    The number of handoffs that fail in an hour is held against a Poisson distribution whose mean is the sum of the
    handoffs' hourly chances, scaled by the traffic of that hour; the sum of independent chances has a lighter tail than
    that. The threshold is one percent over all hours, and three handoffs at least.
    """
    rows = history.sql("""
        SELECT date_trunc('hour', failed_at) AS hour_at, source, target, channel, sum(origin_weight * weight) AS failed
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked' AND failed_at IS NOT NULL
        GROUP BY date_trunc('hour', failed_at), source, target, channel
        ORDER BY hour_at, source, target, channel
    """)
    traffic = history.sql("""
        SELECT date_trunc('hour', started_at) AS hour_at, CAST(count(*) AS DOUBLE) AS crossed
        FROM crossings
        GROUP BY date_trunc('hour', started_at)
        ORDER BY hour_at
    """)
    count = handoffs.height
    own = np.ones(count)
    hours = max(window_years * 365.25 * 24, 1.0)
    placed = rows.join(handoffs.select(KEYS).with_row_index("column"), on=KEYS, how="inner", maintain_order="left")
    failing_hours = np.bincount(placed["column"].to_numpy(), minlength=count)
    together = placed.group_by("hour_at").len("together").filter(pl.col("together") >= _FEWEST_TOGETHER)
    if together.is_empty():
        return None, own
    usual = float(traffic["crossed"].sum()) / hours
    looked = together.join(traffic, on="hour_at", how="left").with_columns(pl.col("crossed").fill_null(usual))
    expected = failing_hours.sum() / hours * np.maximum(looked["crossed"].to_numpy() / usual, 1.0)
    chance = poisson.sf(looked["together"].to_numpy() - 1, expected)
    struck = looked.filter(pl.Series(chance < _UNLIKELY / hours))["hour_at"].sort()
    if struck.is_empty():
        return None, own
    hit = placed.filter(pl.col("hour_at").is_in(struck.implode()))
    number = {hour: place for place, hour in enumerate(struck)}
    failed = np.zeros((len(struck), count))
    failed[[number[hour] for hour in hit["hour_at"]], hit["column"].to_numpy()] = hit["failed"].to_numpy()
    totals = np.bincount(placed["column"].to_numpy(), weights=placed["failed"].to_numpy(), minlength=count)
    own = 1 - np.divide(failed.sum(axis=0), totals, out=np.zeros(count), where=totals > 0)
    often = np.random.default_rng(seed).gamma(len(struck) + 0.5, 1 / window_years, draws)
    return SharedCauses(often, failed / bursts), own
