"""How far would failures still travel, if measures stopped them on their way?

A measure that keeps the failures of a handoff from spreading (a timeout, a breaker, an idempotency key) cuts the edges
that leave this handoff in the impact graph. It helps the cascades that begin there, and also those that come through
from elsewhere. So reach is computed again, in the same worlds as before; the share that is left of it scales what the
cascade costs.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from ..reach import Worlds
from ..vocabulary import HandoffType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from .measures import Measure

    Floats = npt.NDArray[np.float64]
    Handoff = tuple[str, str, str]

_WORLDS = 1000
_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of stopped failures at which reach is computed; between them it is interpolated."""


class Spread:
    """The impact graph of a history, asked what measures would leave of the reach of each handoff.

    Parameters
    ----------
    graph
        Handoffs, from what fails first to what fails of it, each edge with its learnt ``probability``.
    handoffs
        Source, target and channel of the handoffs in the order of the columns of the loss.
    """

    def __init__(self, graph: nx.DiGraph, handoffs: Iterable[Handoff]) -> None:
        self._handoffs = tuple(handoffs)
        self._graph = graph
        self._worlds = Worlds(graph, worlds=_WORLDS)
        self._reach: dict[tuple[int, frozenset[tuple[Handoff, float]]], float] = {}
        self._behind: dict[int, frozenset[Handoff]] = {}
        self._stopping: dict[Measure, frozenset[Handoff]] = {}

    def left(self, column: int, *, own: float = 1.0, through: Mapping[Handoff, float] | None = None) -> float:
        """Return the share of a handoff's reach that is left.

        Parameters
        ----------
        column
            The handoff at which failures begin.
        own
            Share of them that it still passes on.
        through
            By handoff, the share that it still passes on of what reaches it.
        """
        start = self._handoffs[column]
        behind = self._descendants(column)
        kept = {handoff: share for handoff, share in (through or {}).items() if handoff in behind and share < 1}
        if own < 1:
            kept[start] = own
        else:
            kept.pop(start, None)
        if not kept:
            return 1.0
        whole = self._reached(column, {})
        # What the learnt graph does not know of (reach that was seen outside of it) is cut where it begins.
        return self._reached(column, kept) / whole if whole > 0 else own

    def mean_left(
        self, column: int, measures: Sequence[Measure], own: Sequence[bool], *, share: float | None = None
    ) -> float:
        """Return what some measures together leave of a handoff's reach, each at its mean effect, or all at one.

        Parameters
        ----------
        column
            The handoff at which failures begin.
        measures
            What is done; of an overlap group the strongest counts, wherever it acts.
        own
            For each measure, whether it is aimed at the failures that begin here.
        share
            Share of failures that a measure stops, instead of its mean.
        """
        stopped = [one.propagation_reduction.mean if share is None else share for one in measures]
        passed_on: dict[str, float] = {}
        for one, part, mine in zip(measures, stopped, own, strict=True):
            if mine:
                group = _group(one)
                passed_on[group] = min(passed_on.get(group, 1.0), 1 - part)
        strongest: dict[Handoff, dict[str, float]] = {}
        for one, part in zip(measures, stopped, strict=True):
            for handoff in self._stopped_at(one) & self._descendants(column) if part > 0 else ():
                groups = strongest.setdefault(handoff, {})
                groups[_group(one)] = min(groups.get(_group(one), 1.0), 1 - part)
        through = {handoff: prod(groups.values()) for handoff, groups in strongest.items()}
        return self.left(column, own=prod(passed_on.values()), through=through)

    def drawn_left(
        self, column: int, measures: Sequence[Measure], own: Sequence[bool], drawn: Sequence[Floats], size: int
    ) -> Floats:
        """Return the same for draws of each measure's effect.

        Each measure is followed through its levels alone; what several do to each other is taken at their means.
        """
        left = np.ones(size)
        apart = 1.0
        for one, mine, stopped in zip(measures, own, drawn, strict=True):
            levels = [self.mean_left(column, [one], [mine], share=level) for level in _LEVELS]
            left = left * np.interp(stopped, _LEVELS, levels)
            apart *= float(np.interp(one.propagation_reduction.mean, _LEVELS, levels))
        if len(measures) > 1 and apart > 0:
            left = left * self.mean_left(column, measures, own) / apart
        return np.asarray(np.clip(left, 0.0, 1.0), dtype=np.float64)

    def _reached(self, column: int, kept: Mapping[Handoff, float]) -> float:
        name = (column, frozenset(kept.items()))
        found = self._reach.get(name)
        if found is None:
            start = self._handoffs[column]
            found = self._worlds.reach(start, kept=kept) if start in self._graph else 0.0
            self._reach[name] = found
        return found

    def _stopped_at(self, measure: Measure) -> frozenset[Handoff]:
        """Return the handoffs at which a measure also stops what reaches them from elsewhere."""
        found = self._stopping.get(measure)
        if found is None:
            kind = (HandoffType.ERROR_PROPAGATION.value, "upstream_propagation")
            found = frozenset(one for one in self._graph if measure.is_aimed_at(one[0], one[1], *kind))
            self._stopping[measure] = found
        return found

    def _descendants(self, column: int) -> frozenset[Handoff]:
        found = self._behind.get(column)
        if found is None:
            start = self._handoffs[column]
            found = frozenset(nx.descendants(self._graph, start)) if start in self._graph else frozenset()
            self._behind[column] = found
        return found


def stopping(measures: Iterable[Measure]) -> list[Measure]:
    """Return the measures that keep failures from spreading at all."""
    return [measure for measure in measures if measure.propagation_reduction.high > 0]


def _group(measure: Measure) -> str:
    return measure.overlap_group or f"\x00{measure.name}"
