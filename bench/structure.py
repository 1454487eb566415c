"""How much longer do graph, templates and handoff counts take than the plainest way to the same answer?

Each function returns the library's call, a reference and a check that both gave the same; `run.py` times them in turns.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import networkx as nx
import polars as pl

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.reach import structural_reach
from handoff_analytics.store import connect
from handoff_analytics.templates import masked, templates_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pair = tuple[Callable[[], object], Callable[[], object], Callable[[], None]]


def all_node_reach(folder: Path, nodes: int) -> Pair:
    """Time the structural reach of every node, against networkx's descendants of each."""
    del folder
    draw = random.Random(3)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(nodes))
    for node in range(1, nodes):
        for _ in range(4):
            graph.add_edge(draw.randrange(max(1, node // 2)), node)

    def library() -> object:
        return structural_reach(graph).reach

    def reference() -> object:
        return {node: len(nx.descendants(graph, node)) for node in graph}

    def same() -> None:
        assert {node: int(reach) for node, reach in structural_reach(graph).reach.items()} == reference()

    return library, reference, same


def log_templates(folder: Path, lines: int) -> Pair:
    """Time the templates of log lines, against masking digits and grouping in polars."""
    del folder
    draw = random.Random(5)
    verbs = ("started", "refused", "retried", "paid", "lost", "sent")
    bodies = pl.Series(
        [
            f"order {draw.randrange(10**6)} {verbs[n % 6]} by erp-{n % 9} after {draw.random():.3f} s"
            for n in range(lines)
        ]
    ).to_frame("body")

    def library() -> object:
        masks = bodies.select(mask=masked(pl.col("body")))["mask"]
        return templates_of(masks).height

    def reference() -> object:
        return bodies.select(mask=pl.col("body").str.replace_all(r"\d+", "#")).group_by("mask").len().height

    def same() -> None:
        assert library() == len(verbs), library()

    return library, reference, same


def handoff_counts(folder: Path, spans: int) -> Pair:
    """Time crossings and failures by handoff on the model, against the bare two-key join of the spans."""
    path = folder / f"volume-{spans}.duckdb"
    if not path.exists():
        samples.write_spans(folder / f"volume-{spans}", spans=spans, form="otlp")
        ha.load(folder / f"volume-{spans}", into=path, quiet=True)
    history = ha.open(path)
    counted = "SELECT source, target, count(*) AS n FROM crossings WHERE source_span_key IS NOT NULL GROUP BY ALL"
    joined = """
        SELECT p.system AS source, c.system AS target, count(*) AS n
        FROM spans AS p
        JOIN spans AS c ON c.trace_key = p.trace_key AND c.parent_key = p.span_key
        WHERE p.system <> c.system
        GROUP BY ALL
    """

    def library() -> object:
        return history.sql(counted)

    def reference() -> object:
        return history.sql(joined)

    def same() -> None:
        assert library().select(pl.col("n").sum()).item() >= reference().select(pl.col("n").sum()).item() > 0

    return library, reference, same


def own_sql(folder: Path, spans: int) -> Pair:
    """Time a query through a history, against the same query on a bare connection."""
    path = folder / f"volume-{spans}.duckdb"
    handoff_counts(folder, spans)
    query = "SELECT source, target, count(*) AS n FROM crossings GROUP BY ALL ORDER BY ALL"
    history = ha.open(path)
    bare = connect(path, read_only=True)

    def library() -> object:
        return history.sql(query)

    def reference() -> object:
        return bare.sql(query).pl()

    def same() -> None:
        assert library().equals(reference())

    return library, reference, same


GOALS = (
    ("all-node reach, 1/networkx", all_node_reach, {"quick": 3_000, "full": 10_000}, 1 / 15),
    ("log templates / polars mask and group", log_templates, {"quick": 100_000, "full": 1_000_000}, 3.0),
    ("handoff counts on the model / bare two-key join", handoff_counts, {"quick": 100_000, "full": 1_000_000}, 1.2),
    ("history.sql / the same SQL", own_sql, {"quick": 100_000, "full": 1_000_000}, 1.1),
)
