"""When does prevention overtake recovery, and which uncertain number decides whether it does?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_SIDES = {"doing nothing: recovery": theme.ALARM, "prevention, and what it leaves": theme.CALM}
_ENDS = {"at its low end (5%)": theme.WARN, "at its high end (95%)": theme.CALM}


def cash_flow(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw what failing and what preventing cost, added up month by month, and when the one overtakes the other.

    Parameters
    ----------
    frame
        What `cash_flow` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Two lines with their bands; the months in which the accounts break even are shaded, the median is marked.

    Raises
    ------
    ArgumentError
        If the frame is not that of `cash_flow`.
    """
    sides = ("recovery", "prevention")
    ends = [f"{side}{end}" for side in sides for end in ("", "_low", "_high")]
    frame = canvas.checked(frame, "cash_flow", "month", *ends, "repaid_share", "break_even")
    if frame.is_empty():
        return canvas.blank("Prevention against recovery", why="There is no account to draw.", history=history)
    frame = frame.sort("month")
    currency = words.currency(frame)
    last = int(frame["month"].to_list()[-1])
    marks = _break_even(frame)
    shown = pl.concat(
        [
            frame.select(
                "month",
                side=pl.lit(label),
                spent=pl.col(side).cast(pl.Float64),
                least=pl.col(f"{side}_low").cast(pl.Float64),
                most=pl.col(f"{side}_high").cast(pl.Float64),
            )
            for side, label in zip(sides, _SIDES, strict=True)
        ]
    )
    x = alt.X(
        "month:Q",
        scale=alt.Scale(domain=[0, last], nice=False),
        axis=alt.Axis(title="months since the outlay", format="d", tickMinStep=1),
    )
    y = alt.Y("spent:Q", axis=canvas.amounts("spent until then", currency))
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=list(_SIDES), range=list(_SIDES.values())),
        legend=alt.Legend(title=None, symbolType="stroke", symbolOpacity=1, symbolSize=300, symbolStrokeWidth=3),
    )
    base = alt.Chart(shown).encode(x=x, color=colour)
    band = base.mark_area(opacity=0.18, line=False).encode(
        y=alt.Y("least:Q"), y2="most:Q", color=colour.copy(), tooltip=alt.value(None)
    )
    line = base.mark_line().encode(
        y=y,
        strokeDash=alt.StrokeDash("side:N", scale=alt.Scale(domain=list(_SIDES), range=[[6, 3], [1, 0]]), legend=None),
        tooltip=[
            alt.Tooltip("month:Q"),
            alt.Tooltip("side:N", title="what"),
            alt.Tooltip("spent:Q", title="median", format=",.0f"),
            alt.Tooltip("least:Q", title="10%", format=",.0f"),
            alt.Tooltip("most:Q", title="90%", format=",.0f"),
        ],
    )
    layers: list[Any] = [band, line]
    if "earliest" in marks:
        layers.insert(0, _span(marks, last, x))
    if "median" in marks:
        layers += _median(marks["median"], x)
    return canvas.told(
        alt.layer(*layers).properties(width=canvas.WIDTH, height=320),
        _overtaking(marks, last, frame),
        definition="Cash, not discounted. Lines are medians of simulated accounts, bands 10 to 90% of them. Grey: the "
        "months by which 10 to 90% of the accounts have been out of debt.",
        rows=words.counted(last, "month"),
        history=history,
    )


def _break_even(frame: pl.DataFrame) -> dict[str, int]:
    """Return the months by which 10, 50 and 90 % of the accounts were out of debt, as far as there are such months."""
    return {
        word: int(month)
        for month, said in frame.select("month", "break_even").iter_rows()
        for word in (said or "").split(", ")
        if word
    }


def _span(marks: dict[str, int], last: int, x: alt.X) -> Any:
    """Shade the months between the early and the late accounts; to the end where the late ones never break even."""
    span = pl.DataFrame({"month": [marks["earliest"]], "until": [max(marks.get("latest", last), marks["earliest"])]})
    return alt.Chart(span).mark_rect(color=theme.MUTE, opacity=0.16).encode(x=x, x2="until:Q")


def _median(month: int, x: alt.X) -> list[alt.Chart]:
    base = alt.Chart(pl.DataFrame({"month": [month], "said": [f"half have broken even by month {month}"]})).encode(x=x)
    return [
        base.mark_rule(color=theme.MUTE, strokeWidth=2, strokeDash=[4, 4]),
        base.mark_text(align="left", baseline="top", dx=6, dy=4, style=["soft"]).encode(y=alt.value(0), text="said:N"),
    ]


def _overtaking(marks: dict[str, int], last: int, frame: pl.DataFrame) -> str:
    repaid = float(frame["repaid_share"].to_list()[-1] or 0)
    if "median" not in marks:
        return (
            f"Prevention does not overtake recovery: within {words.counted(last, 'month')} {words.share(repaid)} "
            "of the accounts break even"
        )
    if marks["median"] == 0:
        return "Prevention costs nothing at the outset: recovery is the dearer way from the first day"
    late = f"by month {marks['latest']}" if "latest" in marks else f"never, for {words.share(1 - repaid)}"
    return f"Prevention overtakes recovery by month {marks['median']}: early by {marks['earliest']}, late {late}"


def tornado(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw how far each uncertain input moves the value of prevention, the widest first.

    Parameters
    ----------
    frame
        What `tornado` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One bar an input, from the net present value at its low to that at its high end; zero is marked.

    Raises
    ------
    ArgumentError
        If the frame is not that of `tornado`.
    """
    wanted = (
        "measure",
        "input",
        "input_low",
        "input_high",
        "npv_at_low",
        "npv_at_high",
        "npv",
        "swing",
        "changes_decision",
    )
    frame = canvas.checked(frame, "tornado", *wanted)
    frame = frame.filter(pl.col("swing").fill_null(0) > 0).sort("swing", "input", descending=[True, False])
    if frame.is_empty():
        return canvas.blank("What decides", why="No input of the case is uncertain.", history=history)
    currency = words.currency(frame)
    middle = float(frame["npv"].to_list()[0] or 0)
    rows = list(frame.iter_rows(named=True))
    labels = words.distinct([words.name(row["input"]) for row in rows])
    shown = pl.DataFrame(
        {
            "input": [label for label in labels for _ in _ENDS],
            "end": [end for _ in rows for end in _ENDS],
            "npv": [float(row[f"npv_at_{end}"]) for row in rows for end in ("low", "high")],
            "middle": [middle for _ in rows for _ in _ENDS],
            "at": [_amount(row[f"input_{end}"], row.get("unit")) for row in rows for end in ("low", "high")],
            "side": [_side(row, end) for row in rows for end in ("low", "high")],
        }
    )
    y = alt.Y("input:N", title=None, sort=labels)
    x = alt.X(
        "npv:Q",
        axis=canvas.amounts("net present value", currency),
    )
    bars = (
        alt.Chart(shown)
        .mark_bar(height={"band": 0.55}, cornerRadius=0)
        .encode(
            y=y,
            x=x,
            x2="middle:Q",
            color=alt.Color(
                "end:N",
                scale=alt.Scale(domain=list(_ENDS), range=list(_ENDS.values())),
                legend=alt.Legend(title="the input"),
            ),
            tooltip=[
                alt.Tooltip("input:N"),
                alt.Tooltip("end:N", title="where"),
                alt.Tooltip("at:N", title="it is"),
                alt.Tooltip("npv:Q", title="value", format=",.0f"),
            ],
        )
    )
    texts = [
        alt.Chart(shown.filter(pl.col("side") == "right"))
        .mark_text(align="left", dx=6, style=["soft"])
        .encode(y=y, x=x, text="at:N"),
        alt.Chart(shown.filter(pl.col("side") == "left"))
        .mark_text(align="right", dx=-6, style=["soft"])
        .encode(y=y, x=x, text="at:N"),
    ]
    zero = alt.Chart(pl.DataFrame({"npv": [0.0]})).mark_rule(style=["line"], strokeWidth=2).encode(x=x)
    expected = alt.Chart(pl.DataFrame({"npv": [middle]})).mark_rule(strokeDash=[4, 4]).encode(x=x)
    return canvas.told(
        alt.layer(bars, *texts, expected, zero).properties(width=canvas.WIDTH, height=alt.Step(40)),
        _deciding(rows, labels, middle, currency),
        definition="Net present value with one input at its 5% and at its 95% point and all others at their mean. "
        "Dashed: all at their mean. Solid: zero; on its left prevention does not pay.",
        rows=words.sentence([words.plain(rows[0]["measure"] or "the chosen set"), words.counted(len(rows), "input")]),
        history=history,
        wide=canvas.WIDTH + 200,
    )


def _side(row: dict[str, Any], end: str) -> str:
    """Say on which side of the bar the label of an end stands."""
    other = "high" if end == "low" else "low"
    return "right" if float(row[f"npv_at_{end}"]) >= float(row[f"npv_at_{other}"]) else "left"


def _amount(value: float | None, unit: object) -> str:
    """Say what an input is at one of its ends."""
    if value is None:
        return "unknown"
    if unit == "share":
        return words.share(value)
    if unit == "a year":
        return f"{value:,.0f} a year" if value >= 10 else f"{value:.2g} a year"
    money, _, per = str(unit or "").partition("/")
    return f"{words.money(value, words.name(money, limit=8) if money else None)}{f' a {per}' if per else ''}"


def _deciding(rows: list[dict[str, Any]], labels: list[str], middle: float, currency: str | None) -> str:
    first = rows[0]
    ends = sorted((float(first["npv_at_low"]), float(first["npv_at_high"])))
    span = f"{words.money(ends[0], currency)} to {words.money(ends[1], currency)}"
    deciding = [label for row, label in zip(rows, labels, strict=True) if row["changes_decision"]]
    if deciding:
        return f"Whether prevention pays hangs on {words.listed(deciding)}: with {labels[0]} it is worth {span}"
    verdict = "pays" if middle > 0 else "does not pay"
    return f"Prevention {verdict} whichever input is off; most depends on {labels[0]}: {span}"
