"""The ranking finds where money is lost, better than what people rank by today."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.errors import ArgumentError
from handoff_analytics.ranking import COLUMNS, front


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> ha.History:
    return samples.load(into=tmp_path_factory.mktemp("ranking") / "samples.duckdb")


@pytest.fixture(scope="module")
def ranking(history: ha.History) -> pl.DataFrame:
    return ha.rank(history)


def captured(order: pl.DataFrame, *, top: int = 8) -> float:
    truth = json.loads((samples.folder() / "truth.json").read_text())["handoffs"]
    cost = {(row["source"], row["target"], row["channel"]): row["cost_per_year"] for row in truth}
    best = sum(sorted(cost.values(), reverse=True)[:top])
    return sum(cost.get(key, 0.0) for key in order.select("source", "target", "channel").head(top).iter_rows()) / best


def test_the_first_handoffs_hold_most_of_the_true_loss_and_no_simpler_order_holds_more(ranking: pl.DataFrame) -> None:
    mine = captured(ranking)
    assert mine >= 0.85
    for simpler in ("failure_rate", "calls_per_year", "reach_expected", "cost_per_failure"):
        assert captured(ranking.sort(simpler, "rank", descending=[True, False])) <= mine, simpler


def test_steps_of_flows_and_batches_are_handoffs_between_the_systems_that_the_catalogue_names(
    history: ha.History, ranking: pl.DataFrame
) -> None:
    truth = json.loads((samples.folder() / "truth.json").read_text())["step_handoffs"]
    counted = history.sql("""
        SELECT c.source, c.target, count(*) AS crossings, count(f.failure_id) AS failures,
            count(*) FILTER (WHERE f.silent) AS silent
        FROM crossings AS c
        LEFT JOIN failures AS f ON f.crossing_id = c.crossing_id
        WHERE c.channel = 'step'
        GROUP BY c.source, c.target
        ORDER BY c.source, c.target
    """)
    assert counted.rows() == [tuple(row[name] for name in counted.columns) for row in truth]
    assert not {name for name in (*ranking["source"], *ranking["target"]) if "Operator" in name or "n8n" in name}
    undeclared = history.sql("SELECT name FROM systems WHERE NOT declared ORDER BY name")["name"].to_list()
    assert undeclared == ["external", "fax-gateway", "unknown"]


def test_the_frame_is_as_promised(ranking: pl.DataFrame) -> None:
    assert tuple(ranking.columns) == COLUMNS
    assert ranking["rank"].to_list() == list(range(1, ranking.height + 1))
    assert ranking["expected_annual_loss"].is_sorted(descending=True)
    assert (ranking["loss_low"] <= ranking["expected_annual_loss"]).all()
    assert (ranking["rank_low"] <= ranking["rank_high"]).all()
    assert ranking["tier"].is_sorted()
    assert ranking["on_front"][0], "what loses most cannot be worse than another in every respect"


def test_the_same_history_gives_the_same_ranking(history: ha.History, ranking: pl.DataFrame) -> None:
    assert ha.rank(history).equals(ranking)


def test_a_history_without_tickets_and_prices_is_ranked_on_assumptions_that_show() -> None:
    ranking = ha.rank(samples.three_systems())
    assert (ranking.filter(pl.col("failures_per_year") > 0)["assumed_share"].drop_nulls() == 1).all()


def test_too_few_draws_are_refused(history: ha.History) -> None:
    with pytest.raises(ArgumentError, match="at least 100"):
        ha.rank(history, draws=10)


def test_the_risk_priority_number_is_only_a_contrast(ranking: pl.DataFrame) -> None:
    contrast = ha.rpn_contrast(ranking)
    assert contrast["rank"].equals(ranking["rank"])
    assert (contrast["rpn"] == contrast["occurrence"] * contrast["severity"] * contrast["detection"]).all()


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(0, 5).map(float)))
def test_the_front_agrees_with_its_definition(rows: np.ndarray) -> None:
    slow = [not any((other >= row).all() and (other > row).any() for other in rows) for row in rows]
    assert front(rows).tolist() == slow
