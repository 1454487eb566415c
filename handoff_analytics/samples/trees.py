"""Which kinds of transaction does a large company of the benchmarks have?

Call trees over sixty systems, drawn so that together they pass every handoff; and what a fault in one call does to the
others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .recording import stream

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

SYSTEMS, EDGES, LAYERS = 60, 200, 6
NONE, REJECT, INSIDE, UNREACHABLE, MASKED = range(5)
HTTP, MESSAGING, PEER = "http", "messaging", "peer"


class Call(NamedTuple):
    """One call of a tree: who asks whom, below which call, in which of the transaction's traces."""

    parent: int
    source: str
    target: str
    how: str
    trace: int


@dataclass(frozen=True)
class Tree:
    """The plan of one kind of transaction; call 0 is the request that enters from outside."""

    calls: tuple[Call, ...]
    popularity: float
    spans: list[tuple[int, str]] = field(default_factory=list)
    """Call and side of each span: entry, caller or callee."""

    def below(self, call: int) -> list[int]:
        """Return the calls that happen only if this one is answered."""
        found = [call]
        for index, one in enumerate(self.calls):
            if index > call and one.parent in found:
                found.append(index)
        return found[1:]

    def kind(self, kind: int, call: int) -> int:
        """Return the fault that a call really meets: not every one can happen everywhere."""
        how = self.calls[call].how
        if call == 0:
            return INSIDE if kind != NONE else NONE
        if how == MESSAGING:
            return INSIDE if kind in {REJECT, INSIDE, UNREACHABLE} else NONE
        if how == PEER:
            return UNREACHABLE if kind in {REJECT, INSIDE, UNREACHABLE} else kind
        return kind

    def propagated(self, kind: int, call: int) -> list[int]:
        """Return the calls that fail because the faulty one did."""
        if kind in {NONE, MASKED} or call == 0 or self.calls[call].how == MESSAGING:
            return []
        found = []
        above = self.calls[call].parent
        while above >= 0:
            found.append(above)
            if self.calls[above].how == MESSAGING:
                break
            above = self.calls[above].parent
        return found


def _edges(random: Random) -> list[tuple[int, int, str]]:
    """Draw the handoffs: every system below the entries is reached, and the rest are drawn between layers."""
    layer = [number * LAYERS // SYSTEMS for number in range(SYSTEMS)]
    edges: dict[tuple[int, int], str] = {}
    for target in range(SYSTEMS // LAYERS, SYSTEMS):
        above = [number for number in range(SYSTEMS) if layer[number] == layer[target] - 1]
        edges[random.choice(above), target] = ""
    while len(edges) < EDGES:
        source, target = sorted(random.sample(range(SYSTEMS), 2))
        if layer[source] < layer[target]:
            edges[source, target] = ""
    peers = set(range(SYSTEMS - 6, SYSTEMS))
    return [
        (source, target, PEER if target in peers else MESSAGING if random.random() < 0.2 else HTTP)
        for source, target in sorted(edges)
    ]


def trees(seed: int) -> list[Tree]:
    """Return the kinds of transaction: together they pass every handoff."""
    random = stream(seed, "volume")
    edges = _edges(random)
    into: dict[int, list[tuple[int, int, str]]] = {}
    out: dict[int, list[tuple[int, int, str]]] = {}
    for edge in edges:
        into.setdefault(edge[1], []).append(edge)
        out.setdefault(edge[0], []).append(edge)
    made: list[Tree] = []
    covered: set[tuple[int, int, str]] = set()
    for edge in edges:
        if edge in covered:
            continue
        path = [edge]
        while path[0][0] in into:
            path.insert(0, random.choice(into[path[0][0]]))
        entry = f"system-{path[0][0]:02d}"
        calls = [Call(-1, "external", entry, HTTP, 0)]
        traces, last = 1, 0
        for step in path:
            options = [step, *random.sample(out[step[0]], min(len(out[step[0]]), random.randrange(3)))]
            here = last
            for option in dict.fromkeys(options):
                is_message = option[2] == MESSAGING
                trace = traces if is_message else calls[here].trace
                traces += is_message
                calls.append(Call(here, f"system-{option[0]:02d}", f"system-{option[1]:02d}", option[2], trace))
                covered.add(option)
                if option == step:
                    last = len(calls) - 1
        tree = Tree(tuple(calls), popularity=1.0 / (1 + len(made)) ** 0.6)
        tree.spans.append((0, "entry"))
        for number, call in enumerate(calls[1:], 1):
            tree.spans.append((number, "caller"))
            if call.how != PEER:
                tree.spans.append((number, "callee"))
        made.append(tree)
    return made


def times(tree: Tree) -> dict[tuple[int, str], tuple[int, int]]:
    """Return start and duration of each span in microseconds, before an instance stretches them."""
    length: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for number, call in enumerate(tree.calls):
        children.setdefault(call.parent, []).append(number)

    def took(number: int) -> int:
        inner = sum(took(child) + 400 for child in children.get(number, ()) if tree.calls[child].how != MESSAGING)
        length[number] = 3000 + inner + 400 * len(children.get(number, ()))
        return length[number] + 1000

    for number, call in enumerate(tree.calls):
        if call.how == MESSAGING or number == 0:
            took(number)
    at: dict[tuple[int, str], tuple[int, int]] = {(0, "entry"): (0, length[0])}

    def place(number: int, start: int) -> None:
        now = start + 400
        for child in children.get(number, ()):
            if tree.calls[child].how == MESSAGING:
                at[child, "caller"] = now, 300
                at[child, "callee"] = 0, length[child]
                place(child, 0)
                now += 400
            else:
                at[child, "caller"] = now, length[child] + 1000
                at[child, "callee"] = now + 500, length[child]
                place(child, now + 500)
                now += length[child] + 1400

    place(0, 0)
    return at


def fate(tree: Tree, number: int, side: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for every fault met, and every call that meets it, whether a span is absent, and whether it failed."""
    size = len(tree.calls)
    absent, failed = np.zeros((5, size), dtype=bool), np.zeros((5, size), dtype=bool)
    how = tree.calls[number].how
    for kind in (REJECT, INSIDE, UNREACHABLE):
        for call in range(size):
            if tree.kind(kind, call) != kind:
                continue
            if kind != INSIDE:
                absent[kind, call] = number in tree.below(call) or (
                    kind == UNREACHABLE and number == call and side == "callee"
                )
            is_sender = side == "caller" and how == MESSAGING
            failed[kind, call] = not is_sender and (
                number in tree.propagated(kind, call) or (number == call and not (kind == REJECT and side == "callee"))
            )
    return absent, failed
