"""How far would a failure go?

Pure methods over an impact graph: what could be reached, what is likely to be, and how likely each step is, learnt
from what failed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from scipy import special

from .errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

EXACT_UP_TO = 50_000
"""Nodes up to which structural reach is counted; beyond, it is sketched."""
# All combinations of so many edges are fewer than the worlds that would be drawn.
_ENUMERABLE = 11


@dataclass(frozen=True, slots=True)
class StructuralReach:
    """How many nodes each node could reach, not counting itself."""

    reach: dict[Any, float]
    relative_error: float
    """Standard error of each number as a share of it: 0 where they were counted."""


def structural_reach(graph: nx.DiGraph, *, exact_up_to: int = EXACT_UP_TO, sketches: int = 64) -> StructuralReach:
    """Count for every node the nodes it could reach, all in one pass.

    Strongly connected groups are visited sinks first; each takes the union of what its successors reach, as bits of
    one integer. Past `exact_up_to` nodes the sets grow faster than memory, and Cohen's estimator takes over: every
    node draws `sketches` exponential numbers, the least that a node can reach tells how many it reaches.

    Parameters
    ----------
    graph
        Edges from what fails first to what could fail of it.
    exact_up_to
        Number of nodes up to which to count.
    sketches
        Numbers a node; the relative standard error is 1 / sqrt(sketches - 2).

    Returns
    -------
    StructuralReach
        Reach of every node, and its error.

    References
    ----------
    Cohen, Size-estimation framework with applications to transitive closure and reachability, JCSS 55, 1997.

    Examples
    --------
    >>> structural_reach(nx.DiGraph([(1, 2), (2, 1), (2, 3)])).reach
    {1: 2, 2: 2, 3: 0}
    """
    if graph.number_of_nodes() > exact_up_to:
        return _sketched(graph, sketches)
    reach: dict[Any, float] = {}
    group: dict[Any, int] = {}
    masks: list[int] = []
    numbered = 0
    neighbours = graph._adj  # noqa: SLF001 - the public view costs a third of the whole pass
    # Tarjan's algorithm emits a group only after all that it leads to: every mask is complete when it is needed.
    for number, members in enumerate(nx.strongly_connected_components(graph)):
        mask = ((1 << len(members)) - 1) << numbered
        numbered += len(members)
        for node in members:
            group[node] = number
        for other in {group[successor] for node in members for successor in neighbours[node]} - {number}:
            mask |= masks[other]
        masks.append(mask)
        size = mask.bit_count() - 1
        for node in members:
            reach[node] = size
    return StructuralReach({node: reach[node] for node in graph}, 0.0)


def _sketched(graph: nx.DiGraph, sketches: int) -> StructuralReach:
    random = np.random.default_rng(1)
    reach: dict[Any, float] = {}
    group: dict[Any, int] = {}
    least: list[NDArray[np.float32]] = []
    neighbours = graph._adj  # noqa: SLF001 - as above
    for number, members in enumerate(nx.strongly_connected_components(graph)):
        # The least of n exponential numbers is exponential with rate n: one draw serves a whole group.
        own = (random.standard_exponential(sketches) / len(members)).astype(np.float32)
        for node in members:
            group[node] = number
        for other in {group[successor] for node in members for successor in neighbours[node]} - {number}:
            np.minimum(own, least[other], out=own)
        least.append(own)
        size = max((sketches - 1) / float(own.sum(dtype=np.float64)), float(len(members))) - 1
        for node in members:
            reach[node] = size
    return StructuralReach({node: reach[node] for node in graph}, 1 / sqrt(sketches - 2))


def expected_reach(
    graph: nx.DiGraph,
    *,
    probability: str = "probability",
    weights: Mapping[Any, float] | None = None,
    worlds: int = 2000,
    seed: int = 1,
) -> dict[Any, float]:
    """Expect how many nodes a failure of each node reaches, when every edge passes it on with a probability.

    In each of many worlds every edge is live or not; a failure reaches what is connected by live edges. All worlds are
    walked at once, one bit each, and are the same for all nodes, so that differences between nodes are no luck of the
    draw. Cycles need no care. Up to 11 edges the worlds are all combinations, and the answer is exact.

    Parameters
    ----------
    graph
        Impact graph.
    probability
        Edge attribute, from 0 to 1.
    weights
        What reaching a node counts; left out, 1 each.
    worlds
        How many to draw; the standard error is that of one node's reach over sqrt(worlds).
    seed
        Of the draw.

    Returns
    -------
    dict
        Expected weight reached from each node, itself not counted.

    References
    ----------
    Kempe, Kleinberg and Tardos, Maximizing the spread of influence through a social network, 2003.

    Examples
    --------
    >>> graph = nx.DiGraph()
    >>> graph.add_weighted_edges_from([(0, 1, .5), (1, 2, .6), (2, 0, .3), (2, 3, .4), (0, 3, .2)], "probability")
    >>> [round(reach, 4) for reach in expected_reach(graph).values()]
    [1.096, 1.0416, 0.886, 0.0]
    """
    drawn = Worlds(graph, probability=probability, weights=weights, worlds=worlds, seed=seed)
    return {start: drawn.reach(start) for start in graph}


class Worlds:
    """The worlds of `expected_reach`, kept: the same ones answer every question, also what stopping failures would do.

    Parameters
    ----------
    graph, probability, weights, worlds, seed
        As for `expected_reach`.
    """

    def __init__(
        self,
        graph: nx.DiGraph,
        *,
        probability: str = "probability",
        weights: Mapping[Any, float] | None = None,
        worlds: int = 2000,
        seed: int = 1,
    ) -> None:
        edges = [(one, other, float(p)) for one, other, p in graph.edges(data=probability)]
        if any(not 0 <= p <= 1 for *_, p in edges):
            wrong = next(edge for edge in edges if not 0 <= edge[2] <= 1)
            raise ArgumentError(
                f"The edge {wrong[0]} -> {wrong[1]} has probability {wrong[2]}: it must be from 0 to 1."
            )
        self._edges, self._weights, self._seed = edges, weights, seed
        self._exact = len(edges) <= _ENUMERABLE
        self._worlds = 1 << len(edges) if self._exact else worlds
        self._live: dict[Any, list[tuple[Any, int, int]]] = {node: [] for node in graph}
        random = np.random.default_rng(seed)
        for number, (one, other, p) in enumerate(edges):
            if self._exact:
                mask = sum(1 << world for world in range(self._worlds) if world >> number & 1)
            else:
                mask = self._drawn(random, p)
            self._live[one].append((other, mask, number))
        self._kept: dict[tuple[int, float], int] = {}
        self._chances = self._weighed({})

    def reach(self, start: Any, *, kept: Mapping[Any, float] | None = None) -> float:
        """Expect the weight that a failure of one node reaches, itself not counted.

        Parameters
        ----------
        start
            The node that fails first.
        kept
            By node, the share of the failures that it still passes on; 1 where it is not named. A smaller share never
            reaches further: of the live edges of each world some are cut, none is added.
        """
        stopping = {node: share for node, share in (kept or {}).items() if share < 1}
        chances = self._weighed(stopping) if self._exact and stopping else self._chances
        everywhere = (1 << self._worlds) - 1
        reached = {start: everywhere}
        waiting = {start: everywhere}
        while waiting:
            node, fresh = waiting.popitem()
            for other, mask, number in self._live[node]:
                if node in stopping and not self._exact:
                    passing = mask & self._surviving(number, stopping[node])
                else:
                    passing = mask
                known = reached.get(other, 0)
                added = fresh & passing & ~known
                if added:
                    reached[other] = known | added
                    waiting[other] = waiting.get(other, 0) | added
        del reached[start]
        weights = self._weights
        return float(
            sum(
                self._share(mask, chances) * (1.0 if weights is None else weights.get(node, 0.0))
                for node, mask in reached.items()
            )
        )

    def _drawn(self, random: np.random.Generator, p: float) -> int:
        bits = np.packbits(random.random(self._worlds) < p)
        return int.from_bytes(bits.tobytes(), "big") >> (-self._worlds % 8)

    def _surviving(self, number: int, share: float) -> int:
        """Return the worlds in which an edge, live before, still passes a failure on: the same draw for every share."""
        found = self._kept.get((number, share))
        if found is None:
            found = self._kept[number, share] = self._drawn(np.random.default_rng([self._seed, number]), share)
        return found

    def _weighed(self, stopping: Mapping[Any, float]) -> Floats | None:
        """Return how likely each combination of edges is, where all are looked at."""
        if not self._exact:
            return None
        live = np.array([p * stopping.get(one, 1.0) for one, _, p in self._edges])
        worlds = np.arange(self._worlds)[:, None] >> np.arange(len(self._edges)) & 1
        return np.asarray(np.where(worlds == 1, live, 1 - live).prod(axis=1), dtype=np.float64)

    def _share(self, mask: int, chances: Floats | None) -> float:
        if chances is None:
            return mask.bit_count() / self._worlds
        raw = np.frombuffer(mask.to_bytes((self._worlds + 7) // 8, "little"), np.uint8)
        return float(chances @ np.unpackbits(raw, bitorder="little")[: self._worlds])


def learned_cascade(
    edges: Sequence[tuple[int, int]],
    unit: ArrayLike,
    node: ArrayLike,
    moment: ArrayLike,
    *,
    opportunities: ArrayLike,
    rounds: int = 60,
) -> Floats:
    """Learn how likely each edge passes a failure on, from what failed together.

    Noisy-or with leak: when some parents of a node failed before it, the node fails with probability
    1 - (1 - leak) * prod(1 - p of each edge). Expectation-maximisation shares every failure out among the failed
    parents and the leak. Each edge is believed to pass on what all edges together do, as if two failures had shown it:
    one co-failure proves little, and a handoff that never failed is not taken to reach everything.

    Parameters
    ----------
    edges
        Pairs of node numbers, from cause to effect.
    unit, node, moment
        One entry a failure: the transaction it belongs to, the node that failed, and when. A node counts once a unit,
        when it failed first.
    opportunities
        Number of units in which each node could have failed on its own.
    rounds
        Steps of the iteration.

    Returns
    -------
    numpy.ndarray
        Probability of each edge, in the order of `edges`.

    References
    ----------
    Saito, Nakano and Kimura, Prediction of information diffusion probabilities for independent cascade model, 2008.
    """
    units, nodes, moments = (np.asarray(values) for values in (unit, node, moment))
    total = np.maximum(np.asarray(opportunities, dtype=np.float64), 1.0)
    order = np.lexsort((moments, nodes, units))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(units[order]) != 0) | (np.diff(nodes[order]) != 0)
    kept = order[first]
    units, nodes, moments = units[kept], nodes[kept], moments[kept]
    if not len(edges):
        return np.empty(0)
    pairs, effects = _co_failures(np.asarray(edges, dtype=np.int64), units, nodes, moments, count=len(total))
    failed = np.bincount(nodes, minlength=len(total)).astype(np.float64)
    exposures = failed[np.asarray(edges)[:, 0]]
    p = np.full(len(edges), 0.3)
    leak = np.maximum(0.5 * failed / total, 1e-4)
    for _ in range(rounds):
        escaped = np.log1p(-leak[nodes])
        escaped += np.bincount(effects, weights=np.log1p(-p[pairs]), minlength=len(nodes))
        happened = -special.expm1(escaped)
        responsible = np.bincount(pairs, weights=p[pairs] / happened[effects], minlength=len(edges))
        usual = (float(responsible.sum()) + 0.5) / (float(exposures.sum()) + 2.0)
        p = np.clip((responsible + 2.0 * usual) / (exposures + 2.0), 0.0, 1 - 1e-9)
        leaked = np.bincount(nodes, weights=leak[nodes] / happened, minlength=len(total))
        leak = np.clip(leaked / total, 1e-6, 1 - 1e-9)
    return np.asarray(p, dtype=np.float64)


def _co_failures(
    edges: NDArray[np.int64], units: ArrayLike, nodes: ArrayLike, moments: ArrayLike, *, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair every failure with the failed parents before it: number of the edge, number of the failure."""
    u, v, t = np.asarray(units), np.asarray(nodes, dtype=np.int64), np.asarray(moments)
    starts = np.flatnonzero(np.r_[True, np.diff(u) != 0])
    sizes = np.diff(np.r_[starts, len(u)])
    numbers = {(int(one), int(other)): k for k, (one, other) in enumerate(edges)}
    pairs: list[NDArray[np.int64]] = []
    effects: list[NDArray[np.int64]] = []
    key = np.sort(np.array([one * count + other for one, other in numbers], dtype=np.int64))
    number = np.array([numbers[divmod(int(k), count)] for k in key], dtype=np.int64)
    for size in np.unique(sizes[sizes > 1]):
        begin = starts[sizes == size]
        if size * size > len(edges):
            for start in begin:
                place = np.full(count, -1)
                place[v[start : start + size]] = np.arange(start, start + size)
                cause, effect = place[edges[:, 0]], place[edges[:, 1]]
                known = (cause >= 0) & (effect >= 0)
                known[known] = t[cause[known]] <= t[effect[known]]
                pairs.append(np.flatnonzero(known))
                effects.append(effect[known])
            continue
        # Units of one small size go together: all their ordered pairs in one array.
        one, other = (grid.ravel() for grid in np.meshgrid(np.arange(size), np.arange(size), indexing="ij"))
        cause = (begin[:, None] + one[one != other]).ravel()
        effect = (begin[:, None] + other[one != other]).ravel()
        before = t[cause] <= t[effect]
        cause, effect = cause[before], effect[before]
        wanted = v[cause] * count + v[effect]
        place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        found = key[place] == wanted
        pairs.append(number[place[found]])
        effects.append(effect[found])
    if not pairs:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(pairs), np.concatenate(effects)
