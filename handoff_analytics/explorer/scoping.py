"""Which part of the history is looked at?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import ipywidgets

from ..charts import words
from ..errors import EmptyHistoryError
from . import stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..history import History

# What limits the history, and where its values stand; a null stands for none and cannot be chosen.
_LIMITS = {
    "team": ("team", "SELECT DISTINCT team AS value FROM systems WHERE team IS NOT NULL ORDER BY value"),
    "workflow": ("workflow", "SELECT DISTINCT workflow AS value FROM crossings WHERE workflow IS NOT NULL ORDER BY 1"),
    "platform": ("platform", "SELECT DISTINCT platform AS value FROM crossings WHERE platform IS NOT NULL ORDER BY 1"),
    "channel": ("channel", "SELECT DISTINCT channel AS value FROM crossings WHERE channel IS NOT NULL ORDER BY 1"),
    "handoff_type": (
        "failure type",
        "SELECT DISTINCT handoff_type AS value FROM failures WHERE handoff_type IS NOT NULL ORDER BY 1",
    ),
}


class Scoping:
    """The controls that narrow a history."""

    def __init__(self, history: History, changed: Callable[[], None]) -> None:
        self._history = history
        self._window = _window(history)
        self._lists = {
            name: _list(label, [str(value) for value in history.sql(query)["value"]])
            for name, (label, query) in _LIMITS.items()
        }
        self.box = ipywidgets.VBox(
            [
                self._window,
                ipywidgets.HBox(list(self._lists.values()), layout=ipywidgets.Layout(flex_flow="row wrap")),
            ]
        )
        for control in (self._window, *self._lists.values()):
            control.observe(lambda _: changed(), names="value")

    def narrowed(self) -> History:
        """Return the history as the controls limit it.

        Raises
        ------
        ArgumentError
            If the window is empty.
        """
        since, until = self._window.value
        first, last = self._window.options[0][1], self._window.options[-1][1]
        history = self._history
        if (since, until) != (first, last):
            history = history.between(since, until)
        return history.where(**{name: control.value for name, control in self._lists.items()})


def _list(label: str, values: list[str]) -> Any:
    shown = words.distinct([words.name(value, limit=48).replace("_", " ") for value in values])
    return ipywidgets.Dropdown(
        options=[("all", None), *zip(shown, values, strict=True)],
        description=label,
        style={"description_width": "85px"},
        layout=ipywidgets.Layout(width="225px"),
    )


def _window(history: History) -> Any:
    since, until = history.sql("SELECT min(started_at) AS since, max(started_at) AS until FROM crossings").row(0)
    if since is None:
        raise EmptyHistoryError(
            f"There is nothing to explore in {history.scope}: no crossing was found. Load traces, logs or runs, or "
            "widen the scope."
        )
    bounds = _bounds(since, until)
    return ipywidgets.SelectionRangeSlider(
        options=[(words.day(bound), bound) for bound in bounds],
        index=(0, len(bounds) - 1),
        description="window",
        continuous_update=False,
        style=stage.WIDE,
        layout=ipywidgets.Layout(width="640px"),
    )


def _bounds(since: datetime, until: datetime) -> list[datetime]:
    """Return the bounds that a window can have: days, weeks or months apart, the last one after everything."""
    first = since.replace(hour=0, minute=0, second=0, microsecond=0)
    end = until.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    days = (end - first).days
    step = 1 if days <= 60 else 7 if days <= 400 else 30
    return [*(first + timedelta(days=day) for day in range(0, days, step)), end]
