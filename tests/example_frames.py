"""Small frames with the columns of each measure, for charts: names are given, so that hostile ones can be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import networkx as nx
import polars as pl
from histories import NOON

from handoff_analytics import charts
from handoff_analytics.degradation import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES = ("crm", "erp", "payment", "shipping", "partner-api")
PAIRS = ((0, 1), (1, 2), (2, 3), (1, 4), (0, 4))
AREAS = ("discovery_mapping", "boundary_validation", "error_propagation", "state_consistency", "recovery")
HOSTILE = (
    "</script><script>alert(1)</script>",
    "=cmd()|' /C calc'!A0",
    "[x](javascript:alert(1))",
    "a\u202eb\0\n\t" + "w" * 300,
    "",
)


def frames(names: Sequence[str] = NAMES) -> dict[str, tuple[Callable[..., Any], pl.DataFrame | nx.DiGraph]]:
    """Return chart name to the chart's function and a frame for it."""
    ends = [(names[a], names[b]) for a, b in PAIRS]
    keys = [{"source": a, "target": b, "channel": "http"} for a, b in ends]
    numbered = list(enumerate(keys, start=1))
    network = nx.DiGraph()
    for n, key in numbered:
        network.add_edge(key["source"], key["target"], crossings=1000.0 * n, failures=10.0 * n, failure_share=0.01 * n)
    ranking = pl.DataFrame(
        [
            key
            | {
                "rank": n,
                "expected_annual_loss": 90_000 / n,
                "loss_low": 50_000 / n,
                "loss_high": 150_000 / n,
                "rank_low": float(max(1, n - 1)),
                "rank_high": float(n + 1),
                "tier": 1 + n // 3,
                "currency": "EUR",
                "handoff_type": "authentication",
                "why_frequency": 1.0 - n / 3,
                "why_cost": 0.3,
                "why_reach": -0.2,
            }
            for n, key in numbered
        ]
    )
    reach = pl.DataFrame(
        [
            key
            | {
                "reach_structural": 4,
                "reach_expected": 2.0 / n,
                "reach_low": 1.0 / n,
                "reach_high": 3.0 / n,
                "incidents": 10.0 * n,
                "in_cycle": n == 2,
                "single_point_of_failure": n == 1,
            }
            for n, key in numbered
        ]
    )
    cascades = pl.DataFrame(
        [
            {
                "root_source": names[3],
                "root_target": names[4],
                "source": key["source"],
                "target": key["target"],
                "failures": n,
                "depth": n,
                "delay_us": n * 400_000,
            }
            for n, key in numbered
        ]
    )
    types = pl.DataFrame(
        [
            key | {"handoff_type": kind, "failures": 10.0 / n}
            for n, key in numbered
            for kind in ("authentication", "data_validation", "unclassified")
        ]
    )
    parts = ("debugging", "manual_intervention", "data_cleanup", "customer_support", "opportunity")
    parts += ("customer_impact", "regulatory", "productivity")
    costs = pl.DataFrame(
        [
            key
            | dict.fromkeys(parts, 1000.0 / n)
            | {
                "cost": 8000.0 / n,
                "cost_low": 6000.0 / n,
                "cost_high": 11_000.0 / n,
                "assumed_share": 0.4,
                "currency": "EUR",
            }
            for n, key in [*numbered, (6, {"source": None, "target": None, "channel": None})]
        ]
    )
    seen = pl.DataFrame(
        [
            key
            | {
                "failures": 10 * n,
                "silent_failures": 5 * (n % 3),
                "detectors": ["outcome"],
                "reported": n % 3,
                "hours_to_detect": None if n == 2 else 30.0 * n,
            }
            for n, key in numbered
        ]
    )
    looked = pl.DataFrame(
        [
            {
                "looked_at": names[n % 5] if n < 5 else None,
                "failed_source": key["source"],
                "failed_target": key["target"],
                "tickets": n,
                "hours": 10.0 * n,
                "hours_misdirected": 6.0 * n if n % 2 else 0.0,
            }
            for n, key in numbered
        ]
    )
    loads = pl.DataFrame(
        {
            "file_name": [f"/exports/{name}" for name in names],
            "seen": [100, 200, 300, 400, 500],
            "loaded": [90, 190, 300, 400, 450],
            "duplicate": [0, 0, 0, 0, 50],
            "skipped": [5, 10, 0, 0, 0],
            "rejected": [5, 0, 0, 0, 0],
        }
    )
    states = ("pass", "fail", "not_run", "not_applicable", "pass")
    coverage = pl.DataFrame(
        [
            key
            | {
                "area": area,
                "state": state,
                "passed": 3,
                "failed": int(state == "fail"),
                "not_run": int(state == "not_run"),
            }
            | {"applicable": 0 if state == "not_applicable" else 4}
            for _, key in numbered
            for area, state in zip(AREAS, states, strict=True)
        ]
    )
    walk = ("passed", "passed", "failed", *["waiting"] * 6, "open")
    stages = pl.DataFrame(
        [
            {
                "stage_number": n,
                "title": names[n % 5],
                "state": state,
                "passed": n,
                "failed": 1,
                "not_run": 2,
                "blocked_by": names[0],
            }
            for n, state in enumerate(walk, start=1)
        ]
    )
    signs = ("failed", "gap", "own", "shared", "call", "order", "operation", "template")
    changed = pl.DataFrame(
        [
            {
                "rank": n,
                "source": key["source"],
                "target": key["target"],
                "score": 1 / n,
                "why": names[n % 5],
                "alarm": n == 1,
            }
            | {f"{sign}_effect": 0.1 / n for sign in signs}
            for n, key in numbered
        ]
    )
    aspects = ("visible", "propagated", "undone", "recovered")
    platforms = pl.DataFrame(
        [
            {
                "platform": f"p{n}",
                "title": names[n],
                "handoffs": 5,
                "failures": 9.0,
                "reference": "p0",
                "rate_ratio": 1.0 + n,
                "ratio_low": 0.8 + n,
                "ratio_high": 1.5 + n,
                "comparable": n != 3,
                "why_not": names[0] if n == 3 else None,
                "caveat": "Association, not effect.",
            }
            | {
                f"{aspect}_{part}": value
                for aspect in aspects
                for part, value in (("share", 0.5), ("low", 0.3), ("high", 0.7))
            }
            | {f"{claim}_claim": names[1] for claim in ("visibility", "propagation", "rollback", "recovery")}
            for n in range(4)
        ]
    )
    front = pl.DataFrame(
        [
            {
                "budget": 10_000.0 * n,
                "cost": 9_000.0 * n,
                "saving": 20_000.0 * (1 - 0.5**n),
                "measures": list(names[:n]),
            }
            for n in range(5)
        ]
    )
    exceeded = pl.DataFrame(
        [
            {"probability": p, "loss": 9_000 / p, "loss_low": 6_000 / p, "loss_high": 15_000 / p, "name": quantile}
            | {"expected_annual_loss": 30_000.0, "years_simulated": 100_000}
            for p, quantile in ((0.9, None), (0.5, "P50"), (0.2, None), (0.1, "P90"), (0.05, "P95"), (0.01, "P99"))
        ]
    )
    flow = pl.DataFrame(
        [
            {
                "month": month,
                **{
                    f"recovery{end}": 900.0 * month * factor
                    for end, factor in (("_low", 0.4), ("", 1.0), ("_high", 2.1))
                },
                **{
                    f"prevention{end}": 4000.0 + 300.0 * month * factor
                    for end, factor in (("_low", 0.5), ("", 1.0), ("_high", 1.8))
                },
                "repaid_share": min(0.95, month / 20),
                "break_even": {4: "earliest", 10: "median", 18: "latest"}.get(month),
                "currency": "EUR",
            }
            for month in range(25)
        ]
    )
    inputs = pl.DataFrame(
        [
            {
                "measure": names[1],
                "input": names[n],
                "unit": unit,
                "input_low": low,
                "input_high": high,
                "npv": 20_000.0,
                "npv_at_low": 20_000.0 - swing * sign,
                "npv_at_high": 20_000.0 + swing * sign,
                "swing": 2.0 * swing,
                "changes_decision": swing > 20_000,
                "currency": "EUR",
            }
            for n, (unit, low, high, swing, sign) in enumerate(
                (("a year", 4.0, 19.0, 32_000.0, 1), ("EUR", 800.0, 4_100.0, 27_000.0, 1),
                 ("share", 0.3, 0.8, 12_000.0, 1), ("EUR/year", 900.0, 2_200.0, 3_000.0, -1))
            )
        ]
    )  # fmt: skip
    attempts = pl.DataFrame(
        [
            key
            | {
                "attempt": 1 + n % 2,
                "started_at": NOON + timedelta(seconds=n),
                "duration_us": 400_000 * n,
                "failed": n > 2,
                "silent": n == 4,
                "fate": "masked" if n == 3 else None,
                "error_text": names[n % 5] if n > 2 else None,
            }
            for n, key in numbered
        ]
    )
    events = attempts.select(
        "source",
        "target",
        "attempt",
        at=pl.col("started_at"),
        until_at=pl.col("started_at") + pl.duration(microseconds="duration_us"),
        event=pl.Series(["attempt", "retry", "recovery", "ticket", "log"]),
        status=pl.Series(["failed", "done", "done", "closed", "info"]),
        text=pl.Series([names[n % 5] for n in range(5)]),
        reference=pl.Series([str(n) for n in range(5)]),
    )
    green = pl.DataFrame(
        [
            key
            | {
                "failing_minutes": 40 // n,
                "green_minutes": 30 // n,
                "red_minutes": 8 // n,
                "unknown_minutes": 2 // n,
                "silent_minutes": 5 // n,
                "green_share": 0.8,
                "green_low": 0.6,
                "green_high": 0.9,
            }
            for n, key in numbered
        ]
    )
    return {
        "timeline": (charts.timeline, events),
        "frontier": (lambda frame, **more: charts.frontier(frame, budget=25_000, **more), front),
        "loss_exceedance": (charts.loss_exceedance, exceeded),
        "cash_flow": (charts.cash_flow, flow),
        "tornado": (charts.tornado, inputs),
        "transaction": (charts.transaction, attempts),
        "ranking": (charts.ranking, ranking),
        "pareto": (charts.pareto, ranking),
        "why": (charts.why, ranking),
        "graph": (lambda network, **more: charts.graph(network, reach=reach, **more), network),
        "matrix": (charts.matrix, network),
        "reach": (charts.reach, reach),
        "cascade": (charts.cascade, cascades),
        "cascade_tree": (charts.cascade_tree, cascades),
        "failure_types": (charts.failure_types, types),
        "cost": (charts.cost, costs),
        "silent_failures": (charts.silent_failures, seen),
        "time_to_detect": (charts.time_to_detect, seen),
        "attention": (charts.attention, looked),
        "quality": (charts.quality, loads),
        "audit_coverage": (charts.audit_coverage, coverage),
        "audit_stages": (charts.audit_stages, stages),
        "changes": (charts.changes, changed),
        "platforms": (charts.platforms, platforms),
        "degradation": (charts.degradation, _watched(ends)),
        "green_but_failing": (charts.green_but_failing, green),
    }


def _watched(ends: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Half a year of which the first two handoffs become worse; the first breaks in the end."""
    since = NOON.replace(hour=0)
    rows = [
        {
            "source": source,
            "target": target,
            "channel": "http",
            "metric": "transformation_success",
            "bucket_at": since + timedelta(days=day),
            "trials": 20.0,
            "events": float((day * 7 + n) % 11 == 0) + (day > 80) * (n < 2) * 4.0 + (day > 100) * (n == 0) * 12.0,
            "seconds": None,
            "threshold": None,
        }
        for n, (source, target) in enumerate(ends)
        for day in range(110)
    ]
    return watched(
        pl.DataFrame(rows, schema_overrides={"seconds": pl.Float64, "threshold": pl.Float64}).with_columns(
            pl.col("bucket_at").cast(pl.Datetime("us"))
        )
    )
