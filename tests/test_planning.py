"""The plan is the best that fits the budget."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.economics.choice import Menu, best
from handoff_analytics.errors import ArgumentError


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> ha.History:
    return samples.load(into=tmp_path_factory.mktemp("planning") / "samples.duckdb")


def test_a_plan_keeps_the_budget_and_adds_up(history: ha.History) -> None:
    plan = ha.plan(history, budget=40_000)
    taken = plan.filter("chosen")
    assert 0 < taken.height < plan.height
    assert taken["cost"].sum() <= 40_000 + 1e-6
    assert taken["saving"].sum() == pytest.approx(taken["cumulative_saving"][-1])
    assert taken["place"].to_list() == list(range(1, taken.height + 1))
    assert plan["gap"][0] <= 0.01
    assert plan.filter(~pl.col("chosen"))["saving"].null_count() == plan.height - taken.height
    assert plan["chosen_share"].is_between(0, 1).all()


def test_more_money_never_saves_less(history: ha.History) -> None:
    frontier = ha.budget_frontier(history, steps=6)
    assert frontier["saving"].is_sorted()
    assert (frontier["cost"] <= frontier["budget"] + 1e-6).all()
    assert frontier["measures"][0].is_empty()


def test_a_negative_budget_and_an_empty_menu_are_refused(history: ha.History) -> None:
    with pytest.raises(ArgumentError, match="negative"):
        ha.plan(history, budget=-1)
    with pytest.raises(ArgumentError, match="no measures"):
        ha.plan(samples.three_systems(), budget=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_choice_is_exact_where_every_set_can_be_tried(measures: int, cells: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    menu = Menu(
        losses=random.lognormal(8, 1, cells),
        reductions=np.where(random.random((measures, cells)) < 0.5, random.random((measures, cells)), 0.0),
        costs=random.uniform(1000, 9000, measures),
        running=random.uniform(0, 300, measures),
        groups=random.integers(0, max(1, measures - 1), measures),
    )
    budget = float(random.uniform(0, menu.costs.sum()))
    sets = chain.from_iterable(combinations(range(measures), size) for size in range(measures + 1))
    brute = max(menu.value(one) for one in sets if menu.allows(one, budget))
    assert best(menu, budget).value == pytest.approx(brute, rel=1e-6, abs=1e-6)
