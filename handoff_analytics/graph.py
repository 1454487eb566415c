"""Who hands work to whom?

Two graphs answer: `dependency_graph` follows the work, `impact_graph` follows a failure. They differ in direction: a
failed call hurts who called, a message that never came hurts who waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import networkx as nx
import polars as pl

from .errors import ArgumentError, EmptyHistoryError
from .vocabulary import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .history import History

Handoff = tuple[str, str, str]
KEYS = ["source", "target", "channel"]
# Over these the data goes its way and nobody waits for an answer: what does not arrive hurts the receiver.
_DATA_CHANNELS = {Channel.MESSAGING, Channel.FILE, Channel.STEP, Channel.HUMAN}
# A declared mechanism knows better than the channel: a webhook is http, and yet nobody waits.
_DATA_MECHANISMS = {"asynchronous", "shared_database", "file", "transfer"}
_DATA_EVIDENCE = {"shared_table", "dead_letter", "workflow_step"}


def dependency_graph(history: History) -> nx.DiGraph:
    """Draw which system hands work to which.

    Parameters
    ----------
    history
        What to draw, and in which window.

    Returns
    -------
    networkx.DiGraph
        Nodes are systems, in the order of their names, with team, platform, criticality, system_type, observed and
        declared. Edges are handoffs with crossings and calls (weighted), failures (origins that no retry saved),
        failure_share (failures / calls), channel (the busiest), channels (all, a tuple), tier, multi_team, declared
        and observed. Two systems with several channels are one edge: the numbers are sums. Where handoffs are inferred
        from logs, the graph's ``log_accuracy`` holds edges, checked, confirmed, edge_precision, span_edges, found and
        edge_recall: how far they agree with spans of the same ids.

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.
    """
    graph = nx.DiGraph()
    if accuracy := log_accuracy(history):
        graph.graph["log_accuracy"] = accuracy
    edges = handoffs_in_scope(history)
    systems = {row["name"]: row for row in history.sql("SELECT * FROM systems ORDER BY name").iter_rows(named=True)}
    for name in sorted({*edges["source"].to_list(), *edges["target"].to_list()}):
        known = systems.get(name, {})
        graph.add_node(
            name,
            team=known.get("team"),
            platform=known.get("platform_type"),
            criticality=known.get("criticality"),
            system_type=known.get("system_type"),
            observed=bool(known.get("observed", True)),
            declared=bool(known.get("declared", False)),
        )
    for (source, target), rows in edges.group_by(["source", "target"], maintain_order=True):
        busiest = rows.sort(["crossings", "channel"], descending=[True, False]).row(0, named=True)
        calls = float(rows["calls"].sum())
        graph.add_edge(
            source,
            target,
            crossings=float(rows["crossings"].sum()),
            calls=calls,
            failures=float(rows["failures"].sum()),
            failure_share=float(rows["failures"].sum()) / calls if calls else 0.0,
            channel=busiest["channel"],
            channels=tuple(sorted(rows["channel"].to_list())),
            tier=busiest["tier"],
            multi_team=bool(rows["multi_team"].any()),
            declared=bool(rows["declared"].any()),
            observed=bool((rows["crossings"] > 0).any()),
        )
    return graph


def log_accuracy(history: History) -> dict[str, Any]:
    """Return how far the handoffs that logs show agree with spans of the same ids: the last row of log_accuracy.

    Returns
    -------
    dict
        Empty where nothing was inferred from logs.
    """
    if history.tables.filter(pl.col("table_name") == "log_accuracy").is_empty():
        return {}
    rows = history.sql("SELECT * EXCLUDE (rung) FROM log_accuracy WHERE rung = 'all' AND edges > 0").to_dicts()
    return rows[0] if rows else {}


def handoffs_in_scope(history: History) -> pl.DataFrame:
    """List the handoffs that were crossed in scope, failed in it or are declared, with their volumes.

    Returns
    -------
    polars.DataFrame
        source, target, channel, platform, evidence, tier, multi_team, declared, mechanism, crossings, calls, failures;
        in the order of their names.
    """
    found = history.sql(
        """
        WITH crossed AS (
            SELECT source, target, channel, sum(weight) AS crossings,
                   sum(CASE WHEN is_last_attempt THEN weight ELSE 0 END) AS calls
            FROM crossings
            WHERE NOT coalesce(is_duplicate, FALSE)
            GROUP BY source, target, channel
        ),
        failed AS (
            SELECT source, target, channel, sum(origin_weight * weight) AS failures
            FROM failures
            WHERE origin <> 'propagated' AND fate <> 'masked'
            GROUP BY source, target, channel
        ),
        promised AS (
            SELECT source, target, channel, min(mechanism) AS mechanism
            FROM declared_handoffs
            GROUP BY source, target, channel
        )
        SELECT h.source, h.target, h.channel, h.platform, h.evidence, h.tier,
               coalesce(h.multi_team, FALSE) AS multi_team,
               coalesce(h.declared, FALSE) AS declared,
               p.mechanism,
               coalesce(c.crossings, 0) AS crossings,
               coalesce(c.calls, 0) AS calls,
               coalesce(f.failures, 0) AS failures
        FROM handoffs AS h
        LEFT JOIN crossed AS c ON c.source = h.source AND c.target = h.target AND c.channel = h.channel
        LEFT JOIN failed AS f ON f.source = h.source AND f.target = h.target AND f.channel = h.channel
        LEFT JOIN promised AS p ON p.source = h.source AND p.target = h.target AND p.channel = h.channel
        WHERE c.crossings > 0 OR f.failures > 0 OR h.declared
        ORDER BY h.source, h.target, h.channel
        """
    )
    if found.is_empty():
        raise EmptyHistoryError(
            f"No handoff is in scope ({history.scope}). Load evidence with two systems in it, or widen the scope."
        )
    return found


def follows_data(channel: str | None, *, evidence: str | None = None, mechanism: str | None = None) -> bool:
    """Say whether a failed handoff hurts the receiver (data does not arrive) rather than the caller (no answer).

    Examples
    --------
    >>> follows_data("http"), follows_data("messaging"), follows_data("http", mechanism="asynchronous")
    (False, True, True)
    """
    if mechanism is not None:
        return mechanism in _DATA_MECHANISMS
    return channel in _DATA_CHANNELS or evidence in _DATA_EVIDENCE


def impact_graph(history: History, *, of: Literal["handoffs", "systems"] = "handoffs") -> nx.DiGraph:
    """Draw where a failure could go.

    A failed call (http, rpc, database) hurts the caller; a message, file, workflow step or shared table hurts the
    receiver; whoever hands out logins or settings is called by its users, and so hurts them. Every edge says "could",
    and none how likely: `cascade_reach` does.

    Parameters
    ----------
    history
        What to draw, and in which window.
    of
        ``"handoffs"``: nodes are (source, target, channel). ``"systems"``: nodes are systems.

    Returns
    -------
    networkx.DiGraph
        An edge from whatever fails first to what could fail of it; handoff nodes carry `hurts`, the system that
        suffers.

    Raises
    ------
    ArgumentError
        If `of` is neither.
    EmptyHistoryError
        If no handoff is in scope.
    """
    if of not in ("handoffs", "systems"):
        raise ArgumentError(f"of={of!r} is no kind of node. Choose handoffs or systems.")
    rows = handoffs_in_scope(history).select(*KEYS, "evidence", "mechanism").iter_rows(named=True)
    return impact_of(rows, of=of)


def impact_of(rows: Iterable[dict[str, Any]], *, of: Literal["handoffs", "systems"] = "handoffs") -> nx.DiGraph:
    """Draw the impact graph of handoffs given as rows of source, target, channel, evidence, mechanism.

    Examples
    --------
    >>> calls = [{"source": "web", "target": "shop", "channel": "http"},
    ...          {"source": "shop", "target": "stock", "channel": "http"},
    ...          {"source": "shop", "target": "mail", "channel": "messaging"}]
    >>> sorted(impact_of(calls, of="systems").edges)
    [('shop', 'mail'), ('shop', 'web'), ('stock', 'shop')]
    >>> [(first[1], then[1]) for first, then in impact_of(calls).edges]
    [('stock', 'shop'), ('stock', 'mail')]
    """
    graph = nx.DiGraph()
    by_data: dict[Handoff, bool] = {}
    for row in rows:
        handoff = (row["source"], row["target"], row["channel"])
        by_data[handoff] = follows_data(row["channel"], evidence=row.get("evidence"), mechanism=row.get("mechanism"))
    if of == "systems":
        for (source, target, _), data in by_data.items():
            graph.add_nodes_from((source, target))
            if data:
                graph.add_edge(source, target)
            elif source != target:
                graph.add_edge(target, source)
        return graph
    answers: dict[str, list[Handoff]] = {}  # calls that a system answers
    sends: dict[str, list[Handoff]] = {}  # data that a system sends on
    takes: dict[str, list[Handoff]] = {}  # data that a system works on when it comes
    for handoff, data in by_data.items():
        source, target, _ = handoff
        if data:
            sends.setdefault(source, []).append(handoff)
            takes.setdefault(target, []).append(handoff)
        else:
            answers.setdefault(target, []).append(handoff)
    for handoff, data in by_data.items():
        hurt = handoff[1] if data else handoff[0]
        graph.add_node(handoff, hurts=hurt)
        reached = [*answers.get(hurt, []), *sends.get(hurt, [])]
        if not data:
            # A call that fails while a message is worked on makes the message fail.
            reached += takes.get(hurt, [])
        graph.add_edges_from((handoff, other) for other in reached if other != handoff)
    return graph


def circular_dependencies(history: History) -> pl.DataFrame:
    """Find systems that wait for each other in a circle.

    Parameters
    ----------
    history
        What to search, and in which window.

    Returns
    -------
    polars.DataFrame
        One row a strongly connected group of systems, the most failures inside first:

        ===========  ============  ==============================================================
        cycle        Int64         number of the group, from 1
        members      List(String)  its systems, by name
        size         Int64         how many
        example      String        one circle through it, as a -> b -> a
        handoffs     Int64         handoffs that stay inside
        failures     Float64       origins inside
        share        Float64       of all failures in scope, from 0 to 1; null when there are none
        crossings    Float64       crossings seen in a trace that came back to a system still at work
        ===========  ============  ==============================================================

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.

    References
    ----------
    Tarjan, Depth-first search and linear graph algorithms, 1972.
    """
    graph = dependency_graph(history)
    returning = {
        (source, target): n
        for source, target, n in history.sql(
            """
            SELECT source, target, sum(weight) AS n FROM crossings WHERE in_cycle
            GROUP BY source, target ORDER BY source, target
            """
        ).iter_rows()
    }
    total = sum(failures for _, _, failures in graph.edges(data="failures"))
    rows = []
    for component in circles(graph):
        inside = graph.subgraph(component)
        first = min(component)
        back = min(
            (nx.shortest_path(inside, other, first) for other in inside.successors(first)),
            key=lambda path: (len(path), path),
        )
        failures = float(sum(n for _, _, n in inside.edges(data="failures")))
        rows.append(
            {
                "members": sorted(component),
                "size": len(component),
                "example": " -> ".join([first, *back]),
                "handoffs": inside.number_of_edges(),
                "failures": failures,
                "share": failures / total if total else None,
                "crossings": float(sum(returning.get(edge, 0.0) for edge in inside.edges)),
            }
        )
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "members": pl.List(pl.String),
        "size": pl.Int64,
        "example": pl.String,
        "handoffs": pl.Int64,
        "failures": pl.Float64,
        "share": pl.Float64,
        "crossings": pl.Float64,
    }
    rows.sort(key=lambda row: (-row["failures"], row["members"]))
    numbered = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("cycle", offset=1)
    return numbered.with_columns(pl.col("cycle").cast(pl.Int64))


def circles(graph: nx.DiGraph) -> list[set[Any]]:
    """Return the groups of nodes that reach each other, the largest first, leaving out single nodes."""
    groups = [group for group in nx.strongly_connected_components(graph) if len(group) > 1]
    return sorted(groups, key=lambda group: (-len(group), sorted(group)))


def single_points_of_failure(history: History) -> pl.DataFrame:
    """Find the systems and handoffs that others cannot do without.

    A system is a single point when taking it away leaves some systems cut off from each other (an articulation
    point), or when every way from an entry to some system leads through it (a dominator). A handoff is one when it is
    the only link between two parts (a bridge).

    Parameters
    ----------
    history
        What to search, and in which window.

    Returns
    -------
    polars.DataFrame
        One row a system or handoff, the most dependants first:

        ============  ============  ============================================================
        kind          String        system or handoff
        system        String        the system; null for a handoff
        source        String        of the handoff; null for a system
        target        String        of the handoff; null for a system
        cuts          Boolean       without it the map falls into parts
        dependants    Int64         systems that cannot be reached from an entry but through it
        depends       List(String)  their names
        failures      Float64       origins at its handoffs
        ============  ============  ============================================================

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.

    References
    ----------
    Cooper, Harvey and Kennedy, A simple, fast dominance algorithm, 2001; Hopcroft and Tarjan 1973.
    """
    graph = dependency_graph(history)
    loose = nx.Graph(graph.to_undirected(as_view=True))
    cuts = set(nx.articulation_points(loose))
    dominated = dominated_systems(graph)
    rows: list[dict[str, Any]] = []
    rows.extend(
        {
            "kind": "system",
            "system": system,
            "source": None,
            "target": None,
            "cuts": system in cuts,
            "dependants": len(dominated[system]),
            "depends": sorted(dominated[system]),
            "failures": float(
                sum(n for *_, n in graph.in_edges(system, data="failures"))
                + sum(n for *_, n in graph.out_edges(system, data="failures"))
            ),
        }
        for system in graph
        if system in cuts or dominated[system]
    )
    for one, other in sorted(tuple(sorted(pair)) for pair in nx.bridges(loose)):
        for source, target in ((one, other), (other, one)):
            if graph.has_edge(source, target):
                behind = sorted({target, *dominated[target]}) if is_only_way(graph, source, target, dominated) else []
                rows.append(
                    {
                        "kind": "handoff",
                        "system": None,
                        "source": source,
                        "target": target,
                        "cuts": True,
                        "dependants": len(behind),
                        "depends": behind,
                        "failures": float(graph.edges[source, target]["failures"]),
                    }
                )
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "kind": pl.String,
        "system": pl.String,
        "source": pl.String,
        "target": pl.String,
        "cuts": pl.Boolean,
        "dependants": pl.Int64,
        "depends": pl.List(pl.String),
        "failures": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").sort(
        ["dependants", "failures", "kind", "system", "source", "target"],
        descending=[True, True, True, False, False, False],
        nulls_last=True,
    )


def is_only_way(graph: nx.DiGraph, source: str, target: str, dominated: dict[str, set[str]]) -> bool:
    """Say whether a system is handed work by one other alone, leaving aside what it hands out itself."""
    return all(other in (source, target) or other in dominated[target] for other in graph.predecessors(target))


def dominated_systems(graph: nx.DiGraph) -> dict[str, set[str]]:
    """Name for each system those that no entry reaches but through it.

    Entries are systems that nobody hands work to; in a part of the graph without any, every system of its first
    circles counts as one, so that nothing is called a single point for want of a way in.

    Examples
    --------
    >>> graph = nx.DiGraph([("web", "shop"), ("shop", "stock"), ("shop", "mail"), ("web", "mail")])
    >>> dominated_systems(graph)
    {'web': set(), 'shop': {'stock'}, 'stock': set(), 'mail': set()}
    """
    condensed = nx.condensation(graph)
    entries = {
        system
        for group, incoming in condensed.in_degree()
        if incoming == 0
        for system in condensed.nodes[group]["members"]
    }
    # One artificial root above all entries: "every way from any entry" becomes one dominator tree.
    root = object()
    rooted = nx.DiGraph(graph.edges)
    rooted.add_nodes_from(graph)
    rooted.add_edges_from((root, entry) for entry in entries)
    parents = nx.immediate_dominators(rooted, root)
    dominated: dict[str, set[str]] = {system: set() for system in graph}
    for system in graph:
        above = parents[system]
        while above is not root and above is not None:
            if above not in entries:
                dominated[above].add(system)
            above = parents[above]
    return dominated
