"""How long does a failure take to arrive elsewhere?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from .frequency import KEYS, window
from .statistics.survival import survival

if TYPE_CHECKING:
    from .history import History

_THEN = ["then_source", "then_target", "then_channel"]
LATENCY = pl.Schema(
    {
        **dict.fromkeys((*KEYS, *_THEN), pl.String()),
        **dict.fromkeys(("incidents", "reached", "share_reached"), pl.Float64()),
        **dict.fromkeys(("median_s", "median_reached_s", "p90_reached_s"), pl.Float64()),
    }
)


def propagation_latency(history: History) -> pl.DataFrame:
    """Measure how long after a failure begins another handoff fails because of it.

    Incidents that have not reached the other handoff by the end of the window are censored then: they say "at least so
    long". So the share that arrives and the time it takes are those of Kaplan and Meier's curve.

    Parameters
    ----------
    history
        What to measure, and in which window.

    Returns
    -------
    polars.DataFrame
        One row a pair of handoffs of which the first made the second fail at least once, by names:

        ==============================  =======  ==================================================================
        source, target, channel         String   where failures began
        then_source, _target, _channel  String   where they arrived
        incidents                       Float64  origins at the first that no retry saved, weighted
        reached                         Float64  of them, that made the second fail while watched
        share_reached                   Float64  the same in the end, by the curve
        median_s                        Float64  seconds until half of all incidents have arrived; infinite if fewer do
        median_reached_s                Float64  seconds until half of those that arrive have
        p90_reached_s                   Float64  the same of nine tenths
        ==============================  =======  ==================================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.

    References
    ----------
    Kaplan and Meier, Nonparametric estimation from incomplete observations, JASA 53, 1958.
    """
    _, until = window(history)
    told = history.sql(
        """
        WITH origins AS (
            SELECT failure_id, source, target, channel, failed_at, origin_weight * weight AS weight
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked' AND origin_weight > 0
        ),
        arrived AS (
            SELECT root_id, source, target, channel, min(delay_us) AS delay_us
            FROM cascades
            WHERE depth > 0 AND (source <> root_source OR target <> root_target OR channel <> root_channel)
            GROUP BY root_id, source, target, channel
        ),
        pairs AS (
            SELECT DISTINCT o.source, o.target, o.channel,
                   a.source AS then_source, a.target AS then_target, a.channel AS then_channel
            FROM arrived AS a
            JOIN origins AS o ON o.failure_id = a.root_id
        )
        SELECT p.*, o.weight, a.delay_us IS NOT NULL AS ended,
               greatest(coalesce(a.delay_us, epoch_us($until) - epoch_us(o.failed_at)), 0) / 1e6 AS seconds
        FROM pairs AS p
        JOIN origins AS o ON o.source = p.source AND o.target = p.target AND o.channel = p.channel
        LEFT JOIN arrived AS a
            ON a.root_id = o.failure_id
            AND a.source = p.then_source AND a.target = p.then_target AND a.channel = p.then_channel
        ORDER BY ALL
        """,
        until=until,
    )
    rows = []
    for name, part in told.group_by(*KEYS, *_THEN, maintain_order=True):
        curve = survival(part["seconds"], part["ended"], weights=part["weight"])
        share = 1 - float(curve.survival[-1]) if len(curve.survival) else 0.0
        rows.append(
            (
                *name,
                float(part["weight"].sum()),
                float(part.filter("ended")["weight"].sum()),
                share,
                curve.median,
                curve.quantile(share / 2),
                curve.quantile(share * 0.9),
            )
        )
    return pl.DataFrame(rows, schema=LATENCY, orient="row")
