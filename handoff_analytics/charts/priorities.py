"""Which handoffs deserve money first, and how sure is that?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_DEFINITION = (
    "Expected annual loss: failures that begin at the handoff in a year × what each costs, own and downstream. "
    "Lines are 90% intervals; “rank” is the range of ranks that the evidence allows."
)


def ranking(frame: pl.DataFrame, *, top: int = 15, history: History | None = None) -> alt.Chart | alt.LayerChart:
    """Draw the handoffs by expected annual loss, with intervals, ranges of rank and the first tier picked out.

    Parameters
    ----------
    frame
        What `rank` returned.
    top
        How many handoffs to show; the subtitle says how many there are.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Bars in the order of the ranking.

    Raises
    ------
    ArgumentError
        If the frame is not that of `rank`.
    """
    wanted = ("rank", "source", "target", "expected_annual_loss", "loss_low", "loss_high", "rank_low", "rank_high")
    frame = canvas.checked(frame, "rank", *wanted, "tier")
    if frame.is_empty():
        return canvas.blank("Ranking", why="No handoff was measured in this part of the history.", history=history)
    currency = words.currency(frame)
    whole = frame.sort("rank")
    shown = whole.head(top)
    first = shown["tier"][0]
    shown = shown.select(
        "rank",
        "expected_annual_loss",
        "loss_low",
        "loss_high",
        handoff=pl.Series(words.handoffs(shown)),
        standing=pl.when(pl.col("tier") == first).then(pl.lit("first tier")).otherwise(pl.lit("later tiers")),
        loss=pl.Series([words.money(loss, currency) for loss in shown["expected_annual_loss"]]),
        interval=pl.Series(
            [
                f"{words.money(low, currency)} to {words.money(high, currency)}"
                for low, high in shown.select("loss_low", "loss_high").iter_rows()
            ]
        ),
        ranks=pl.Series(
            [_ranks(low, high) for low, high in shown.select("rank_low", "rank_high").iter_rows()],
        ),
        kind=_words_of(shown, "handoff_type"),
    )
    order = shown["handoff"].to_list()
    y = alt.Y("handoff:N", title=None, sort=order)
    axis = alt.Axis(title=f"expected annual loss{f', {currency}' if currency else ''}", format="~s", tickCount=6)
    tooltip = [
        alt.Tooltip("handoff:N", title="handoff"),
        alt.Tooltip("loss:N", title="expected annual loss"),
        alt.Tooltip("interval:N", title="90% interval"),
        alt.Tooltip("ranks:N", title="rank"),
        alt.Tooltip("kind:N", title="fails mostly by"),
    ]
    base = alt.Chart(shown).encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height={"band": 0.62}).encode(
        x=alt.X("expected_annual_loss:Q", axis=axis),
        color=alt.Color(
            "standing:N",
            scale=alt.Scale(domain=["first tier", "later tiers"], range=[theme.ALARM, theme.CALM]),
            legend=alt.Legend(title=None),
        ),
    )
    whiskers = base.mark_rule(strokeWidth=2, style="line").encode(x="loss_low:Q", x2="loss_high:Q")
    caps = base.mark_tick(thickness=2, size=9, style="line")
    notes = base.mark_text(align="left", dx=8, style=["ink"]).encode(x="loss_high:Q", text="loss:N")
    ranks = base.mark_text(align="right", style=["soft"]).encode(x=alt.value(canvas.WIDTH + 90), text="ranks:N")
    chart = alt.layer(
        bars, whiskers, caps.encode(x="loss_low:Q"), caps.encode(x="loss_high:Q"), notes, ranks
    ).properties(width=canvas.WIDTH, height=alt.Step(30))
    drawn: alt.LayerChart = canvas.told(
        chart,
        _ranking_finding(whole, currency),
        definition=_DEFINITION,
        rows=canvas.shown(whole.height, shown.height, "handoff"),
        history=history,
        wide=canvas.WIDTH + 240,
    )
    return drawn


def _ranking_finding(frame: pl.DataFrame, currency: str | None) -> str:
    loss = [float(value or 0) for value in frame["expected_annual_loss"].to_list()]
    total = sum(loss)
    if not total > 0:
        return "No handoff is expected to lose money in the coming year"
    first = words.handoffs(frame.head(1))[0]
    said = f"{first} comes first: it is expected to lose {words.money(loss[0], currency)} a year"
    if frame.height > 3:
        said += f"; the first three carry {words.share(sum(loss[:3]) / total)} of all loss"
    return said


def _ranks(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "rank unknown"
    return f"rank {low:.0f}" if round(low) == round(high) else f"rank {low:.0f}–{high:.0f}"


def _words_of(frame: pl.DataFrame, column: str) -> pl.Series:
    if column not in frame.columns:
        return pl.Series(["not classified"] * frame.height)
    return pl.Series([words.plain(value) if value else "not classified" for value in frame[column]])
