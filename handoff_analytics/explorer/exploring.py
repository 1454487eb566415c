"""What does the explorer show, and what follows from a choice in it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets

from .. import charts
from ..cascade import cascade_reach
from ..charts import canvas, words
from ..errors import EmptyHistoryError, HandoffError
from ..graph import dependency_graph
from ..ranking import KEYS, rank
from ..recovery import recovery_cost
from . import stage
from .asking import Asking
from .detail import Detail
from .scoping import Scoping

if TYPE_CHECKING:
    import networkx as nx
    import polars as pl

    from ..history import History

RANKING, GRAPH, MATRIX, COST, WHAT_IF = "ranking", "graph", "matrix", "cost", "what if"


@dataclass(frozen=True, slots=True)
class _Measured:
    """The frames behind the views of one part of the history."""

    history: History
    ranking: pl.DataFrame
    costs: pl.DataFrame
    reach: pl.DataFrame
    network: nx.DiGraph

    def chart(self, view: str, chosen: tuple[str, str, str] | None) -> Any:
        """Draw one view, with the chosen handoff picked out."""
        match view:
            case "graph":
                return charts.graph(self.network, reach=self.reach, chosen=chosen, history=self.history)
            case "matrix":
                return charts.matrix(self.network, chosen=chosen, history=self.history)
            case "cost":
                return charts.cost(self.costs, chosen=chosen, history=self.history)
            case _:
                return charts.ranking(self.ranking, chosen=chosen, history=self.history)


def _measured(history: History) -> _Measured:
    ranking = rank(history)
    if ranking.is_empty():
        raise EmptyHistoryError(f"Nothing has crossed a handoff in {history.scope}. Widen the scope.")
    return _Measured(history, ranking, recovery_cost(history), cascade_reach(history), dependency_graph(history))


def explore(history: History) -> Explorer:
    """Look around in a history by hand: narrow it, choose a handoff, ask what another price would change.

    Parameters
    ----------
    history
        What to look at; the controls narrow it further.

    Returns
    -------
    Explorer
        Shows itself as the last expression of a notebook's cell. `Explorer.history` and `Explorer.handoff` are what is
        looked at, for the next cell to compute on.

    Raises
    ------
    EmptyHistoryError
        If no crossing is in scope.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> explorer = ha.explore(ha.samples.three_systems())
    >>> explorer.handoff
    ('b', 'c', 'http')
    """
    return Explorer(history)


class Explorer:
    """Controls, four linked views of one selection, its details, and the sliders of what-if.

    A click on a handoff in any view, or the list of handoffs, chooses it; everything can be reached by keyboard.
    """

    def __init__(self, history: History) -> None:
        self._measured: _Measured | None = None
        self._scoping = Scoping(history, self._measure)
        self._view = ipywidgets.ToggleButtons(
            options=[RANKING, GRAPH, MATRIX, COST, WHAT_IF], description="view", style=stage.WIDE
        )
        self._handoff = ipywidgets.Dropdown(
            description="handoff", style=stage.WIDE, layout=ipywidgets.Layout(width="640px")
        )
        self._handoff.add_class("handoff-chosen")
        self._said, self._chart = ipywidgets.HTML(), stage.place()
        self._detail, self._asking = Detail(), Asking()
        self._view.observe(lambda _: self._draw(), names="value")
        self._handoff.observe(self._chosen, names="value")
        self._box = ipywidgets.VBox(
            [
                ipywidgets.HTML(stage.STYLE),
                self._scoping.box,
                self._said,
                self._view,
                self._chart,
                self._asking.box,
                self._handoff,
                self._detail.box,
            ]
        )
        self._box.add_class("handoff-explorer")
        self._measure()

    @property
    def history(self) -> History:
        """The part of the history under study."""
        return self._scoping.narrowed()

    @property
    def handoff(self) -> tuple[str, str, str] | None:
        """Source, target and channel of the chosen handoff; null when the selection is empty."""
        chosen: tuple[str, str, str] | None = self._handoff.value
        return chosen

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self._box._repr_mimebundle_(**options)

    def _measure(self) -> None:
        """Measure the part of the history that the controls leave, and keep the choice if it is still there."""
        self._said.value = stage.sentence("Measuring …")
        try:
            self._measured = _measured(self._scoping.narrowed())
        except HandoffError as refusal:
            self._measured = None
            self._offer([], [])
            self._said.value = stage.sentence(f"Nothing to show: {refusal}")
        else:
            ranking = self._measured.ranking
            self._offer(words.handoffs(ranking), ranking.select(KEYS).rows())
            self._said.value = stage.sentence(
                f"Looking at {words.counted(ranking.height, 'handoff')}: {canvas.caption(self._measured.history)}."
            )
        self._draw()
        self._detailed()

    def _offer(self, labels: list[str], handoffs: list[tuple[Any, ...]]) -> None:
        """Offer the handoffs for choice; the one chosen stays chosen, else the first is."""
        before = self._handoff.value
        self._handoff.unobserve(self._chosen, names="value")
        self._handoff.options = list(zip(labels, handoffs, strict=True))
        self._handoff.value = before if before in handoffs else next(iter(handoffs), None)
        self._handoff.observe(self._chosen, names="value")

    def _chosen(self, _: object) -> None:
        self._draw()
        self._detailed()

    def _draw(self) -> None:
        asking = self._view.value == WHAT_IF and self._measured is not None
        self._asking.box.layout.display = "" if asking else "none"
        if self._measured is None or asking:
            stage.draw(self._chart, None)
        if self._measured is None:
            return
        if asking:
            self._asking.show(self._measured.history)
        else:
            stage.draw(self._chart, self._measured.chart(self._view.value, self.handoff))

    def _detailed(self) -> None:
        if self._measured is None or self.handoff is None:
            self._detail.clear()
        else:
            self._detail.show(self._measured.history, self.handoff)
