"""How fast are the tools that people have already, where they are installed, and what do they not answer?

None of them is needed; the answers differ, so that these are no goals. Each says what is missing in it.
"""

from __future__ import annotations

import statistics
from importlib.util import find_spec
from typing import TYPE_CHECKING

import polars as pl
from goals import PAIRS, Row, seconds
from volume import history_of
from words import bodies

import handoff_analytics as ha
from handoff_analytics.templates import masked, templates_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Calls = tuple[Callable[[], object], Callable[[], object]]

_COUNTED = "SELECT source, target, count(*) AS n, sum(failed::INTEGER) AS failed FROM crossings GROUP BY ALL"


def pandas_merge(folder: Path, spans: int) -> Calls:
    """Count handoffs by a merge of spans with their parents."""
    history = ha.open(history_of(folder, spans))
    table = history.sql("SELECT system, trace_key, span_key, parent_key FROM spans").to_pandas()

    def peer() -> object:
        both = table.merge(
            table, left_on=["trace_key", "span_key"], right_on=["trace_key", "parent_key"], suffixes=("", "_callee")
        )
        return both[both["system"] != both["system_callee"]].groupby(["system", "system_callee"]).size()

    return lambda: history.sql(_COUNTED), peer


def pm4py_followers(folder: Path, spans: int) -> Calls:
    """Find which system directly follows which in time, the process miner's way to a handoff."""
    import pm4py

    history = ha.open(history_of(folder, spans))
    log = history.sql(
        'SELECT trace_key::VARCHAR AS "case:concept:name", system AS "concept:name", started_at AS "time:timestamp" '
        "FROM spans ORDER BY trace_key, started_at"
    ).to_pandas()
    return lambda: history.sql(_COUNTED), lambda: pm4py.discover_dfg(log)


def drain3_templates(folder: Path, lines: int) -> Calls:
    """Find log templates line by line."""
    del folder
    from drain3 import TemplateMiner

    logged = bodies(lines)

    def library() -> object:
        return templates_of(logged.select(mask=masked(pl.col("body")))["mask"]).height

    def peer() -> object:
        miner = TemplateMiner()
        for body in logged["body"]:
            miner.add_log_message(body)
        return len(miner.drain.clusters)

    return library, peer


_PEERS: tuple[tuple[str, str, Callable[[Path, int], Calls], dict[str, int], str], ...] = (
    (
        "pandas",
        "merge of spans with their parents / handoff counts on the model",
        pandas_merge,
        {"quick": 5_000, "full": 1_000_000},
        "no links, retries, origins, silent failures; counts calls alone",
    ),
    (
        "pm4py",
        "discover_dfg / handoff counts on the model",
        pm4py_followers,
        {"quick": 5_000, "full": 200_000},
        "what follows in time is no handoff where calls overlap; no failures, no parents; AGPL",
    ),
    (
        "drain3",
        "templates line by line / log templates",
        drain3_templates,
        {"quick": 5_000, "full": 100_000},
        "templates depend on the order of the lines; its groups differ",
    ),
)


def rows(folder: Path, size: str) -> list[Row]:
    """Time every peer that is installed, in turns with the library."""
    found = []
    for name, what, made, sizes, missing in _PEERS:
        goal = f"{name}: {what}"
        if find_spec(name) is None:
            found.append(Row("peer", goal, None, "", "", "", None, "not installed", missing))
            continue
        library, peer = made(folder, sizes[size])
        library()
        peer()
        ratios = []
        for _ in range(PAIRS):
            ours, theirs = seconds(library)[0], seconds(peer)[0]
            ratios.append(theirs / ours)
        found.append(
            Row(
                "peer",
                goal,
                sizes[size],
                "",
                f"{statistics.median(ratios):.3g} x",
                f"{min(ratios):.3g} to {max(ratios):.3g}",
                None,
                "no goal",
                f"does not answer: {missing}",
            )
        )
    return found
