"""Who hands work to whom, how much, and where does it fail?"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from ..errors import ArgumentError
from . import canvas, theme, words
from .layout import layered

if TYPE_CHECKING:
    import networkx as nx

    from ..history import History
    from .layout import Layout

MOST_SYSTEMS, MOST_HANDOFFS = 60, 200
_BOX = 118  # px, width of a system's box
_GAP = 72  # px, between columns, for the curves
_NARROW_GAP = 44  # px, past ten columns
_MANY_COLUMNS = 6  # a picture of more is shrunk on a slide or a page, and its letters with it
_LARGER = 1.4  # what its letters are larger to begin with
_LETTERS, _LARGE_LETTERS = 16, 12  # of a line in a box
_DEFINITION = (
    "Work flows from left to right. Width: volume, at most {most}. Colour: share of calls that failed there. "
    "Dashed: part of a circle of systems that wait for each other. Diamond: a single point of failure, the only way by "
    "which two systems or more get their work."
)
_KEYS = ["source", "target"]
_RATE = alt.Scale(type="sqrt", range=list(theme.RAMP), interpolate="rgb")
_LINES = {
    "source": pl.String,
    "target": pl.String,
    "crossings": pl.Float64,
    "failures": pl.Float64,
    "failure_share": pl.Float64,
}

_HEADS = {"handoff": pl.String, "before": pl.Float64, "y": pl.Float64} | {
    name: kind for name, kind in _LINES.items() if name not in _KEYS
}


def graph(
    network: nx.DiGraph,
    *,
    reach: pl.DataFrame | None = None,
    chosen: canvas.Handoff | None = None,
    history: History | None = None,
) -> Any:
    """Draw the systems and the handoffs between them, from left to right; a matrix when there are too many to follow.

    Parameters
    ----------
    network
        What `dependency_graph` returned.
    reach
        What `cascade_reach` returned: marks circular dependencies and single points of failure.
    chosen
        Source and target of a handoff to pick out.
    history
        Where the network comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        The picture; past 60 systems or 200 handoffs the one that `matrix` draws.

    Raises
    ------
    ArgumentError
        If the edges of the network have no crossings, failures and failure_share.

    References
    ----------
    The places are those of Sugiyama, Tagawa and Toda (1981).
    """
    lines = _lines(network, reach)
    if lines.is_empty():
        return canvas.blank("Handoffs", why="No handoff was seen in this part of the history.", history=history)
    if network.number_of_nodes() > MOST_SYSTEMS or lines.height > MOST_HANDOFFS:
        return matrix(network, chosen=chosen, history=history)
    plan = layered({(a, b): n or 1.0 for a, b, n in lines.select(*_KEYS, "crossings").iter_rows()})
    width, height = _width(plan), plan.height * _row(plan)
    chart = (
        alt.layer(*_drawn_lines(lines, plan, chosen), *_drawn_systems(plan))
        .properties(width=width, height=height)
        .resolve_scale(color="independent", size="independent")
    )
    most = words.counted(max(lines["crossings"].to_list()), "crossing")
    return canvas.told(
        chart,
        _finding(lines),
        definition=_DEFINITION.format(most=most) + _accuracy(network),
        rows=_rows(lines),
        history=history,
        wide=max(width, canvas.WIDTH),
        larger=_larger(plan),
    )


def _accuracy(network: nx.DiGraph) -> str:
    """Say how far handoffs that logs show can be trusted, measured where spans show them too."""
    known = network.graph.get("log_accuracy")
    if not known:
        return ""
    if not known["checked"]:
        return f" {words.counted(known['edges'], 'handoff')} come from logs; no spans of the same ids check them."
    said = f" Of {words.counted(known['checked'], 'handoff')} that logs show, spans confirm {known['confirmed']:,}"
    if known["edge_recall"] is not None:
        said += (
            f"; logs show {known['found']:,} of the {known['span_edges']:,} that spans show between systems that log"
        )
    return f"{said}."


def matrix(network: nx.DiGraph, *, chosen: canvas.Handoff | None = None, history: History | None = None) -> Any:
    """Draw the handoffs as a matrix of senders and receivers, those that fail most first.

    Parameters
    ----------
    network
        What `dependency_graph` returned.
    chosen
        Source and target of a handoff to pick out.
    history
        Where the network comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One row a sender, one column a receiver; at most 80 of each, those with most failures.

    Raises
    ------
    ArgumentError
        If the edges of the network have no crossings, failures and failure_share.
    """
    lines = _lines(network, None)
    if lines.is_empty():
        return canvas.blank("Handoffs", why="No handoff was seen in this part of the history.", history=history)
    senders, receivers = (_most_failing(lines, side) for side in _KEYS)
    kept = lines.filter(pl.col("source").is_in(senders), pl.col("target").is_in(receivers))
    systems = sorted({*senders, *receivers})
    named = dict(zip(systems, words.distinct([words.name(system, limit=26) for system in systems]), strict=True))
    shown = kept.with_columns(
        sender=pl.col("source").replace_strict(named), receiver=pl.col("target").replace_strict(named)
    ).select("sender", "receiver", "crossings", "failures", "failure_share")
    cell = max(12, min(26, 1100 // max(len(senders), len(receivers))))
    x = alt.X(
        "receiver:N",
        sort=[named[system] for system in receivers],
        axis=alt.Axis(title="receives work", orient="top", labelAngle=-60, labelLimit=150),
    )
    y = alt.Y("sender:N", sort=[named[system] for system in senders], axis=alt.Axis(title="hands work over"))
    cells = (
        alt.Chart(shown)
        .mark_rect(stroke=theme.MUTE, strokeWidth=0.3)
        .encode(x=x, y=y, color=_rate_color(), tooltip=_tooltip("sender", "receiver"))
    )
    here = [named.get(system, "") for system in (chosen or ("", ""))[:2]]
    picked = shown.filter(pl.col("sender") == here[0], pl.col("receiver") == here[1]).select("sender", "receiver")
    ring = alt.Chart(picked).mark_rect(filled=False, strokeWidth=3, style=["line"]).encode(x=x, y=y)
    chart = alt.layer(cells, ring) if picked.height else cells
    chart = chart.properties(width=alt.Step(cell), height=alt.Step(cell))
    hidden = lines.height - kept.height
    return canvas.told(
        chart,
        _finding(lines),
        definition="A cell is a handoff; its colour the share of calls that failed there. "
        "Senders and receivers with most failures come first.",
        rows=words.sentence([_rows(lines), f"{hidden:,} with fewer failures not shown" if hidden else ""]),
        history=history,
        wide=max(canvas.WIDTH, cell * len(receivers) + 160),
    )


def _lines(network: nx.DiGraph, reach: pl.DataFrame | None) -> pl.DataFrame:
    """Return one row an edge, in the order of the names; marks come from the reach of any of its channels."""
    edges = [{"source": a, "target": b} | facts for a, b, facts in network.edges(data=True)]
    missing = set(_LINES) - set(edges[0]) if edges else set()
    if missing:
        raise ArgumentError(
            f"The network's edges have no {', '.join(sorted(missing))}. This chart draws what dependency_graph returns."
        )
    lines = pl.DataFrame(edges, schema=_LINES, strict=False, orient="row").sort(_KEYS)
    marks = ["in_cycle", "single_point_of_failure"]
    if reach is None:
        return lines.with_columns(pl.lit(value=False).alias(mark) for mark in marks)
    reach = canvas.checked(reach, "cascade_reach", *_KEYS, *marks)
    marked = reach.group_by(_KEYS).agg(pl.col(marks).any())
    return lines.join(marked, on=_KEYS, how="left").with_columns(pl.col(marks).fill_null(value=False)).sort(_KEYS)


def _rows(lines: pl.DataFrame) -> str:
    systems = {system for edge in lines.select(_KEYS).iter_rows() for system in edge}
    return words.sentence([words.counted(len(systems), "system"), words.counted(lines.height, "handoff")])


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
        "failure_share:Q",
        title="calls that failed",
        scale=_RATE,
        legend=alt.Legend(format=".1~%", gradientLength=160, orient="top", tickCount=3),
    )


def _tooltip(*names: str) -> list[alt.Tooltip]:
    return [
        *(alt.Tooltip(f"{name}:N", title=name) for name in names),
        alt.Tooltip("crossings:Q", format=",.0f"),
        alt.Tooltip("failures:Q", format=",.1~f"),
        alt.Tooltip("failure_share:Q", title="share that failed", format=".2~%"),
    ]


def _drawn_lines(lines: pl.DataFrame, plan: Layout, chosen: canvas.Handoff | None) -> list[alt.Chart]:
    """Draw each handoff as a curve and its head as a triangle, the failing ones on top."""
    points, heads = [], []
    ordered = lines.filter(pl.col("source") != pl.col("target")).sort("failure_share", *_KEYS)
    picked = -1
    for number, (row, handoff) in enumerate(zip(ordered.iter_rows(named=True), words.handoffs(ordered), strict=True)):
        picked = number if chosen and (row["source"], row["target"]) == chosen[:2] else picked
        places = plan.way[row["source"], row["target"]]
        facts = {
            "line": number,
            "handoff": handoff,
            "dashed": bool(row["in_cycle"]) or (row["source"], row["target"]) in plan.backward,
            **{key: row[key] for key in ("crossings", "failures", "failure_share")},
        }
        both = (row["target"], row["source"]) in plan.way  # the two directions run beside each other
        beside = (7 if (row["source"], row["target"]) in plan.backward else -7) if both else 0
        way = [(x, y + beside) for x, y in _through(places, plan)]
        points += [facts | {"step": step, "x": x, "y": y} for step, (x, y) in enumerate(way)]
        ahead = 1 if places[-1][0] >= places[0][0] else -1
        head = facts | {"x": way[-1][0], "y": way[-1][1], "angle": 90 * ahead, "single": row["single_point_of_failure"]}
        heads.append(head | {"before": way[-1][0] - 14 * ahead})
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
            description="handoff:N",
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
            description="handoff:N",
            color=alt.Color("failure_share:Q", scale=_RATE, legend=None),
            tooltip=_tooltip("handoff"),
        )
    )
    single = alt.Chart(pl.DataFrame([each for each in heads if each["single"]], schema=_HEADS, strict=False))
    diamond = single.mark_point(shape="diamond", filled=True, opacity=1, size=150, style=["ink"]).encode(
        x=alt.X("before:Q", scale=width, axis=None), y=y, tooltip=_tooltip("handoff")
    )
    shaded = pl.DataFrame([point for point in points if point["line"] == picked], infer_schema_length=None)
    if shaded.is_empty():
        return [curve, head, diamond]
    shade = alt.Chart(shaded).mark_line(interpolate="monotone", opacity=0.25, strokeWidth=18, style=["line"])
    return [shade.encode(x=x, y=y, order="step:Q"), curve, head, diamond]


def _larger(plan: Layout) -> float:
    return _LARGER if plan.columns > _MANY_COLUMNS else 1.0


def _row(plan: Layout) -> float:
    """Return the px from one system to the next."""
    return 40 * _larger(plan)


def _pitch(plan: Layout) -> int:
    return _BOX + (_GAP if plan.columns <= 10 else _NARROW_GAP)


def _width(plan: Layout) -> int:
    return plan.columns * _pitch(plan) - (_pitch(plan) - _BOX)


def _through(places: list[tuple[int, float]], plan: Layout) -> list[tuple[float, float]]:
    """Turn the places of a line into points in px: out of a box on one side, straight past columns, into the next."""
    half, pitch, row = _BOX / 2, _pitch(plan), _row(plan)
    ahead = 1 if places[-1][0] >= places[0][0] else -1
    points: list[tuple[float, float]] = []
    last = len(places) - 1
    for number, (column, height) in enumerate(places):
        centre, y = column * pitch + half, (height + 0.5) * row
        if number > 0:
            points.append((centre - ahead * (half + (6 if number == last else 0)), y))
        if number < last:
            points.append((centre + ahead * half, y))
    return points


def _scales(plan: Layout) -> tuple[alt.Scale, alt.Scale]:
    return (
        alt.Scale(domain=[0, _width(plan)], nice=False, zero=False),
        alt.Scale(domain=[plan.height * _row(plan), 0], nice=False, zero=False),
    )


def _drawn_systems(plan: Layout) -> list[alt.Chart]:
    """Draw each system as a box with its name, in two lines where it needs them."""
    boxes, lines = [], []
    larger, row = _larger(plan), _row(plan)
    font = 13 * larger
    for system, (column, height) in sorted(plan.place.items()):
        left, centre = column * _pitch(plan), (height + 0.5) * row
        name = words.name(system, limit=60)
        said = _in_lines(system, _LETTERS if larger == 1 else _LARGE_LETTERS)
        half = 13 if len(said) == 1 and larger == 1 else min(13 * larger + 4, row / 2 - 1)
        boxes.append(
            {"system": name, "left": left, "right": left + _BOX, "top": centre - half, "bottom": centre + half}
        )
        first = centre - (len(said) - 1) * font * 0.55
        lines += [
            {"system": name, "label": line, "middle": left + _BOX / 2, "at": first + number * font * 1.1}
            for number, line in enumerate(said)
        ]
    width, height_scale = _scales(plan)
    box = (
        alt.Chart(pl.DataFrame(boxes))
        .mark_rect(cornerRadius=5, style=["box"])
        .encode(
            x=alt.X("left:Q", scale=width, axis=None),
            x2="right:Q",
            y=alt.Y("top:Q", scale=height_scale, axis=None),
            y2="bottom:Q",
            tooltip=[alt.Tooltip("system:N")],
        )
    )
    label = (
        alt.Chart(pl.DataFrame(lines))
        .mark_text(style=["ink"], fontSize=font)
        .encode(
            x=alt.X("middle:Q", scale=width, axis=None),
            y=alt.Y("at:Q", scale=height_scale, axis=None),
            text="label:N",
            tooltip=[alt.Tooltip("system:N")],
        )
    )
    return [box, label]


def _in_lines(system: str, letters: int) -> list[str]:
    """Break a name into at most two lines; what does not fit into them is cut in the middle."""
    name = words.name(system, limit=2 * letters)
    lines = textwrap.wrap(name, letters) if len(name) > letters else [name]
    return lines if len(lines) <= 2 else [name[:letters], name[letters:]]


def _most_failing(lines: pl.DataFrame, side: str) -> list[str]:
    """Return at most 80 systems of one side, those with most failures first."""
    totals = lines.group_by(side).agg(pl.col("failures", "crossings").sum())
    ordered = totals.sort("failures", "crossings", side, descending=[True, True, False])
    return [str(system) for system in ordered[side].head(80).to_list()]
