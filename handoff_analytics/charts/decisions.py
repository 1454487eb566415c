"""Which repairs fit the budget?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History


def frontier(frame: pl.DataFrame, *, budget: float | None = None, history: History | None = None) -> Any:
    """Draw what the best plan saves in a year at each budget.

    Parameters
    ----------
    frame
        What `budget_frontier` returned.
    budget
        Marked in the chart, in the currency of the frame.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        A step line of yearly saving over outlay, with the line on which a plan repays itself within a year.

    Raises
    ------
    ArgumentError
        If the frame is not that of `budget_frontier`.
    """
    frame = canvas.checked(frame, "budget_frontier", "budget", "cost", "saving", "measures")
    if frame.is_empty():
        return canvas.blank("Budget", why="There is no measure to choose from.", history=history)
    currency = words.currency(frame)
    shown = frame.sort("budget").select(
        "budget",
        "saving",
        said=pl.Series([words.listed([words.plain(m) for m in chosen], most=6) for chosen in frame["measures"]]),
        outlay=pl.Series([words.money(cost, currency) for cost in frame["cost"]]),
    )
    unit = f", {currency}" if currency else ""
    x = alt.X("budget:Q", axis=alt.Axis(title=f"budget, once{unit}", format="~s", tickCount=6))
    y = alt.Y("saving:Q", axis=alt.Axis(title=f"saved a year, after upkeep{unit}", format="~s", tickCount=6))
    base = alt.Chart(shown).encode(
        x=x,
        tooltip=[
            alt.Tooltip("budget:Q", format=",.0f"),
            alt.Tooltip("saving:Q", title="saved a year", format=",.0f"),
            alt.Tooltip("outlay:N", title="costs"),
            alt.Tooltip("said:N", title="measures"),
        ],
    )
    line = base.mark_line(color=theme.CALM, interpolate="step-after").encode(y=y)
    dots = base.mark_point(color=theme.CALM, filled=True, opacity=1, size=60).encode(y=y)
    most = max(float(value or 0) for value in shown["saving"].to_list())
    end = min(float(shown["budget"].to_list()[-1]), most)
    even = pl.DataFrame({"budget": [0.0, end], "saving": [0.0, end]})
    repaid = alt.Chart(even).mark_line(color=theme.MUTE, strokeDash=[4, 4]).encode(x=x, y=y)
    layers = [repaid, line, dots]
    if budget is not None:
        layers.append(
            alt.Chart(pl.DataFrame({"budget": [float(budget)]})).mark_rule(color=theme.ALARM, strokeWidth=2).encode(x=x)
        )
    return canvas.told(
        alt.layer(*layers).properties(width=canvas.WIDTH, height=320),
        _finding(shown, most, currency),
        definition="Each point is the best set of measures that the budget pays. Above the dashed line a plan repays "
        "itself within a year.",
        rows=words.counted(shown.height, "budget"),
        history=history,
    )


def _finding(shown: pl.DataFrame, most: float, currency: str | None) -> str:
    if not most > 0:
        return "No measure saves more than its upkeep, at any budget"
    enough = shown.filter(pl.col("saving") >= 0.8 * most).row(0, named=True)
    return (
        f"{words.money(float(enough['budget']), currency)} buy {words.share(float(enough['saving']) / most)} of what "
        f"measures can save: {words.money(float(enough['saving']), currency)} a year"
    )
