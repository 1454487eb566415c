"""What do all charts have in common?

Each takes the frame of a measure, checks that it is that frame, says its finding in the title and what the finding
rests on below it, and shows an explanation instead of nothing when there is nothing.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from ..errors import ArgumentError
from . import theme, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import History

Handoff = tuple[str, ...]
"""Source and target, and the channel where it matters."""
WIDTH = 640
NO_UNIT_AT_NOUGHT = "datum.value === 0 ? '0' : replace(datum.label, 'G', 'bn')"
_LETTER = 9.4  # average width of a letter of the title, px
_SMALL_LETTER = 6.8  # and of the subtitle


def checked(frame: pl.DataFrame, measure: str, *columns: str) -> pl.DataFrame:
    """Return the frame with types that JSON can hold, or say which measure makes the frame that is wanted.

    Naive times are UTC and are marked so; a browser would take them for its own local time. Decimals become floats,
    spans of time hours, and what is not a number null.

    Raises
    ------
    ArgumentError
        If a column is missing.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ArgumentError(
            f"The frame has no column {', '.join(missing)}. This chart draws what {measure} returns; "
            f"the frame has {', '.join(frame.columns) or 'no columns'}."
        )
    casts = []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if isinstance(kind, pl.Datetime) and kind.time_zone is None:
            casts.append(column.dt.replace_time_zone("UTC"))
        elif isinstance(kind, pl.Decimal):
            casts.append(column.cast(pl.Float64))
        elif isinstance(kind, pl.Duration):
            casts.append(column.dt.total_microseconds() / 3.6e9)
        elif kind.is_float():
            casts.append(pl.when(column.is_finite()).then(column).alias(name))
    return frame.with_columns(casts) if casts else frame


def told(
    chart: alt.Chart | alt.LayerChart | alt.VConcatChart | alt.HConcatChart | alt.FacetChart,
    finding: str,
    *,
    definition: str,
    rows: str = "",
    history: History | str | None = None,
    wide: int = WIDTH + 120,
    larger: float = 1,
) -> Any:
    """Give a chart its title, the finding, and its subtitle: window and scope, rows, definition."""
    facts = words.sentence([caption(history), rows])
    letters = int(wide / larger / _SMALL_LETTER)
    return chart.properties(
        title=alt.TitleParams(
            text=wrapped(finding, int(wide / larger / _LETTER)) or [""],
            subtitle=[line for text in (facts, definition) for line in wrapped(text, letters)],
            frame="bounds",
            fontSize=20 * larger,
            lineHeight=25 * larger,
            subtitleFontSize=14 * larger,
            subtitleLineHeight=19 * larger,
        ),
        description=finding,
    )


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines of at most so many letters."""
    return textwrap.wrap(text, width)


def caption(history: History | str | None) -> str:
    """Say the window, the scope and the size of what was measured; a caption that was made before stays."""
    if history is None or isinstance(history, str):
        return history or ""
    seen = history.sql("SELECT min(started_at) AS since, max(started_at) AS until, count(*) AS n FROM crossings")
    since, until, n = seen.row(0)
    if not n:
        return f"{history.scope}: no crossings"
    scope = {
        word: value
        for word in ("source", "target", "channel", "workflow", "platform", "handoff_type", "team")
        if (value := getattr(history.scope, word)) is not None
    }
    limits = ", ".join(f"{words.plain(word)} {words.name(value)}" for word, value in scope.items())
    return words.sentence([words.window(since, until), limits, words.counted(n, "crossing")])


def blank(what: str, *, why: str, history: History | str | None = None) -> alt.Chart:
    """Return the chart that says there is nothing to show, and why."""
    note = alt.Chart(pl.DataFrame({"note": [why]})).mark_text(style=["soft"], align="left", fontSize=15)
    chart = note.encode(x=alt.value(0), y=alt.value(20), text="note:N").properties(width=WIDTH, height=50)
    drawn: alt.Chart = told(chart, f"{what}: nothing to show", definition="", history=history)
    return drawn


def amounts(title: str, currency: str | None = None) -> alt.Axis:
    """Return the axis of amounts of money: few marks, in thousands or millions, and nought without a unit."""
    said = f"{title}, {currency}" if currency else title
    return alt.Axis(title=said, format="~s", labelExpr=NO_UNIT_AT_NOUGHT, tickCount=6)


def band(frame: pl.DataFrame, labels: Sequence[str], chosen: Handoff | None) -> list[alt.Chart]:
    """Return the layer that picks out the row of the chosen handoff; none when it is not among those that are drawn."""
    keys = [name for name in ("source", "target", "channel") if name in frame.columns]
    places = [place for place, key in enumerate(frame.select(keys).iter_rows()) if chosen and key == chosen[: len(key)]]
    picked = pl.DataFrame({"handoff": [labels[place] for place in places[:1]]}, schema={"handoff": pl.String})
    if picked.is_empty():
        return []
    ground = alt.Chart(picked).mark_rect(color=theme.MUTE, opacity=0.25)
    # Layers that disagree about the order would lose it.
    return [ground.encode(y=alt.Y("handoff:N", title=None, sort=list(labels)))]


def shown(whole: int, part: int, noun: str) -> str:
    """Say how many rows there are, and how many of them are drawn."""
    counted = words.counted(whole, noun)
    return f"the first {part:,} of {counted}" if part < whole else counted
