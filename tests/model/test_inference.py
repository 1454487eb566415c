"""Logs that share an id but name no parents still show who called whom, and say how surely."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from handmade import START, history_of, span

from handoff_analytics.identity import key


def line(trace: str, system: str, at: float, number: int, **more: Any) -> dict[str, Any]:
    return {
        "log_uid": key(trace, system, str(number)),
        "trace_id": trace,
        "trace_key": key(trace),
        "system": system,
        "log_us": START + round(at),
        "severity": 9,
        "body": "line",
        "load_id": 1,
    } | more


def simulated(
    seed: int, *, parallel: bool, exits: bool, ids: int = 300, clock: float = 0
) -> tuple[list[dict[str, Any]], set[tuple[str, str]]]:
    """A tree of twelve systems, called in half of the ids or always; three lines in a hundred are lost."""
    rng = random.Random(seed)
    children: dict[int, list[int]] = defaultdict(list)
    for system in range(1, 12):
        children[rng.randint(max(0, system - 4), system - 1)].append(system)
    delay = {system: rng.uniform(20, 80) for system in range(12)}
    often = {system: rng.choice([1.0, 1.0, 0.9, 0.6]) for system in range(12)}
    offset = {system: rng.gauss(0, clock) for system in range(12)}
    rows: list[dict[str, Any]] = []

    def visit(trace: str, system: int, at: float) -> float:
        said = [at]
        end = at
        for child in children[system]:
            if rng.random() < often[child]:
                done = visit(trace, child, (at if parallel else end) + delay[child] * rng.lognormvariate(0, 0.6))
                end = max(end, done)
        end += rng.expovariate(0.1)
        if exits:
            said.append(end)
        rows.extend(
            line(trace, f"s{system}", 1000 * (moment + offset[system]), len(rows))
            for moment in said
            if rng.random() > 0.03
        )
        return end

    for number in range(ids):
        visit(f"t{number}", 0, number * 10_000.0)
    return rows, {(f"s{a}", f"s{b}") for a, below in children.items() for b in below}


def scores(found: set[tuple[str, str]], true: set[tuple[str, str]]) -> tuple[float, float]:
    return len(found & true) / max(len(found), 1), len(found & true) / len(true)


@pytest.mark.parametrize("parallel", [False, True])
def test_callers_that_log_before_and_after_are_found(parallel: bool) -> None:
    totals = []
    for seed in range(3):
        rows, true = simulated(seed, parallel=parallel, exits=True)
        edges = history_of(log_records=rows).sql("SELECT source, target, return_share FROM log_edges")
        assert (edges["return_share"] > 0.3).all()
        totals.append(scores(set(edges.select("source", "target").rows()), true))
    assert sum(precision for precision, _ in totals) / 3 >= 0.9
    assert sum(recall for _, recall in totals) / 3 >= 0.9


@pytest.mark.parametrize("clock", [0, 100])
def test_entry_lines_alone_give_weak_edges_whatever_the_clocks(clock: float) -> None:
    totals = []
    for seed in range(3):
        rows, true = simulated(seed, parallel=False, exits=False, clock=clock)
        edges = history_of(log_records=rows).sql("SELECT source, target, rung, tier FROM log_edges")
        assert set(edges["tier"]) <= {"low"}
        assert set(edges["rung"]) <= {"log_order"}
        totals.append(scores(set(edges.select("source", "target").rows()), true))
    assert sum(precision for precision, _ in totals) / 3 >= 0.55


def test_a_line_that_names_its_peer_is_the_best_evidence() -> None:
    rows = []
    for number in range(6):
        trace = f"t{number}"
        rows += [
            line(trace, "shop", 10, 1, body="POST http://payment:8080/charge"),
            line(trace, "payment", 20, 2),
            line(trace, "shop", 30, 3),
        ]
    history = history_of(log_records=rows)
    assert history.sql("SELECT source, target, channel, rung, tier FROM log_edges").rows() == [
        ("shop", "payment", "http", "log_field", "high")
    ]


def test_errors_in_a_bracket_are_failures_of_the_handoff_where_they_began() -> None:
    rows = []
    for number in range(8):
        trace = f"t{number}"
        wrong = {"severity": 17, "body": "ORA-00060: deadlock detected"} if number == 0 else {}
        rows += [
            line(trace, "shop", 10, 1),
            line(trace, "erp", 20, 2),
            line(trace, "stock", 30, 3, **wrong),
            line(trace, "erp", 40, 4, **({"severity": 17, "body": "stock failed"} if number == 0 else {})),
            line(trace, "shop", 50, 5),
        ]
    history = history_of(log_records=rows)
    assert history.sql("SELECT count(*) FROM crossings").item() == 16
    found = history.sql("SELECT source, target, origin, mode FROM failures ORDER BY depth").rows()
    assert found == [("erp", "stock", "inside", "deadlock"), ("shop", "erp", "propagated", "upstream_propagation")]
    crossing = history.sql("SELECT duration_us, callee_us, transit_us FROM crossings WHERE target = 'erp' LIMIT 1")
    assert crossing.rows() == [(40, 20, 10)]


def test_where_spans_tell_the_id_logs_add_no_attempts() -> None:
    from handmade import span

    rows = [row for number in range(6) for row in (
        line(f"t{number}", "shop", 10, 1), line(f"t{number}", "erp", 20, 2), line(f"t{number}", "shop", 30, 3)
    )]  # fmt: skip
    spans = [span("r", "t0", None, "shop", "server", 0, 50)]
    history = history_of(log_records=rows, spans=spans)
    assert history.sql("SELECT count(*) FROM crossings WHERE evidence LIKE 'log_%'").item() == 5


def test_precision_and_recall_are_measured_where_ids_have_spans_too() -> None:
    rows, true = simulated(1, parallel=False, exits=True)
    spans = []
    for number in range(40):  # only every so many ids have spans
        trace = f"t{number}"
        seen = sorted({str(row["system"]) for row in rows if row["trace_id"] == trace})
        parents = {target: source for source, target in true}
        for system in seen:
            above = parents.get(system)
            spans.append(
                span(
                    system,
                    trace,
                    above if above in seen else None,
                    system,
                    "server",
                    number * 10_000_000,
                    10,
                    channel="http",
                )
            )
    history = history_of(log_records=rows, spans=spans)
    found = {row["rung"]: row for row in history.sql("SELECT * FROM log_accuracy").to_dicts()}
    edges = set(history.sql("SELECT source, target FROM log_edges").rows())
    precision, recall = scores(edges, true)
    assert found["all"]["edge_precision"] == pytest.approx(precision, abs=0.05)
    assert found["all"]["edge_recall"] == pytest.approx(recall, abs=0.05)
    assert found["all"]["edges"] == sum(row["edges"] for rung, row in found.items() if rung != "all") == len(edges)
    assert set(history.sql("SELECT confirmed FROM log_edges")["confirmed"]) <= {True, False, None}


def test_without_spans_nothing_is_claimed_of_accuracy() -> None:
    rows, _ = simulated(2, parallel=False, exits=True, ids=60)
    history = history_of(log_records=rows)
    row = history.sql("SELECT * FROM log_accuracy WHERE rung = 'all'").row(0, named=True)
    assert (row["checked"], row["edge_precision"], row["edge_recall"]) == (0, None, None)


def test_systems_that_log_once_bracket_nothing() -> None:
    # Errors are logged on the way out, the innermost first: that order shows no call from the inner to the outer.
    rows, _ = simulated(3, parallel=False, exits=True, ids=150)
    for number in range(30):
        rows += [line(f"e{number}", system, 1e12 + 1e7 * number + 1000 * place, len(rows) + place, severity=17)
                 for place, system in enumerate(("ledger", "hub", "shop"))]  # fmt: skip
    edges = set(history_of(log_records=rows).sql("SELECT source, target FROM log_edges").rows())
    assert not {edge for edge in edges if {"ledger", "hub", "shop"} & set(edge)}
