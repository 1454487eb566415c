"""Which handoffs are ready for production, and what holds the others up?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_MOST = 40
_ROW = 26
# Each state has a sign beside its colour: a tenth of all men cannot tell the colours apart.
_STATES = {
    "pass": ("holds", theme.GOOD, "✓"),
    "fail": ("does not hold", theme.ALARM, "✗"),
    "not_run": ("not shown yet", theme.MUTE, "?"),
    "not_applicable": ("does not apply", "#C9CED4", "–"),
}
_STAGES = {
    "passed": ("passed", theme.GOOD, "✓"),
    "failed": ("failed", theme.ALARM, "✗"),
    "open": ("its turn, not all shown", theme.WARN, "…"),
    "waiting": ("waits for an earlier stage", theme.MUTE, ""),
}


def audit_coverage(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the five areas of the audit against the handoffs: what holds, what does not, what nobody has shown.

    Parameters
    ----------
    frame
        What `audit_coverage` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        A matrix; handoffs with failed checks first, at most 40.

    Raises
    ------
    ArgumentError
        If the frame is not that of `audit_coverage`.
    """
    wanted = ("source", "target", "area", "passed", "failed", "not_run", "applicable", "state")
    frame = canvas.checked(frame, "audit_coverage", *wanted)
    if frame.is_empty():
        return canvas.blank("Audit", why="No handoff was seen or declared.", history=history)
    keys = [key for key in ("source", "target", "channel") if key in frame.columns]
    each = (
        frame.group_by(keys)
        .agg(pl.col("failed", "not_run", "passed").sum())
        .sort("failed", "not_run", *keys, descending=[True, True, *[False] * len(keys)], nulls_last=True)
    )
    each = each.with_columns(pl.Series("handoff", words.handoffs(each), dtype=pl.String))
    shown = frame.join(each.head(_MOST).select(*keys, "handoff"), on=keys, nulls_equal=True).select(
        "handoff",
        "passed",
        "failed",
        "not_run",
        area=pl.col("area").replace_strict({area: words.plain(area) for area in frame["area"].unique()}),
        state=pl.col("state").replace_strict({state: said for state, (said, _, _) in _STATES.items()}),
        sign=pl.col("state").replace_strict({state: sign for state, (_, _, sign) in _STATES.items()}),
        done=pl.when(pl.col("applicable") > 0).then(pl.format("{}/{}", "passed", "applicable")).otherwise(pl.lit("")),
    )
    areas = shown["area"].unique(maintain_order=True).to_list()
    base = alt.Chart(shown.sort("handoff", "area")).encode(
        x=alt.X("area:N", sort=areas, axis=alt.Axis(title=None, orient="top", labelAngle=0, labelLimit=150)),
        y=alt.Y("handoff:N", sort=each["handoff"].to_list(), axis=alt.Axis(title=None)),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("handoff", "area", "state", "passed", "failed", "not_run")],
    )
    cells = base.mark_rect(cornerRadius=3, stroke="white", strokeWidth=1, opacity=0.85).encode(color=_legend(_STATES))
    signs = base.mark_text(color="white", fontWeight=600, dx=-16).encode(text="sign:N")
    done = base.mark_text(color="white", dx=10).encode(text="done:N")
    passed, failed, not_run = (int(each[name].sum()) for name in ("passed", "failed", "not_run"))
    return canvas.told(
        alt.layer(cells, signs, done).properties(width=alt.Step(150), height=alt.Step(_ROW)),
        _coverage_finding(passed, failed, not_run, each.filter(pl.col("failed") > 0).height),
        definition="A cell counts the checks of one area that hold, of those that apply. Not shown is neither pass nor "
        "fail.",
        rows=canvas.shown(each.height, min(each.height, _MOST), "handoff"),
        history=history,
        wide=5 * 150 + 160,
    )


def _coverage_finding(passed: int, failed: int, not_run: int, handoffs: int) -> str:
    checks = passed + failed + not_run
    if failed:
        lead = f"{words.counted(handoffs, 'handoff')} fail {words.counted(failed, 'check')}"
        return f"{lead}; {words.share(not_run / checks)} of what should be shown is not shown"
    if not_run:
        return f"No check fails, and {words.share(not_run / checks)} of them nobody has answered"
    return f"All {words.counted(passed, 'check')} hold"


def audit_stages(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the ten stages of the audit as boxes in their order, each with its state and what holds it up.

    Parameters
    ----------
    frame
        What `audit_stages` returned, for all handoffs or one of them.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Two rows of five boxes.

    Raises
    ------
    ArgumentError
        If the frame is not that of `audit_stages`.
    """
    wanted = ("stage_number", "title", "state", "passed", "failed", "not_run", "blocked_by")
    frame = canvas.checked(frame, "audit_stages", *wanted)
    if frame.is_empty():
        return canvas.blank("Audit", why="No stage was walked.", history=history)
    frame = frame.sort("stage_number").unique("stage_number", keep="first", maintain_order=True)
    states = frame["state"].to_list()
    shown = frame.select(
        "passed",
        "failed",
        "not_run",
        number=pl.col("stage_number"),
        column=(pl.col("stage_number") - 1) % 5,
        row=(pl.col("stage_number") - 1) // 5,
        title=pl.Series([_two_lines(title) for title in frame["title"]]),
        state=pl.Series([_STAGES[state][0] for state in states]),
        said=pl.Series([f"{_STAGES[state][2]} {state.replace('waiting', 'waits')}".strip() for state in states]),
        checks=pl.format("{} of {} checks", "passed", pl.col("passed") + pl.col("failed") + pl.col("not_run")),
        blocked=pl.Series([words.plain(what or "nothing") for what in frame["blocked_by"]]),
    )
    across, down = alt.Scale(domain=[-0.1, 5], nice=False), alt.Scale(domain=[0, 2], reverse=True, nice=False)
    left, top = "datum.column", "datum.row"
    base = (
        alt.Chart(shown)
        .transform_calculate(
            left=left,
            right=f"{left} + 0.86",
            middle=f"{left} + 0.43",
            top=f"{top} + 0.08",
            bottom=f"{top} + 0.86",
            first=f"{top} + 0.24",
            second=f"{top} + 0.4",
            third=f"{top} + 0.72",
            before=f"{left} - 0.07",
            centre=f"{top} + 0.47",
        )
        .encode(tooltip=[alt.Tooltip(f"{name}:N") for name in ("state", "checks", "blocked")])
    )
    x, y = alt.X("left:Q", axis=None, scale=across), alt.Y("top:Q", axis=None, scale=down)
    middle = alt.X("middle:Q", axis=None, scale=across)
    boxes = base.mark_rect(cornerRadius=8, opacity=0.92).encode(
        x=x, x2="right:Q", y=y, y2="bottom:Q", color=_legend(_STAGES)
    )
    arrows = (
        base.transform_filter("datum.column > 0")
        .mark_text(text="→", fontSize=18, style=["soft"])
        .encode(x=alt.X("before:Q", axis=None, scale=across), y=alt.Y("centre:Q", axis=None, scale=down))
    )
    lines = [
        base.mark_text(color="white", **look).encode(x=middle, y=alt.Y(f"{place}:Q", axis=None, scale=down), text=text)
        for place, text, look in (
            ("first", "number:Q", {"fontSize": 16, "fontWeight": 600}),
            ("second", "title:N", {"fontWeight": 600, "lineBreak": "\n", "lineHeight": 16}),
            ("third", "said:N", {"fontSize": 12.5, "dy": -7}),
            ("third", "checks:N", {"fontSize": 12.5, "dy": 8}),
        )
    ]
    return canvas.told(
        alt.layer(boxes, arrows, *lines).properties(width=820, height=230),
        _stages_finding(frame),
        definition="A stage is passed when its checks hold and every earlier stage is passed; "
        "there is no approval while one fails or is open.",
        rows=_whose(frame),
        history=history,
        wide=900,
    )


def _stages_finding(frame: pl.DataFrame) -> str:
    failed = frame.filter(pl.col("state") == "failed")
    passed = frame.filter(pl.col("state") == "passed").height
    if passed == frame.height:
        return "All ten stages are passed: it may go into production"
    if failed.height:
        named = _inside(failed["title"][0])
        fails = f"{named} fails" if failed.height == 1 else f"{failed.height} stages fail, {named} first"
        return f"Not ready: {fails}; {passed} of {frame.height} are passed"
    first = frame.filter(pl.col("state") != "passed").row(0, named=True)
    return f"Not ready yet: {_inside(first['title'])} is open; {passed} of {frame.height} stages are passed"


def _whose(frame: pl.DataFrame) -> str:
    if "source" not in frame.columns or frame["source"][0] is None:
        return "all handoffs together"
    return words.handoffs(frame.head(1))[0]


def _inside(title: object) -> str:
    """Return a title as it stands inside a sentence; an abbreviation keeps its capitals."""
    said = words.name(title)
    return said if said[1:2].isupper() else said[:1].lower() + said[1:]


def _two_lines(title: object) -> str:
    head, _, tail = words.name(title, limit=30).partition(" ")
    return f"{head}\n{tail}" if tail else head


def _legend(states: dict[str, tuple[str, str, str]]) -> alt.Color:
    return alt.Color(
        "state:N",
        scale=alt.Scale(domain=[said for said, _, _ in states.values()], range=[c for _, c, _ in states.values()]),
        legend=alt.Legend(title=None),
    )
