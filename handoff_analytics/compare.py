"""What changed at the handoffs between two windows?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import hypergeom

from .errors import EmptyHistoryError
from .statistics.multiple import adjusted
from .visits import Visits, shared_templates, visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .history import History

# Times are compared on a log scale shifted by this: differences of less than a millisecond are no evidence.
_FLOOR_US = 1000.0
# "Slower" means beyond twice the baseline's 90th percentile: warm caches and load move times by less than that.
_SLOWER = np.log(2.0)
# One visit, however slow, counts no more than this many nats.
_MOST_NATS = 6.0
# Half an observation each way, so that what was never seen is unlikely and not impossible.
_HALF = 0.5
# What a change is worth as a sign of trouble, when it becomes more frequent and when it becomes rarer. A report of a
# failure counts by how plainly it reports one, and its absence is an improvement. An ordinary step that no longer
# happens means that the visit was cut short; a new one is usually another branch.
_WORTH = {"call": (0.1, 0.5), "order": (0.3, 0.0), "operation": (0.1, 0.4), "template": (0.15, 0.5)}
# A caller that is cut short because a system below it fails shows the same signs: it keeps this share of its own.
_EXPLAINED = 0.5
_KINDS = ("failed", "call", "order", "operation", "template")
_TOLD = {
    "failed": "fails",
    "call": "calls {0}",
    "order": "calls in the order {0}",
    "operation": "does {0}",
    "template": "logs {0!r}",
}
# Two quiet windows differ by more than resampling one of them shows, since the mix of requests moves. The noise seen
# between halves of the baseline is averaged with this score, at equal weight, and spreads at least this far. Measured
# between fault-free minutes of the public traces that tests/real/test_real_compare.py reads.
_QUIET_NATS, _QUIET_SPREAD = 0.5, 0.3


def compare(window: History, baseline: History, *, false_alarm_rate: float = 0.05) -> pl.DataFrame:
    """Rank the handoffs by how much worse they became, and say what says so.

    Each visit of a system is compared with the visits of the same operation in the baseline. Evidence is measured in
    nats a visit, so that its kinds can be added: how far beyond twice the baseline's 90th percentile the boundary gap
    (caller side minus callee side) and the callee's own time went; and the Kullback-Leibler divergence of how often
    the visit failed, called each system, called them in each order, ran each operation and wrote each log template,
    weighted by how plainly the change means trouble. A gap that all calls of a caller share is the caller's own
    slowness and is booked there; a caller whose signs are explained by a system below it keeps half of them.

    Parameters
    ----------
    window
        The part of a history under suspicion; a window of one history, or another history.
    baseline
        The part to compare with.
    false_alarm_rate
        Chance, from 0 to 1, of an alarm anywhere when nothing changed.

    Returns
    -------
    polars.DataFrame
        One row a handoff, most changed first.

        ==================== ======= ==========================================================================
        column               dtype   meaning
        ==================== ======= ==========================================================================
        rank                 Int64   1 is the most changed
        source, target       String  the handoff; source is external for visits that nobody traced called
        score                Float64 evidence that it became worse, nats a visit
        why                  String  the strongest evidence in words
        alarm                Boolean the change is larger than chance explains, at the false alarm rate
        p_adjusted           Float64 chance that any handoff of two quiet windows scores as much (family-wise)
        visits_before, _after Int64  visits compared
        failure_before, _after Float64 share of visits that failed
        failed_effect, _p    Float64 nats a visit, and its p-value adjusted over handoffs (Benjamini-Hochberg)
        gap_before_ms, _after_ms Float64 median boundary gap, milliseconds
        gap_effect, _p       Float64 as above
        own_before_ms, _after_ms Float64 median time of the callee outside its calls, milliseconds
        own_effect, _p       Float64 as above
        shared_effect, _p    Float64 as above, slowness that most calls of the callee share: its own, seen from outside
        call_effect, _p      Float64 as above, missing and new calls
        order_effect, _p     Float64 as above, calls in another order
        operation_effect, _p Float64 as above, missing and new steps inside the callee
        template_effect, _p  Float64 as above, missing and new log templates
        missing_calls, new_calls, order_inversions, vanished_templates, new_templates List(String) what changed most
        ==================== ======= ==========================================================================

    Raises
    ------
    EmptyHistoryError
        If either side holds no spans.

    References
    ----------
    Kullback & Leibler 1951 for the divergence; Fisher's exact test for the p-values of each kind, with the visits of a
    trace counted as one observation; Benjamini & Hochberg 1995; the alarm is a maximum-score test against halves of
    the baseline, with a Gumbel tail (Westfall & Young 1993 for the idea).
    """
    bodies = shared_templates(baseline, window)
    before, after = visits(baseline, bodies=bodies), visits(window, bodies=bodies)
    for name, side in (("baseline", before), ("window", after)):
        if side.rows.is_empty():
            raise EmptyHistoryError(f"The {name} holds no spans: widen it, or load traces of that time.")
    gaps = _slower(before.rows, after.rows, "gap_us", by=("source", "target"))
    own = _slower(before.rows, after.rows, "own_us", by=("target",))
    habits = _habits(before, after)
    return _ranked(before, after, gaps, own, habits, false_alarm_rate=false_alarm_rate)


def _slower(before: pl.DataFrame, after: pl.DataFrame, column: str, *, by: Sequence[str]) -> pl.DataFrame:
    """Return how far beyond the baseline a time went, by handoff or callee: effect, p, medians in milliseconds."""
    stratum = [*by, "operation"]
    level = (pl.col(column).clip(lower_bound=0) + _FLOOR_US).log()
    old = before.drop_nulls(column).with_columns(level=level)
    limits = old.group_by(stratum).agg(
        limit=pl.when(pl.len() >= 10).then(pl.col("level").quantile(0.9, "linear")).otherwise(pl.col("level").max())
        + _SLOWER,
        known=pl.len(),
    )
    limits = limits.filter(pl.col("known") >= 3)
    new = after.drop_nulls(column).with_columns(level=level)

    def beyond(rows: pl.DataFrame) -> pl.DataFrame:
        joined = rows.join(limits, on=stratum).with_columns(
            excess=(pl.col("level") - pl.col("limit")).clip(0, _MOST_NATS)
        )
        return joined.group_by(stratum).agg(
            nats=pl.col("excess").sum(),
            seen=pl.len(),
            traces=pl.col("trace_key").n_unique(),
            slow=pl.col("trace_key").filter(pl.col("excess") > 0).n_unique(),
        )

    both = beyond(new).join(beyond(old), on=stratum, suffix="_before").sort(stratum)
    both = both.with_columns(
        effect=pl.col("nats") / (pl.col("seen") + 1),
        p=_upper(both["slow"], both["traces"], both["slow_before"], both["traces_before"]),
    )
    medians = (
        old.group_by(by)
        .agg(before_ms=pl.col(column).median() / 1000)
        .join(new.group_by(by).agg(after_ms=pl.col(column).median() / 1000), on=by, how="full", coalesce=True)
    )
    effects = both.group_by(by).agg(
        effect=(pl.col("effect") * pl.col("seen")).sum() / pl.col("seen").sum(),
        weight=pl.col("seen").sum(),
        p=(pl.col("p").min() * pl.len()).clip(upper_bound=1.0),
    )
    return medians.join(effects, on=by, how="left").sort(by)


def _upper(hits: pl.Series, seen: pl.Series, hits_before: pl.Series, seen_before: pl.Series) -> pl.Series:
    """Return Fisher's one-sided p-value that hits became more frequent."""
    # Counts arrive unsigned: zero minus one would be four billion.
    k, n, k_before, n_before = (part.cast(pl.Int64).to_numpy() for part in (hits, seen, hits_before, seen_before))
    tail = hypergeom.sf(k - 1, n + n_before, k + k_before, n)
    return pl.Series(np.asarray(tail, dtype=np.float64))


def _habits(before: Visits, after: Visits) -> pl.DataFrame:
    """Return how the habits of each callee changed: one row an operation, a kind of event and what it says."""
    visit = ["target", "operation"]
    event = [*visit, "kind", "what"]

    def counted(side: Visits) -> tuple[pl.DataFrame, pl.DataFrame]:
        rows = side.rows.select("visit", "trace_key", *visit)
        totals = rows.group_by(visit).agg(seen=pl.len(), traces=pl.col("trace_key").n_unique())
        hits = (
            side.events.join(rows, on=["visit", "target"])
            .group_by(event)
            .agg(
                hits=pl.col("visit").n_unique(),
                hit_traces=pl.col("trace_key").n_unique(),
                bad=pl.col("bad").max(),
            )
        )
        return totals, hits

    (old_totals, old_hits), (new_totals, new_hits) = counted(before), counted(after)
    both = (
        new_hits.join(old_hits, on=event, how="full", coalesce=True, suffix="_before")
        .join(new_totals, on=visit)
        .join(old_totals, on=visit, suffix="_before")
        .filter((pl.col("seen_before") >= 3) & (pl.col("seen") >= 2))
        .with_columns(
            pl.col("hits", "hits_before", "hit_traces", "hit_traces_before").fill_null(0),
            bad=pl.max_horizontal("bad", "bad_before").fill_null(0),
        )
        .sort(event)
    )
    usual = (pl.col("hits_before") + _HALF) / (pl.col("seen_before") + 2 * _HALF)
    now = (pl.col("hits") + 2 * usual) / (pl.col("seen") + 2)
    divergence = now * (now / usual).log() + (1 - now) * ((1 - now) / (1 - usual)).log()
    more = now > usual
    worth_more = pl.max_horizontal(
        "bad", pl.col("kind").replace_strict({k: v[0] for k, v in _WORTH.items()}, default=0.0)
    )
    worth_less = (
        pl.when(pl.col("bad") > 0)
        .then(0.0)
        .otherwise(pl.col("kind").replace_strict({k: v[1] for k, v in _WORTH.items()}, default=0.0))
    )
    rarer = (pl.col("traces") - pl.col("hit_traces"), pl.col("traces_before") - pl.col("hit_traces_before"))
    both = both.with_columns(
        more=more,
        # Few visits say little: five of them count in full.
        effect=divergence * pl.when(more).then(worth_more).otherwise(worth_less) * (pl.col("seen") / 5).clip(0, 1),
        hit=pl.when(more).then("hit_traces").otherwise(rarer[0]),
        hit_before=pl.when(more).then("hit_traces_before").otherwise(rarer[1]),
    )
    return both.with_columns(p=_upper(both["hit"], both["traces"], both["hit_before"], both["traces_before"]))


def _ranked(
    before: Visits,
    after: Visits,
    gaps: pl.DataFrame,
    own: pl.DataFrame,
    habits: pl.DataFrame,
    *,
    false_alarm_rate: float,
) -> pl.DataFrame:
    """Fuse the evidence into one list."""
    scores = _scores(after, gaps, own, habits)
    shared = _shared(gaps)
    noise = _noise(before)
    tail = 1 - (-(-(scores["score"] - noise[0]) / noise[1]).exp()).exp()
    by_kind = _by_kind(habits)
    frame = (
        scores.join(_volumes(before, after), on=["source", "target"], how="left")
        .join(_renamed(gaps, "gap"), on=["source", "target"], how="left")
        .join(_renamed(own, "own"), on="target", how="left")
        .join(shared, on="target", how="left")
        .join(by_kind, on="target", how="left")
        .with_columns(p_adjusted=tail)
    )
    kinds = ["gap", "own", "shared", *_KINDS]
    frame = frame.with_columns(
        # A handoff without a test has p = 1.
        *(pl.Series(f"{kind}_p", adjusted(frame[f"{kind}_p"].fill_null(1.0))) for kind in kinds),
        *(pl.col(f"{kind}_effect").fill_null(0.0) for kind in kinds),
    )
    frame = frame.with_columns(alarm=pl.col("p_adjusted") <= false_alarm_rate, why=_reasons(frame))
    frame = frame.sort("score", "source", "target", descending=[True, False, False]).with_row_index("rank", offset=1)
    return frame.select(
        pl.col("rank").cast(pl.Int64),
        *("source", "target", "score", "why", "alarm", "p_adjusted", "visits_before", "visits_after"),
        *("failure_before", "failure_after", "failed_effect", "failed_p"),
        *(f"gap_{part}" for part in ("before_ms", "after_ms", "effect", "p")),
        *(f"own_{part}" for part in ("before_ms", "after_ms", "effect", "p")),
        *("shared_effect", "shared_p"),
        *(f"{kind}_{part}" for kind in _KINDS[1:] for part in ("effect", "p")),
        *("missing_calls", "new_calls", "order_inversions", "vanished_templates", "new_templates"),
    )


def _scores(after: Visits, gaps: pl.DataFrame, own: pl.DataFrame, habits: pl.DataFrame) -> pl.DataFrame:
    """Return the score of each handoff: its own gap, and what points at its callee."""
    gap = {(row["source"], row["target"]): row["effect"] or 0.0 for row in gaps.iter_rows(named=True)}
    weights = {(row["source"], row["target"]): row["weight"] or 0 for row in gaps.iter_rows(named=True)}
    slow = {row["target"]: row["effect"] or 0.0 for row in own.iter_rows(named=True)}
    signs = dict(habits.group_by("target").agg(pl.col("effect").max()).iter_rows())
    calls: dict[str, set[str]] = {}
    for source, target in after.rows.select("source", "target").unique().iter_rows():
        calls.setdefault(source, set()).add(target)
    shared = dict(_shared(gaps).select("target", "shared_effect").iter_rows())
    systems = sorted(set(after.rows["target"]))
    local = {system: slow.get(system, 0.0) + shared.get(system, 0.0) for system in systems}
    arriving = {
        system: _mean(
            [
                (max(0.0, gap[source, target] - shared.get(source, 0.0)), weights[source, target])
                for source, target in gap
                if target == system
            ]
        )
        for system in systems
    }
    blamed = {}
    for system in systems:
        deepest = max(
            (
                max(signs.get(below, 0.0), local.get(below, 0.0) + arriving.get(below, 0.0))
                for below in _below(system, calls)
            ),
            default=0.0,
        )
        sign = signs.get(system, 0.0)
        blamed[system] = local[system] + (sign * _EXPLAINED if deepest > sign * _EXPLAINED else sign)
    pairs = after.rows.select("source", "target").unique().sort("source", "target")
    score = [
        max(0.0, gap.get((source, target), 0.0) - shared.get(source, 0.0)) + blamed[target]
        for source, target in pairs.iter_rows()
    ]
    return pairs.with_columns(score=pl.Series(score, dtype=pl.Float64))


def _shared(gaps: pl.DataFrame) -> pl.DataFrame:
    """Return the slowness that at least half of a caller's handoffs share; one handoff alone shares nothing."""
    return (
        gaps.drop_nulls("effect")
        .group_by(target="source")
        .agg(
            shared_effect=pl.col("effect").quantile(0.5, "lower"),
            shared_p=pl.col("p").quantile(0.5, "higher"),
            callees=pl.len(),
        )
        .filter(pl.col("callees") >= 2)
        .drop("callees")
    )


def _mean(weighted: list[tuple[float, int]]) -> float:
    total = sum(weight for _, weight in weighted)
    return sum(value * weight for value, weight in weighted) / total if total else 0.0


def _below(system: str, calls: dict[str, set[str]]) -> set[str]:
    """Return the systems that a system calls, directly or not."""
    found: set[str] = set()
    open_ends = [system]
    while open_ends:
        further = calls.get(open_ends.pop(), set()) - found
        found |= further
        open_ends += further
    return found - {system}


def _noise(before: Visits) -> tuple[float, float]:
    """Return location and scale (Gumbel) of the largest score between halves of the baseline, where nothing changed."""
    traces = before.rows["trace_key"].unique().sort()
    largest: list[float] = []
    for half in (
        traces < traces.median(),
        traces.hash(1) % 2 == 0,
        traces.hash(2) % 2 == 0,
    ):
        one, other = _part(before, traces.filter(half)), _part(before, traces.filter(~half))
        for old, new in ((one, other), (other, one)):
            if old.rows.is_empty() or new.rows.is_empty():
                continue
            gaps = _slower(old.rows, new.rows, "gap_us", by=("source", "target"))
            own = _slower(old.rows, new.rows, "own_us", by=("target",))
            largest.append(max(_scores(new, gaps, own, _habits(old, new))["score"].to_list()))
    if not largest:
        return _QUIET_NATS, _QUIET_SPREAD
    mean = (float(np.mean(largest)) + _QUIET_NATS) / 2
    scale = max(float(np.std(largest)) * np.sqrt(6) / np.pi, _QUIET_SPREAD)
    return mean - np.euler_gamma * scale, scale


def _part(side: Visits, traces: pl.Series) -> Visits:
    rows = side.rows.filter(pl.col("trace_key").is_in(traces.implode()))
    return Visits(rows, side.events.join(rows.select("visit"), on="visit", how="semi"))


def _by_kind(habits: pl.DataFrame) -> pl.DataFrame:
    """Return the strongest change of each kind for each callee, its p-value, and the changes in words."""
    columns = []
    for kind in _KINDS:
        chosen = pl.col("kind") == kind
        columns += [
            pl.col("effect").filter(chosen).max().alias(f"{kind}_effect"),
            (pl.col("p").filter(chosen & (pl.col("effect") > 0)).min() * chosen.sum())
            .clip(upper_bound=1.0)
            .alias(f"{kind}_p"),
        ]
    lists = {
        "missing_calls": ("call", False),
        "new_calls": ("call", True),
        "order_inversions": ("order", True),
        "vanished_templates": ("template", False),
        "new_templates": ("template", True),
    }
    ordered = habits.filter(pl.col("effect") > 0).sort("effect", "what", descending=[True, False])
    words = ordered.group_by("target", maintain_order=True).agg(
        pl.col("what").filter((pl.col("kind") == kind) & (pl.col("more") == more)).head(3).alias(name)
        for name, (kind, more) in lists.items()
    )
    strongest = ordered.group_by("target", maintain_order=True).agg(
        pl.col("kind", "what", "more", "hits", "seen", "hits_before", "seen_before").first().name.prefix("top_")
    )
    return (
        habits.group_by("target")
        .agg(columns)
        .join(words, on="target", how="left")
        .join(strongest, on="target", how="left")
    )


def _volumes(before: Visits, after: Visits) -> pl.DataFrame:
    """Return visits and share of failed ones by handoff, before and after."""

    def counted(side: Visits, name: str) -> pl.DataFrame:
        failed = side.events.filter(pl.col("kind") == "failed").select("visit", hit=True)
        joined = side.rows.join(failed, on="visit", how="left")
        return joined.group_by("source", "target").agg(
            pl.len().cast(pl.Int64).alias(f"visits_{name}"),
            (pl.col("hit").is_not_null().sum() / pl.len()).alias(f"failure_{name}"),
        )

    return (
        counted(after, "after")
        .join(counted(before, "before"), on=["source", "target"], how="left")
        .with_columns(pl.col("visits_before").fill_null(0))
    )


def _renamed(times: pl.DataFrame, kind: str) -> pl.DataFrame:
    names = {part: f"{kind}_{part}" for part in ("before_ms", "after_ms", "effect", "p")}
    return times.drop("weight").rename(names)


def _reasons(frame: pl.DataFrame) -> pl.Series:
    """Say the strongest evidence of each handoff in words."""
    sentences = []
    for row in frame.iter_rows(named=True):
        parts = []
        if row["gap_effect"] > 0.1:
            parts.append(
                (row["gap_effect"], f"boundary gap {row['gap_before_ms']:,.1f} -> {row['gap_after_ms']:,.1f} ms")
            )
        if row["own_effect"] > 0.1:
            parts.append((row["own_effect"], f"own time {row['own_before_ms']:,.1f} -> {row['own_after_ms']:,.1f} ms"))
        if row["shared_effect"] > 0.1:
            parts.append((row["shared_effect"], f"all calls of {row['target']} wait longer at its side"))
        sign = max(row[f"{kind}_effect"] for kind in _KINDS)
        if sign > 0.1:
            change = "more often" if row["top_more"] else "less often"
            hits, hits_before = (f"{row[f'top_hits{at}']:,} of {row[f'top_seen{at}']:,}" for at in ("", "_before"))
            what = _TOLD[row["top_kind"]].format(row["top_what"])
            parts.append((sign, f"{what} {change}: {hits} visits, {hits_before} before"))
        parts.sort(key=lambda part: -part[0])
        sentences.append("; ".join(text for _, text in parts) or "nothing beyond chance")
    return pl.Series(sentences, dtype=pl.String)
