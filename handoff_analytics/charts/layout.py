"""Where does each system stand in a picture of who hands work to whom?

Work flows from left to right: a system stands one column right of the last that hands work to it. Handoffs that would
close a cycle run backwards, and as little volume as possible does. Within a column, systems are ordered so that few
lines cross; a line that passes a column gets a place of its own there, so that it runs through no other system.

References
----------
Sugiyama, K., Tagawa, S. and Toda, M. (1981). Methods for visual understanding of hierarchical system structures.
Eades, P., Lin, X. and Smyth, W. F. (1993). A fast and effective heuristic for the feedback arc set problem.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Edge = tuple[str, str]
Node = tuple[str, ...]
"""A system, or the passage of a line (source, target, column)."""
Neighbours = tuple[dict[Node, list[Node]], dict[Node, list[Node]]]
"""Who stands before each node, and who after."""
_SWEEPS = 12
_PASS = 0.3  # how much of the height of a system a line needs that only passes a column


@dataclass(frozen=True)
class Layout:
    """Columns and heights of systems, and the way of each handoff."""

    place: dict[str, tuple[int, float]]
    """System to column (from 0, left) and height (from 0, top, in systems)."""
    way: dict[Edge, list[tuple[int, float]]]
    """Handoff to the places that it passes, in the direction of the work, ends included."""
    backward: frozenset[Edge]
    """Handoffs that run from right to left because they close a cycle."""
    columns: int
    height: float


def layered(volumes: Mapping[Edge, float]) -> Layout:
    """Place systems in columns so that work flows from left to right.

    Parameters
    ----------
    volumes
        Handoff (source, target) to how much passes it; a system that hands work to itself is placed, its line not.

    Returns
    -------
    Layout
        The same for the same handoffs, whatever their order.

    Examples
    --------
    >>> plan = layered({("crm", "erp"): 5, ("erp", "bank"): 3, ("crm", "bank"): 1})
    >>> {system: column for system, (column, _) in plan.place.items()}
    {'bank': 2, 'crm': 0, 'erp': 1}
    """
    systems = sorted({system for edge in volumes for system in edge})
    edges = sorted(edge for edge in volumes if edge[0] != edge[1])
    backward = frozenset(_closing(systems, edges, volumes))
    forward = sorted({(b, a) if (a, b) in backward else (a, b) for a, b in edges})
    column: dict[Node, int] = {(system,): number for system, number in _columns(systems, forward).items()}
    chains = _chains(column, forward)
    rows: list[list[Node]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for node in sorted(column):
        rows[column[node]].append(node)
    neighbours = _neighbours(chains)
    height = _heights(_ordered(rows, neighbours), neighbours)
    way = {}
    for a, b in edges:
        places = [(column[node], height[node]) for node in chains[(b, a) if (a, b) in backward else (a, b)]]
        way[a, b] = places[::-1] if (a, b) in backward else places
    return Layout(
        place={system: (column[system,], height[system,]) for system in systems},
        way=way,
        backward=backward,
        columns=len(rows),
        height=max(height.values(), default=0.0) + 1,
    )


def _closing(systems: list[str], edges: list[Edge], volumes: Mapping[Edge, float]) -> list[Edge]:
    """Name handoffs whose reversal leaves no cycle: those against the order of Eades, Lin and Smyth."""
    outgoing: dict[str, dict[str, float]] = {system: {} for system in systems}
    incoming: dict[str, dict[str, float]] = {system: {} for system in systems}
    for a, b in edges:
        outgoing[a][b] = incoming[b][a] = volumes[a, b]
    left: list[str] = []
    right: list[str] = []
    remaining = set(systems)

    def take(system: str, side: list[str]) -> None:
        side.append(system)
        remaining.discard(system)
        for other in outgoing.pop(system):
            incoming.get(other, {}).pop(system, None)
        for other in incoming.pop(system):
            outgoing.get(other, {}).pop(system, None)

    while remaining:
        sinks = [system for system in sorted(remaining) if not outgoing[system]]
        sources = [system for system in sorted(remaining) if not incoming[system] and outgoing[system]]
        for system in sinks:
            take(system, right)
        for system in sources:
            take(system, left)
        if not sinks and not sources:
            best = max(
                sorted(remaining), key=lambda system: sum(outgoing[system].values()) - sum(incoming[system].values())
            )
            take(best, left)
    position = {system: number for number, system in enumerate(left + right[::-1])}
    return [(a, b) for a, b in edges if position[a] > position[b]]


def _columns(systems: list[str], edges: list[Edge]) -> dict[str, int]:
    """Give each system the length of the longest way to it; systems that only send stand next to who receives."""
    incoming: dict[str, list[str]] = defaultdict(list)
    outgoing: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        incoming[b].append(a)
        outgoing[a].append(b)
    column: dict[str, int] = {}
    waiting = {system: len(incoming[system]) for system in systems}
    ready = [system for system in systems if not waiting[system]]
    while ready:
        system = ready.pop()
        column[system] = max((column[other] + 1 for other in incoming[system]), default=0)
        for other in outgoing[system]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for system in systems:
        if not incoming[system] and outgoing[system]:
            column[system] = min(column[other] for other in outgoing[system]) - 1
    return column


def _chains(column: dict[Node, int], edges: list[Edge]) -> dict[Edge, list[Node]]:
    """Return the chain of each line, and add to the columns a passage wherever a line crosses one."""
    chains = {}
    for a, b in edges:
        passages: list[Node] = [(a, b, f"{number:06}") for number in range(column[a,] + 1, column[b,])]
        column.update({passage: int(passage[2]) for passage in passages})
        chains[a, b] = [(a,), *passages, (b,)]
    return chains


def _neighbours(chains: Mapping[Edge, list[Node]]) -> Neighbours:
    """Return who stands before and who after each node of the chains."""
    before: dict[Node, list[Node]] = defaultdict(list)
    after: dict[Node, list[Node]] = defaultdict(list)
    for chain in chains.values():
        for a, b in pairwise(chain):
            before[b].append(a)
            after[a].append(b)
    return before, after


def _ordered(rows: list[list[Node]], neighbours: Neighbours) -> list[list[Node]]:
    """Order each column by the mean place of its neighbours, sweeping to and fro; keep the order that crosses least."""
    before, after = neighbours
    rows = [list(row) for row in rows]
    best, fewest = [list(row) for row in rows], _crossings(rows, after)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        look = before if rightwards else after
        for row in rows if rightwards else rows[::-1]:
            spot = {node: number for line in rows for number, node in enumerate(line)}
            row.sort(key=lambda node: fmean(spot[n] for n in look[node]) if look.get(node) else spot[node])
        if (crossings := _crossings(rows, after)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(rows: list[list[Node]], after: Mapping[Node, list[Node]]) -> int:
    """Count crossing lines between neighbouring columns: the inversions of the order of their right ends."""
    total = 0
    for left, right in pairwise(rows):
        spot = {node: number for number, node in enumerate(right)}
        seen: list[int] = []
        for node in left:
            ends = sorted(spot[other] for other in after.get(node, ()) if other in spot)
            total += sum(earlier > end for end in ends for earlier in seen)
            seen += ends
    return total


def _heights(order: list[list[Node]], neighbours: Neighbours) -> dict[Node, float]:
    """Move each node towards the mean of its neighbours as far as order and room allow."""
    room = {node: _PASS if len(node) > 1 else 1.0 for row in order for node in row}
    height: dict[Node, float] = {}
    for row in order:
        at = 0.0
        for node in row:
            height[node] = at
            at += room[node]
    for sweep in range(_SWEEPS):
        for row in order if sweep % 2 == 0 else order[::-1]:
            near = [[height[other] for side in neighbours for other in side.get(node, ())] for node in row]
            wanted = [fmean(heights) if heights else height[node] for node, heights in zip(row, near, strict=True)]
            height.update(zip(row, _spaced(wanted, [room[node] for node in row]), strict=True))
    top = min(height.values(), default=0.0)
    return {node: at - top for node, at in height.items()}


def _spaced(wanted: Iterable[float], room: list[float]) -> list[float]:
    """Return the heights nearest to those wanted (least squares) that keep the order and leave each node its room.

    Pool adjacent violators: subtract the room taken by those above, make the rest rise, add the room again.
    """
    offsets = [0.0]
    for above, here in pairwise(room):
        offsets.append(offsets[-1] + (above + here) / 2)
    blocks: list[tuple[float, int]] = []
    for value, offset in zip(wanted, offsets, strict=True):
        mean, size = value - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    level = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(level, offsets, strict=True)]
