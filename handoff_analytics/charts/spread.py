"""How far do failures travel, from which handoff to which?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_MOST = 30  # rows or columns that can still be read
_STEP = 26


def reach(frame: pl.DataFrame, *, top: int = 15, history: History | None = None) -> Any:
    """Draw how many other handoffs a failure takes with it: expected, with its interval, beside the worst case.

    Parameters
    ----------
    frame
        What `cascade_reach` returned.
    top
        How many handoffs to show, those of the largest expected reach.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        A dot and its interval a handoff, and on the right how many it could be at worst.

    Raises
    ------
    ArgumentError
        If the frame is not that of `cascade_reach`.
    """
    wanted = ("source", "target", "reach_structural", "reach_expected", "reach_low", "reach_high", "incidents")
    frame = canvas.checked(frame, "cascade_reach", *wanted)
    if frame.is_empty():
        return canvas.blank("Reach", why="No handoff was measured in this part of the history.", history=history)
    whole = frame.sort("reach_expected", *wanted[:2], descending=[True, False, False], nulls_last=True)
    shown = whole.head(top).select(
        "reach_structural",
        "reach_expected",
        "reach_low",
        "reach_high",
        "incidents",
        handoff=pl.Series(words.handoffs(whole.head(top)), dtype=pl.String),
        expected=pl.Series([f"{value:.1f}" for value in whole.head(top)["reach_expected"].fill_null(0)]),
        said=pl.Series([f"{value or 0:,} at worst" for value in whole.head(top)["reach_structural"]], dtype=pl.String),
    )
    order = shown["handoff"].to_list()
    base = alt.Chart(shown).encode(
        y=alt.Y("handoff:N", title=None, sort=order),
        tooltip=[
            alt.Tooltip("handoff:N"),
            alt.Tooltip("reach_expected:Q", title="expected", format=".2f"),
            alt.Tooltip("reach_low:Q", title="at least (90%)", format=".2f"),
            alt.Tooltip("reach_high:Q", title="at most (90%)", format=".2f"),
            alt.Tooltip("reach_structural:Q", title="could reach"),
            alt.Tooltip("incidents:Q", format=",.0f"),
        ],
    )
    axis = alt.Axis(title="other handoffs that fail in consequence of one failure", tickMinStep=1)
    line = base.mark_rule(strokeWidth=3, color=theme.CALM, opacity=0.5).encode(
        x=alt.X("reach_low:Q", axis=axis), x2="reach_high:Q"
    )
    dot = base.mark_point(filled=True, size=110, color=theme.CALM, opacity=1).encode(x="reach_expected:Q")
    said = base.mark_text(align="left", dx=9, style=["ink"]).encode(x="reach_high:Q", text="expected:N")
    first = whole.row(0, named=True)
    farthest = float(first["reach_expected"] or 0)
    finding = (
        f"A failure of {order[0]} takes {farthest:.1f} other handoffs with it, more than any other"
        if farthest >= 0.05
        else "Failures stay where they begin"
    )
    return canvas.told(
        alt.layer(line, dot, said, bars.noted(shown)).properties(width=canvas.WIDTH, height=alt.Step(_STEP)),
        finding,
        definition="Dot and line: expected number and its 90% interval, from the cascades on record and what was "
        "learnt from them. “At worst” is what the structure allows.",
        rows=canvas.shown(whole.height, shown.height, "handoff"),
        history=history,
    )


def cascade(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw who fails whom: in which handoff failures began, and which handoffs failed in consequence.

    Parameters
    ----------
    frame
        The table ``cascades``, counted: root_source, root_target, source, target and failures, one row a pair.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        A matrix, origins with most consequences first; at most 30 of either.

    Raises
    ------
    ArgumentError
        If a column is missing.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> frame = ha.History().sql(
    ...     "SELECT 'a' AS root_source, 'b' AS root_target, 'c' AS source, 'a' AS target, 7 AS failures"
    ... )
    >>> ha.charts.cascade(frame).description
    'a → b fails others most: 7 failures elsewhere began there'
    """
    wanted = ("root_source", "root_target", "source", "target", "failures")
    frame = canvas.checked(frame, "a count of the table cascades by root and handoff", *wanted)
    if frame.is_empty():
        return canvas.blank("Cascades", why="No failure made another handoff fail.", history=history)
    pairs = frame.group_by(wanted[:4]).agg(pl.col("failures").sum().cast(pl.Float64)).sort(wanted[:4])
    origins = _most(pairs, "origin", "root_source", "root_target")
    victims = _most(pairs, "victim", "source", "target")
    shown = (
        pairs.join(origins.head(_MOST).drop("failures"), on=["root_source", "root_target"])
        .join(victims.head(_MOST).drop("failures"), on=["source", "target"])
        .select("origin", "victim", "failures")
        .sort("origin", "victim")
    )
    base = alt.Chart(shown).encode(
        x=alt.X(
            "victim:N",
            sort=victims["victim"].to_list(),
            axis=alt.Axis(title="… and fails here in consequence", orient="top", labelAngle=-50, labelLimit=200),
        ),
        y=alt.Y("origin:N", sort=origins["origin"].to_list(), axis=alt.Axis(title="A failure begins here …")),
        tooltip=[
            alt.Tooltip("origin:N", title="begins at"),
            alt.Tooltip("victim:N", title="fails in consequence"),
            alt.Tooltip("failures:Q", format=",.0f"),
        ],
    )
    color = alt.Color(
        "failures:Q", scale=alt.Scale(type="sqrt", range=list(theme.RAMP), interpolate="rgb"), legend=None
    )
    cells = base.mark_rect(cornerRadius=2).encode(color=color)
    counts = base.mark_text(fontSize=13, color="#1F2328").encode(text=alt.Text("failures:Q", format=",.0f"))
    worst, n = origins.select("origin", "failures").row(0)
    return canvas.told(
        alt.layer(cells, counts).properties(width=alt.Step(44), height=alt.Step(28)),
        f"{worst} fails others most: {words.counted(n, 'failure')} elsewhere began there",
        definition="Number of failures that one origin caused at another handoff, of the same transaction.",
        rows=words.sentence(
            [words.counted(float(pairs["failures"].sum()), "failure in consequence", "failures in consequence")]
        ),
        history=history,
        wide=max(canvas.WIDTH, 44 * victims.height + 220),
    )


def cascade_tree(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw one incident: the failure that it began with, and each failure that followed, in order and with its delay.

    Parameters
    ----------
    frame
        The rows of the table ``cascades`` with one root_id.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        An indented tree: one line a failure, the first 40.

    Raises
    ------
    ArgumentError
        If a column is missing.
    """
    wanted = ("root_source", "root_target", "source", "target", "depth", "delay_us")
    frame = canvas.checked(frame, "a query of the table cascades with one root_id", *wanted)
    if frame.is_empty():
        return canvas.blank("Cascade", why="This failure made no other handoff fail.", history=history)
    rows = _tree(frame.sort("depth", "delay_us", "source", "target"))
    shown = pl.DataFrame(rows[:40], infer_schema_length=None)
    deepest = max(row["depth"] for row in rows)
    across_scale = alt.Scale(domain=[0, max(4, deepest + 2)], nice=False)
    down_scale = alt.Scale(domain=[-0.5, shown.height - 0.5], reverse=True, nice=False)
    at, below = (alt.X(f"{name}:Q", axis=None, scale=across_scale) for name in ("depth", "parent_depth"))
    here, there = (alt.Y(f"{name}:Q", axis=None, scale=down_scale) for name in ("row", "parent_row"))
    base = alt.Chart(shown).encode(
        tooltip=[alt.Tooltip("handoff:N"), alt.Tooltip("said:N", title="after"), alt.Tooltip("depth:Q")]
    )
    down = base.mark_rule(style=["line"], opacity=0.5).encode(x=below, y=there, y2="row:Q")
    across = base.mark_rule(style=["line"], opacity=0.5).encode(x=below, x2="depth:Q", y=here)
    dot = base.mark_point(filled=True, size=140, opacity=1).encode(
        x=at,
        y=here,
        color=alt.when(alt.datum.depth == 0).then(alt.value(theme.ALARM)).otherwise(alt.value(theme.CALM)),
    )
    label = base.mark_text(align="left", dx=12, style=["ink"]).encode(x=at, y=here, text="label:N")
    last = max(float(row["hours"]) for row in rows)
    systems = {row["target"] for row in rows} | {row["source"] for row in rows}
    return canvas.told(
        alt.layer(down, across, dot, label).properties(width=canvas.WIDTH, height=30 * len(shown)),
        f"One failure at {rows[0]['handoff']} made {words.counted(len(rows) - 1, 'more handoff')} fail "
        f"within {words.duration(last)}",
        definition="Each line is a failure; it hangs from the one that caused it. The time is that since the first.",
        rows=words.sentence(
            [words.counted(len(systems), "system"), "the first 40 are shown" if len(rows) > 40 else ""]
        ),
        history=history,
    )


def _tree(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Order failures so that each stands below the one that it shares a system with, one step nearer to the origin."""
    first = frame.row(0, named=True)
    root = {"source": first["root_source"], "target": first["root_target"], "depth": 0, "hours": 0.0, "children": []}
    levels: dict[int, list[dict[str, Any]]] = {0: [root]}
    for row in frame.iter_rows(named=True):
        depth = max(int(row["depth"] or 1), 1)
        node = {
            "source": row["source"],
            "target": row["target"],
            "depth": depth,
            "hours": (row["delay_us"] or 0) / 3.6e9,
            "children": [],
        }
        above = next(levels[d] for d in range(depth - 1, -1, -1) if d in levels)
        near = [other for other in above if {other["source"], other["target"]} & {node["source"], node["target"]}]
        (near or above)[-1]["children"].append(node)
        levels.setdefault(depth, []).append(node)
    rows: list[dict[str, Any]] = []

    def walk(node: dict[str, Any], parent: dict[str, Any] | None) -> None:
        handoff = f"{words.name(node['source'], limit=26)}{words.ARROW}{words.name(node['target'], limit=26)}"
        said = "began it" if parent is None else f"+{words.duration(node['hours'])}"
        row = {key: node[key] for key in ("source", "target", "depth", "hours")} | {
            "row": len(rows),
            "handoff": handoff,
            "said": said,
            "label": f"{handoff}   {said}",
            "parent_row": parent["row"] if parent else len(rows),
            "parent_depth": parent["depth"] if parent else node["depth"],
        }
        rows.append(row)
        for child in node["children"]:
            walk(child, row)

    walk(root, None)
    return rows


def _most(pairs: pl.DataFrame, label: str, source: str, target: str) -> pl.DataFrame:
    """Return the handoffs of one side with their label, those with most failures first."""
    totals = pairs.group_by(source, target).agg(pl.col("failures").sum())
    totals = totals.sort("failures", source, target, descending=[True, False, False])
    named = totals.select(pl.col(source).alias("source"), pl.col(target).alias("target"))
    return totals.with_columns(pl.Series(label, words.handoffs(named), dtype=pl.String))
