"""What happened to one transaction?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_MOST = 60
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
    first = wrong.row(0, named=True)
    kind = "silent failure" if first["outcome"] == "silent failure" else "failure"
    return f"This transaction passed {words.counted(handoffs, 'handoff')}; the first {kind} was at {first['row']}"
