"""Who handed work to whom, when logs share an id but name no parents?

A ladder of evidence, best first: a line names its peer; a system's lines lie inside another's; a system logs before
and after another; a system logs before another. Each edge keeps its rung, so that a weak one is seen to be weak.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..store import query
from .statements import drop, make_table, make_working, run

if TYPE_CHECKING:
    import duckdb

    Edge = tuple[str, str]

# Callers that log again after fewer visits than this do not bracket what they call.
_RETURNS = 0.3
# An edge is believed from this many sightings on, and this part of the ids that both systems share.
_SEEN, _PART = 5, 0.1
_LEAN = 0.5
# A parent holds its children's lines in this part of their common ids, and shares half of the child's ids.
_HELD, _SHARED, _MET = 0.8, 0.5, 10
# Where a parent is found by containment, another caller needs at least this much of it.
_LOOSELY = 0.3
_BOOTSTRAPS = 200


@dataclass(frozen=True, slots=True)
class _Visit:
    """One system's turn in one id, entered from another system."""

    source: str
    target: str
    above: int
    """Place of the caller's step."""
    first: int
    """Place of the first step of the turn."""
    caller: int
    """Place of the first step of the caller's turn."""
    last: int
    """Place of the last step of the turn."""
    back: int | None
    """Place of the step in which the caller logs again."""
    failed: int | None
    """Place of the first step of the turn that logs an error."""


def infer(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the handoffs that logs show, and add the attempts of ids without spans to `other_calls`.

    Parameters
    ----------
    connection
        Inside a build, with system_names made and `other_calls` and `other_errors` empty.

    References
    ----------
    Bracketing and containment as measured on TrainTicket logs; skewness as the arrow of waiting times.
    """
    make_working(connection, "log_steps")
    steps = query(connection, "SELECT * FROM log_steps ORDER BY id_key, step")
    visits, returned = _bracketed(steps)
    edges = _with_channels(connection, _edges(connection, steps, visits, returned))
    connection.register("edges", edges.to_arrow())
    run(connection, "CREATE OR REPLACE TEMP TABLE found_edges AS SELECT * FROM edges")
    connection.unregister("edges")
    make_working(connection, "checked_traces", "checked_systems")
    known = {(row["source"], row["target"]): (row["rung"], row["channel"]) for row in edges.iter_rows(named=True)}
    visits, _ = _bracketed(steps, frozenset(known))
    _add_calls(connection, steps, [visit for visit in visits if (visit.source, visit.target) in known], known)
    drop(connection, "log_steps")


def _bracketed(steps: pl.DataFrame, known: frozenset[Edge] = frozenset()) -> tuple[list[_Visit], float]:
    """Read each id's steps as brackets: a system that is open is returned to, another is called from the open one.

    Where it is known who calls whom, the innermost open system that calls the other one is its caller; those inside of
    it may go on beside it.
    """
    ids, systems = steps["id_key"].to_list(), steps["system"].to_list()
    errors = steps["failed"].to_list()
    visits: list[_Visit] = []
    pushes = returns = 0
    stack: list[dict[str, Any]] = []
    beside: dict[str, dict[str, Any]] = {}

    def end(turn: dict[str, Any], caller: dict[str, Any] | None, back: int | None) -> None:
        if caller is not None:
            places = turn["above"], turn["first"], caller["first"], turn["last"]
            visits.append(_Visit(caller["system"], turn["system"], *places, back, turn["failed"]))

    def close(down_to: int, back: int | None) -> None:
        while len(stack) > down_to:
            turn = stack.pop()
            for name in [name for name, other in beside.items() if other["caller"] is turn]:
                end(beside.pop(name), turn, None)
            end(turn, stack[-1] if stack else None, back if len(stack) == down_to else None)

    for place, system in enumerate(systems):
        if place == 0 or ids[place] != ids[place - 1]:
            close(0, None)
        opened = next((depth for depth, turn in enumerate(stack) if turn["system"] == system), None)
        turn = beside.get(system)
        if opened is not None:
            returns += 1
            close(opened + 1, place)
            turn = stack[-1]
            for name in [name for name, other in beside.items() if other["caller"] is turn]:
                end(beside.pop(name), turn, place)
        elif turn is None:
            pushes += 1
            callers = [depth for depth, above in enumerate(stack) if (above["system"], system) in known]
            while callers and len(stack) > callers[-1] + 1:
                aside = stack.pop()
                beside[aside["system"]] = aside | {"caller": stack[-1]}
            above = stack[-1]["last"] if stack else -1
            turn = {"system": system, "above": above, "first": place, "failed": None}
            stack.append(turn)
        turn["last"] = place
        if errors[place] and turn["failed"] is None:
            turn["failed"] = place
    close(0, None)
    return sorted(visits, key=lambda visit: visit.first), returns / max(pushes, 1)


def _edges(
    connection: duckdb.DuckDBPyConnection, steps: pl.DataFrame, visits: list[_Visit], returned: float
) -> pl.DataFrame:
    named = {
        (source, target): count
        for source, target, count in connection.execute(
            """
            SELECT coalesce(a.system, l.system), b.system, count(*)
            FROM log_records AS l
            JOIN system_names AS b ON b.name = coalesce(
                l.peer, nullif(regexp_extract(l.body, '(?i)\\bhttps?://([a-z0-9][a-z0-9._-]*)', 1), '')
            )
            LEFT JOIN system_names AS a ON a.name = l.system
            WHERE b.basis <> 'unmatched' AND coalesce(a.system, l.system) <> b.system
            GROUP BY ALL
            ORDER BY ALL
            """
        ).fetchall()
    }
    met, held, present = _containment(steps)
    seen = Counter((visit.source, visit.target) for visit in visits)
    brackets = _brackets(steps, visits)

    def lean(edge: Edge) -> float:
        there, back = seen.get(edge, 0), seen.get(edge[::-1], 0)
        return (there - back) / (there + back + 1)

    rungs: dict[Edge, tuple[str, str]] = {}
    if returned > _RETURNS:
        parents = _innermost(met, held, present)
        for edge, count in sorted(seen.items()):
            inside = held.get(edge, 0) / met[edge]
            believed = count >= max(_SEEN, _PART * met[edge]) and lean(edge) > _LEAN
            believed = believed and edge in brackets
            parent = parents.get(edge[1])
            if believed and (parent is None or parent == edge[0] or inside >= _LOOSELY):
                rungs[edge] = "log_bracket", "high" if inside >= 0.6 else "medium"
        rungs |= {(parent, child): ("log_containment", "high") for child, parent in sorted(parents.items())}
    else:
        rungs |= dict.fromkeys(_ordered(steps, present), ("log_order", "low"))
    rungs |= dict.fromkeys(named, ("log_field", "high"))
    return pl.DataFrame(
        [
            {
                "source": edge[0],
                "target": edge[1],
                "channel": "http" if edge in named else "unknown",
                "rung": rung,
                "tier": tier,
                "support": max(named.get(edge, 0), seen.get(edge, 0)),
                "together": met.get(edge, 0),
                "contain": held.get(edge, 0) / met[edge] if met.get(edge) else None,
                "dependency": lean(edge),
                "return_share": returned,
            }
            for edge, (rung, tier) in sorted(rungs.items())
        ],
        schema={
            **dict.fromkeys(("source", "target", "channel", "rung", "tier"), pl.String),
            **dict.fromkeys(("support", "together"), pl.Int64),
            **dict.fromkeys(("contain", "dependency", "return_share"), pl.Float64),
        },
    )


def make_edges(connection: duckdb.DuckDBPyConnection) -> None:
    """Make log_edges, and log_accuracy: how far they agree with what spans show of the same ids."""
    make_working(connection, "span_edges")
    make_table(connection, "log_edges", "log_accuracy")
    drop(connection, "span_edges", "found_edges", "checked_traces", "checked_systems")


def _brackets(steps: pl.DataFrame, visits: list[_Visit]) -> set[Edge]:
    """Return the edges whose caller brackets what it calls, however much the other callers return.

    A caller that hardly ever logs again brackets nothing. One that does may still end with a call after which it has
    nothing more to say; but then it calls as soon after its line as it calls otherwise.
    """
    waits = steps["first_us"].to_numpy()[[visit.first for visit in visits]] if visits else np.array([])
    waits = waits - steps["last_us"].to_numpy()[[visit.above for visit in visits]] if visits else waits
    found = pl.DataFrame(
        {
            "source": [visit.source for visit in visits],
            "target": [visit.target for visit in visits],
            "back": [visit.back is not None for visit in visits],
            "wait": waits,
        },
        schema={"source": pl.String, "target": pl.String, "back": pl.Boolean, "wait": pl.Int64},
    )
    longest = pl.col("wait").filter(pl.col("back")).quantile(0.99).over("source")
    judged = (
        found.with_columns(returns=pl.col("back").mean().over("source"), longest=longest)
        .group_by("source", "target")
        .agg(pl.col("returns", "longest").first(), pl.col("back").mean(), pl.col("wait").median())
        .filter(
            (pl.col("returns") > _RETURNS) & ((pl.col("back") > _RETURNS) | (pl.col("wait") <= 2 * pl.col("longest")))
        )
    )
    return set(judged.select("source", "target").iter_rows())


def _containment(steps: pl.DataFrame) -> tuple[dict[Edge, int], dict[Edge, int], dict[str, int]]:
    """Count in how many ids two systems meet, and in how many of these one's lines lie within the other's."""
    turns = steps.group_by("id_key", "system").agg(pl.col("first_us").min(), pl.col("last_us").max())
    pairs = turns.join(turns, on="id_key", suffix="_b").filter(pl.col("system") != pl.col("system_b"))
    inside = (pl.col("first_us") <= pl.col("first_us_b")) & (pl.col("last_us") >= pl.col("last_us_b"))
    counted = pairs.group_by("system", "system_b").agg(pl.len().alias("met"), inside.sum().alias("held"))
    met = {(row["system"], row["system_b"]): row["met"] for row in counted.iter_rows(named=True)}
    held = {(row["system"], row["system_b"]): row["held"] for row in counted.iter_rows(named=True)}
    present = dict(turns.group_by("system").agg(pl.len()).iter_rows())
    return met, held, present


def _innermost(met: dict[Edge, int], held: dict[Edge, int], present: dict[str, int]) -> dict[str, str]:
    """Return the one system, if any, that holds another's lines most closely."""
    above: dict[str, set[str]] = defaultdict(set)
    for (a, b), count in met.items():
        share, reverse = held[a, b] / count, held[b, a] / count
        if share >= _HELD and share > reverse and count >= max(_MET, _SHARED * present[b]):
            above[b].add(a)
    parents: dict[str, str] = {}
    for child, ancestors in above.items():
        # The parent has most of the other ancestors above itself.
        parents[child] = min(ancestors, key=lambda a: (-len(above.get(a, set()) & ancestors), a))
    return parents


def _ordered(steps: pl.DataFrame, present: dict[str, int]) -> list[Edge]:
    """Return for each system its likeliest parent, when callers log only on entry.

    Waits are skewed to the right, so the sign of the skewness of the time between two systems' first lines tells who
    waited for whom, whatever their clocks say; where the skewness says nothing, precedence in nine of ten ids does.
    """
    firsts = steps.group_by("id_key", "system").agg(pl.col("first_us").min())
    pairs = firsts.join(firsts, on="id_key", suffix="_b").filter(pl.col("system") != pl.col("system_b"))
    waits = (
        pairs.with_columns(wait=(pl.col("first_us_b") - pl.col("first_us")).cast(pl.Float64))
        .group_by("system", "system_b")
        .agg("wait")
        .sort("system", "system_b")
    )
    best: dict[str, tuple[float, str]] = {}
    for row in waits.iter_rows(named=True):
        a, b, wait = row["system"], row["system_b"], np.sort(np.asarray(row["wait"]))
        if len(wait) < max(_MET, 0.9 * present[b]) or not _waits(wait):
            continue
        spread = float(np.subtract(*np.quantile(wait, [0.75, 0.25])))
        best[b] = min(best.get(b, (np.inf, "")), (spread, a))
    return [(a, b) for b, (_, a) in best.items()]


def _waits(wait: np.ndarray) -> bool:
    """Tell whether the second system waits for the first."""
    random = np.random.default_rng(0)
    drawn = np.quantile(wait[random.integers(0, len(wait), (_BOOTSTRAPS, len(wait)))], [0.01, 0.5, 0.99], axis=1)
    lean = drawn[2] + drawn[0] - 2 * drawn[1]
    low, high = np.quantile(lean, [0.05, 0.95])
    if low > 0:
        return True
    return bool(high >= 0 and np.mean(wait > 0) >= 0.9)


def _with_channels(connection: duckdb.DuckDBPyConnection, edges: pl.DataFrame) -> pl.DataFrame:
    """Give each edge the one channel that spans or a catalogue know for it: else one handoff would be two."""
    connection.register("edges", edges.to_arrow())
    channels = query(
        connection,
        """
        WITH told AS (
            SELECT p.source_system AS source, p.target_system AS target, s.channel
            FROM pairs AS p
            JOIN (SELECT DISTINCT source, target FROM edges) AS e
                ON e.source = p.source_system AND e.target = p.target_system
            JOIN spans AS s ON s.trace_key = p.target_trace AND s.span_key = p.target_key
            UNION
            SELECT coalesce(a.system, d.source), coalesce(b.system, d.target), d.channel
            FROM declared_handoffs AS d
            LEFT JOIN system_names AS a ON a.name = d.source
            LEFT JOIN system_names AS b ON b.name = d.target
        )
        SELECT source, target, min(channel) AS told
        FROM told
        WHERE channel <> 'unknown'
        GROUP BY source, target
        HAVING min(channel) = max(channel)
        """,
    )
    connection.unregister("edges")
    return (
        edges.join(channels, on=["source", "target"], how="left", maintain_order="left")
        .with_columns(channel=pl.coalesce("told", "channel"))
        .drop("told")
    )


def _add_calls(
    connection: duckdb.DuckDBPyConnection,
    steps: pl.DataFrame,
    visits: list[_Visit],
    known: dict[Edge, tuple[str, str]],
) -> None:
    """Write as attempts the visits of which no side reports spans in their id; spans tell the others better."""
    told = set(
        query(
            connection,
            """
            SELECT DISTINCT l.id_key, coalesce(n.system, s.system) AS system
            FROM (SELECT DISTINCT id_key, trace_key, correlation_id FROM log_steps) AS l
            JOIN evidence_spans AS s ON s.trace_key = l.trace_key
            LEFT JOIN system_names AS n ON n.name = s.system
            UNION
            SELECT DISTINCT l.id_key, coalesce(n.system, of_trace.system)
            FROM (SELECT DISTINCT id_key, correlation_id FROM log_steps WHERE correlation_id IS NOT NULL) AS l
            JOIN evidence_spans AS s ON s.correlation_id = l.correlation_id
            JOIN evidence_spans AS of_trace ON of_trace.trace_key = s.trace_key
            LEFT JOIN system_names AS n ON n.name = of_trace.system
            """,
        ).iter_rows()
    )
    rows = steps.to_dicts()
    calls: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for visit in visits:
        first, above = rows[visit.first], rows[visit.above]
        if (first["id_key"], visit.source) in told or (first["id_key"], visit.target) in told:
            continue
        back = rows[visit.back] if visit.back is not None else None
        # An error that the caller logs on return is how it sees the attempt; one in the turn is the receiver's own.
        wrong = [rows[place] for place in (visit.failed, visit.back) if place is not None and rows[place]["failed"]]
        crossing_id = first["first_uid"] - above["first_uid"]
        calls.append(
            {
                "crossing_id": crossing_id,
                "evidence": known[visit.source, visit.target][0],
                "is_orphan": False,
                "has_call": True,
                "source_trace": first["id_key"],
                "source_key": above["first_uid"],
                "attempts_under": rows[visit.caller]["first_uid"],
                "target_trace": first["id_key"],
                "target_key": first["first_uid"],
                "trace_key": first["id_key"],
                "trace_id": first["trace_id"],
                "caller_key": rows[visit.caller]["first_uid"],
                "source": visit.source,
                "target": visit.target,
                "channel": known[visit.source, visit.target][1],
                "start_us": above["last_us"],
                "duration_us": back["first_us"] - above["last_us"] if back else None,
                "callee_us": rows[visit.last]["last_us"] - first["first_us"],
                "raw_transit_us": first["first_us"] - above["last_us"],
                "source_status": "error" if back and back["failed"] else "unset",
                "target_status": "error" if visit.failed is not None else "unset",
                "source_failed": bool(back and back["failed"] and visit.failed is not None),
                "target_failed": visit.failed is not None,
                "source_host": above["host"],
                "target_host": first["host"],
                "target_http": first["http_status"],
                "weight": 1.0,
                "correlation_id": first["correlation_id"],
            }
        )
        if visit.failed is not None:
            errors.append(
                {
                    "crossing_id": crossing_id,
                    "error_type": wrong[0]["error_type"],
                    "error_text": wrong[0]["error_text"],
                }
            )
    for table, content in (("other_calls", calls), ("other_errors", errors)):
        if content:
            connection.register("found", pl.DataFrame(content, infer_schema_length=None).to_arrow())
            run(connection, f"INSERT INTO {table} BY NAME SELECT * FROM found")
            connection.unregister("found")
