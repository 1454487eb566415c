"""Ids that were taken away at random are given back to the right records, as surely as is said."""

from __future__ import annotations

import itertools
import json
import random
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from histories import NOON
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.errors import ArgumentError
from handoff_analytics.identity import key
from handoff_analytics.matching import _beliefs


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> tuple[ha.History, dict[str, str]]:
    """The samples without the ids of three in ten of the outcomes and of the traces that receivers began."""
    history = samples.load(into=tmp_path_factory.mktemp("matching") / "samples.duckdb")
    rng = random.Random(1)
    with history._store.writer() as connection:
        # Receivers that log the customer and the amount with what they do, as bookkeeping and carriers do.
        connection.execute(
            """
            UPDATE spans SET customer = told.customer, amount = told.amount
            FROM (SELECT correlation_id, max(customer) AS customer, max(amount) AS amount FROM spans
                  WHERE customer IS NOT NULL GROUP BY correlation_id) AS told
            WHERE told.correlation_id = spans.correlation_id AND spans.customer IS NULL
            """
        ).fetchall()
        connection.execute("UPDATE spans SET message_id = NULL").fetchall()
        traces = connection.execute(
            "SELECT trace_id, min(correlation_id), arg_min(system, start_us) FROM spans GROUP BY ALL "
            "HAVING min(correlation_id) LIKE 'SO-%' ORDER BY ALL"
        ).fetchall()
        truth = {trace: order for trace, order, system in traces if system != "shop" and rng.random() < 0.3}
        checks = connection.execute(
            "SELECT outcome_uid::VARCHAR, correlation_id FROM outcomes WHERE correlation_id <> '' ORDER BY 1"
        ).fetchall()
        truth |= {uid: order for uid, order in checks if rng.random() < 0.3}
        ids = list(truth)
        for table, name in (("spans", "trace_id"), ("log_records", "trace_id"), ("outcomes", "outcome_uid::VARCHAR")):
            connection.execute(
                f"UPDATE {table} SET correlation_id = NULL WHERE list_contains($1, {name})", [ids]
            ).fetchall()
    return history, truth


def scored(history: ha.History, truth: dict[str, str]) -> tuple[float, float, pl.DataFrame]:
    found = ha.fallback_matches(history).filter(pl.col("fragment").is_in(list(truth)))
    found = found.with_columns(right=pl.col("correlation_id") == pl.col("fragment").replace_strict(truth))
    accepted = found.filter("accepted")
    return accepted["right"].mean(), accepted["right"].sum() / len(truth), found  # type: ignore[return-value] # Boolean


def test_time_key_and_amount_give_the_ids_back(gone: tuple[ha.History, dict[str, str]]) -> None:
    precision, recall, found = scored(*gone)
    assert len(gone[1]) > 1_000
    assert precision >= 0.99
    assert recall >= 0.95
    # What is said to be likely is as often right.
    assert abs(found["confidence"].mean() - found["right"].mean()) < 0.02  # type: ignore[operator] # not empty


def test_what_is_not_there_is_not_claimed(gone: tuple[ha.History, dict[str, str]]) -> None:
    # Checks of a system's health belong to no order.
    history, truth = gone
    checks = {row["fragment"] for row in ha.fallback_matches(history).filter(kind="outcome").to_dicts()}
    assert checks <= set(truth)


def test_accepted_matches_are_told_in_the_story_of_the_order(gone: tuple[ha.History, dict[str, str]]) -> None:
    history, _ = gone
    matches = ha.fallback_matches(history)
    row = matches.filter("accepted", kind="outcome").row(0, named=True)
    told = ha.trace(history, row["correlation_id"], matches=matches).filter(reference=row["fragment"])
    assert told.select("event", "evidence", "confidence").rows() == [("outcome", "fallback_match", row["confidence"])]
    plain = ha.trace(history, row["correlation_id"])
    assert plain.filter(reference=row["fragment"]).is_empty()


def history_of_outcomes(*rows: dict[str, Any]) -> ha.History:
    """Orders of 10.00 or so, each an event of the shop and, most of them, a check by the bank two hours later."""
    history = ha.History()
    outcomes = []
    for number in range(40):
        placed = NOON + timedelta(hours=6 * number)
        outcomes += [
            {"correlation_id": f"o{number}", "check_name": "placed", "system": "shop", "checked_at": placed, "amount": 10.0 + number},
            {"correlation_id": f"o{number}", "check_name": "paid", "system": "bank",
             "checked_at": placed + timedelta(hours=2, seconds=number), "amount": 10.0 + number},
        ]  # fmt: skip
    outcomes = [row for row in outcomes if (row["correlation_id"], row["check_name"]) != ("o7", "paid")] + list(rows)
    frame = pl.DataFrame(
        [{"outcome_uid": key(str(n)), "passed": True} | row for n, row in enumerate(outcomes)], infer_schema_length=None
    )
    with history._store.writer() as connection:
        connection.execute("CREATE TABLE system_names AS SELECT 'shop' AS name, 'shop' AS system").fetchall()
        connection.register("rows_to_insert", frame.to_arrow())
        connection.execute("INSERT INTO outcomes BY NAME SELECT * FROM rows_to_insert").fetchall()
        connection.unregister("rows_to_insert")
    return history


def paid(hours: float, amount: float) -> dict[str, Any]:
    at: datetime = NOON + timedelta(hours=42 + hours)
    return {"check_name": "paid", "system": "bank", "checked_at": at, "amount": amount}


def test_a_payment_without_a_number_finds_its_order_and_says_why() -> None:
    row = ha.fallback_matches(history_of_outcomes(paid(2.001, 17.0))).row(0, named=True)
    assert (row["correlation_id"], row["accepted"], row["agrees_on"]) == ("o7", True, "amount")
    assert row["confidence"] > 0.99
    assert row["after"] == "placed of shop"
    assert row["usual_low"] < row["after_seconds"] < row["usual_high"]
    assert "same amount" in row["why"]


def test_another_amount_or_another_time_is_doubted() -> None:
    sure, other_amount, late = (
        ha.fallback_matches(history_of_outcomes(one)) for one in (paid(2.0, 17.0), paid(2.0, 99.5), paid(3.5, 17.0))
    )
    assert sure["confidence"].item() > other_amount["confidence"].item()
    assert other_amount["differs_on"].item() == "amount"
    assert late.is_empty() or late["confidence"].item() < sure["confidence"].item()


def test_two_payments_do_not_get_one_order() -> None:
    found = ha.fallback_matches(history_of_outcomes(paid(2.001, 17.0), paid(2.002, 17.0)))
    assert found["accepted"].sum() <= 1
    assert found.filter(correlation_id="o7")["confidence"].sum() <= 1 + 1e-6


@st.composite
def contests(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    weights = draw(
        st.lists(st.sampled_from([0.0, 0.1, 1.0, 5.0, 40.0]), min_size=rows * columns, max_size=rows * columns)
    )
    return np.array(weights).reshape(rows, columns)


def by_enumeration(ratio: np.ndarray) -> np.ndarray:
    """Weigh every assignment in which no transaction is given twice."""
    chance, total = np.zeros(ratio.shape), 0.0
    for chosen in itertools.product(range(-1, ratio.shape[1]), repeat=ratio.shape[0]):
        taken = [column for column in chosen if column >= 0]
        if len(set(taken)) < len(taken):
            continue
        weight = float(np.prod([ratio[row, column] for row, column in enumerate(chosen) if column >= 0]))
        total += weight
        for row, column in enumerate(chosen):
            if column >= 0:
                chance[row, column] += weight
    return chance / total


@settings(max_examples=60, deadline=None)
@given(contests())
def test_beliefs_are_near_those_of_all_assignments(ratio: np.ndarray) -> None:
    rows, columns = np.nonzero(ratio)
    if not len(rows):
        return
    believed = np.zeros(ratio.shape)
    believed[rows, columns] = _beliefs(rows, columns, ratio[rows, columns])
    exact = by_enumeration(ratio)
    assert (believed.sum(axis=1) <= 1 + 1e-9).all()
    assert np.abs(believed - exact).max() < 0.2
    if (np.count_nonzero(ratio, axis=1) <= 1).all():  # a star has no circle: belief propagation is exact
        assert np.abs(believed - exact).max() < 1e-3


@pytest.mark.parametrize("wrong", [{"least": 0.0}, {"least": 1.5}, {"within_hours": 0}])
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError):
        ha.fallback_matches(ha.History(), **wrong)


def test_the_truth_of_the_samples_is_not_read() -> None:
    assert "truth.json" not in samples.EVIDENCE
    assert json.loads((samples.folder() / "truth.json").read_text())["about"].startswith("The right answers")
