"""What happened to one transaction?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_MOST = 60
_EVENTS = {
    "attempt, done": theme.CALM,
    "failed": theme.ALARM,
    "silent failure": theme.ODD,
    "recovery": theme.GOOD,
    "ticket": theme.MUTE,
}
# Marks of an axis that is as wide from a second to a minute as from an hour to a day.
_MARKS = dict(
    zip(
        (0.0, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 86400.0, 604800.0, 2592000.0),
        ("start", "10 ms", "0.1 s", "1 s", "10 s", "1 min", "10 min", "1 h", "1 day", "1 week", "30 days"),
        strict=True,
    )
)
_OUTCOMES = {
    "done": theme.CALM,
    "failed": theme.ALARM,
    "silent failure": theme.ODD,
    "failed, saved by a retry": theme.WARN,
}


def transaction(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the crossings of one transaction in time: every attempt, what failed, what a retry saved.

    Parameters
    ----------
    frame
        The rows of the table ``crossings`` with one correlation_id or trace_id.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One bar an attempt, in the order in which they began, the first 60; times are UTC.

    Raises
    ------
    ArgumentError
        If a column is missing.
    """
    wanted = ("source", "target", "channel", "attempt", "started_at", "duration_us", "failed", "silent", "fate")
    frame = canvas.checked(frame, "a query of the table crossings with one correlation_id", *wanted, "error_text")
    if frame.is_empty():
        return canvas.blank("Transaction", why="No crossing carries this id.", history=history)
    whole = frame.sort("started_at", "source", "target", "attempt")
    part = whole.head(_MOST)
    failed, silent = pl.col("failed").fill_null(value=False), pl.col("silent").fill_null(value=False)
    masked = failed & (pl.col("fate") == "masked").fill_null(value=False)
    shown = part.select(
        began=pl.col("started_at"),
        ended=pl.col("started_at") + pl.duration(microseconds=pl.col("duration_us").fill_null(0).clip(lower_bound=0)),
        row=pl.Series(words.distinct([_label(row) for row in part.iter_rows(named=True)]), dtype=pl.String),
        outcome=pl.when(masked)
        .then(pl.lit("failed, saved by a retry"))
        .when(silent)
        .then(pl.lit("silent failure"))
        .when(failed)
        .then(pl.lit("failed"))
        .otherwise(pl.lit("done")),
        said=pl.Series([_said(row) for row in part.iter_rows(named=True)], dtype=pl.String),
        at=part["started_at"].dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )
    utc = alt.Scale(type="utc")
    base = alt.Chart(shown).encode(
        y=alt.Y("row:N", title=None, sort=shown["row"].to_list()),
        color=alt.Color(
            "outcome:N",
            scale=alt.Scale(domain=list(_OUTCOMES), range=list(_OUTCOMES.values())),
            legend=alt.Legend(title=None),
        ),
        tooltip=[
            alt.Tooltip("row:N", title="handoff"),
            alt.Tooltip("at:N", title="began"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("said:N", title="says"),
        ],
    )
    x = alt.X("began:T", scale=utc, axis=alt.Axis(title="time, UTC", tickCount=6))
    bars = base.mark_bar(height=10, cornerRadius=2).encode(x=x, x2="ended:T")
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(x=x)
    said = base.mark_text(align="left", style=["soft"]).encode(
        x=alt.value(canvas.WIDTH + 10), text="said:N", color=alt.Undefined
    )
    return canvas.told(
        alt.layer(bars, dots, said).properties(width=canvas.WIDTH, height=alt.Step(24)),
        _finding(whole, shown),
        definition="Each line is an attempt to pass a handoff; its bar lasts as long as the caller waited.",
        rows=canvas.shown(whole.height, part.height, "attempt"),
        history=history,
        wide=canvas.WIDTH + 360,
    )


def _label(row: dict[str, Any]) -> str:
    handoff = f"{words.name(row['source'], limit=26)}{words.ARROW}{words.name(row['target'], limit=26)}"
    return handoff if (row["attempt"] or 1) == 1 else f"{handoff}, attempt {row['attempt']}"


def _said(row: dict[str, Any]) -> str:
    text = words.name(row["error_text"], limit=46) if row["error_text"] else ""
    return words.sentence([words.duration((row["duration_us"] or 0) / 3.6e9) if row["duration_us"] else "", text])


def _finding(whole: pl.DataFrame, shown: pl.DataFrame) -> str:
    wrong = shown.filter(pl.col("outcome").is_in(["failed", "silent failure"]))
    handoffs = whole.select("source", "target").unique().height
    if wrong.is_empty():
        return f"This transaction passed {words.counted(handoffs, 'handoff')} without an open failure"
    # A failure climbs from the call that ended first to its callers; what lasted for an unknown time is no help.
    known = wrong.filter(pl.col("ended") > pl.col("began"))
    first = (known if known.height else wrong).sort("ended", maintain_order=True).row(0, named=True)
    kind = "silent failure" if first["outcome"] == "silent failure" else "failure"
    return f"This transaction passed {words.counted(handoffs, 'handoff')}; the first {kind} was at {first['row']}"


def timeline(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw all that happened to one transaction: attempts, retries, errors, recoveries, checks and tickets.

    Parameters
    ----------
    frame
        What `trace` returned. Log lines below an error are left out.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One line an event, in the order of time, the first 60. The axis is the time since the first event, narrower the
        later it gets, so that milliseconds and days are both to be seen.

    Raises
    ------
    ArgumentError
        If a column is missing.
    """
    wanted = ("at", "until_at", "event", "source", "target", "attempt", "status", "text", "reference")
    frame = canvas.checked(frame, "trace", *wanted).filter(pl.col("event") != "log", pl.col("at").is_not_null())
    if frame.is_empty():
        return canvas.blank("Timeline", why="Nothing happened at a known time.", history=history)
    # The error of an attempt is told by the attempt's own line.
    errors = frame.filter(pl.col("event") == "error").select("reference", error=pl.col("text"))
    whole = frame.filter(pl.col("event") != "error").join(
        errors.unique("reference", keep="first", maintain_order=True), on="reference", how="left", maintain_order="left"
    )
    whole = whole if whole.height else frame.with_columns(error="text")
    part = whole.head(_MOST)
    began = whole["at"].min()
    kinds = [_kind(row) for row in part.iter_rows(named=True)]
    shown = part.select(
        start=(pl.col("at") - began).dt.total_microseconds() / 1e6,
        end=(pl.coalesce("until_at", "at") - began).dt.total_microseconds() / 1e6,
        row=pl.Series(words.distinct([_event(row) for row in part.iter_rows(named=True)]), dtype=pl.String),
        kind=pl.Series(kinds, dtype=pl.String),
        said=pl.Series([words.name(row["error"] or row["text"], limit=52) for row in part.iter_rows(named=True)]),
        at=pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
    ).with_columns(pl.col("start", "end").clip(lower_bound=0).add(0.0005).log10())
    last = 10 ** float(shown["end"].max())  # type: ignore[arg-type] # not empty, no nulls
    marks = {seconds: text for seconds, text in _MARKS.items() if seconds <= max(last, 0.01)}
    places = {round(math.log10(seconds + 0.0005), 4): text for seconds, text in marks.items()}
    label = "".join(f"abs(datum.value - {place}) < 0.001 ? '{text}' : " for place, text in places.items()) + "''"
    base = alt.Chart(shown).encode(
        y=alt.Y("row:N", title=None, sort=shown["row"].to_list()),
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=list(_EVENTS), range=list(_EVENTS.values())), legend=alt.Legend(title=None)
        ),
        tooltip=[
            alt.Tooltip("row:N", title="event"),
            alt.Tooltip("at:N", title="began"),
            alt.Tooltip("kind:N"),
            alt.Tooltip("said:N", title="says"),
        ],
    )
    axis = alt.Axis(title="time since it began", values=list(places), labelExpr=label, labelOverlap=False, grid=True)
    x = alt.X("start:Q", axis=axis, scale=alt.Scale(zero=False, nice=False))
    bars = base.mark_bar(height=10, cornerRadius=2).encode(x=x, x2="end:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(x=x)
    said = base.mark_text(align="left", style=["soft"]).encode(
        x=alt.value(canvas.WIDTH + 10), text="said:N", color=alt.Undefined
    )
    return canvas.told(
        alt.layer(bars, dots, said).properties(width=canvas.WIDTH, height=alt.Step(22)),
        _story(part, kinds),
        definition="Each line is an event; a bar lasts as long as the event. Each mark of the axis is several "
        "times as far from the start as the mark before.",
        rows=canvas.shown(whole.height, part.height, "event"),
        history=history,
        wide=canvas.WIDTH + 400,
    )


def _kind(row: dict[str, Any]) -> str:
    if str(row["event"]).startswith("ticket"):
        return "ticket"
    if row["event"] == "silent failure" or row["status"] == "silent failure":
        return "silent failure"
    if row["event"] in {"error", "error log"} or row["status"] in {"failed", "error", "timeout"}:
        return "failed"
    return "recovery" if row["event"] == "recovery" else "attempt, done"


def _event(row: dict[str, Any]) -> str:
    ends = [words.name(end, limit=22) for end in (row["source"], row["target"]) if end is not None]
    where = words.ARROW.join(ends) or words.name(row["reference"], limit=22)
    if row["event"] == "attempt":
        return where
    return f"{words.plain(row['event'])}: {where}" + (f" ({row['attempt']})" if (row["attempt"] or 1) > 1 else "")


def _story(part: pl.DataFrame, kinds: list[str]) -> str:
    """Say what went wrong first, what mended it and how long people were busy with it."""
    wrong = [place for place, kind in enumerate(kinds) if kind in {"failed", "silent failure"}]
    attempts = part.filter(pl.col("event").is_in(["attempt", "retry"])).height
    head = f"{words.counted(attempts, 'attempt')} in {words.duration(_hours(part))}"
    if not wrong:
        return f"{head}, and nothing failed"
    inner = [place for place in wrong if part["event"][place] in {"attempt", "retry", "silent failure"}] or wrong
    # The last of those that had begun when the first of them ended is the innermost.
    first = part[inner[0]].row(0, named=True)
    ended = first["until_at"] or first["at"]
    deepest = max((place for place in inner if part["at"][place] <= ended), default=inner[0])
    told = f"{head}; it went wrong at {_event(part.row(deepest, named=True) | {'event': 'attempt'})}"
    tickets = part.filter(pl.col("event") == "ticket")
    recovered = "recovery" in kinds
    return (
        told
        + ("; recovered" if recovered else "")
        + (f"; {words.counted(tickets.height, 'ticket')} about it" if tickets.height else "")
    )


def _hours(part: pl.DataFrame) -> float:
    ends = part.select(pl.max_horizontal("at", "until_at").max() - pl.col("at").min()).item()
    return float(ends.total_seconds()) / 3600
