"""Do failures grow faster than volume, or than the number of workflows?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .regression import negative_binomial

if TYPE_CHECKING:
    from ..history import History

_FEWEST_WEEKS = 8
SCALING = pl.Schema(
    {
        "growth_with": pl.String(),
        "observations": pl.Int64(),
        "smallest": pl.Float64(),
        "largest": pl.Float64(),
        "exponent": pl.Float64(),
        "exponent_low": pl.Float64(),
        "exponent_high": pl.Float64(),
        "rate_when_tenfold": pl.Float64(),
        "rate_low": pl.Float64(),
        "rate_high": pl.Float64(),
        "p_value": pl.Float64(),
        "verdict": pl.String(),
        "note": pl.String(),
    }
)


def scaling(history: History, *, confidence: float = 0.9) -> pl.DataFrame:
    """Ask what happens to the failure rate when there is ten times as much.

    Parameters
    ----------
    history
        What to look at.
    confidence
        Probability that an interval holds the truth, if the model does.

    Returns
    -------
    polars.DataFrame
        Three rows: volume between handoffs, volume over the weeks of one handoff, workflows over the weeks.

        ================= ======= =================================================================================
        growth_with       String  volume between handoffs, volume over time, or workflows over time
        observations      Int64   handoffs, handoff-weeks or weeks
        smallest          Float64 smallest volume or number of workflows seen
        largest           Float64 largest
        exponent          Float64 b of: failure rate proportional to volume^b; 0 means that it does not matter
        exponent_low      Float64 its interval
        exponent_high     Float64
        rate_when_tenfold Float64 10^b: by what the rate is multiplied with ten times as much
        rate_low          Float64 its interval
        rate_high         Float64
        p_value           Float64 of b = 0
        verdict           String  yes (it grows), no (it does not, or falls) or cannot tell
        note              String  what the answer rests on
        ================= ======= =================================================================================

    Notes
    -----
    Negative binomial regression of failures, exposure log(calls), on the logarithm of the size. "No" is said only when
    the interval of b lies below 0.1, which is a quarter more failures for tenfold volume. An answer outside of the
    sizes that were seen is a guess: with 100 workflows in the history, 1,000 are one.

    References
    ----------
    Cameron & Trivedi (2013), Regression Analysis of Count Data, 2nd edition.
    """
    between = history.sql("""
        WITH called AS (
            SELECT source, target, channel, sum(weight) AS calls
            FROM crossings
            WHERE is_last_attempt AND NOT coalesce(is_duplicate, FALSE)
            GROUP BY source, target, channel
        ),
        failing AS (
            SELECT source, target, channel, sum(origin_weight * weight) AS failures
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
            GROUP BY source, target, channel
        )
        SELECT c.source || ' > ' || c.target || ' > ' || c.channel AS unit, c.calls, c.calls AS size,
               coalesce(f.failures, 0.0) AS failures
        FROM called AS c
        LEFT JOIN failing AS f USING (source, target, channel)
        WHERE c.calls > 0
        ORDER BY unit
    """)
    weekly = history.sql("""
        WITH called AS (
            SELECT source, target, channel, date_trunc('week', started_at) AS week_at, sum(weight) AS calls
            FROM crossings
            WHERE is_last_attempt AND NOT coalesce(is_duplicate, FALSE)
            GROUP BY source, target, channel, date_trunc('week', started_at)
        ),
        failing AS (
            SELECT source, target, channel, date_trunc('week', failed_at) AS week_at,
                   sum(origin_weight * weight) AS failures
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
            GROUP BY source, target, channel, date_trunc('week', failed_at)
        )
        SELECT c.source || ' > ' || c.target || ' > ' || c.channel AS unit, c.week_at, c.calls, c.calls AS size,
               coalesce(f.failures, 0.0) AS failures
        FROM called AS c
        LEFT JOIN failing AS f USING (source, target, channel, week_at)
        WHERE c.calls > 0
        ORDER BY unit, c.week_at
    """)
    workflows = history.sql("""
        WITH flowing AS (
            SELECT date_trunc('week', started_at) AS week_at, count(DISTINCT workflow) AS size, sum(weight) AS calls
            FROM crossings
            WHERE is_last_attempt AND workflow IS NOT NULL AND NOT coalesce(is_duplicate, FALSE)
            GROUP BY date_trunc('week', started_at)
        ),
        failing AS (
            SELECT date_trunc('week', failed_at) AS week_at, sum(origin_weight * weight) AS failures
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked' AND workflow IS NOT NULL
            GROUP BY date_trunc('week', failed_at)
        )
        SELECT 'all' AS unit, f.week_at, f.calls, f.size, coalesce(failing.failures, 0.0) AS failures
        FROM flowing AS f
        LEFT JOIN failing USING (week_at)
        WHERE f.calls > 0
        ORDER BY f.week_at
    """)
    rows = [
        _growth("volume between handoffs", between, within=False, confidence=confidence),
        _growth("volume over time", weekly, within=True, confidence=confidence),
        _growth("workflows over time", workflows, within=False, confidence=confidence),
    ]
    return pl.DataFrame(rows, schema=SCALING)


def _growth(name: str, frame: pl.DataFrame, *, within: bool, confidence: float) -> dict[str, object]:
    """Fit the exponent; within means that each unit is compared only with itself."""
    if within:
        # A unit that never fails, or was seen but once, says nothing of its own growth.
        frame = frame.filter((pl.col("failures").sum().over("unit") > 0) & (pl.len().over("unit") >= _FEWEST_WEEKS))
    row: dict[str, object] = {"growth_with": name, "observations": frame.height, "verdict": "cannot tell"}
    if frame.is_empty():
        return row | {"note": "There is nothing to compare."}
    row |= {"smallest": float(frame["size"].min()), "largest": float(frame["size"].max())}  # type: ignore[arg-type] # not empty
    units = frame["unit"].unique().sort().to_list() if within else ["all"]
    size = np.log(frame["size"].to_numpy().astype(float))
    columns = [size - size.mean()]
    columns += [(frame["unit"] == unit).to_numpy().astype(float) for unit in units] if within else [np.ones(len(size))]
    design = np.column_stack(columns)
    if frame.height < max(_FEWEST_WEEKS, design.shape[1] + 3) or float(frame["failures"].sum()) == 0:
        return row | {"note": "Too few observations, or nothing failed."}
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return row | {"note": "It was always the same size."}
    fitted = negative_binomial(frame["failures"].to_numpy(), frame["calls"].to_numpy(), design)
    weights = np.zeros(design.shape[1])
    weights[0] = 1.0
    ratio, low, high, p = fitted.ratio(weights, confidence)
    exponent, lowest, highest = (float(np.log(value)) for value in (ratio, low, high))
    grown = lowest > 0
    flat = highest < 0.1
    return row | {
        "exponent": exponent,
        "exponent_low": lowest,
        "exponent_high": highest,
        "rate_when_tenfold": 10**exponent,
        "rate_low": 10**lowest,
        "rate_high": 10**highest,
        "p_value": p,
        "verdict": "yes" if grown else "no" if flat else "cannot tell",
        "note": f"Seen from {row['smallest']:g} to {row['largest']:g}; beyond is a guess.",
    }
