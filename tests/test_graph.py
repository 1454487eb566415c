"""Who hands work to whom, and where a failure could go."""

from __future__ import annotations

import networkx as nx
import pytest
from histories import crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, EmptyHistoryError
from handoff_analytics.graph import dominated_systems, impact_of


def company() -> ha.History:
    """external -> web -> shop <-> pricing; shop tells mail by message; a retry was saved."""
    crossings = [
        *(crossing(n, "external", "web") for n in range(10)),
        *(crossing(100 + n, "web", "shop") for n in range(8)),
        crossing(190, "web", "shop", channel="messaging"),
        *(crossing(200 + n, "shop", "pricing") for n in range(4)),
        *(crossing(300 + n, "pricing", "shop", in_cycle=True) for n in range(2)),
        *(crossing(400 + n, "shop", "mail", channel="messaging") for n in range(4)),
    ]
    failures = [
        failure(200, "shop", "pricing"),
        failure(100, "web", "shop", origin="propagated", origin_weight=0.0, root_id=200),
        failure(201, "shop", "pricing", fate="masked"),
    ]
    return history_with(crossings=crossings, failures=failures)


def test_edges_carry_volume_and_only_origins_that_no_retry_saved() -> None:
    graph = ha.dependency_graph(company())
    assert list(graph) == ["external", "mail", "pricing", "shop", "web"]
    edge = graph.edges["web", "shop"]
    assert (edge["crossings"], edge["failures"], edge["channel"], edge["channels"]) == (
        9.0,
        0.0,
        "http",
        ("http", "messaging"),
    )
    assert graph.edges["shop", "pricing"]["failure_share"] == 0.25


def test_a_failed_call_hurts_the_caller_and_a_lost_message_the_receiver() -> None:
    systems = ha.impact_graph(company(), of="systems")
    assert set(systems["shop"]) == {"web", "mail", "pricing"}
    assert set(systems["web"]) == {"external", "shop"}
    handoffs = ha.impact_graph(company())
    reached = nx.descendants(handoffs, ("shop", "pricing", "http"))
    assert ("web", "shop", "http") in reached
    assert ("external", "web", "http") in reached
    assert not nx.descendants(handoffs, ("external", "web", "http"))
    with pytest.raises(ArgumentError, match="Choose handoffs or systems"):
        ha.impact_graph(company(), of="teams")


def test_a_shared_table_and_a_declared_webhook_follow_the_data() -> None:
    rows = [
        {"source": "writer", "target": "reader", "channel": "database", "evidence": "shared_table"},
        {"source": "hook", "target": "app", "channel": "http", "mechanism": "asynchronous"},
        {"source": "app", "target": "db", "channel": "database"},
    ]
    assert sorted(impact_of(rows, of="systems").edges) == [("db", "app"), ("hook", "app"), ("writer", "reader")]


def test_a_circle_is_found_with_its_members() -> None:
    row = ha.circular_dependencies(company()).row(0, named=True)
    assert row["members"] == ["pricing", "shop"]
    assert row["example"] == "pricing -> shop -> pricing"
    assert (row["size"], row["handoffs"], row["failures"], row["share"], row["crossings"]) == (2, 2, 1.0, 1.0, 2.0)
    assert ha.circular_dependencies(history_with(crossings=[crossing(1, "a", "b")])).is_empty()


def test_single_points_are_what_others_cannot_do_without() -> None:
    found = ha.single_points_of_failure(company())
    systems = {row["system"]: row for row in found.iter_rows(named=True) if row["kind"] == "system"}
    assert systems["shop"]["depends"] == ["mail", "pricing"]
    assert systems["web"]["depends"] == ["mail", "pricing", "shop"]
    assert "mail" not in systems
    first = found.filter(found["kind"] == "handoff").row(0, named=True)
    assert (first["source"], first["target"], first["dependants"]) == ("external", "web", 4)


def test_domination_is_removal_tried_out() -> None:
    graph = nx.gnp_random_graph(14, 0.15, seed=5, directed=True)
    entries = [node for node in graph if not graph.in_degree(node)]
    graph.remove_nodes_from(
        [node for node in graph if node not in entries and not any(nx.has_path(graph, e, node) for e in entries)]
    )
    for system, lost in dominated_systems(graph).items():
        if system in entries:
            continue
        without = graph.copy()
        without.remove_node(system)
        alive = set(entries).union(*(nx.descendants(without, entry) for entry in entries))
        assert lost == set(graph) - alive - {system}


def test_an_empty_scope_says_so() -> None:
    with pytest.raises(EmptyHistoryError, match="No handoff is in scope"):
        ha.dependency_graph(history_with())
