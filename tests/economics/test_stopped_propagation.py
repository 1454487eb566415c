"""What is left of a cascade is computed again from the impact graph, not scaled."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, combinations
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with
from hypothesis import given, settings
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.cascade import learnt_impact
from handoff_analytics.economics.choice import Menu, best
from handoff_analytics.economics.effects import menu_of
from handoff_analytics.economics.exposure import exposure
from handoff_analytics.economics.measures import Measure, Target
from handoff_analytics.economics.propagation import Spread, stopping
from handoff_analytics.reach import Worlds, expected_reach
from handoff_analytics.statistics.ranges import Range

START, LEFT, RIGHT, END = (("s", "t", "http"), ("l", "s", "http"), ("r", "s", "http"), ("e", "l", "http"))


def diamond(p: float) -> nx.DiGraph:
    graph = nx.DiGraph()
    ways = [(START, LEFT), (START, RIGHT), (LEFT, END), (RIGHT, END)]
    graph.add_weighted_edges_from([(*way, p) for way in ways], "probability")
    return graph


def stopper(name: str, share: float, *handoffs: tuple[str, str], **more: Any) -> Measure:
    return Measure(name, name, "error_handling", handoffs=handoffs, propagation_reduction=Range.of(share), **more)


def test_reach_in_a_diamond_is_that_of_its_closed_form() -> None:
    spread = Spread(diamond(0.6), [START, LEFT])

    def reach(first: float, left: float, right: float) -> float:
        one, other = 0.6 * first, 0.6 * first
        return one + other + 1 - (1 - one * 0.6 * left) * (1 - other * 0.6 * right)

    whole = reach(1, 1, 1)
    assert spread.left(0) == 1
    assert spread.left(0, own=0.25) == pytest.approx(reach(0.25, 1, 1) / whole)
    assert spread.left(0, own=0.25) > 0.25, "two ways to one end: the end is saved from less than each way is"
    assert spread.left(0, through={LEFT: 0.5}) == pytest.approx(reach(1, 0.5, 1) / whole)
    assert spread.left(0, own=0.5, through={LEFT: 0.0, RIGHT: 0.5}) == pytest.approx(reach(0.5, 0, 0.5) / whole)
    assert spread.left(1, own=0.3) == pytest.approx(0.3), "a single way is scaled"
    assert spread.left(1, through={START: 0.0}) == 1, "what lies before the failure does not stop it"


def test_cutting_in_drawn_worlds_is_cutting_the_probabilities() -> None:
    random = np.random.default_rng(4)
    graph = nx.gnp_random_graph(14, 0.25, seed=3, directed=True)
    for one, other in graph.edges:
        graph[one][other]["probability"] = float(random.uniform(0.1, 0.7))
    assert graph.number_of_edges() > 11, "else all worlds are looked at"
    kept = {2: 0.5, 5: 0.0, 9: 0.8}
    cut = graph.copy()
    for one, other in cut.edges:
        cut[one][other]["probability"] *= kept.get(one, 1.0)
    worlds = Worlds(graph, worlds=20_000)
    reference = expected_reach(cut, worlds=20_000, seed=9)
    for node in graph:
        assert worlds.reach(node, kept=kept) == pytest.approx(reference[node], abs=0.12)
        assert worlds.reach(node) == expected_reach(graph, worlds=20_000)[node]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0, 1)), min_size=1, max_size=24),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=8, max_size=8),
)
def test_stopping_more_never_reaches_further(
    edges: list[tuple[int, int, float]], shares: list[tuple[float, float]]
) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(8))
    graph.add_weighted_edges_from([edge for edge in edges if edge[0] != edge[1]], "probability")
    worlds = Worlds(graph, worlds=200)
    less = {node: max(pair) for node, pair in enumerate(shares)}
    more = {node: min(pair) for node, pair in enumerate(shares)}
    for node in graph:
        assert worlds.reach(node, kept=more) <= worlds.reach(node, kept=less) + 1e-9
        assert worlds.reach(node, kept=less) <= worlds.reach(node) + 1e-9


def test_measures_of_one_overlap_group_cut_an_edge_once() -> None:
    spread = Spread(diamond(1.0), [LEFT])
    group = [stopper("a", 0.5, ("l", "s"), overlap_group="g"), stopper("b", 0.4, ("l", "s"), overlap_group="g")]
    apart = [stopper("a", 0.5, ("l", "s")), stopper("b", 0.4, ("l", "s"))]
    assert spread.mean_left(0, group, [True, True]) == pytest.approx(0.5)
    assert spread.mean_left(0, apart, [True, True]) == pytest.approx(0.3)
    drawn = spread.drawn_left(0, apart, [True, True], [np.array([0.0, 0.5]), np.array([0.0, 0.4])], 2)
    assert drawn == pytest.approx([1.0, 0.3])


def test_a_measure_for_one_way_of_failing_does_not_stop_what_comes_from_elsewhere() -> None:
    spread = Spread(diamond(0.6), [START])
    narrow = stopper("n", 1.0, ("l", "s"), targets=(Target("authentication"),))
    wide = stopper("w", 1.0, ("l", "s"), targets=(Target("error_propagation"),))
    assert spread.mean_left(0, [narrow], [False]) == 1
    assert spread.mean_left(0, [wide], [False]) < 1
    assert stopping([narrow, Measure("x", "x", "training")]) == [narrow]


def in_a_row(days: int = 40) -> ha.History:
    """Web calls shop, shop calls stock, stock calls store; one call in ten fails at the store and takes all along."""
    random = np.random.default_rng(2)
    links = [("web", "shop"), ("shop", "stock"), ("stock", "store")]
    crossings, failures, cascades, number = [], [], [], 0
    for hour in range(days * 24):
        failed, at = bool(random.random() < 0.1), NOON + timedelta(hours=hour)
        first = number
        for depth, (source, target) in enumerate(reversed(links)):
            number += 1
            same = {"trace_key": first, "trace_id": f"{first:032x}", "correlation_id": f"o{first}"}
            moment = at + timedelta(seconds=depth)
            crossings.append(crossing(number, source, target, started_at=moment, failed=failed, **same))
            if failed:
                origin = {"origin": "boundary" if depth == 0 else "propagated", "origin_weight": float(depth == 0)}
                failures.append(
                    failure(number, source, target, failed_at=moment, root_id=first + 1, depth=depth, **origin, **same)
                )
                cascades.append(
                    {"root_id": first + 1, "root_source": "stock", "root_target": "store", "root_channel": "http",
                     "failure_id": number, "source": source, "target": target, "channel": "http", "depth": depth,
                     "delay_us": depth * 1_000_000, "failed_at": moment}
                )  # fmt: skip
    return history_with(crossings=crossings, failures=failures, cascades=cascades)


@pytest.fixture(scope="module")
def row() -> ha.History:
    return in_a_row()


def test_a_breaker_half_way_saves_what_lies_behind_it(row: ha.History) -> None:
    """Nothing begins at shop -> stock; by scaling own cascades a breaker there would save nothing."""
    breaker = stopper("breaker", 1.0, ("shop", "stock"))
    exposed = exposure(row)
    place = exposed.handoffs["target"].to_list().index("store")
    graph = learnt_impact(row)
    first, second = (
        graph[one][other]["probability"]
        for one, other in (
            (("stock", "store", "http"), ("shop", "stock", "http")),
            (("shop", "stock", "http"), ("web", "shop", "http")),
        )
    )
    behind = first * second / (first + first * second)
    assert behind == pytest.approx(0.5, abs=0.02)
    loss = float(exposed.handoffs["expected_annual_loss"][place])
    expected = loss * float(exposed.cascading[place]) * behind
    case = ha.prevention_case(row, measures=[breaker]).filter(pl.col("measure") == "breaker").to_dicts()[0]
    assert case["saving_per_year"] == pytest.approx(expected, rel=0.02)
    assert case["loss_after"] >= 0
    plan = ha.plan(row, budget=10, measures=[breaker]).to_dicts()[0]
    assert plan["saving_alone"] == pytest.approx(expected, rel=0.02)
    flow = ha.cash_flow(row, measure="breaker", measures=[breaker])
    assert flow["balance_low"][-1] < 3 * expected < flow["balance_high"][-1]


def test_at_its_own_handoff_a_breaker_saves_its_share_of_the_cascade(row: ha.History) -> None:
    own = stopper("own", 0.5, ("stock", "store"), targets=(Target("unclassified"),))
    exposed = exposure(row)
    place = exposed.handoffs["target"].to_list().index("store")
    expected = 0.5 * float(exposed.handoffs["expected_annual_loss"][place]) * float(exposed.cascading[place])
    case = ha.prevention_case(row, measures=[own]).filter(pl.col("measure") == "own")
    assert case["saving_per_year"][0] == pytest.approx(expected, rel=0.02)


def test_two_breakers_on_parallel_ways_are_bought_together_or_not_at_all() -> None:
    """Only the end is dear. Alone each breaker saves a little, together they save all of it."""
    spread = Spread(diamond(1.0), [START])

    def kept(chosen: Any) -> np.ndarray:
        places = set(chosen)
        through = {way: 0.0 for place, way in enumerate((LEFT, RIGHT)) if place in places}
        alone = [spread.left(0, through={way: 0.0}) for place, way in enumerate((LEFT, RIGHT)) if place in places]
        return np.array([spread.left(0, through=through) / np.prod(alone)])

    one = Menu(np.array([900.0]), np.array([[0.0], [0.0]]), np.ones(2), np.full(2, 100.0), np.arange(2), together=kept)
    assert one.value([0]) == -100
    assert one.value([0, 1]) == pytest.approx(900 / 3 - 200)
    assert best(one, 2).chosen == (0, 1)
    assert best(one, 1).chosen == ()


def test_the_choice_among_measures_that_stop_cascades_is_near_the_best_there_is(row: ha.History) -> None:
    """Every set of seven is tried, by exact evaluation."""
    exposed = exposure(row)
    random = np.random.default_rng(7)
    links = [("web", "shop"), ("shop", "stock"), ("stock", "store")]
    shares = []
    for _ in range(12):
        measures = [
            Measure(
                f"m{place}",
                "",
                "error_handling",
                handoffs=(links[int(random.integers(3))],),
                propagation_reduction=Range.of(float(random.uniform(0, 1)) if place % 2 else 0.0),
                rate_reduction=Range.of(float(random.uniform(0, 0.6))),
                one_off=Range.of(float(random.uniform(100, 900))),
                overlap_group=None if place < 5 else "g",
            )
            for place in range(7)
        ]
        menu = menu_of(measures, exposed, discount_rate=0.08)
        budget = 0.4 * float(menu.costs.sum())
        sets = chain.from_iterable(combinations(range(7), size) for size in range(8))
        brute = max(menu.value(one) for one in sets if menu.allows(one, budget))
        found = best(menu, budget)
        assert menu.allows(found.chosen, budget)
        assert not found.proven
        shares.append(found.value / brute)
    assert min(shares) >= 0.99
