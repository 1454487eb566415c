"""What is getting worse, and did anybody's dashboard show it?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from ..early_warning import early_warnings, warning_record
from ..signals import KEYS, METRICS
from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_SERIES = [*KEYS, "metric"]
_DRAWN = ["bucket_at", "trials", "events", "share", "smoothed", "usual", "limit", "alarm"]
_LOOK = {"share of the day": theme.MUTE, "moving average": theme.CALM, "usual": theme.GOOD, "limit": theme.WARN}
_WIDTH, _HEIGHT = 640, 130
_BEFORE_DAYS, _AFTER_DAYS = 75, 35
_STATES = {
    "green_minutes": ("every system green", theme.ALARM),
    "red_minutes": ("a system red", theme.CALM),
    "unknown_minutes": ("health not reported", theme.MUTE),
}


def degradation(
    frame: pl.DataFrame, *, incidents: pl.DataFrame | None = None, top: int = 3, history: History | None = None
) -> Any:
    """Draw the series that became worse, with what was usual, the control limit, the alarms and the incidents.

    Parameters
    ----------
    frame
        What `degradation` returned.
    incidents
        When each handoff broke, as in `early_warnings`; left out, its calls tell.
    top
        How many series to show: warnings that came before an incident first, then the strongest evidence; one a
        handoff.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.VConcatChart
        One panel a series; lead time and false alarms, as `warning_record` counts them, stand under the title.

    Raises
    ------
    ArgumentError
        If the frame is not that of `degradation`.
    """
    canvas.checked(frame, "degradation", *_SERIES, *_DRAWN, "confirmed", "since", "calm_days", "degraded")
    if frame.is_empty():
        return canvas.blank("Early warning", why="No handoff was crossed.", history=history)
    record = warning_record(frame, incidents=incidents)
    given = early_warnings(frame, incidents=incidents)
    given = given.with_columns(
        place=pl.col("outcome").replace_strict({"early": 0, "late": 1, "no_incident": 1}, return_dtype=pl.Int64)
    ).sort("place", "calm_days", *_SERIES, descending=[False, True, *[False] * len(_SERIES)])
    part = given.unique(KEYS, keep="first", maintain_order=True).head(top)
    if part.is_empty():
        return canvas.blank("Early warning", why="No handoff became worse than chance explains.", history=history)
    names = words.handoffs(part)
    panels = [
        _panel(
            canvas.checked(frame.join(one.select(_SERIES), on=_SERIES).select(_DRAWN), "degradation"),
            canvas.checked(one, "early_warnings").row(0, named=True),
            name,
        )
        for one, name in zip(part.iter_slices(1), names, strict=True)
    ]
    return canvas.told(
        alt.vconcat(*panels, spacing=18).resolve_scale(x="independent"),
        _finding(part.row(0, named=True), names[0], given.height),
        definition="Grey: share of each day. Blue: moving average. Green: what was usual. Amber: its upper control "
        "limit, three standard deviations. Triangles: alarms, from small excesses added up (Shiryaev-Roberts). Dashed: "
        "an incident, half of the calls undelivered.",
        rows=_said(record.row(0, named=True)),
        history=history,
        wide=_WIDTH + 180,
    )


def _panel(series: pl.DataFrame, warning: dict[str, Any], name: str) -> Any:
    # What came long before or after the warning makes the days around it too small to see.
    series = series.filter(
        pl.col("bucket_at").is_between(
            warning["warned_at"] - timedelta(days=_BEFORE_DAYS), warning["warned_at"] + timedelta(days=_AFTER_DAYS)
        )
    )
    lines = series.unpivot(
        ["smoothed", "usual", "limit"], index="bucket_at", variable_name="what", value_name="value"
    ).with_columns(pl.col("what").replace({"smoothed": "moving average"}))
    x = alt.X("bucket_at:T", title=None, axis=alt.Axis(format="%-d %b", grid=False, tickCount=8))
    axis = alt.Axis(format="%", tickCount=4)
    levels = [value for name in ("smoothed", "usual", "limit") for value in series[name].to_list() if value is not None]
    highest = min(max(levels, default=0.01) * 1.4, 1.0)
    y = alt.Y("value:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, highest], clamp=True))
    base = alt.Chart(series)
    dots = base.mark_circle(color=theme.MUTE, opacity=0.55, size=28).encode(
        x=x,
        y=alt.Y("share:Q", axis=axis, title=None, scale=alt.Scale(domain=[0, highest], clamp=True)),
        tooltip=[
            alt.Tooltip("bucket_at:T", title="day"),
            alt.Tooltip("events:Q", format=",.4~g"),
            alt.Tooltip("trials:Q", title="calls", format=",.4~g"),
        ],
    )
    drawn = (
        alt.Chart(lines)
        .mark_line(interpolate="monotone", strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=alt.Color("what:N", scale=alt.Scale(domain=list(_LOOK), range=list(_LOOK.values())), legend=None),
            strokeDash=alt.StrokeDash(
                "what:N",
                scale=alt.Scale(domain=list(_LOOK), range=[[1, 0], [1, 0], [6, 3], [2, 2]]),
                legend=None,
            ),
        )
    )
    alarms = base.transform_filter("datum.alarm").mark_point(
        shape="triangle-down", filled=True, color=theme.ALARM, size=110, opacity=1
    )
    layers = [dots, drawn, alarms.encode(x=x, y=alt.value(4))]
    if warning["incident_at"] is not None:
        incident = alt.Chart(pl.DataFrame({"bucket_at": [warning["incident_at"]]}))
        layers.append(incident.mark_rule(strokeDash=[5, 4], strokeWidth=2, color=theme.ALARM).encode(x=x))
    title = alt.TitleParams(
        text=f"{name}: {METRICS.get(warning['metric'], words.plain(warning['metric']))}",
        subtitle=_fate(warning),
        fontSize=15,
        subtitleFontSize=13,
        offset=6,
        anchor="start",
    )
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT, title=title)


def _fate(warning: dict[str, Any]) -> str:
    at = f"warned on {words.day(warning['warned_at'])}"
    lead = warning["lead_days"]
    if lead is None:
        return f"{at}; no incident so far"
    if lead > 0:
        return f"{at}, {lead:.3g} days before it broke"
    return f"{at}, once it had broken: nothing announced it"


def _finding(first: dict[str, Any], name: str, warnings: int) -> str:
    if first["outcome"] == "early":
        return f"{name} was seen to degrade {first['lead_days']:.3g} days before it broke"
    return f"{words.counted(warnings, 'warning')}, none before an incident; the strongest is of {name}"


def _said(record: dict[str, Any]) -> str:
    median = record["lead_days_median"]
    lead = "" if median is None else f", {median:.3g} days before (median)"
    incidents = words.counted(record["incidents"], "incident")
    foreseen = f"replayed day by day: {record['incidents_foreseen']:,} of {incidents} foreseen{lead}"
    rate = f"{record['false_alarms_a_month'] or 0:.2g} warnings a handoff-month that no incident followed"
    months = f"({record['warnings_unanswered']:,} in {record['handoff_months']:,.0f})"
    return words.sentence([foreseen, f"{rate} {months}"])


def green_but_failing(
    frame: pl.DataFrame, *, whole: pl.DataFrame | None = None, top: int = 15, history: History | None = None
) -> Any:
    """Draw in how many of the minutes in which a handoff failed every system was green.

    Parameters
    ----------
    frame
        What `green_but_failing` returned.
    whole
        What it returns with ``by_handoff=False``; the title is then of all handoffs together.
    top
        How many handoffs to show.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Stacked bars, the most green minutes first.

    Raises
    ------
    ArgumentError
        If a frame is not that of the measure.
    """
    needed = (*KEYS, *_STATES, "failing_minutes", "silent_minutes", "green_share", "green_low", "green_high")
    rows = canvas.checked(frame, "green_but_failing", *needed)
    if rows.is_empty():
        return canvas.blank("Green but failing", why="No handoff failed.", history=history)
    part = rows.head(top)
    part = part.with_columns(
        pl.Series("handoff", words.handoffs(part), dtype=pl.String),
        said=pl.Series([_green(row) for row in part.iter_rows(named=True)], dtype=pl.String),
    )
    axis = alt.Axis(title="minutes in which the handoff failed")
    all_of_it = None if whole is None else canvas.checked(whole, "green_but_failing", *needed)
    return canvas.told(
        alt.layer(bars.parted(part, _STATES, axis=axis), bars.noted(part)).properties(
            width=canvas.WIDTH, height=alt.Step(26)
        ),
        _green_finding(rows if all_of_it is None or all_of_it.is_empty() else all_of_it, part["handoff"][0]),
        definition="A minute is green when every watched system's latest health report said that it was well. The "
        "range holds the share with 90 % probability; it counts days, since minutes of one day share their reports.",
        rows=canvas.shown(rows.height, part.height, "handoff"),
        history=history,
        wide=_WIDTH + 300,
    )


def _green(row: dict[str, Any]) -> str:
    if row["green_share"] is None:
        return "health not reported"
    spread = f"{words.share(row['green_low'])} to {words.share(row['green_high'])}"
    return f"{words.share(row['green_share'])} green ({spread})"


def _green_finding(rows: pl.DataFrame, first: str) -> str:
    green, red = (int(rows[name].sum()) for name in ("green_minutes", "red_minutes"))
    if not green + red:
        return "No health report covers the minutes in which a handoff failed"
    return (
        f"In {words.share(green / (green + red))} of the minutes in which a handoff failed, every system was green; "
        f"most often at {first}"
    )
