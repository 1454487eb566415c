"""Which handoff should be fixed first, and how sure is that?

The score is money: what the failures that begin at a handoff will cost in the coming year, their consequences
included. Every row shows what its score is made of, and how far the evidence lets it move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .cascade import Reach, combined, incidents_by_week, learned_reach
from .credibility import rank_summary
from .errors import ArgumentError
from .frequency import KEYS, Frequencies, estimated, handoff_buckets, handoffs_declared_or_seen, window
from .prices import Prices, prices
from .recovery import Costs, failed_by_week, priced
from .ticket_times import ticket_times
from .vocabulary import Basis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .catalogue import Calendar
    from .history import History

    Floats = NDArray[np.float64]

# A handoff shares the tier of those above it unless the first of them is worse with this probability.
_SURE = 0.9
_PARTS = ("volume", "rate", "reach", "cost")


def rank(
    history: History,
    *,
    role: str = "engineer",
    currency: str | None = None,
    calendar: Calendar | None = None,
    incidence: Mapping[str, float | tuple[float, float, float]] | None = None,
    confidence: float = 0.9,
    draws: int = 4000,
    seed: int = 1,
) -> pl.DataFrame:
    """Rank handoffs by the money that their failures are expected to cost in a year.

    Expected annual loss = calls a year x failure rate x ((1 + reach) x work for one failed handoff + all else that one
    failure costs). A failure is booked where it began, with all that it brought down: so fixing the first row is worth
    its whole loss. Each factor is drawn from its posterior on its own; the score is the mean of the products, and
    ranks are counted draw by draw.

    Work comes from tickets: hours by ticket, tickets by failed handoff, both shrunk where they are few. Without any
    ticket it is assumed (0.1 to 1 hour), without any price an hour is assumed to cost 60 to 120; `basis` says so.

    Parameters
    ----------
    history
        What to rank, and in which window.
    role, currency, calendar, incidence
        As in `recovery_cost`.
    confidence
        Probability that an interval of the loss holds the truth.
    draws, seed
        Posterior draws, and their seed.

    Returns
    -------
    polars.DataFrame
        One row a handoff, by rank:

        =========================  =======  ================================================================
        rank                       Int64    1 is the largest expected_annual_loss; ties by name
        source, target, channel    String   the handoff
        platform                   String   its platform type
        handoff_type, mode         String   most frequent type of its failures, and mode within that
        expected_annual_loss       Float64  currency a year; null for a handoff that was never exercised
        loss_low, loss_high        Float64  its interval
        currency                   String   ISO 4217
        rank_median                Float64  median rank over the draws
        rank_low, rank_high        Float64  5 and 95 % of the rank
        p_top10                    Float64  probability to be among the ten largest
        tier                       Int64    1 is the first; the rows of a tier cannot be told from its first row
        pareto                     Boolean  no other has both more failures, more reach and more cost
        calls_per_year             Float64  volume
        failure_rate               Float64  failures a call, 0 to 1
        failures_per_year          Float64  volume x rate
        reach_expected             Float64  other handoffs that one failure makes fail
        cost_per_failed_handoff    Float64  currency; loss = failures_per_year x (1 + reach) x this
        why_volume                 Float64  log of volume over the geometric mean of all handoffs
        why_rate                   Float64  the same of the rate
        why_reach                  Float64  the same of 1 + reach
        why_cost                   Float64  the same of the cost; the four add up to the log of the loss over its own
        why                        String   what sets it apart, in words
        failures, tickets          Float64  what was seen
        silent_share               Float64  of its failures, 0 to 1; null without failures
        handled_share              Float64  caught by a fallback or compensation; null without failures
        assumed_share              Float64  part of the loss that rests on assumptions
        basis                      String   measured, derived or assumed: the weakest part that makes up half
        status                     String   failing, no_failure or never_exercised
        =========================  =======  ================================================================

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.
    ArgumentError
        If `confidence` is no probability.

    References
    ----------
    Ranks and their uncertainty: Goldstein and Spiegelhalter 1996; Lin, Louis, Paddock and Ridgeway 2006.
    """
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence={confidence} is no probability: it must lie between 0 and 1, such as 0.9.")
    evidence = gathered(history, role=role, currency=currency, calendar=calendar, incidence=incidence)
    return (
        ranked(factors(evidence), confidence=confidence, draws=draws, seed=seed)
        .join(_kinds(history), on=KEYS, how="left", maintain_order="left")
        .select(*_COLUMNS)
    )


_COLUMNS = (
    *("rank", "source", "target", "channel", "platform", "handoff_type", "mode"),
    *("expected_annual_loss", "loss_low", "loss_high", "currency"),
    *("rank_median", "rank_low", "rank_high", "p_top10", "tier", "pareto"),
    *("calls_per_year", "failure_rate", "failures_per_year", "reach_expected", "cost_per_failed_handoff"),
    *("why_volume", "why_rate", "why_reach", "why_cost", "why"),
    *("failures", "tickets", "silent_share", "handled_share", "assumed_share", "basis", "status"),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a ranking is computed from, as counts: every frame has weeks, so that weeks can be drawn again."""

    handoffs: pl.DataFrame
    buckets: pl.DataFrame
    unit: str
    window_days: float
    learned: pl.DataFrame
    incidents: pl.DataFrame
    failed: pl.DataFrame
    tickets: pl.DataFrame
    prices: Prices


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of the loss of each handoff, each with its posterior; rows in the order of names."""

    frequencies: Frequencies
    reach: Reach
    costs: Costs

    @property
    def failed(self) -> Floats:
        """Handoffs that failed in the window, own and in consequence."""
        return self.costs.frame["failures"].to_numpy() * (1 + self.reach.expected)

    def draws(self, random: np.random.Generator, size: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Draw failures a year, reach, work for a failed handoff, and what else a failure costs."""
        rates = self.frequencies.posterior.draws(random, size)
        reach = self.reach.draws(random, size)
        work = self.costs.work_draws(random, size, self.failed)
        other = self.costs.other_draws(random, size)
        return rates * self.frequencies.per_year, reach, work, other


def gathered(
    history: History,
    *,
    role: str = "engineer",
    currency: str | None = None,
    calendar: Calendar | None = None,
    incidence: Mapping[str, float | tuple[float, float, float]] | None = None,
) -> Evidence:
    """Count all that `rank` needs."""
    since, until = window(history)
    days = max((until - since).total_seconds() / 86_400, 1.0)
    unit = "hour" if days < 14 else "day"
    return Evidence(
        handoffs=handoffs_declared_or_seen(history),
        buckets=handoff_buckets(history, unit=unit),
        unit=unit,
        window_days=days,
        learned=learned_reach(history),
        incidents=incidents_by_week(history),
        failed=failed_by_week(history),
        tickets=ticket_times(history, calendar=calendar),
        prices=prices(history, role=role, currency=currency, incidence=incidence),
    )


def factors(evidence: Evidence) -> Factors:
    """Estimate every factor from counts."""
    found = estimated(
        evidence.handoffs, evidence.buckets, window_days=evidence.window_days, unit=evidence.unit, draws=1
    )
    keys = found.frame.select(KEYS)
    learned = keys.join(evidence.learned, on=KEYS, how="left", maintain_order="left").with_columns(
        pl.col("reach_structural").fill_null(0), pl.col("reach_learned").fill_null(0.0)
    )
    # Tickets and failures of handoffs outside the scope have no rate to be multiplied with.
    costs = priced(
        evidence.failed.join(keys, on=KEYS, how="semi"),
        evidence.tickets.join(keys, on=KEYS, how="semi"),
        evidence.prices,
        handoffs=keys,
    )
    return Factors(found, combined(learned, evidence.incidents), costs)


def ranked(known: Factors, *, confidence: float = 0.9, draws: int = 4000, seed: int = 1) -> pl.DataFrame:
    """Rank handoffs whose factors are known; `rank` says how.

    Parameters
    ----------
    known
        The factors.
    confidence, draws, seed
        As in `rank`.

    Returns
    -------
    polars.DataFrame
        As `rank`, without handoff_type and mode.
    """
    random = np.random.default_rng(seed)
    failures, reach, work, other = known.draws(random, draws)
    spread = (1 + reach) * work
    loss = failures * (spread + other)
    ranks = rank_summary(loss)
    frame = known.frequencies.frame
    mean = loss.mean(axis=0)
    low, high = np.quantile(loss, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    seen = pl.col("failures") > 0
    yearly = failures.mean(axis=0)
    expected = 1 + known.reach.expected
    cost = np.divide(mean, yearly * expected, out=np.zeros(len(mean)), where=yearly > 0)
    assumed = _assumed_share(known.costs, spread.mean(axis=0), other.mean(axis=0))
    table = frame.select(
        *KEYS,
        "platform",
        pl.Series("expected_annual_loss", mean),
        pl.Series("loss_low", low),
        pl.Series("loss_high", high),
        pl.lit(known.costs.prices.currency).alias("currency"),
        pl.Series("rank_median", ranks.median),
        pl.Series("rank_low", ranks.low),
        pl.Series("rank_high", ranks.high),
        pl.Series("p_top10", ranks.p_top),
        pl.Series("pareto", pareto_front(np.column_stack([yearly, expected, cost]))),
        "calls_per_year",
        "failure_rate",
        pl.Series("failures_per_year", yearly),
        pl.Series("reach_expected", known.reach.expected),
        pl.Series("cost_per_failed_handoff", cost),
        "failures",
        known.costs.frame["tickets"],
        pl.when(seen).then(pl.col("silent") / pl.col("failures")).alias("silent_share"),
        pl.when(seen).then(pl.col("handled") / pl.col("failures")).alias("handled_share"),
        pl.Series("assumed_share", assumed),
        pl.Series("basis", _basis(known.costs, assumed), dtype=pl.String),
        "status",
    )
    # What nobody saw working has no loss yet, whatever volume was declared for it.
    known_volume = pl.col("status") != "never_exercised"
    table = table.with_columns(
        pl.when(known_volume).then(pl.col(name))
        for name in ("expected_annual_loss", "loss_low", "loss_high", "failures_per_year")
    ).with_columns(_why(table))
    ordered = table.with_row_index("row").sort(
        ["expected_annual_loss", *KEYS], descending=[True, False, False, False], nulls_last=True
    )
    rows = ordered["row"].to_numpy()
    return ordered.drop("row").with_columns(
        pl.Series("rank", np.arange(1, len(rows) + 1), dtype=pl.Int64),
        pl.Series("tier", tiers(loss[:, rows]), dtype=pl.Int64),
        why=pl.Series([_in_words(row) for row in ordered.iter_rows(named=True)], dtype=pl.String),
    )


def tiers(loss: Floats) -> list[int]:
    """Return the tier of each handoff, from draws of their losses, the largest first.

    A new tier starts where a handoff is smaller than the first of the tier above in at least 90 % of the draws.

    Examples
    --------
    >>> tiers(np.array([[9.0, 5.0, 4.0], [8.0, 4.0, 5.0]]))
    [1, 2, 2]
    """
    found, tier, first = [], 1, 0
    for column in range(loss.shape[1]):
        if float(np.mean(loss[:, first] > loss[:, column])) >= _SURE:
            tier, first = tier + 1, column
        found.append(tier)
    return found


def pareto_front(values: Floats) -> NDArray[np.bool_]:
    """Mark the rows that no other row equals or exceeds in every column and exceeds in one.

    Examples
    --------
    >>> pareto_front(np.array([[3, 1], [1, 3], [1, 1], [3, 1]])).tolist()
    [True, True, False, True]
    """
    front = np.ones(len(values), dtype=bool)
    for row, value in enumerate(values):
        front[row] = not np.any(np.all(values >= value, axis=1) & np.any(values > value, axis=1))
    return front


def _why(table: pl.DataFrame) -> list[pl.Series]:
    """Take the logarithms of the factors, each against its geometric mean."""
    parts = {
        "volume": table["calls_per_year"].fill_null(0.0).to_numpy(),
        "rate": table["failure_rate"].to_numpy(),
        "reach": 1 + table["reach_expected"].to_numpy(),
        "cost": table["cost_per_failed_handoff"].to_numpy(),
    }
    columns = []
    for name in _PARTS:
        values = parts[name]
        usable = values > 0
        logs = np.log(values, out=np.full(len(values), np.nan), where=usable)
        usual = float(np.mean(logs[usable])) if usable.any() else 0.0
        columns.append(pl.Series(f"why_{name}", logs - usual, dtype=pl.Float64).fill_nan(None))
    return columns


_WORDS = {
    "volume": ("is crossed {} times as often as is usual", "is crossed 1/{} as often as is usual"),
    "rate": ("fails {} times as often a call", "fails 1/{} as often a call"),
    "reach": ("its failures travel {} times as far", "its failures travel 1/{} as far"),
    "cost": ("each failure costs {} times as much", "each failure costs 1/{} as much"),
}


def _in_words(row: dict[str, float | None]) -> str:
    """Say which factors raise a handoff above the usual one, the strongest first, and which hold it down."""
    logs = [(float(row[f"why_{name}"] or 0.0), name) for name in _PARTS]
    told = []
    for log, name in sorted(logs, key=lambda part: (-abs(part[0]), part[1])):
        if abs(log) < 0.2:
            continue
        up, down = _WORDS[name]
        told.append(
            (up if log > 0 else down).format(
                f"{np.exp(abs(log)):,.2g}" if abs(log) < 4.6 else f"{np.exp(abs(log)):,.0f}"
            )
        )
    return "; ".join(told) or "like the usual handoff in every respect"


def _assumed_share(costs: Costs, work: Floats, other: Floats) -> Floats:
    """Say how much of each loss rests on assumptions: the items whose number is assumed, and work without record."""
    total = work + other
    guess = (costs.frame["touch_basis"].fill_null("measured") == Basis.ASSUMED.value).to_numpy()
    if not costs.frame["tickets"].sum() > 0 or costs.prices.hour_basis == Basis.ASSUMED:
        guess = np.ones(len(work), dtype=bool)
    told = all(costs.prices.units(price)[1] != Basis.ASSUMED for price in costs.prices.items)
    part = np.where(guess, work, 0.0) + (0.0 if told else other)
    return np.divide(part, total, out=np.zeros(len(total)), where=total > 0)


def _basis(costs: Costs, assumed: Floats) -> list[str]:
    return [
        Basis.ASSUMED.value if share >= 0.5 else (Basis.MEASURED.value if tickets > 0 else Basis.DERIVED.value)
        for share, tickets in zip(assumed, costs.frame["tickets"], strict=True)
    ]


def _kinds(history: History) -> pl.DataFrame:
    """Name the most frequent type of each handoff's failures, and the most frequent mode within it."""
    counted = history.sql(
        """
        SELECT source, target, channel, handoff_type, mode, sum(origin_weight * weight) AS failures
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        GROUP BY source, target, channel, handoff_type, mode
        ORDER BY source, target, channel, handoff_type, mode
        """
    )
    by_type = counted.with_columns(of_type=pl.col("failures").sum().over(*KEYS, "handoff_type"))
    return (
        by_type.sort(
            [*KEYS, "of_type", "handoff_type", "failures", "mode"],
            descending=[False, False, False, True, False, True, False],
            nulls_last=True,
        )
        .unique(KEYS, keep="first", maintain_order=True)
        .select(*KEYS, "handoff_type", "mode")
    )
