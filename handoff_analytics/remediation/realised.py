"""Did the fix work, and did it save what it was expected to?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..economics.measures import Measure, measures_of
from ..fixes import fix_effect
from ..frequency import window
from ..ranking import rank
from ..statistics.rates import rate_ratio
from .entries import latest_entries
from .suggestions import suggested_measures

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from ..history import History

KEYS = ("source", "target", "channel")
_DRAWS = 4000
REALISED = pl.Schema(
    {
        **dict.fromkeys((*KEYS, "measure"), pl.String()),
        "done_at": pl.Datetime("us"),
        **dict.fromkeys(("days_before", "days_after", "calls_before", "calls_after"), pl.Float64()),
        **dict.fromkeys(("failures_before", "failures_after", "rate_before", "rate_after"), pl.Float64()),
        **dict.fromkeys(("rate_ratio", "ratio_low", "ratio_high", "p_improved", "cost_per_failure"), pl.Float64()),
        **dict.fromkeys(("realised", "realised_low", "realised_high"), pl.Float64()),
        **dict.fromkeys(("predicted", "predicted_low", "predicted_high"), pl.Float64()),
        **dict.fromkeys(("verdict", "currency"), pl.String()),
    }
)


def realised_saving(
    history: History, *, measures: Iterable[Measure] | str | Path | None = None, confidence: float = 0.9, seed: int = 1
) -> pl.DataFrame:
    """Compare, for each measure that is marked done, what it saved with what it was expected to save.

    Parameters
    ----------
    history
        The history, with evidence from before and after; `mark_remediation` says what is done.
    measures
        Measures to look the names up in, beside the declared and the shipped ones.
    confidence
        Probability that an interval holds the truth.
    seed
        Of the draws.

    Returns
    -------
    polars.DataFrame
        One row a handoff and measure marked done, by the time it was.

        ============================ ======== ========================================================================
        source, target, channel      String   the handoff
        measure                      String   what was done
        done_at                      Datetime from when it counts, UTC
        days_before, days_after      Float64  length of the two windows
        calls_before, calls_after    Float64  logical calls in each
        failures_before, _after      Float64  failures of the kind that the measure is aimed at
        rate_before, rate_after      Float64  the same a call
        rate_ratio                   Float64  after / before, median; ratio_low and ratio_high are its interval
        p_improved                   Float64  probability that the rate fell
        cost_per_failure             Float64  what one costs, cascade included
        realised                     Float64  saving a year at today's volume, mean; with _low, _high
        predicted                    Float64  what was expected; null if nobody wrote it down; with _low, _high
        verdict                      String   as predicted, less than predicted, more than predicted, fewer failures
                                              (nothing was predicted), no effect shown or too early
        currency                     String   ISO 4217
        ============================ ======== ========================================================================

    Notes
    -----
    Rates are compared as `fix_effect` does, with the bursts measured inside of the two periods. Only the rate is
    judged: a measure that makes failures cheaper or earlier seen, but not fewer, shows no effect here. What else
    changed at the same time counts too: this is a comparison of two periods, not an experiment.

    References
    ----------
    Przyborowski & Wilenski (1940), Homogeneity of results in testing samples from Poisson series, Biometrika 31.
    """
    done = {name: entry for name, entry in latest_entries(history).items() if entry["status"] == "done"}
    if not done:
        return pl.DataFrame(schema=REALISED)
    known = {measure.name: measure for measure in (*suggested_measures(), *measures_of(history, measures))}
    bursts: dict[datetime, dict[tuple[str, ...], float | None]] = {}
    ranking = rank(history)
    costs, currency = _by_key(ranking, "cost_per_failure"), ranking["currency"][0] if ranking.height else None
    since, until = window(history)
    rows = []
    for (source, target, channel, measure), entry in done.items():
        name = (source, target, channel)
        at = min(max(entry["entered_at"], since), until + timedelta(microseconds=1))
        before = _counted(history, name, known.get(measure), None, at)
        after = _counted(history, name, known.get(measure), at, None)
        if at not in bursts:
            # Bursts inside of the two periods: the change between them is what is asked for.
            bursts[at] = _by_key(fix_effect(history, at=at), "overdispersion") if since < at < until else {}
        days = ((at - since).total_seconds() / 86400, max((until - at).total_seconds() / 86400, 0.0))
        row: dict[str, Any] = dict(zip(KEYS, name, strict=True))
        row |= {"measure": measure, "done_at": entry["entered_at"], "currency": entry["currency"] or currency}
        row |= {column: entry[column] for column in ("predicted", "predicted_low", "predicted_high")}
        row |= {"days_before": days[0], "days_after": days[1]}
        row |= {"calls_before": before[0], "calls_after": after[0]}
        row |= {"failures_before": before[1], "failures_after": after[1]}
        row |= _compared(
            before,
            after,
            burst=bursts[at].get(name) or 1.0,
            cost=costs.get(name) or 0.0,
            days_after=days[1],
            confidence=confidence,
            seed=seed,
        )
        rows.append(row | {"verdict": _verdict(row)})
    rows.sort(key=lambda row: (row["done_at"], *(row[name] for name in KEYS), row["measure"]))
    return pl.DataFrame(rows, schema=REALISED)


def _by_key(frame: pl.DataFrame, column: str) -> dict[tuple[str, ...], float | None]:
    return {row[:3]: row[3] for row in frame.select(*KEYS, column).iter_rows()}


def _counted(
    history: History,
    name: tuple[str, str, str],
    measure: Measure | None,
    since: datetime | None,
    until: datetime | None,
) -> tuple[float, float]:
    """Count calls of a handoff, and the failures that a measure is aimed at, in one window."""
    part = history.between(since, until)
    values = dict(zip(KEYS, name, strict=True))
    calls = part.sql(
        """
        SELECT coalesce(sum(weight), 0.0) AS calls
        FROM crossings
        WHERE source = $source AND target = $target AND channel = $channel AND is_last_attempt
        """,
        **values,
    ).item()
    failed = part.sql(
        """
        SELECT coalesce(handoff_type, 'unclassified') AS handoff_type, mode, sum(origin_weight * weight) AS failed
        FROM failures
        WHERE source = $source AND target = $target AND channel = $channel
          AND origin <> 'propagated' AND fate <> 'masked'
        GROUP BY coalesce(handoff_type, 'unclassified'), mode
        ORDER BY handoff_type, mode
        """,
        **values,
    )
    aimed = sum(
        count
        for handoff_type, mode, count in failed.iter_rows()
        if measure is None or measure.is_aimed_at(name[0], name[1], handoff_type, mode)
    )
    return float(calls), float(aimed)


def _compared(
    before: tuple[float, float],
    after: tuple[float, float],
    *,
    burst: float,
    cost: float,
    days_after: float,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Compare two rates by their posteriors, and price the difference at today's volume."""
    row: dict[str, Any] = {"cost_per_failure": cost}
    if before[0] > 0:
        row["rate_before"] = before[1] / before[0]
    if after[0] > 0:
        row["rate_after"] = after[1] / after[0]
    if not before[0] or not after[0]:
        return row
    # Counts whose variance is `burst` times that of independent ones.
    excess = tuple((burst - 1) / max(failed, 1.0) for _, failed in (before, after))
    found = rate_ratio(before[::-1], after[::-1], excess=(excess[0], excess[1]), confidence=confidence)
    random = np.random.default_rng(seed)
    drawn = [side.draws(random, _DRAWS)[:, 0] for side in (found.before, found.after)]
    saved = (drawn[0] - drawn[1]) * (after[0] / max(days_after, 1.0) * 365.25) * cost
    saved_low, saved_high = np.quantile(saved, [(1 - confidence) / 2, (1 + confidence) / 2])
    return row | {
        "rate_ratio": found.ratio,
        "ratio_low": found.low,
        "ratio_high": found.high,
        "p_improved": found.p_fell,
        "realised": float(saved.mean()),
        "realised_low": float(saved_low),
        "realised_high": float(saved_high),
    }


def _verdict(row: dict[str, Any]) -> str:
    if row.get("realised") is None:
        return "too early"
    if row["p_improved"] < 0.9:
        return "no effect shown"
    if row["predicted"] is None:
        return "fewer failures"
    low, high = row["predicted_low"], row["predicted_high"]
    if row["realised_high"] < low:
        return "less than predicted"
    return "more than predicted" if row["realised_low"] > high else "as predicted"
