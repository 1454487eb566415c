"""Which handoffs deserve money first, and how sure is that?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_DEFINITION = (
    "Expected annual loss: failures that begin at the handoff in a year × what each costs, own and downstream. "
    "Lines are 90% intervals; “rank” is the range of ranks that the evidence allows."
)


def ranking(
    frame: pl.DataFrame, *, top: int = 15, chosen: canvas.Handoff | None = None, history: History | None = None
) -> alt.Chart | alt.LayerChart:
    """Draw the handoffs by expected annual loss, with intervals, ranges of rank and the first tier picked out.

    Parameters
    ----------
    frame
        What `rank` returned.
    top
        How many handoffs to show; the subtitle says how many there are.
    chosen
        Source, target and channel of a handoff to pick out.
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
    picked = canvas.band(shown, words.handoffs(shown), chosen)
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
    axis = canvas.amounts("expected annual loss", currency)
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
    ranks = base.mark_text(align="right", style=["soft"]).encode(x=alt.value(canvas.WIDTH + 160), text="ranks:N")
    chart = alt.layer(
        *picked, bars, whiskers, caps.encode(x="loss_low:Q"), caps.encode(x="loss_high:Q"), notes, ranks
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


def pareto(frame: pl.DataFrame, *, top: int = 20, history: History | None = None) -> Any:
    """Draw which part of all loss the first handoffs carry together.

    Parameters
    ----------
    frame
        What `rank` returned.
    top
        How many handoffs to show.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Bars of the share of each, and the line of their sum.

    Raises
    ------
    ArgumentError
        If the frame is not that of `rank`.
    """
    frame = canvas.checked(frame, "rank", "rank", "source", "target", "expected_annual_loss")
    whole = frame.sort("rank").with_columns(pl.col("expected_annual_loss").fill_null(0))
    total = sum(whole["expected_annual_loss"].to_list())
    if not total > 0:
        return canvas.blank("Loss", why="No handoff is expected to lose money.", history=history)
    whole = whole.with_columns(share=pl.col("expected_annual_loss") / total)
    whole = whole.with_columns(together=pl.col("share").cum_sum())
    shown = whole.head(top).select(
        "rank",
        "share",
        "together",
        handoff=pl.Series(words.handoffs(whole.head(top)), dtype=pl.String),
        loss=pl.Series(
            [words.money(loss, words.currency(frame)) for loss in whole.head(top)["expected_annual_loss"]],
            dtype=pl.String,
        ),
    )
    enough = whole.filter(pl.col("together") < 0.8).height + 1
    base = alt.Chart(shown).encode(
        x=alt.X(
            "handoff:N", sort=shown["handoff"].to_list(), axis=alt.Axis(title=None, labelAngle=-50, labelLimit=190)
        ),
        tooltip=[
            alt.Tooltip("handoff:N"),
            alt.Tooltip("loss:N", title="expected annual loss"),
            alt.Tooltip("share:Q", format=".1%"),
            alt.Tooltip("together:Q", title="with all before", format=".1%"),
        ],
    )
    axis = alt.Axis(title="share of all expected annual loss", format="%", tickCount=5)
    y = alt.Y("share:Q", axis=axis, scale=alt.Scale(domain=[0, 1]))
    bars = base.mark_bar().encode(
        y=y,
        color=alt.when(alt.datum.rank <= enough).then(alt.value(theme.ALARM)).otherwise(alt.value(theme.CALM)),
    )
    line = base.mark_line(
        style=["ink"], point={"size": 30, "filled": True, "color": theme.MUTE}, color=theme.MUTE
    ).encode(y="together:Q")
    rule = alt.Chart(pl.DataFrame({"limit": [0.8]})).mark_rule(strokeDash=[4, 4]).encode(y="limit:Q")
    held = words.share(whole["together"][enough - 1])
    finding = f"{words.counted(enough, 'handoff')} of {whole.height} carry {held} of all loss"
    return canvas.told(
        alt.layer(bars, line, rule).properties(width=alt.Step(34), height=320),
        finding.replace("carry", "carries") if enough == 1 else finding,
        definition="Bars: share of each handoff in the expected annual loss of all. Line: with all before it.",
        rows=canvas.shown(whole.height, shown.height, "handoff"),
        history=history,
        wide=34 * shown.height + 160,
    )


_REASONS = {
    "why_frequency": "failures a year",
    "why_cost": "cost of one failure",
    "why_reach": "failures in consequence",
}


def why(frame: pl.DataFrame, *, top: int = 10, history: History | None = None) -> Any:
    """Draw why each handoff stands where it stands: how often it fails, what it costs, how far it spreads.

    Parameters
    ----------
    frame
        What `rank` returned.
    top
        How many handoffs to show.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Three panels; each bar says how many times the usual.

    Raises
    ------
    ArgumentError
        If the frame is not that of `rank`.
    """
    frame = canvas.checked(frame, "rank", "rank", "source", "target", *_REASONS)
    if frame.is_empty():
        return canvas.blank("Why", why="No handoff was measured in this part of the history.", history=history)
    part = frame.sort("rank").head(top)
    labels = words.handoffs(part)
    shown = part.select(
        handoff=pl.Series(labels, dtype=pl.String), **{said: pl.col(name).exp() for name, said in _REASONS.items()}
    ).with_columns(pl.lit(1.0).alias("usual"))
    powers = [float(power or 0) / math.log(10) for name in _REASONS for power in part[name].to_list()]
    marks = [10.0**power for power in range(math.floor(min(-1, *powers)), math.ceil(max(1, *powers)) + 1)]
    panels = []
    for number, said in enumerate(_REASONS.values()):
        base = alt.Chart(shown).encode(
            y=alt.Y("handoff:N", sort=labels, axis=alt.Axis(title=None, labels=number == 0)),
            tooltip=[alt.Tooltip("handoff:N"), alt.Tooltip(f"{said}:Q", title=f"{said}, × usual", format=".2~g")],
        )
        axis = alt.Axis(title="times the usual", format="~g", values=marks)
        # One scale in all panels: the bars of a handoff add up to its place.
        x = alt.X(f"{said}:Q", scale=alt.Scale(type="log", domain=[marks[0], marks[-1]]), axis=axis)
        more = alt.datum[said] > 1
        bar = base.mark_bar(height={"band": 0.6}).encode(
            x=x, x2="usual:Q", color=alt.when(more).then(alt.value(theme.ALARM)).otherwise(alt.value(theme.CALM))
        )
        one = alt.Chart(pl.DataFrame({"usual": [1.0]})).mark_rule().encode(x="usual:Q")
        panels.append(
            alt.layer(bar, one).properties(
                width=210, height=alt.Step(28), title=alt.TitleParams(said, fontSize=14, offset=4, fontWeight="normal")
            )
        )
    first = part.row(0, named=True)
    reason = max(_REASONS, key=lambda name: float(first[name] or 0))
    return canvas.told(
        alt.hconcat(*panels, spacing=20),
        f"{labels[0]} loses most chiefly by its {_REASONS[reason]}: {math.exp(first[reason] or 0):.2g} times the usual",
        definition="The expected annual loss is the product of the three. Usual is the geometric mean of all handoffs.",
        rows=canvas.shown(frame.height, part.height, "handoff"),
        history=history,
        wide=850,
    )


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
