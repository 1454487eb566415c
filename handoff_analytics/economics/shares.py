"""Which types of failure are there, how many, how dear, and how much is of no known type?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ..ranking import rank
from ..vocabulary import HandoffType

if TYPE_CHECKING:
    from ..history import History

_KEYS = ["source", "target", "channel"]


def type_shares(history: History) -> pl.DataFrame:
    """Count the failures of each type and what they are expected to cost, with what no rule could classify.

    A handoff's expected loss is shared among the types by which it fails, in proportion to their failures. Unclassified
    failures are counted as such and never guessed: their share says how far the other rows can be trusted.

    Parameters
    ----------
    history
        The part of a history to measure.

    Returns
    -------
    polars.DataFrame
        One row for each of the six, dearest first.

        ====================== ======= ====================================================================
        column                 dtype   meaning
        ====================== ======= ====================================================================
        handoff_type           String  one of the five types, or unclassified
        failures               Float64 origins that no retry saved, weighted
        failure_share          Float64 share of all failures, from 0 to 1; null without any
        expected_annual_loss   Float64 of these failures, in currency a year
        loss_share             Float64 share of the loss of all handoffs that failed; null without any
        ambiguous_share        Float64 share of these failures for which another mode scored the same
        currency               String  ISO 4217
        ====================== ======= ====================================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.
    """
    ranking = rank(history)
    counted = history.sql("""
        SELECT
            source, target, channel, coalesce(handoff_type, 'unclassified') AS handoff_type,
            sum(origin_weight * weight)                                     AS failures,
            sum(origin_weight * weight) FILTER (ambiguous)                  AS ambiguous
        FROM failures
        WHERE origin <> 'propagated' AND fate <> 'masked'
        GROUP BY ALL
        ORDER BY ALL
    """)
    share = pl.col("failures") / pl.col("failures").sum().over(_KEYS)
    loss = pl.when(pl.col("failures") > 0).then(share).otherwise(0.0) * pl.col("expected_annual_loss").fill_null(0.0)
    every = pl.DataFrame({"handoff_type": [str(kind) for kind in HandoffType]})
    summed = (
        counted.join(ranking.select(*_KEYS, "expected_annual_loss"), on=_KEYS, how="left")
        .with_columns(loss=loss)
        .group_by("handoff_type")
        .agg(pl.col("failures", "ambiguous", "loss").sum())
    )

    def part(column: str) -> pl.Expr:
        return pl.when(pl.col(column).sum() > 0).then(pl.col(column) / pl.col(column).sum())

    return (
        every.join(summed, on="handoff_type", how="left")
        .with_columns(pl.col("failures", "ambiguous", "loss").cast(pl.Float64).fill_null(0.0))
        .select(
            "handoff_type",
            "failures",
            failure_share=part("failures"),
            expected_annual_loss="loss",
            loss_share=part("loss"),
            ambiguous_share=pl.when(pl.col("failures") > 0).then(pl.col("ambiguous") / pl.col("failures")),
            currency=pl.lit(str(ranking["currency"][0])),
        )
        .sort("expected_annual_loss", "failures", "handoff_type", descending=[True, True, False])
    )
