"""Reach is counted, sketched, expected and learnt: against enumeration, networkx and a simulation with a truth."""

from __future__ import annotations

import heapq
from itertools import product
from math import prod

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_analytics.errors import ArgumentError
from handoff_analytics.reach import expected_reach, learned_cascade, structural_reach

EDGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40)


@given(EDGES)
def test_structural_reach_is_the_number_of_descendants(edges: list[tuple[int, int]]) -> None:
    graph = nx.DiGraph(edges)
    assert structural_reach(graph).reach == {node: len(nx.descendants(graph, node)) for node in graph}


def test_the_sketch_is_as_good_as_it_says() -> None:
    # Parts that share no node: inside one strongly connected part every estimate would be the same draw of luck.
    parts = [nx.gn_graph(60, seed=part).reverse() for part in range(250)]
    graph = nx.disjoint_union_all(parts)
    exact, sketch = structural_reach(graph), structural_reach(graph, exact_up_to=10)
    assert exact.relative_error == 0
    assert sketch.relative_error == pytest.approx(0.127, abs=0.001)
    large = [node for node, reach in exact.reach.items() if reach >= 15]
    # What is estimated is the set with the node itself, whose relative error is normal: median 0.674 and mean 0.798 of it.
    errors = [abs((sketch.reach[node] + 1) / (exact.reach[node] + 1) - 1) for node in large]
    assert len(large) >= 500
    assert np.median(errors) == pytest.approx(0.674 * sketch.relative_error, abs=0.01)
    assert np.mean(errors) == pytest.approx(0.798 * sketch.relative_error, abs=0.01)


def test_the_cyclic_graph_of_five_edges_has_its_exact_reach() -> None:
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([(0, 1, 0.5), (1, 2, 0.6), (2, 0, 0.3), (2, 3, 0.4), (0, 3, 0.2)], "probability")
    assert list(expected_reach(graph).values()) == pytest.approx([1.096, 1.0416, 0.886, 0.0])


def test_many_edges_are_drawn_and_come_near_enumeration() -> None:
    random = np.random.default_rng(1)
    graph = nx.gnp_random_graph(7, 0.3, seed=4, directed=True)
    edges = list(graph.edges)
    chance = dict(zip(edges, random.uniform(0.1, 0.9, len(edges)), strict=True))
    nx.set_edge_attributes(graph, chance, "probability")
    assert 11 < len(edges) <= 14
    exact = dict.fromkeys(graph, 0.0)
    for live in product([False, True], repeat=len(edges)):
        world = nx.DiGraph([edge for edge, on in zip(edges, live, strict=True) if on])
        world.add_nodes_from(graph)
        weight = prod(chance[edge] if on else 1 - chance[edge] for edge, on in zip(edges, live, strict=True))
        for node in graph:
            exact[node] += weight * len(nx.descendants(world, node))
    assert expected_reach(graph, worlds=8000) == pytest.approx(exact, abs=0.08)
    assert expected_reach(graph, seed=3) == expected_reach(graph, seed=3)


@given(EDGES)
def test_certain_edges_reach_all_descendants_and_impossible_ones_none(edges: list[tuple[int, int]]) -> None:
    graph = nx.DiGraph(edges)
    nx.set_edge_attributes(graph, 1.0, "probability")
    assert expected_reach(graph, worlds=64) == structural_reach(graph).reach
    nx.set_edge_attributes(graph, 0.0, "probability")
    assert set(expected_reach(graph, worlds=64).values()) <= {0.0}


def test_weights_count_what_is_reached() -> None:
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", 1.0), ("a", "c", 0.5)], "probability")
    assert expected_reach(graph, weights={"b": 10.0, "c": 4.0})["a"] == 12.0


def test_a_chance_beyond_one_is_refused_by_name() -> None:
    graph = nx.DiGraph()
    graph.add_edge("crm", "erp", probability=1.5)
    with pytest.raises(ArgumentError, match=r"crm -> erp has probability 1\.5"):
        expected_reach(graph)


def test_nothing_to_learn_from_gives_no_probabilities() -> None:
    assert learned_cascade([], [], [], [], opportunities=[10]).size == 0
    assert learned_cascade([(0, 1)], [1], [0], [0.0], opportunities=[10, 10]) == pytest.approx([0.5 / 3 * 2 / 3])


def test_a_handoff_that_never_failed_is_not_taken_to_reach_everything() -> None:
    unit, node = np.arange(500), np.zeros(500, dtype=int)
    never, unseen = learned_cascade([(0, 1), (1, 2)], unit, node, np.zeros(500), opportunities=[500, 500, 500])
    assert never < 0.001
    assert unseen < 0.001, "what was never tried is believed to be like the rest"


def world(seed: int, size: int = 25) -> tuple[nx.DiGraph, np.ndarray, np.random.Generator]:
    random = np.random.default_rng(seed)
    graph = nx.DiGraph()
    for node in range(1, size):
        for cause in random.choice(node, size=min(node, int(random.integers(1, 4))), replace=False):
            graph.add_edge(int(cause), node, probability=float(random.beta(0.8, 1.6)))
    return graph, np.exp(random.normal(-4.5, 0.8, size)), random


def observed(
    graph: nx.DiGraph, base: np.ndarray, random: np.random.Generator, units: int
) -> list[tuple[int, int, float]]:
    """Failures of many transactions, one in 200 of them hit by a common cause."""
    failures = []
    for unit in range(units):
        begun = {node: random.random() * 10 for node in range(len(base)) if random.random() < base[node]}
        if random.random() < 0.005:
            begun |= {int(node): 5.0 + random.random() / 2 for node in random.choice(len(base), 8, replace=False)}
        waiting = [(moment, node) for node, moment in begun.items()]
        heapq.heapify(waiting)
        done: dict[int, float] = {}
        while waiting:
            moment, node = heapq.heappop(waiting)
            if node not in done:
                done[node] = moment
                for other in graph[node]:
                    if random.random() < graph[node][other]["probability"]:
                        heapq.heappush(waiting, (moment + random.exponential(), other))
        failures += [(unit, node, moment) for node, moment in done.items()]
    return failures


def test_learnt_reach_is_near_the_truth_where_structure_is_far_off() -> None:
    far, near = [], []
    for seed in range(4):
        graph, base, random = world(seed)
        truth = np.array([expected_reach(graph, worlds=4000)[node] for node in range(25)])
        unit, node, moment = zip(*observed(graph, base, random, 2000), strict=True)
        edges = list(graph.edges)
        chance = learned_cascade(edges, unit, node, moment, opportunities=np.full(25, 2000))
        learnt = nx.DiGraph()
        learnt.add_nodes_from(range(25))
        learnt.add_weighted_edges_from(((a, b, p) for (a, b), p in zip(edges, chance, strict=True)), "probability")
        structure = structural_reach(graph).reach
        near.append(np.sqrt(np.mean((np.array(list(expected_reach(learnt).values())) - truth) ** 2)))
        far.append(np.sqrt(np.mean((np.array([structure[n] for n in range(25)]) - truth) ** 2)))
    assert np.mean(near) <= 0.35
    assert np.mean(far) >= 5
