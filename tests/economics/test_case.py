"""Loss and prevention asked of a history: the figures agree with the ranking and with what was planted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.economics.exposure import exposure
from handoff_analytics.economics.measures import Measure, Target, measures_of
from handoff_analytics.errors import ArgumentError, EmptyHistoryError
from handoff_analytics.statistics.ranges import Range

if TYPE_CHECKING:
    from pathlib import Path


def company(*, outages: int = 0, days: int = 90, **tables: Any) -> ha.History:
    """Five handoffs that fail on their own, and hours in which all five fail at once."""
    random = np.random.default_rng(3)
    crossings, failures, number = [], [], 0
    struck = set(random.choice(days * 24, outages, replace=False).tolist())
    for hour in range(days * 24):
        at = NOON + timedelta(hours=hour)
        for place in range(5):
            number += 1
            failed = hour in struck or bool(random.random() < 0.01)
            crossings.append(crossing(number, "hub", f"t{place}", started_at=at, failed=failed))
            if failed:
                kind = {"handoff_type": "authentication", "mode": "expired_credentials"} if place == 0 else {}
                failures.append(failure(number, "hub", f"t{place}", failed_at=at, silent=place == 1, **kind))
    return history_with(crossings=crossings, failures=failures, **tables)


@pytest.fixture(scope="module")
def history() -> ha.History:
    return company()


def measure(name: str = "m", **more: Any) -> Measure:
    return Measure(
        **{"name": name, "title": name, "category": "error_handling", "rate_reduction": Range.of(0.5)} | more
    )


def test_the_expected_loss_is_that_of_the_ranking(history: ha.History) -> None:
    ranked = ha.rank(history)
    whole, *each = ha.annual_loss(history).to_dicts()
    assert whole["source"] is None
    assert whole["expected_annual_loss"] == pytest.approx(ranked["expected_annual_loss"].sum(), rel=0.03)
    assert [row["target"] for row in each] == ranked["target"].to_list()
    for row, loss in zip(each, ranked["expected_annual_loss"], strict=True):
        assert row["expected_annual_loss"] == pytest.approx(loss, abs=5 * row["expected_error"] + 0.02 * loss)
        assert row["p50"] <= row["p90"] <= row["p95"] <= row["p99"]
        assert row["tail_mean"] >= row["p95"]


def test_the_exceedance_curve_falls_and_carries_its_band_and_its_assumptions(history: ha.History) -> None:
    curve = ha.loss_exceedance(history)
    assert curve["probability"].is_sorted(descending=True)
    assert curve["loss"].is_sorted()
    assert (curve["loss_low"] <= curve["loss_high"]).all()
    assert (curve["tail_mean"] >= curve["loss"]).all()
    assert curve["name"].drop_nulls().to_list() == ["P50", "P90", "P95", "P99"]
    assert curve["years_simulated"][0] == 100_000
    assert curve["assumed_share"][0] == 1
    assert "assumed" in curve["assumptions"][0]
    assert ha.loss_exceedance(history).equals(curve)


def test_hours_in_which_all_fail_are_found_and_widen_the_tail() -> None:
    calm, struck = company(), company(outages=12)
    assert exposure(calm).shared is None
    shared = exposure(struck).shared
    assert shared is not None
    assert len(shared.incidents) == 12
    row = ha.annual_loss(struck).to_dicts()[0]
    assert row["shared_windows"] == 12
    apart = np.sqrt((ha.annual_loss(struck)[1:]["standard_deviation"] ** 2).sum())
    assert row["standard_deviation"] > apart


def test_an_empty_scope_has_no_loss() -> None:
    with pytest.raises(EmptyHistoryError):
        ha.loss_exceedance(history_with())


def test_a_planted_effect_is_saved_and_no_more(history: ha.History) -> None:
    half = measure(targets=(Target("authentication"),), one_off=Range.of(10))
    case = (
        ha.prevention_case(history, measures=[half], discount_rate=0.0).filter(pl.col("measure") == "m").to_dicts()[0]
    )
    loss = ha.rank(history).filter(pl.col("target") == "t0")["expected_annual_loss"][0]
    assert case["loss_before"] == pytest.approx(loss, rel=1e-6)
    assert case["saving_per_year"] == pytest.approx(loss / 2, rel=1e-6)
    assert case["npv"] == pytest.approx(3 * loss / 2 - 10, rel=1e-6)
    assert case["verdict"] == "pays"


@pytest.mark.parametrize(
    ("effect", "share"),
    [
        ({"magnitude_reduction": Range.of(0.4)}, 0.4),
        ({"rate_reduction": Range.of(0.5), "magnitude_reduction": Range.of(0.4)}, 0.7),
        ({"detection_reduction": Range.of(0.8)}, 0.8),
    ],
)
def test_effects_multiply_and_early_detection_helps_only_what_is_silent(
    history: ha.History, effect: dict[str, Range], share: float
) -> None:
    one = measure(handoffs=(("hub", "t1"),), **{"rate_reduction": Range.of(0)} | effect)
    case = ha.prevention_case(history, measures=[one]).filter(pl.col("measure") == "m").to_dicts()[0]
    assert case["saving_per_year"] == pytest.approx(share * case["loss_before"], rel=1e-6)
    if "detection_reduction" in effect:
        loud = measure(handoffs=(("hub", "t0"),), **{"rate_reduction": Range.of(0)} | effect)
        assert ha.prevention_case(history, measures=[loud])["saving_per_year"].to_list() == [0.0]


def test_a_measure_that_does_not_pay_is_shown_with_its_reason(history: ha.History) -> None:
    loss = float(ha.rank(history)["expected_annual_loss"].sum())
    dear = measure("dear", one_off=Range.of(100 * loss))
    hidden = measure("hidden", one_off=Range.of(0.1 * loss), yearly=Range.of(2 * loss))
    aimless = measure("aimless", targets=(Target("rollback_recovery"),), one_off=Range.of(1))
    case = ha.prevention_case(history, measures=[dear, hidden, aimless])
    assert case["verdict"].to_list() == ["does not pay"] * 3
    assert not case["chosen"].any()
    rows = {row["measure"]: row for row in case.to_dicts()}
    assert rows["hidden"]["npv_without_upkeep"] > 0 > rows["hidden"]["npv"]
    assert "upkeep were forgotten" in rows["hidden"]["reason"]
    assert rows["dear"]["payback_months"] is None
    assert rows["dear"]["p_never_repaid"] == 1
    assert rows["dear"]["p_one_failure_repays"] == 0
    assert "Nothing that it is aimed at" in rows["aimless"]["reason"]
    assert rows["aimless"]["npv"] < 0


def test_measures_of_an_overlap_group_do_not_add_up(history: ha.History) -> None:
    both = [measure(name, overlap_group="g", one_off=Range.of(1)) for name in ("a", "b")]
    apart = [measure(name, one_off=Range.of(1)) for name in ("a", "b")]
    loss = float(ha.rank(history)["expected_annual_loss"].sum())
    together = [ha.prevention_case(history, measures=one)[0]["saving_per_year"][0] for one in (both, apart)]
    assert together == pytest.approx([0.5 * loss, 0.75 * loss], rel=1e-3)


def test_a_budget_decides_what_is_chosen(history: ha.History) -> None:
    two = [measure(name, one_off=Range.of(100)) for name in ("a", "b")]
    chosen = ha.prevention_case(history, measures=two, budget=100).filter(pl.col("measure").is_not_null())["chosen"]
    assert chosen.sum() == 1
    assert ha.prevention_case(history, measures=two, budget=0)["measure"].null_count() == 0


def test_prevention_is_predictable_and_recovery_is_not(history: ha.History) -> None:
    one = measure(one_off=Range(90, 100, 110), yearly=Range(9, 10, 11))
    row = ha.prevention_case(history, measures=[one])[1].to_dicts()[0]
    assert row["prevention_cv"] < 0.1 < row["recovery_cv"]
    assert row["recovery_p50"] < row["recovery_p95"]
    assert 0 < row["upkeep_share"] < 1


def test_the_tornado_orders_inputs_by_their_swing(history: ha.History) -> None:
    one = measure(one_off=Range(10, 20, 40), yearly=Range(1, 2, 3))
    rows = ha.tornado(history, measure="m", measures=[one])
    assert rows["swing"].is_sorted(descending=True)
    assert set(rows["input"]) == {"incidents a year", "cost of an incident", "share saved", "outlay", "upkeep"}
    assert rows["variance_share"].sum() == pytest.approx(1, abs=0.2)
    assert (rows["evppi"] <= rows["evpi"] + 1e-9).all()
    case = ha.prevention_case(history, measures=[one]).filter(pl.col("measure") == "m")
    assert rows["npv"][0] == pytest.approx(case["npv"][0], rel=0.1)
    assert ha.tornado(history, measures=[one])["measure"].null_count() == 5
    with pytest.raises(ArgumentError, match="no measure 'x'"):
        ha.tornado(history, measure="x", measures=[one])


def test_the_account_begins_with_the_outlay_and_names_its_break_even(history: ha.History) -> None:
    one = measure(one_off=Range.of(500), ramp_up_months=2, life_years=2)
    flow = ha.cash_flow(history, measure="m", measures=[one])
    assert flow["month"].to_list() == list(range(25))
    assert flow["balance"][0] == -500
    assert flow["repaid_share"].is_sorted()
    assert flow["recovery"].is_sorted()
    assert (flow["balance_low"] <= flow["balance_high"]).all()
    row = ha.prevention_case(history, measures=[one]).filter(pl.col("measure") == "m").to_dicts()[0]
    assert flow.filter(pl.col("break_even").str.contains("median"))["month"].to_list() == [row["payback_months"]]


def test_what_cannot_be_judged_is_refused(history: ha.History) -> None:
    with pytest.raises(ArgumentError, match="no measures"):
        ha.prevention_case(history)
    with pytest.raises(ArgumentError, match="discount_rate"):
        ha.prevention_case(history, measures=[measure()], discount_rate=-1)
    with pytest.raises(ArgumentError, match="budget"):
        ha.prevention_case(history, measures=[measure()], budget=-1)
    with pytest.raises(ArgumentError, match="comes twice"):
        measures_of(history, [measure(), measure()])
    with pytest.raises(ArgumentError, match="'x'"):
        measures_of(history, [measure(requires=("x",))])


def test_measures_come_from_a_file_or_from_the_catalogue(history: ha.History, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '[[measure]]\nname = "m"\ncategory = "training"\none_off = [1, 2, 3]\nrate_reduction = 0.5\n'
        'handoffs = ["hub->t0"]\ntargets = [{ type = "authentication", mode = "expired_credentials" }]\n'
    )
    (found,) = measures_of(history, file)
    assert (found.title, found.one_off, found.handoffs) == ("m", Range(1, 2, 3), (("hub", "t0"),))
    assert found.is_aimed_at("hub", "t0", "authentication", "expired_credentials")
    assert not found.is_aimed_at("hub", "t1", "authentication", "expired_credentials")
    assert not found.is_aimed_at("hub", "t0", "authentication", "tls_certificate")
    row = {"measure": "m", "title": None, "category": "training", "definition": '{"one_off": 5, "rate_reduction": 0.9}'}
    declared = company(days=10, prevention_measures=[row])
    assert measures_of(declared)[0].cost == 5
    assert "outlay" in " ".join(ha.assumptions(declared)["name"])


def test_the_register_names_every_assumption_with_its_range(history: ha.History) -> None:
    register = ha.assumptions(history)
    assert (register["low"] <= register["high"]).all()
    assert set(register["subject"]) == {"hours", "price"}
    price = {"item": "support_contact", "category": "customer_support", "low": 5.0, "likely": 8.0, "high": 14.0,
             "unit": "EUR/contact", "basis": "assumed", "reference": "contract"}  # fmt: skip
    ticket = {"ticket_uid": 1, "worked_s": None}
    priced = ha.assumptions(company(days=5, cost_rates=[price], tickets=[ticket]))
    assert {"incidence", "price", "hours"} == set(priced["subject"])
    assert "contract" in priced["reference"].to_list()
    booked = ha.assumptions(company(days=5, tickets=[{"ticket_uid": 1, "worked_s": 60.0}]))
    assert "hours" not in set(booked["subject"])


def test_tickets_give_the_loss_its_shape() -> None:
    random = np.random.default_rng(1)
    tickets = [
        {"ticket_uid": n, "source": "hub", "target": "t0", "channel": "http", "share": 1.0, "opened_at": NOON,
         "resolved_at": NOON + timedelta(hours=5), "touch_hours": float(random.lognormal(0, 1.5)), "open": False,
         "elapsed_hours": 5.0, "reassignments": 0}
        for n in range(60)
    ]  # fmt: skip
    exposed = exposure(company(days=30, recoveries=tickets))
    assert exposed.has_tickets
    spread = {
        target: float(shape.std()) for target, shape in zip(exposed.handoffs["target"], exposed.shapes, strict=True)
    }
    assert spread["t0"] > 1
    assert all(shape.mean() == pytest.approx(1) for shape in exposed.shapes)
    assert not exposure(company(days=30)).has_tickets


def test_a_measure_aimed_at_more_than_is_simulated_one_by_one_is_judged_on_all_of_it() -> None:
    crossings, failures = [], []
    for number in range(40 * 50):
        target, failed = f"t{number % 40}", number % 7 == 0
        crossings.append(crossing(number, "hub", target, failed=failed))
        if failed:
            failures.append(failure(number, "hub", target))
    wide = history_with(crossings=crossings, failures=failures)
    loss = float(ha.rank(wide)["expected_annual_loss"].sum())
    case = ha.prevention_case(wide, measures=[measure()]).filter(pl.col("measure") == "m").to_dicts()[0]
    assert case["loss_before"] == pytest.approx(loss, rel=1e-3)
    assert case["saving_per_year"] == pytest.approx(loss / 2, rel=1e-3)
    assert case["recovery_p50"] == pytest.approx(loss, rel=0.4)
