"""Detectors that compare two systems, and that watch a share, agree with a count by hand and with a simulation."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
from handmade import START, history_of, span

from handoff_analytics.model.silent import _drops

DAY = 86_400_000_000


def order(
    number: int, *, at: int, amount: float = 10.0, reaches: bool = True, trace: str = "t"
) -> list[dict[str, Any]]:
    """The shop calls the ERP, which calls the ledger for some orders; each answers."""
    name = f"{trace}{number}"
    facts = {"channel": "http", "correlation_id": f"ord-{name}", "amount": amount}
    rows = [
        span("root", name, None, "shop", "server", at, 900, **facts),
        span("c", name, "root", "shop", "client", at + 10, 500, peer="erp", **facts),
        span("s", name, "c", "erp", "server", at + 20, 400, **facts),
    ]
    if reaches:
        rows += [
            span("d", name, "s", "erp", "client", at + 30, 200, peer="ledger", **facts),
            span("e", name, "d", "ledger", "server", at + 40, 100, **facts),
        ]
    return rows


def rule(**definition: Any) -> dict[str, Any]:
    return {"rule": "books agree", "kind": "reconcile", "definition": json.dumps(definition), "load_id": 1}


def findings(spans: list[dict[str, Any]], **tables: Any) -> list[dict[str, Any]]:
    found = history_of(spans=spans, **tables).sql(
        "SELECT * FROM silent_findings WHERE detector IN ('reconciliation', 'volume_ratio') ORDER BY occurred_at"
    )
    return found.to_dicts()


def test_two_systems_that_hold_other_numbers_are_told_with_both_numbers() -> None:
    spans = [row for n in range(5) for row in order(n, at=n * 1_000_000, amount=10.0 + n, reaches=n not in {1, 2})]
    (row,) = findings(spans, outcome_rules=[rule(left="erp", right="ledger")])
    assert (row["source"], row["target"], row["transactions"], row["amount"]) == ("erp", "ledger", 2, 11.0 + 12.0)
    assert row["evidence"] == "counts differ: 5 in erp, 3 in ledger"


def test_sums_are_compared_within_their_tolerance() -> None:
    spans = [row for n in range(4) for row in order(n, at=n * 1_000_000, amount=100.0, reaches=n != 3)]
    (row,) = findings(spans, outcome_rules=[rule(left="erp", right="ledger", what="sum")])
    assert row["evidence"] == "sums differ: 400.00 in erp, 300.00 in ledger"
    assert row["amount"] == 100.0
    assert not findings(spans, outcome_rules=[rule(left="erp", right="ledger", what="sum", tolerance=0.25)])


def test_each_window_is_reconciled_for_itself() -> None:
    spans = [row for n in range(3) for row in order(n, at=n * DAY, reaches=n != 1)]
    (row,) = findings(spans, outcome_rules=[rule(left="erp", right="ledger", window="day")])
    assert str(row["occurred_at"]) == "2026-01-02 00:00:00"


def test_systems_that_agree_are_left_alone() -> None:
    assert not findings(order(1, at=0), outcome_rules=[rule(left="erp", right="ledger")])


def traffic(seed: int, *, drop: float, days: int = 40) -> list[dict[str, Any]]:
    """Days of drifting traffic of which six in ten reach the ledger; from day 25 on a share of those is lost."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for day in range(days):
        for number in range(draw.randint(20, 30) + day):
            usual = draw.random() < 0.6
            lost = day >= 25 and draw.random() < drop
            rows += order(1000 * day + number, at=day * DAY + number * 60_000_000, reaches=usual and not lost)
    return rows


def test_a_lost_share_is_found_however_the_traffic_grows() -> None:
    found = [row for seed in range(3) for row in findings(traffic(seed, drop=0.5))]
    assert found
    assert {(row["source"], row["target"], row["detector"]) for row in found} == {("erp", "ledger", "volume_ratio")}
    first = min(found, key=lambda row: row["detectable_at"])
    assert 15 <= (first["occurred_at"] - first["occurred_at"].replace(month=1, day=1)).days <= 26
    assert 25 <= (first["detectable_at"] - first["occurred_at"].replace(month=1, day=1)).days <= 30
    assert all(row["transactions"] > 20 for row in found)


def test_traffic_that_only_grows_is_no_finding() -> None:
    assert not [row for seed in range(6) for row in findings(traffic(seed, drop=0.0))]


def test_a_drop_is_found_soon_and_quiet_months_hardly_ever_raise_one() -> None:
    random = np.random.default_rng(7)
    days, share = 180, 0.7
    delays, false_alarms = [], 0
    for _ in range(150):
        entered = random.poisson(60, days).astype(float) + 1
        quiet = random.binomial(entered.astype(int), share).astype(float)
        false_alarms += len(_drops(entered, quiet))
        dropped = quiet.copy()
        dropped[120:] = random.binomial(entered[120:].astype(int), share * 0.8)
        found = [row for row in _drops(entered, dropped) if row[1] >= 120]
        delays.append(found[0][1] - 120 if found else 60)
    assert false_alarms <= 5  # of 150 half years
    assert np.median(delays) <= 10  # days, for a fifth of the transactions
    assert np.mean(np.array(delays) < 60) >= 0.95


def test_missing_continuations_wait_for_the_end_of_the_data() -> None:
    # The ledger is called half an hour later: what began ten minutes before the end of the data may still come.
    rows = [row for n in range(300) for row in order(n, at=n * 60_000_000)]
    rows = [row | {"start_us": row["start_us"] + 1_800_000_000 * (row["span_id"] in {"d", "e"})} for row in rows]
    lost = order(400, at=50 * 60_000_000, reaches=False)
    end = max(row["start_us"] for row in rows) - START
    open_yet = order(500, at=end - 600_000_000, reaches=False)
    found = history_of(spans=[*rows, *lost, *open_yet]).sql(
        "SELECT correlation_id, source, target, detector FROM silent_findings"
    )
    assert found.rows() == [("ord-t400", "erp", "ledger", "missing_continuation")]


def test_a_system_that_is_entered_in_another_way_is_judged_by_that_way() -> None:
    # The ERP calls the ledger for orders, never for queries.
    rows = [row | {"name": "POST /orders"} for n in range(200) for row in order(n, at=n * 60_000_000)]
    rows += [
        row | {"name": "GET /orders"} for n in range(200, 240) for row in order(n, at=n * 60_000_000, reaches=False)
    ]
    rows += [row | {"name": "POST /orders"} for row in order(300, at=5, reaches=False)]
    found = history_of(spans=rows).sql("SELECT correlation_id FROM silent_findings")
    assert found["correlation_id"].to_list() == ["ord-t300"]
