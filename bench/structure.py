"""How much longer do handoffs, cascades and graphs take than the plainest way to the same answer?"""

from __future__ import annotations

import random
from itertools import cycle
from math import sqrt
from typing import TYPE_CHECKING

import child
import networkx as nx
from goals import Figure, Measured, Pair, repeated, seconds
from volume import history_of

import handoff_analytics as ha
from handoff_analytics.explorer.asking import Asking
from handoff_analytics.model.statements import make_working
from handoff_analytics.reach import EXACT_UP_TO, structural_reach
from handoff_analytics.statistics.ranges import Range
from handoff_analytics.store import store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Calls = tuple[Callable[[], object], Callable[[], object], Callable[[], None]]

_COUNTED = """
    SELECT source, target, count(*) AS n, sum(failed::INTEGER) AS failed
    FROM crossings WHERE source_span_key IS NOT NULL AND target_span_key IS NOT NULL AND trace_key = source_trace_key
    GROUP BY ALL ORDER BY ALL
"""
_WITH_QUANTILES = """
    SELECT source, target, count(*) AS n, sum(failed::INTEGER) AS failed,
           quantile_cont(duration_us, 0.5) AS p50, quantile_cont(duration_us, 0.95) AS p95
    FROM crossings WHERE source_span_key IS NOT NULL AND target_span_key IS NOT NULL AND trace_key = source_trace_key
    GROUP BY ALL ORDER BY ALL
"""
_JOINED = """
    SELECT p.system AS source, c.system AS target, count(*) AS n
    FROM spans AS p
    JOIN spans AS c ON c.trace_key = p.trace_key AND c.parent_key = p.span_key
    WHERE p.system <> c.system
    GROUP BY ALL ORDER BY ALL
"""


def _network(nodes: int) -> nx.DiGraph:
    """Return a graph with four edges a node, as the methods were timed on."""
    draw = random.Random(3)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(nodes))
    for node in range(1, nodes):
        for _ in range(4):
            graph.add_edge(draw.randrange(max(1, node // 2)), node)
    return graph


def all_node_reach(folder: Path, nodes: int) -> Calls:
    """Time the structural reach of every node, against networkx's descendants of each."""
    del folder
    graph = _network(nodes)

    def library() -> object:
        return structural_reach(graph).reach

    def reference() -> object:
        return {node: len(nx.descendants(graph, node)) for node in graph}

    def same() -> None:
        assert {node: int(reach) for node, reach in structural_reach(graph).reach.items()} == reference()

    return library, reference, same


def sketched_reach(folder: Path, nodes: int) -> Measured:
    """Measure how far the sketch is off, where the exact answer can still be had."""
    del folder
    graph = _network(nodes)
    exact = structural_reach(graph, exact_up_to=nodes).reach
    took, cpu = seconds(lambda: structural_reach(graph, exact_up_to=0))
    found = structural_reach(graph, exact_up_to=0)
    errors = sorted(abs(found.reach[node] - exact[node]) / exact[node] for node in graph if exact[node] >= 20)
    return Measured(
        errors[len(errors) // 2] if errors else 0.0,
        f"95th percentile {errors[int(len(errors) * 0.95)]:.2g}" if errors else "",
        cpu,
        f"{took:.3g} s; it states a standard error of {found.relative_error:.2g}, theory says {1 / sqrt(62):.2g}; "
        f"used past {EXACT_UP_TO:,} nodes",
    )


def _asked(query: str) -> Callable[[Path, int], Calls]:
    def made(folder: Path, spans: int) -> Calls:
        path = history_of(folder, spans)
        history, bare = ha.open(path), store(path).reader().cursor()

        def library() -> object:
            return history.sql(query)

        def reference() -> object:
            return bare.sql(_JOINED).pl()

        def same() -> None:
            # A handoff is between two systems that report; the model adds what spans alone do not say.
            mine = {(a, b): n for a, b, n, *_ in history.sql(query).rows()}
            for a, b, n in bare.sql(_JOINED).fetchall():
                assert mine.get((a, b)) == n, (a, b, n, mine.get((a, b)))

        return library, reference, same

    return made


def own_sql(folder: Path, spans: int) -> Calls:
    """Time a query through a history, against the same query on a bare connection."""
    path = history_of(folder, spans)
    history, bare = ha.open(path), store(path).reader().cursor()

    def library() -> object:
        return history.sql(_COUNTED)

    def reference() -> object:
        return bare.sql(_COUNTED).pl()

    def same() -> None:
        assert library().equals(reference())

    return library, reference, same


def observed_cascade(folder: Path, spans: int) -> Calls:
    """Time the tree of consequences of every failure, from the crossings, against the bare two-key join."""
    path = history_of(folder, spans)
    bare = store(path).reader().cursor()

    def library() -> object:
        make_working(bare, "faults", "causes", "spread")
        return bare.sql("SELECT count(*) FROM spread").fetchall()

    def reference() -> object:
        return bare.sql(_JOINED).pl()

    def same() -> None:
        assert library()[0][0] == bare.sql("SELECT count(*) FROM cascades").fetchall()[0][0] > 0

    return library, reference, same


def ranking(folder: Path, spans: int) -> Measured:
    """Measure the seconds from materialised crossings to a ranking."""
    history = ha.open(history_of(folder, spans))
    return repeated(lambda: ha.rank(history), times=5)


def slider(folder: Path, spans: int) -> Measured:
    """Measure the seconds from a slider of the explorer to the case and its chart made again."""
    history = ha.open(history_of(folder, spans))
    targets = history.sql("SELECT DISTINCT target FROM handoffs ORDER BY target LIMIT 20")["target"].to_list()
    half, outlay = Range(0.3, 0.5, 0.7), Range(4_000, 5_000, 6_000)
    measures = [
        ha.Measure(
            f"m{number}",
            f"repair {target}",
            "monitoring",
            handoffs=(("*", target),),
            one_off=outlay,
            rate_reduction=half,
        )
        for number, target in enumerate(targets)
    ]
    asking = Asking()
    asking.show(history, measures=measures)
    prices = cycle((110, 120, 130, 90, 80))

    def moved() -> None:
        asking._sliders["hour"].value = next(prices)  # noqa: SLF001 - what a hand does

    return repeated(moved, times=5)


def growth(folder: Path, spans: int) -> Measured:
    """Measure how much longer ten times the spans take: counts with quantiles, cascade and bare join together."""
    factors = {}
    for name, made in (("handoffs", _asked(_WITH_QUANTILES)), ("cascade", observed_cascade)):
        took = [repeated(made(folder, size)[0]).value for size in (spans // 10, spans)]
        factors[name] = took[1] / took[0]
    return Measured(max(factors.values()), ", ".join(f"{name} {factor:.3g}" for name, factor in factors.items()))


def memory(folder: Path, spans: int) -> Measured:
    """Measure the peak memory of a process that opens a history and counts its handoffs with quantiles."""
    found = child.measured("count", str(history_of(folder, spans)), _WITH_QUANTILES)
    return Measured(found["peak_mb"], "", found["cpu_s"], "of the whole process, imports included")


_SPANS = {"quick": 10_000, "full": 1_000_000}
_TEN_MILLION = {"quick": 10_000, "full": 10_000_000}
GOALS = (
    Pair(
        "5.7",
        "handoff counts on the model / bare two-key join of the spans",
        _asked(_COUNTED),
        _SPANS,
        1.2,
    ),
    Pair("5.7", "the same with exact quantiles / bare two-key join", _asked(_WITH_QUANTILES), _SPANS, 1.6),
    Pair("5.7", "history.sql / the same SQL on a bare connection", own_sql, _TEN_MILLION, 1.1),
    Pair(
        "5.7",
        "reach of every node / networkx descendants of each: 15 times as fast",
        all_node_reach,
        {"quick": 2_000, "full": 10_000},
        1 / 15,
    ),
    Figure(
        "5.7",
        "sketch of reach: median relative error where the exact reach is 20 or more",
        sketched_reach,
        {"quick": 3_000, "full": 60_000},
        0.1,
        "of it",
    ),
    Pair("5.7", "observed cascade / bare two-key join", observed_cascade, _TEN_MILLION, 0.25),
    Figure("5.7", "ten times the spans take", growth, _TEN_MILLION, 12, "times"),
    Figure("5.7", "peak memory of counts with quantiles", memory, _TEN_MILLION, 1_500, "MB"),
    Figure("5.7", "rank on materialised crossings", ranking, _TEN_MILLION, 3, "s"),
    Figure("7", "a slider of the explorer: the case and its chart again", slider, _TEN_MILLION, 1, "s"),
)
