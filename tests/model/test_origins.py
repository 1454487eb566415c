"""Origins are counted where they are: against naive counts, with lost spans, with sampled traces."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from handmade import history_of, span
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from test_attribution import traces

if TYPE_CHECKING:
    import polars as pl

ORIGINS = """
    SELECT c.source, c.target, coalesce(c.source_trace_key, c.trace_key) AS trace_key,
        coalesce(c.source_span_key, c.target_span_key) AS span_key
    FROM failures AS f JOIN crossings AS c USING (crossing_id)
    WHERE f.origin <> 'propagated'
    ORDER BY ALL
"""


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traces(), st.integers(0, 1000))
def test_spans_that_say_ok_can_be_lost_and_no_origin_goes_with_them(rows: list[dict[str, Any]], seed: int) -> None:
    rng = random.Random(seed)
    parents = {(row["trace_id"], row["parent_span_id"]) for row in rows}
    # Spans that say that all is well, and above which nothing else hangs.
    idle = [
        row
        for row in rows
        if row["status"] == "unset"
        and not (row.get("http_status") or 0) >= 400
        and (row["trace_id"], row["span_id"]) not in parents
    ]
    lost = {row["span_uid"] for row in idle if rng.random() < 0.7}
    before = history_of(spans=rows).sql(ORIGINS).select("trace_key", "span_key")
    after = history_of(spans=[row for row in rows if row["span_uid"] not in lost]).sql(ORIGINS)
    assert before.equals(after.select("trace_key", "span_key"))


def company(seed: int, *, count: int) -> tuple[list[dict[str, Any]], dict[tuple[str, str], int]]:
    """Twelve systems in a tree: calls fail at their boundary or inside, are retried, and take their callers with them.

    Returns the spans, and how many failures began at each handoff.
    """
    rng = random.Random(seed)
    children: dict[int, list[int]] = {n: [] for n in range(12)}
    for system in range(1, 12):
        children[rng.randint(max(0, system - 2), system - 1)].append(system)
    at_boundary = {n: rng.lognormvariate(-5.0, 1.0) for n in range(12)}
    inside = {n: rng.lognormvariate(-5.5, 1.0) for n in range(12)}
    goes_up = {n: rng.uniform(0.8, 1.0) for n in range(12)}
    spans: list[dict[str, Any]] = []
    begun: dict[tuple[str, str], int] = {}

    def began(source: str, target: int) -> None:
        begun[source, f"n{target}"] = begun.get((source, f"n{target}"), 0) + 1

    def visit(trace: str, system: int, source: str, parent: str | None, at: int) -> tuple[bool, int]:
        place, name = len(spans), f"s{len(spans)}"
        spans.append(span(name, trace, parent, f"n{system}", "server", at, 0, channel="http"))
        now, failed = at + 10, False
        for child in children[system]:
            for attempt in range(2):
                client, start = f"c{len(spans)}", now
                here = len(spans)
                spans.append(
                    span(
                        client,
                        trace,
                        name,
                        f"n{system}",
                        "client",
                        start,
                        0,
                        channel="http",
                        peer=f"n{child}",
                        name=f"call n{child}",
                    )
                )
                if rng.random() < at_boundary[child]:
                    began(f"n{system}", child)
                    bad, end = True, start + 20
                    if rng.random() < 0.5:  # refused, else it never arrived
                        spans.append(
                            span(f"s{len(spans)}", trace, client, f"n{child}", "server", start + 5, 5, channel="http")
                        )
                        spans[here]["http_status"] = 403
                else:
                    bad, end = visit(trace, child, f"n{system}", client, start + 5)
                now = end + 10
                spans[here] |= {"duration_us": end + 5 - start, "status": "error" if bad else "unset"}
                if not bad or attempt or rng.random() < 0.5:
                    break
            failed = failed or (bad and rng.random() < goes_up[child])
        if rng.random() < inside[system] and not failed:
            failed = True
            began(source, system)
        spans[place] |= {"duration_us": now - at, "status": "error" if failed else "unset"}
        return failed, now

    for number in range(count):
        visit(f"t{number}", 0, "external", None, 100_000 * number)
    return spans, begun


def counted(spans: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the origins, and the naive count of crossings that either side calls failed, by handoff."""
    history = history_of(spans=spans)
    origins = history.sql(
        "SELECT source, target, count(*) AS n FROM failures WHERE origin <> 'propagated' GROUP BY ALL"
    )
    naive = history.sql("SELECT source, target, count(*) AS n FROM crossings WHERE failed GROUP BY ALL")
    return origins, naive


def against(found: pl.DataFrame, truth: dict[tuple[str, str], int]) -> tuple[float, float]:
    """Return Spearman's correlation over all handoffs, and the ratio of the totals."""
    counts = {(source, target): n for source, target, n in found.iter_rows()}
    edges = sorted({*truth, *counts})
    true, seen = ([side.get(edge, 0) for edge in edges] for side in (truth, counts))
    return float(spearmanr(true, seen).statistic), sum(seen) / sum(true)


def test_origins_rank_handoffs_where_the_naive_count_does_not() -> None:
    ours, theirs, ratios, excess = [], [], [], []
    for seed in range(3):
        spans, truth = company(seed, count=800)
        origins, naive = counted(spans)
        rank, ratio = against(origins, truth)
        plain, more = against(naive, truth)
        ours.append(rank), theirs.append(plain), ratios.append(ratio), excess.append(more)
    assert np.mean(ours) >= 0.95
    assert np.mean(theirs) <= 0.7
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.03)
    assert np.mean(excess) >= 1.5


def test_lost_spans_cost_little() -> None:
    spans, truth = company(11, count=1_200)
    rng = random.Random(1)
    kept = [row for row in spans if row["parent_span_id"] is None or rng.random() > 0.05]
    rank, ratio = against(counted(kept)[0], truth)
    assert rank >= 0.9
    assert 0.85 <= ratio <= 1.15


def test_traces_that_were_kept_for_their_errors_do_not_look_worse() -> None:
    # All failing traces and one in twenty of the others are kept: each of those stands for twenty.
    spans, _ = company(5, count=1_500)
    failing = {row["trace_id"] for row in spans if row["status"] == "error"}
    rng = random.Random(2)
    chosen = {row["trace_id"] for row in spans if row["parent_span_id"] is None and rng.random() < 0.05}
    sampled = [
        row | {"weight": 1.0 if row["trace_id"] in failing else 20.0}
        for row in spans
        if row["trace_id"] in failing or row["trace_id"] in chosen
    ]

    def rate(rows: list[dict[str, Any]]) -> tuple[float, float]:
        """Return failures in a hundred calls, weighted as they are and each as one."""
        return (
            history_of(spans=rows)
            .sql("""
            SELECT
                (SELECT sum(origin_weight * weight) FROM failures WHERE origin <> 'propagated' AND fate <> 'masked')
                    / sum(weight) FILTER (is_last_attempt),
                (SELECT sum(origin_weight) FROM failures WHERE origin <> 'propagated' AND fate <> 'masked')
                    / count(*) FILTER (is_last_attempt)
            FROM crossings
        """)
            .row(0)
        )  # type: ignore[return-value] # two numbers

    true = rate(spans)[0]
    weighted, naive = rate(sampled)
    assert weighted == pytest.approx(true, rel=0.12)
    assert naive > 2 * true
