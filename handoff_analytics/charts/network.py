"""Who hands work to whom, how much, and where does it fail?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words
from .layout import layered

if TYPE_CHECKING:
    from ..history import History
    from .layout import Layout

MOST_SYSTEMS, MOST_HANDOFFS = 60, 200
_BOX = 118  # px, width of a system's box
_GAP = 72  # px, between columns, for the curves
_NARROW_GAP = 44  # px, past ten columns
_ROW = 40  # px, from one system to the next
_DEFINITION = (
    "Work flows from left to right. Width: volume, at most {most}. Colour: share of crossings that failed there. "
    "Dashed: part of a cycle. Heavy frame: a single point of failure, which every path through it needs."
)
_KEYS = ["source", "target"]
_RATE = alt.Scale(type="sqrt", range=list(theme.RAMP), interpolate="rgb")


def graph(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the systems and the handoffs between them, from left to right; a matrix when there are too many to follow.

    Parameters
    ----------
    frame
        What `failure_frequency` returned; the columns ``in_cycle`` and ``single_point_of_failure`` of `cascade_reach`
        are marked where the frame has them.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        The picture; past 60 systems or 200 handoffs the one that `matrix` draws.

    Raises
    ------
    ArgumentError
        If the frame has no source, target, crossings and failure_rate.

    References
    ----------
    The places are those of Sugiyama, Tagawa and Toda (1981); `layout` says how.
    """
    frame = canvas.checked(frame, "failure_frequency", *_KEYS, "crossings", "failures")
    lines = _lines(frame)
    systems = {system for edge in lines.select(_KEYS).iter_rows() for system in edge}
    if not systems:
        return canvas.blank("Handoffs", why="No handoff was seen in this part of the history.", history=history)
    if len(systems) > MOST_SYSTEMS or lines.height > MOST_HANDOFFS:
        return matrix(frame, history=history)
    plan = layered({(a, b): n or 1.0 for a, b, n in lines.select(*_KEYS, "crossings").iter_rows()})
    width, height = _width(plan), plan.height * _ROW
    layers = _drawn_lines(lines, plan) + _drawn_systems(lines, plan)
    chart = (
        alt.layer(*layers)
        .properties(width=width, height=height)
        .resolve_scale(color="independent", strokeWidth="independent")
    )
    return canvas.told(
        chart,
        _finding(lines),
        definition=_DEFINITION.format(most=words.counted(max(lines["crossings"].to_list()), "crossing")),
        rows=words.sentence(
            [words.counted(len(systems), "system"), words.counted(lines.height, "handoff")],
        ),
        history=history,
        wide=max(width, canvas.WIDTH),
    )


def matrix(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the handoffs as a matrix of senders and receivers, those that lose most first.

    Parameters
    ----------
    frame
        What `failure_frequency` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One row a sender, one column a receiver; at most 80 of each, those with most failures.

    Raises
    ------
    ArgumentError
        If the frame has no source, target, crossings and failures.
    """
    frame = canvas.checked(frame, "failure_frequency", *_KEYS, "crossings", "failures")
    lines = _lines(frame)
    if lines.is_empty():
        return canvas.blank("Handoffs", why="No handoff was seen in this part of the history.", history=history)
    senders, receivers = (_most_failing(lines, side) for side in _KEYS)
    kept = lines.filter(pl.col("source").is_in(senders), pl.col("target").is_in(receivers))
    systems = _all(kept)
    named = dict(zip(systems, words.distinct([words.name(system) for system in systems]), strict=True))
    shown = kept.select(
        "crossings",
        "failures",
        "failure_rate",
        sender=pl.col("source").replace_strict(named),
        receiver=pl.col("target").replace_strict(named),
    )
    cell = max(12, min(26, 1100 // max(len(senders), len(receivers))))
    chart = (
        alt.Chart(shown)
        .mark_rect(stroke=theme.MUTE, strokeWidth=0.3)
        .encode(
            x=alt.X(
                "receiver:N",
                sort=[named[system] for system in receivers if system in named],
                axis=alt.Axis(title="receives work", orient="top", labelAngle=-60, labelLimit=150),
            ),
            y=alt.Y("sender:N", sort=[named[s] for s in senders if s in named], axis=alt.Axis(title="hands work over")),
            color=_rate_color(),
            tooltip=_tooltip("sender", "receiver"),
        )
        .properties(width=alt.Step(cell), height=alt.Step(cell))
    )
    hidden = lines.height - kept.height
    return canvas.told(
        chart,
        _finding(lines),
        definition="A cell is a handoff; its colour the share of crossings that failed there. "
        "Senders and receivers with most failures come first.",
        rows=words.sentence(
            [words.counted(lines.height, "handoff"), f"{hidden:,} with fewer failures not shown" if hidden else ""]
        ),
        history=history,
        wide=max(canvas.WIDTH, cell * len(receivers) + 160),
    )


def _lines(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one line for each pair of systems, however many channels join them."""
    marks = [
        pl.col(mark).fill_null(value=False).any().alias(mark)
        if mark in frame.columns
        else pl.lit(value=False).alias(mark)
        for mark in ("in_cycle", "single_point_of_failure")
    ]
    lines = (
        frame.filter(pl.col("source") != pl.col("target"))
        .group_by(_KEYS)
        .agg(
            pl.col("crossings").fill_null(0).sum().cast(pl.Float64),
            pl.col("failures").fill_null(0).sum().cast(pl.Float64),
            *marks,
        )
    )
    return lines.with_columns(
        failure_rate=pl.when(pl.col("crossings") > 0).then(pl.col("failures") / pl.col("crossings")).otherwise(0.0)
    ).sort(_KEYS)


def _finding(lines: pl.DataFrame) -> str:
    failing = lines.filter(pl.col("failures") > 0).sort("failures", "source", "target", descending=[True, False, False])
    if failing.is_empty():
        return f"None of the {words.counted(lines.height, 'handoff')} failed"
    total = float(lines["failures"].sum())
    held = float(failing["failures"].head(3).sum())
    worst = words.handoffs(failing.head(1))[0]
    if failing.height <= 3:
        return f"All failures begin at {words.listed(words.handoffs(failing))}"
    return (
        f"Three of {words.counted(lines.height, 'handoff')} account for {words.share(held / total)} of the failures, "
        f"{worst} most of all"
    )


def _rate_color() -> alt.Color:
    return alt.Color(
        "failure_rate:Q",
        title="crossings that failed",
        scale=_RATE,
        legend=alt.Legend(format=".1~%", gradientLength=160, orient="top", tickCount=3),
    )


def _tooltip(*names: str) -> list[alt.Tooltip]:
    return [
        *(alt.Tooltip(f"{name}:N", title=name) for name in names),
        alt.Tooltip("crossings:Q", format=",.0f"),
        alt.Tooltip("failures:Q", format=",.1~f"),
        alt.Tooltip("failure_rate:Q", title="share that failed", format=".2~%"),
    ]


def _drawn_lines(lines: pl.DataFrame, plan: Layout) -> list[alt.Chart]:
    """Draw each handoff as a curve and its head as a triangle, the failing ones on top."""
    points, heads = [], []
    ordered = lines.sort("failure_rate", "source", "target")
    for number, row in enumerate(ordered.iter_rows(named=True)):
        places = plan.way[row["source"], row["target"]]
        facts = {
            "line": number,
            "handoff": f"{words.name(row['source'])}{words.ARROW}{words.name(row['target'])}",
            "dashed": bool(row["in_cycle"]) or (row["source"], row["target"]) in plan.backward,
            **{key: row[key] for key in ("crossings", "failures", "failure_rate")},
        }
        way = _through(places, _pitch(plan))
        points += [facts | {"step": step, "x": x, "y": y} for step, (x, y) in enumerate(way)]
        heads.append(facts | {"x": way[-1][0], "y": way[-1][1], "angle": 90 if places[-1][0] >= places[0][0] else 270})
    width, height = _scales(plan)
    x, y = alt.X("x:Q", scale=width, axis=None), alt.Y("y:Q", scale=height, axis=None)
    curve = (
        alt.Chart(pl.DataFrame(points, infer_schema_length=None))
        .mark_line(interpolate="monotone", opacity=0.8, strokeCap="butt")
        .encode(
            x=x,
            y=y,
            order="step:Q",
            detail="line:N",
            color=_rate_color(),
            size=alt.Size("crossings:Q", scale=alt.Scale(type="sqrt", range=[1, 10]), legend=None),
            strokeDash=alt.StrokeDash(
                "dashed:N", scale=alt.Scale(domain=[False, True], range=[[1, 0], [6, 4]]), legend=None
            ),
            tooltip=_tooltip("handoff"),
        )
    )
    head = (
        alt.Chart(pl.DataFrame(heads, infer_schema_length=None))
        .mark_point(shape="triangle", filled=True, opacity=1, size=70)
        .encode(
            x=x,
            y=y,
            angle=alt.Angle("angle:Q", scale=None),
            color=alt.Color("failure_rate:Q", scale=_RATE, legend=None),
            tooltip=_tooltip("handoff"),
        )
    )
    return [curve, head]


def _pitch(plan: Layout) -> int:
    return _BOX + (_GAP if plan.columns <= 10 else _NARROW_GAP)


def _width(plan: Layout) -> int:
    return plan.columns * _pitch(plan) - (_pitch(plan) - _BOX)


def _through(places: list[tuple[int, float]], pitch: int) -> list[tuple[float, float]]:
    """Turn the places of a line into points in px: out of a box on one side, straight past columns, into the next."""
    half = _BOX / 2
    ahead = 1 if places[-1][0] >= places[0][0] else -1
    points: list[tuple[float, float]] = []
    last = len(places) - 1
    for number, (column, height) in enumerate(places):
        centre, y = column * pitch + half, (height + 0.5) * _ROW
        if number > 0:
            points.append((centre - ahead * (half + (6 if number == last else 0)), y))
        if number < last:
            points.append((centre + ahead * half, y))
    return points


def _scales(plan: Layout) -> tuple[alt.Scale, alt.Scale]:
    return (
        alt.Scale(domain=[0, _width(plan)], nice=False, zero=False),
        alt.Scale(domain=[plan.height * _ROW, 0], nice=False, zero=False),
    )


def _drawn_systems(lines: pl.DataFrame, plan: Layout) -> list[alt.Chart]:
    """Draw each system as a box with its name."""
    single = {system for row in lines.filter("single_point_of_failure").select(_KEYS).iter_rows() for system in row[1:]}
    boxes = pl.DataFrame(
        [
            {
                "system": words.name(system, limit=60),
                "label": words.name(system, limit=16),
                "left": column * _pitch(plan),
                "right": column * _pitch(plan) + _BOX,
                "middle": column * _pitch(plan) + _BOX / 2,
                "top": (height + 0.5) * _ROW - 13,
                "bottom": (height + 0.5) * _ROW + 13,
                "centre": (height + 0.5) * _ROW,
                "single": system in single,
            }
            for system, (column, height) in sorted(plan.place.items())
        ]
    )
    width, height = _scales(plan)
    base = alt.Chart(boxes).encode(tooltip=[alt.Tooltip("system:N")])
    box = base.mark_rect(cornerRadius=5, style=["box"]).encode(
        x=alt.X("left:Q", scale=width, axis=None),
        x2="right:Q",
        y=alt.Y("top:Q", scale=height, axis=None),
        y2="bottom:Q",
        strokeWidth=alt.StrokeWidth("single:N", scale=alt.Scale(domain=[False, True], range=[1.2, 4]), legend=None),
    )
    label = base.mark_text(style=["ink"]).encode(
        x=alt.X("middle:Q", scale=width, axis=None), y=alt.Y("centre:Q", scale=height, axis=None), text="label:N"
    )
    return [box, label]


def _all(lines: pl.DataFrame) -> list[str]:
    return sorted({system for edge in lines.select(_KEYS).iter_rows() for system in edge})


def _most_failing(lines: pl.DataFrame, side: str) -> list[str]:
    """Return at most 80 systems of one side, those with most failures first."""
    totals = lines.group_by(side).agg(pl.col("failures", "crossings").sum())
    ordered = totals.sort("failures", "crossings", side, descending=[True, True, False])
    return [str(system) for system in ordered[side].head(80).to_list()]
