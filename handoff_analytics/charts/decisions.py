"""What can a year cost, and which repairs fit the budget?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History


def frontier(frame: pl.DataFrame, *, budget: float | None = None, history: History | str | None = None) -> Any:
    """Draw what the best plan saves in a year at each budget.

    Parameters
    ----------
    frame
        What `budget_frontier` returned.
    budget
        Marked in the chart, in the currency of the frame.
    history
        Where the frame comes from; its window goes into the subtitle. Or that part of the subtitle itself, where
        charts follow each other faster than crossings can be counted.

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
    x = alt.X("budget:Q", axis=canvas.amounts("budget, once", currency))
    y = alt.Y("saving:Q", axis=canvas.amounts("saved a year, after upkeep", currency))
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


def loss_exceedance(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the chance that a year loses more than an amount, with the band of what is not known.

    Parameters
    ----------
    frame
        What `loss_exceedance` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        The curve, its band over the parameters, and the named quantiles.

    Raises
    ------
    ArgumentError
        If the frame is not that of `loss_exceedance`.
    """
    wanted = ("probability", "loss", "loss_low", "loss_high", "name", "expected_annual_loss", "years_simulated")
    frame = canvas.checked(frame, "loss_exceedance", *wanted)
    if frame.is_empty():
        return canvas.blank("Loss of a year", why="No loss could be simulated.", history=history)
    currency = words.currency(frame)
    shown = frame.sort("probability", descending=True).select(
        "probability",
        "loss",
        "loss_low",
        "loss_high",
        said=pl.Series(
            [
                f"{words.name(quantile)}: {words.money(loss, currency)}" if quantile else ""
                for quantile, loss in frame.sort("probability", descending=True).select("name", "loss").iter_rows()
            ],
            dtype=pl.String,
        ),
    )
    y = alt.Y("probability:Q", axis=alt.Axis(title="chance that a year loses more", format="%"))
    x = alt.X("loss:Q", axis=canvas.amounts("loss of a year", currency))
    base = alt.Chart(shown).encode(
        y=y,
        tooltip=[
            alt.Tooltip("probability:Q", format=".1%"),
            alt.Tooltip("loss:Q", format=",.0f"),
            alt.Tooltip("loss_low:Q", title="at least (5%)", format=",.0f"),
            alt.Tooltip("loss_high:Q", title="at most (95%)", format=",.0f"),
        ],
    )
    band = base.mark_area(color=theme.CALM, opacity=0.2, orient="horizontal").encode(x="loss_low:Q", x2="loss_high:Q")
    line = base.mark_line(color=theme.CALM, orient="horizontal").encode(x=x, order=alt.Order("probability:Q"))
    named = base.transform_filter("datum.said !== ''")
    dots = named.mark_point(filled=True, size=80, opacity=1, color=theme.ALARM).encode(x=x)
    said = named.mark_text(align="left", dx=9, dy=-8, style=["ink"]).encode(x=x, text="said:N")
    first = frame.row(0, named=True)
    finding = f"A year is expected to lose {words.money(float(first['expected_annual_loss'] or 0), currency)}"
    bad = {row["name"]: float(row["loss"]) for row in frame.iter_rows(named=True) if row["name"]}
    if "P95" in bad:
        finding += f"; one in twenty loses more than {words.money(bad['P95'], currency)}"
    return canvas.told(
        alt.layer(band, line, dots, said).properties(width=canvas.WIDTH, height=320),
        finding,
        definition="The curve holds the luck of a year; the band (5 to 95%) what the evidence leaves open about rates "
        "and costs. Dots are named quantiles.",
        rows=words.counted(float(first["years_simulated"] or 0), "simulated year"),
        history=history,
    )
