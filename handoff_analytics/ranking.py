"""Which handoff should be repaired first, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .cascade import Reach, reaches
from .errors import ArgumentError
from .frequency import Frequencies, frequencies
from .recovery import Costs, costs
from .statistics.ranks import rank_summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .history import History

    Floats = NDArray[np.float64]

KEYS = ("source", "target", "channel")
# A handoff that loses less than the first of its tier with at least this probability begins the next tier. Comparing
# with the neighbour instead would chain all of a long ranking into one tier.
_SURE = 0.9
_SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class Losses:
    """What each handoff loses in a year: the frame's rows are the columns of the draws."""

    frame: pl.DataFrame
    draws: Floats
    """One row a draw, one column a handoff, in currency a year: the product of the next two."""
    rates: Floats
    """The same of failures a year."""
    costs: Floats
    """The same of what one failure costs in all."""
    cascading: Floats
    """Of it, what the failures cost that it causes elsewhere."""


def rank(history: History, *, role: str = "engineer", draws: int = 4000, seed: int = 1) -> pl.DataFrame:
    """Rank the handoffs by the loss to expect in a year.

    The expected annual loss of a handoff is its failures a year, times what one failure costs: the work on tickets for
    the failed handoff and for those that fail in consequence, and the value, contacts and repairs that come with it.
    All cost of a cascade is booked where it began. Each factor is drawn from its posterior, so that the loss has an
    interval and the rank a range. The order is by the mean.

    Parameters
    ----------
    history
        What to measure, and in which window.
    role
        Whose hourly rate the work is priced with.
    draws
        Draws of the posterior.
    seed
        Of the draws.

    Returns
    -------
    polars.DataFrame
        One row a handoff that was seen, the largest loss first.

        ======================= ======= =======================================================================
        column                  dtype   meaning
        ======================= ======= =======================================================================
        rank                    Int64   1 loses most
        source, target, channel String  the handoff
        expected_annual_loss    Float64 mean loss a year, in currency
        loss_low, loss_high     Float64 5 and 95 % of it
        currency                String  ISO 4217
        rank_median             Float64 median rank over the draws
        rank_low, rank_high     Float64 5 and 95 % of the same
        p_top10                 Float64 probability to be among the ten largest
        tier                    Int64   those of a tier cannot be told from its first with 90 % probability
        failures_per_year       Float64 origins a year, shrunk
        failure_rate            Float64 failures a call, from 0 to 1, shrunk
        calls_per_year          Float64 volume
        reach_expected          Float64 further handoffs that one failure makes fail
        cost_per_failure        Float64 money that one failure costs in all, its cascade included
        work_per_failure        Float64 of it, the work on tickets
        assumed_share           Float64 part of the cost that rests on assumptions; null without cost
        silent_share            Float64 share of its failures that no status told
        handoff_type            String  what it fails by most; unclassified when no rule says
        mode                    String  the finer word
        owner                   String  team of the target, else of the source
        on_front                Boolean no other handoff is worse in frequency, reach and cost at once
        why_frequency           Float64 log of its failures a year over the geometric mean of all
        why_cost                Float64 as above, of the cost of one failure without its cascade
        why_reach               Float64 as above, of 1 + reach
        why                     String  the same in words
        ======================= ======= =======================================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.

    References
    ----------
    Ranks with uncertainty: Goldstein and Spiegelhalter 1996; Lin, Louis, Paddock and Ridgeway 2006.
    """
    return losses(history, role=role, draws=draws, seed=seed).frame


def losses(history: History, *, role: str = "engineer", draws: int = 4000, seed: int = 1) -> Losses:
    """Rank as `rank` does, and keep the draws for those who compute on."""
    if draws < 100:
        raise ArgumentError(f"draws = {draws} is too few for an interval: at least 100 are needed.")
    random = np.random.default_rng(seed)
    often, far, dear = frequencies(history), reaches(history), costs(history, role=role)
    base = often.frame.filter(pl.col("status") != "never_exercised").select(KEYS).sort(KEYS)
    rate, reach = _rates(often, base, random, draws), _reach(far, base, random, draws)
    work, other = _costs(dear, far, base, random, draws)
    each = work * (1 + reach) + other
    annual = rate * each
    order = np.argsort(-annual.mean(axis=0), kind="stable")
    annual = annual[:, order]
    ranks = rank_summary(annual)
    low, high = np.quantile(annual, [0.05, 0.95], axis=0)
    frequency, cost, spread = (
        rate.mean(axis=0)[order],
        (work + other).mean(axis=0)[order],
        1 + reach.mean(axis=0)[order],
    )
    frame = base[order.tolist()].with_columns(
        rank=pl.int_range(1, len(order) + 1, dtype=pl.Int64),
        expected_annual_loss=pl.Series(annual.mean(axis=0)),
        loss_low=pl.Series(low),
        loss_high=pl.Series(high),
        currency=pl.lit(dear.prices.currency),
        rank_median=pl.Series(ranks.median),
        rank_low=pl.Series(ranks.low),
        rank_high=pl.Series(ranks.high),
        p_top10=pl.Series(ranks.p_top),
        tier=_tiers(annual),
        cost_per_failure=pl.Series(each.mean(axis=0)[order]),
        work_per_failure=pl.Series(work.mean(axis=0)[order]),
        on_front=pl.Series(front(np.column_stack([frequency, cost, spread]))),
        why_frequency=pl.Series(_against_usual(frequency)),
        why_cost=pl.Series(_against_usual(cost)),
        why_reach=pl.Series(_against_usual(spread)),
    )
    frame = (
        frame.join(
            often.frame.select(*KEYS, "failures_per_year", "failure_rate", "calls_per_year"), on=KEYS, how="left"
        )
        .join(far.frame.select(*KEYS, "reach_expected"), on=KEYS, how="left")
        .join(dear.frame.select(*KEYS, "assumed_share"), on=KEYS, how="left")
        .join(_kinds(history), on=KEYS, how="left")
        .join(_owners(history), on=KEYS, how="left")
        .sort("rank")
        .with_columns(pl.col("handoff_type").fill_null("unclassified"), pl.col("silent_share").fill_null(0.0))
    )
    return Losses(
        frame.with_columns(why=_in_words(frame)).select(COLUMNS),
        annual,
        rates=rate[:, order],
        costs=each[:, order],
        cascading=(work * reach)[:, order],
    )


COLUMNS = (
    *("rank", *KEYS, "expected_annual_loss", "loss_low", "loss_high", "currency"),
    *("rank_median", "rank_low", "rank_high", "p_top10", "tier"),
    *("failures_per_year", "failure_rate", "calls_per_year", "reach_expected", "cost_per_failure", "work_per_failure"),
    *("assumed_share", "silent_share", "handoff_type", "mode", "owner", "on_front"),
    *("why_frequency", "why_cost", "why_reach", "why"),
)


def _place(frame: pl.DataFrame, base: pl.DataFrame) -> Floats:
    """Return for each handoff of `base` its row in another frame, -1 where it has none."""
    rows = frame.select(KEYS).with_row_index("row")
    joined = base.join(rows, on=KEYS, how="left", maintain_order="left")
    return joined["row"].cast(pl.Int64).fill_null(-1).to_numpy()


def _picked(draws: Floats, rows: Floats, *, absent: Floats | float) -> Floats:
    """Return the columns of `rows`; those that are absent get a value of their own."""
    padded = np.column_stack([draws, np.broadcast_to(absent, (len(draws), 1)) if np.isscalar(absent) else absent])
    return np.asarray(padded[:, rows])


def _rates(often: Frequencies, base: pl.DataFrame, random: np.random.Generator, size: int) -> Floats:
    drawn = often.posterior.draws(random, size) * often.per_year
    return _picked(drawn, _place(often.frame, base), absent=0.0)


def _reach(far: Reach, base: pl.DataFrame, random: np.random.Generator, size: int) -> Floats:
    return _picked(far.draws(random, size), _place(far.frame, base), absent=0.0)


def _costs(
    dear: Costs, far: Reach, base: pl.DataFrame, random: np.random.Generator, size: int
) -> tuple[Floats, Floats]:
    """Draw what one failed handoff costs in work, and what a failure costs beside; an unknown one costs the average."""
    reached = dear.frame.join(far.frame.select(*KEYS, "reach_expected"), on=KEYS, how="left", maintain_order="left")
    failed = reached["failures"].to_numpy() * (1 + reached["reach_expected"].fill_null(0.0).to_numpy())
    if not dear.frame.height:
        return np.zeros((size, base.height)), np.zeros((size, base.height))
    work, other = dear.work_draws(random, size, failed), dear.other_draws(random, size)
    rows = _place(dear.frame, base)
    return (
        _picked(work, rows, absent=work.mean(axis=1, keepdims=True)),
        _picked(other, rows, absent=other.mean(axis=1, keepdims=True)),
    )


def _tiers(annual: Floats) -> pl.Series:
    """Return the tiers: a new one begins where the first of the tier loses more in at least 90 % of the draws."""
    tiers: list[int] = []
    first = 0
    for place in range(annual.shape[1]):
        if place and (annual[:, first] > annual[:, place]).mean() >= _SURE:
            first = place
            tiers.append(tiers[-1] + 1)
        else:
            tiers.append(tiers[-1] if tiers else 1)
    return pl.Series(tiers, dtype=pl.Int64)


def front(components: Floats) -> NDArray[np.bool_]:
    """Tell which rows no other row exceeds in all columns at once (Pareto).

    Examples
    --------
    >>> front(np.array([[3.0, 1.0], [1.0, 3.0], [1.0, 1.0]])).tolist()
    [True, True, False]
    """
    others, own = components[None, :, :], components[:, None, :]
    beaten = np.all(others >= own, axis=2) & np.any(others > own, axis=2)
    return np.asarray(~np.any(beaten, axis=1))


def _against_usual(values: Floats) -> Floats:
    """Return the log of each value over the geometric mean of all; where the values are nothing, nothing stands out."""
    logs = np.log(np.maximum(values, _SMALL))
    return np.asarray(
        np.where(values > _SMALL, logs - logs[values > _SMALL].mean() if (values > _SMALL).any() else 0, 0)
    )


def _in_words(frame: pl.DataFrame) -> pl.Series:
    sentences = []
    for row in frame.iter_rows(named=True):
        parts = {
            f"fails {row['failures_per_year']:,.0f} times a year": row["why_frequency"],
            f"each failure costs {row['cost_per_failure']:,.0f} {row['currency']}": row["why_cost"],
            f"each reaches {row['reach_expected'] or 0:.1f} further handoffs": row["why_reach"],
        }
        ordered = sorted(parts.items(), key=lambda part: -part[1])
        sentences.append(
            "; ".join(text for text, weight in ordered if weight > 0) or "below the usual in every respect"
        )
    return pl.Series(sentences, dtype=pl.String)


def _kinds(history: History) -> pl.DataFrame:
    """Return what each handoff fails by most, and how much of it no status told."""
    return history.sql("""
        WITH counted AS (
            SELECT source, target, channel, handoff_type, mode, sum(origin_weight * weight) AS failed,
                sum(CASE WHEN silent THEN origin_weight * weight ELSE 0 END) AS silent
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
            GROUP BY source, target, channel, handoff_type, mode
        )
        SELECT source, target, channel,
            arg_max(handoff_type, (failed, handoff_type)) AS handoff_type,
            arg_max(mode, (failed, mode)) AS mode,
            sum(silent) / nullif(sum(failed), 0) AS silent_share
        FROM counted
        GROUP BY source, target, channel
        ORDER BY source, target, channel
    """)


def _owners(history: History) -> pl.DataFrame:
    return history.sql("""
        SELECT source, target, channel, coalesce(target_team, source_team) AS owner
        FROM handoffs
        ORDER BY source, target, channel
    """)


def rpn_contrast(ranking: pl.DataFrame) -> pl.DataFrame:
    """Set the ranking beside the risk priority number that it replaces.

    The number multiplies three ordinals from 1 to 10: occurrence, severity and detection, here the deciles of failures
    a year, of cost and of the silent share. Products of ordinals tie and reverse (Bowles 2003; Wheeler 2011); this
    frame shows how often, and is no ranking to act on.

    Parameters
    ----------
    ranking
        What `rank` returned.

    Returns
    -------
    polars.DataFrame
        One row a handoff in the order of `rank`: rank, source, target, channel, occurrence, severity, detection (Int64,
        1 to 10), rpn (Int64), rpn_rank (Int64, ties share the better rank) and moved (Int64, rpn_rank - rank).

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame(
    ...     {"rank": [1, 2], "source": ["a", "a"], "target": ["b", "c"], "channel": ["http"] * 2,
    ...      "failures_per_year": [1.0, 9.0], "cost_per_failure": [90.0, 1.0], "silent_share": [0.0, 0.0]})
    >>> rpn_contrast(frame)["rpn_rank"].to_list()
    [1, 1]
    """
    columns = {"occurrence": "failures_per_year", "severity": "cost_per_failure", "detection": "silent_share"}
    graded = ranking.with_columns(
        (pl.col(name).rank("max") / pl.len() * 10).ceil().clip(1, 10).cast(pl.Int64).alias(grade)
        if name != "silent_share"
        else (1 + pl.col(name) * 9).round().cast(pl.Int64).alias(grade)
        for grade, name in columns.items()
    ).with_columns(rpn=pl.col("occurrence") * pl.col("severity") * pl.col("detection"))
    graded = graded.with_columns(rpn_rank=pl.col("rpn").rank("min", descending=True).cast(pl.Int64))
    return graded.with_columns(moved=pl.col("rpn_rank") - pl.col("rank")).select(
        *("rank", *KEYS, "occurrence", "severity", "detection", "rpn", "rpn_rank", "moved")
    )
