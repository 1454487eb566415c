"""What does recovery take?

Time and money, until everything is consistent again: what tickets say of work and waiting, and what each failure
costs beside them. Every amount says whether it was measured, derived or assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .prices import ASSUMED_HOURS, CATEGORIES, Prices, prices
from .statistics.priors import gamma_poisson_prior
from .ticket_times import KEYS, handoff_times, ticket_times
from .vocabulary import Basis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .catalogue import Calendar
    from .history import History
    from .prices import Price

    Floats = NDArray[np.float64]

_COUNTS = ["failures", "inconsistent", "unrecovered", "value", "customers"]
# What the money is computed from; `Costs` keeps it, the answer leaves it out.
_MIX = ["inconsistent", "unrecovered", "value", "customers", "wait_hours", "assumed_hours"]
_SUMS = ["tickets", "open_tickets", "work_hours", "assumed_hours", "wait_hours", "bulk_closed"]
# A handoff's mix of failures is believed as if so many failures of the average handoff had been seen too.
_AVERAGE_FAILURES = 5.0


@dataclass(frozen=True, slots=True)
class Costs:
    """What failures of each handoff cost: the frame, and what is needed to draw from its posterior."""

    frame: pl.DataFrame
    """As `recovery_cost` returns it, in the order of names, without the unlinked row."""
    unlinked: pl.DataFrame
    prices: Prices

    def work_draws(self, random: np.random.Generator, size: int, failed: Floats) -> Floats:
        """Draw the cost of work for one failed handoff: one row a draw, one column a handoff.

        Parameters
        ----------
        random, size
            Where the draws come from, and how many.
        failed
            Handoffs that failed, own and in consequence, in the window: what the tickets are divided by.
        """
        hour = self.prices.hour.draws(random, size)[:, None]
        tickets = self.frame["tickets"].to_numpy()
        if not tickets.sum() > 0:
            return np.asarray(hour * ASSUMED_HOURS.draws(random, size)[:, None] * np.ones(self.frame.height))
        prior = gamma_poisson_prior(tickets, failed)
        shape, rate = tickets + prior.shape, np.maximum(failed + prior.rate, 1e-9)
        often = random.gamma(shape, 1 / rate, size=(size, len(shape)))
        mean = np.maximum(self.frame["touch_hours"].to_numpy(), 1e-9)
        error = np.maximum(self.frame["touch_hours_error"].to_numpy(), 1e-9 * mean)
        spread = np.minimum((mean / error) ** 2, 1e8)
        return np.asarray(often * random.gamma(spread, mean / spread, size=(size, len(mean))) * hour)

    def other_draws(self, random: np.random.Generator, size: int) -> Floats:
        """Draw all that one failure costs beside work: one row a draw, one column a handoff."""
        failures = self.frame["failures"].to_numpy()
        total = np.zeros((size, len(failures)))
        for price in self.prices.items:
            if price.driver in ("tickets", "hours"):
                continue
            units, _ = self.prices.units(price)
            counted = _counted(self.frame, price, self.prices)
            average = float(counted.sum() / failures.sum()) if failures.sum() > 0 else 0.0
            each = (counted + _AVERAGE_FAILURES * average) / (failures + _AVERAGE_FAILURES)
            total += (units.draws(random, size) * price.amount.draws(random, size))[:, None] * each
        return total


def recovery_cost(
    history: History,
    *,
    calendar: Calendar | None = None,
    role: str = "engineer",
    currency: str | None = None,
    incidence: Mapping[str, float | tuple[float, float, float]] | None = None,
    horizon_hours: float | None = None,
) -> pl.DataFrame:
    """Estimate what recovery from the failures of each handoff takes.

    A ticket is shared out over the handoffs that it may be about; what no handoff explains is the last row. Hours of a
    handoff are credible means: its own tickets count as far as they are many and unlike the rest. Open tickets count
    with the time that they are expected to take in the end, by the Kaplan-Meier curve of all. No distribution is
    assumed: the mean of a fitted lognormal is off by a factor of nine on real tickets.

    Parameters
    ----------
    history
        What to measure, and in which window.
    calendar
        Working hours; left out, the catalogue's, else Monday to Friday, nine to five, UTC.
    role
        Whose hourly rate; where it has none, the mean of those priced, else an assumed one.
    currency
        Of the prices; left out, the catalogue's, else EUR.
    incidence
        Units of a priced item that one failure takes, by item: a number, or low, likely, high. Left out, assumed.
    horizon_hours
        Longest time that means count; left out, the 99 % point of closed tickets.

    Returns
    -------
    polars.DataFrame
        One row a handoff with failures or tickets, the highest cost first, then one row without names for the part of
        the tickets that belongs to none:

        ======================  =======  =====================================================================
        source                  String   the handoff; null in the last row
        target, channel         String   as above
        failures                Float64  origins that no retry saved
        tickets                 Float64  sum of the shares of its tickets
        open_tickets            Float64  of them still open
        censored_share          Float64  open_tickets / tickets; null without tickets
        touch_hours             Float64  credible mean of the hours worked on a ticket
        touch_hours_error       Float64  its standard error
        touch_basis             String   measured (booked on half of its tickets or more), derived (from who had them
                                         in hand when) or assumed; null without tickets
        elapsed_hours           Float64  credible mean from opened to resolved, up to the horizon
        business_hours          Float64  the same in working hours
        elapsed_median_hours    Float64  Kaplan-Meier median of its tickets; infinite when most are open
        credibility             Float64  weight of its own tickets in touch_hours, from 0 to 1
        work_hours              Float64  hours worked in all, shares counted
        debugging               Float64  money in the window: work on tickets
        manual_intervention     Float64  repairing transactions by hand
        data_cleanup            Float64  records put right
        customer_support        Float64  contacts
        opportunity             Float64  value lost or delayed
        customer_impact         Float64  customers lost
        regulatory              Float64  notices, corrections, penalties
        productivity            Float64  people who had to wait
        <category>_basis        String   measured, derived or assumed; null with its amount where nothing is priced
        cost                    Float64  their sum
        cost_low, cost_high     Float64  5 and 95 % of it, as far as prices and assumptions go
        cost_per_failure        Float64  cost / failures; null without failures
        assumed_share           Float64  part of the cost that rests on assumptions; null without cost
        bulk_closed             Float64  tickets whose closing looks like a batch: their times say little
        currency                String   ISO 4217
        ======================  =======  =====================================================================

    References
    ----------
    Credibility: Bühlmann and Straub 1970. Censoring: Kaplan and Meier 1958; Efron 1967.
    """
    found = costs(
        history, calendar=calendar, role=role, currency=currency, incidence=incidence, horizon_hours=horizon_hours
    )
    ordered = found.frame.sort(["cost", *KEYS], descending=[True, False, False, False])
    return pl.concat([ordered, found.unlinked]).drop(_MIX)


def costs(
    history: History,
    *,
    calendar: Calendar | None = None,
    role: str = "engineer",
    currency: str | None = None,
    incidence: Mapping[str, float | tuple[float, float, float]] | None = None,
    horizon_hours: float | None = None,
) -> Costs:
    """Estimate the same as `recovery_cost`, and keep what is needed to compute on."""
    priced = prices(history, role=role, currency=currency, incidence=incidence)
    times, usual = handoff_times(ticket_times(history, calendar=calendar, horizon_hours=horizon_hours))
    whole = _failed(history).join(times, on=KEYS, how="full", coalesce=True, nulls_equal=True)
    whole = whole.with_columns(
        pl.col(*_COUNTS, *_SUMS).fill_null(0.0),
        pl.col("credibility").fill_null(0.0),
        *(pl.col(name).fill_null(value).fill_nan(None) for name, value in usual.items()),
    ).sort(KEYS, nulls_last=True)
    linked = whole["source"].is_not_null()
    handoffs = whole.filter(linked)
    return Costs(
        _money(handoffs, priced, any_tickets=times.height > 0),
        _money(whole.filter(~linked), priced, any_tickets=times.height > 0),
        priced,
    )


def _failed(history: History) -> pl.DataFrame:
    """Count the failures of each handoff by what recovering from them takes."""
    return history.sql(
        """
        SELECT source, target, channel,
               sum(origin_weight * weight) AS failures,
               sum(CASE WHEN silent OR handoff_type IN ('state_sync', 'rollback_recovery')
                        THEN origin_weight * weight ELSE 0 END) AS inconsistent,
               sum(CASE WHEN fate = 'handled' OR recovered_at IS NOT NULL
                        THEN 0 ELSE origin_weight * weight END) AS unrecovered,
               sum(CASE WHEN fate = 'handled' OR recovered_at IS NOT NULL
                        THEN 0 ELSE origin_weight * weight * coalesce(amount, 0) END) AS value,
               CAST(count(DISTINCT customer) AS DOUBLE) AS customers
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        GROUP BY source, target, channel
        ORDER BY source, target, channel
        """
    )


def _counted(frame: pl.DataFrame, price: Price, priced: Prices) -> Floats:
    """Return how many of what an item is counted by each handoff has."""
    column = {
        "tickets": "tickets",
        "hours": "wait_hours",
        "customers": "customers",
        "value": "value",
    }.get(price.driver)
    if column is None:
        applies = priced.applies_to(price)
        column = "failures" if applies == "all" else applies
    return frame[column].to_numpy().astype(np.float64)


def _money(frame: pl.DataFrame, priced: Prices, *, any_tickets: bool, draws: int = 4000, seed: int = 1) -> pl.DataFrame:
    """Price the hours and the failures of each row."""
    random = np.random.default_rng(seed)
    amounts: dict[str, Floats] = {}
    bases: dict[str, str | pl.Series] = {}
    assumed = np.zeros(frame.height)
    spread = np.zeros((draws, frame.height))
    hour = priced.hour.draws(random, draws)
    if any_tickets:
        hours = frame["work_hours"].to_numpy()
        spread += hour[:, None] * hours
        basis = (
            frame["touch_basis"]
            if priced.hour_basis != Basis.ASSUMED
            else pl.Series([Basis.ASSUMED.value]).new_from_index(0, frame.height)
        )
    else:
        hours = frame["failures"].to_numpy() * ASSUMED_HOURS.mean
        spread += (hour * ASSUMED_HOURS.draws(random, draws))[:, None] * frame["failures"].to_numpy()
        basis = pl.Series([Basis.ASSUMED.value]).new_from_index(0, frame.height)
    amounts["debugging"] = hours * priced.hour.mean
    bases["debugging"] = basis
    guessed = frame["assumed_hours"].to_numpy() * priced.hour.mean
    wholly = (basis == Basis.ASSUMED.value).fill_null(value=False).to_numpy()
    assumed += np.where(wholly, amounts["debugging"], guessed)
    for price in priced.items:
        units, source = priced.units(price)
        counted = _counted(frame, price, priced)
        money = counted * units.mean * price.amount.mean
        spread += (units.draws(random, draws) * price.amount.draws(random, draws))[:, None] * counted
        amounts[price.category] = amounts.get(price.category, np.zeros(frame.height)) + money
        before = bases.get(price.category)
        bases[price.category] = Basis.ASSUMED.value if Basis.ASSUMED in (source, before) else Basis.DERIVED.value
        if source == Basis.ASSUMED:
            assumed += money
    total = sum(amounts.values(), np.zeros(frame.height))
    low, high = np.quantile(spread, [0.05, 0.95], axis=0) if frame.height else (np.empty(0), np.empty(0))
    tickets, failures = pl.col("tickets"), pl.col("failures")
    return frame.select(
        *KEYS,
        "failures",
        "tickets",
        "open_tickets",
        pl.when(tickets > 0).then(pl.col("open_tickets") / tickets).alias("censored_share"),
        "touch_hours",
        "touch_hours_error",
        "touch_basis",
        "elapsed_hours",
        "business_hours",
        "elapsed_median_hours",
        "credibility",
        "work_hours",
        *(
            pl.Series(name, amounts[name], dtype=pl.Float64)
            if name in amounts
            else pl.lit(None, pl.Float64).alias(name)
            for name in CATEGORIES
        ),
        *(_basis_column(name, bases.get(name)) for name in CATEGORIES),
        pl.Series("cost", total),
        pl.Series("cost_low", low),
        pl.Series("cost_high", high),
        pl.when(failures > 0).then(pl.Series(total) / failures).alias("cost_per_failure"),
        pl.when(pl.Series(total) > 0).then(pl.Series(assumed) / pl.Series(total)).alias("assumed_share"),
        "bulk_closed",
        pl.lit(priced.currency).alias("currency"),
        *_MIX,
    )


def _basis_column(name: str, basis: str | pl.Series | None) -> pl.Expr | pl.Series:
    if isinstance(basis, pl.Series):
        return basis.alias(f"{name}_basis")
    return pl.lit(basis, pl.String).alias(f"{name}_basis")
