"""Each claim of the article can be affirmed and denied, and where there is no effect none is affirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError


def company(
    *,
    tickets: int = 600,
    silent_factor: float = 1.0,
    by_systems: dict[int, float] | None = None,
    id_factor: float = 1.0,
    boundary: float = 0.5,
    failing: float = 0.2,
    seed: int = 5,
    **tables: Any,
) -> ha.History:
    """A history whose tickets are about loud and silent failures of one to four systems, with known mean hours."""
    random = np.random.default_rng(seed)
    shape = by_systems or dict.fromkeys(range(1, 5), 1.0)
    rows: dict[str, list[dict[str, Any]]] = {"tickets": [], "ticket_systems": [], "recoveries": []}
    for number in range(tickets):
        silent, has_id, systems = number % 2 == 0, number % 3 == 0, 1 + number % 4
        mean = 4.0 * (silent_factor if silent else 1) * shape[systems]
        hours = float(mean * random.gamma(4, 1 / 4))
        elapsed = float(mean * 3 * (id_factor if has_id else 1) * random.gamma(4, 1 / 4))
        opened = NOON + timedelta(hours=number)
        times = {"opened_at": opened, "resolved_at": opened + timedelta(hours=elapsed)}
        id_of = {"correlation_id": f"ticket-{number}" if has_id else None}
        kind = {"ticket_id": f"T{number}", "kind": "incident", "priority": 2 + number % 2}
        rows["tickets"].append({"ticket_uid": number} | kind | times | id_of)
        rows["ticket_systems"] += [{"ticket_uid": number, "system": f"s{place}"} for place in range(systems)]
        where = {"source": "a", "target": "hidden" if silent else "loud", "channel": "http", "share": 1.0}
        taken = {"touch_hours": hours, "elapsed_hours": elapsed, "open": False, "reassignments": 0}
        rows["recoveries"].append({"ticket_uid": number} | where | times | taken)
    crossings, failures = [], []
    for number in range(800):
        target, broken = ("hidden", "loud")[number % 2], number < failing * 800
        crossings.append(crossing(number, "a", target, failed=broken))
        if broken:
            begun = "boundary" if random.random() < boundary else "inside"
            failures.append(failure(number, "a", target, silent=target == "hidden", origin=begun))
    return history_with(crossings=crossings, failures=failures, **rows, **tables)


def verdicts(history: ha.History) -> dict[str, str]:
    return dict(ha.article_claims(history).select("claim", "verdict").iter_rows())


def answer(history: ha.History, claim: str) -> dict[str, Any]:
    return ha.article_claims(history).filter(pl.col("claim") == claim).to_dicts()[0]


@pytest.fixture(scope="module")
def nothing_in_it() -> pl.DataFrame:
    return ha.article_claims(company())


def test_where_there_is_no_effect_none_is_affirmed(nothing_in_it: pl.DataFrame) -> None:
    found = dict(nothing_in_it.select("claim", "verdict").iter_rows())
    for claim in ("silent_cost", "multi_system_cost", "growth_with_systems", "exponential_growth"):
        assert found[claim] != "yes"
    assert found["correlated_resolution"] != "yes"


def test_no_effect_is_rarely_affirmed_by_chance() -> None:
    claims = ("silent_cost", "multi_system_cost", "growth_with_systems", "correlated_resolution")
    affirmed = [
        found[claim] == "yes"
        for seed in range(8)
        for found in [verdicts(company(tickets=240, seed=seed))]
        for claim in claims
    ]
    # One in twenty of the intervals lies on the wrong side by chance.
    assert sum(affirmed) <= 6


def test_the_frame_keeps_its_promise(nothing_in_it: pl.DataFrame) -> None:
    assert nothing_in_it["claim"].n_unique() == nothing_in_it.height == 8
    known = nothing_in_it.filter(pl.col("value").is_not_null())
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()
    assert nothing_in_it["verdict"].is_in(["yes", "no", "cannot tell"]).all()


def test_dearer_silent_failures_are_found_and_cheaper_ones_are_denied() -> None:
    row = answer(company(silent_factor=2.0), "silent_cost")
    assert row["verdict"] == "yes"
    assert row["low"] < 2 < row["high"]
    assert "hours of work" in row["measure"]
    assert verdicts(company(silent_factor=0.6))["silent_cost"] == "no"


# A ticket about a handoff is about two systems at least.
def test_growth_with_systems_is_found_with_its_factor_and_denied_without_growth() -> None:
    doubling = company(by_systems={1: 2.0, 2: 2.0, 3: 4.0, 4: 8.0}, tickets=1200)
    row = answer(doubling, "growth_with_systems")
    assert row["verdict"] == "yes"
    assert row["low"] < 2 < row["high"]
    found = verdicts(doubling)
    assert found["multi_system_cost"] == "yes"
    assert found["exponential_growth"] == "yes"
    shrinking = verdicts(company(by_systems={n: 1 / n for n in range(1, 5)}))
    assert shrinking["growth_with_systems"] == "no"
    assert shrinking["multi_system_cost"] == "no"
    assert shrinking["exponential_growth"] == "no"


def test_growth_along_a_line_is_not_called_exponential() -> None:
    found = verdicts(company(by_systems={1: 1.0, 2: 1.0, 3: 4.7, 4: 8.4}, tickets=1600))
    assert found["growth_with_systems"] == "yes"
    assert found["exponential_growth"] == "no"


def test_ids_that_help_are_found_and_ids_that_hinder_are_denied() -> None:
    helped = answer(company(id_factor=0.5), "correlated_resolution")
    assert helped["verdict"] == "yes"
    assert helped["low"] < 0.5 < helped["high"]
    assert verdicts(company(id_factor=1.5))["correlated_resolution"] == "no"


def test_a_difference_of_priority_is_not_taken_for_one_of_ids() -> None:
    # Urgent tickets are short and carry ids more often: matched, nothing is left.
    history = company()
    with history._store.writer() as connection:
        connection.execute(
            """
            UPDATE tickets
            SET priority = CASE WHEN ticket_uid % 3 = 0 AND ticket_uid % 7 <> 0 OR ticket_uid % 11 = 0 THEN 1 ELSE 4 END
            """
        ).fetchall()
        connection.execute(
            "UPDATE tickets SET resolved_at = opened_at + (resolved_at - opened_at) * 0.2 WHERE priority = 1"
        ).fetchall()
    assert verdicts(history)["correlated_resolution"] != "yes"


def test_where_failures_begin_is_answered_both_ways() -> None:
    assert verdicts(company(boundary=0.8, failing=0.5))["boundary_share"] == "yes"
    assert verdicts(company(boundary=0.2, failing=0.5))["boundary_share"] == "no"


@pytest.mark.parametrize(("share", "verdict"), [(0.4, "yes"), (0.1, "no"), (0.8, "no"), (0.3, "cannot tell")])
def test_two_in_five_is_held_against_what_happened(share: float, verdict: str) -> None:
    assert verdicts(company(failing=share))["failure_rate_40"] == verdict


def measure(one_off: float) -> dict[str, Any]:
    definition = f'{{"one_off": {one_off}, "yearly": 0, "life_years": 50, "rate_reduction": 0.9}}'
    return {"measure": "m", "title": "M", "category": "training", "definition": definition}


def test_the_first_major_failure_repays_a_cheap_measure_and_no_dear_one() -> None:
    assert verdicts(company(prevention_measures=[measure(1.0)]))["first_failure_roi"] == "yes"
    assert verdicts(company(prevention_measures=[measure(500_000.0)]))["first_failure_roi"] == "no"
    assert verdicts(company())["first_failure_roi"] == "cannot tell"
    assert verdicts(company(prevention_measures=[measure(1e12)]))["first_failure_roi"] == "cannot tell"


def test_a_history_without_tickets_says_that_it_cannot_tell() -> None:
    silent = answer(history_with(crossings=[crossing(1, "a", "b")]), "silent_cost")
    assert silent["verdict"] == "cannot tell"
    assert silent["value"] is None
    assert silent["answer"].startswith("Cannot tell: ")
    assert verdicts(history_with(crossings=[crossing(1, "a", "b")]))["boundary_share"] == "cannot tell"
    assert verdicts(history_with())["failure_rate_40"] == "cannot tell"


def test_two_numbers_of_systems_fit_any_curve_and_without_bookings_elapsed_hours_are_compared() -> None:
    history = company()
    with history._store.writer() as connection:
        connection.execute("DELETE FROM ticket_systems WHERE system IN ('s2', 's3')").fetchall()
        connection.execute("UPDATE recoveries SET source = NULL, target = NULL, channel = NULL").fetchall()
    row = answer(history, "exponential_growth")
    assert "any curve" in row["answer"]
    assert "hours until resolution" in answer(history, "silent_cost")["measure"]


def test_the_same_answers_come_out_twice_and_a_wrong_confidence_is_refused(nothing_in_it: pl.DataFrame) -> None:
    assert ha.article_claims(company()).equals(nothing_in_it)
    with pytest.raises(ArgumentError, match="probability"):
        ha.article_claims(company(tickets=4), confidence=2)
