"""How is an amount at each handoff, file or system shown in its parts?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from . import canvas

if TYPE_CHECKING:
    from collections.abc import Mapping


def parted(
    frame: pl.DataFrame,
    parts: Mapping[str, tuple[str, str]],
    *,
    axis: alt.Axis,
    label: str = "handoff",
    unit: str = ",",
    whole: float | None = None,
) -> alt.Chart:
    """Draw one bar a row of the frame, in the order of its rows, in parts.

    Parameters
    ----------
    frame
        One row a bar, with its `label` and a column for each part.
    parts
        Column to what it is called and to its colour, from the left to the right of a bar.
    axis
        Of the amounts.
    label
        The column that names a bar.
    unit
        How an amount is written when it is pointed at.
    whole
        Where the axis ends; left out, the longest bar decides.
    """
    amounts = frame.select(label, *(pl.col(name).cast(pl.Float64) for name in parts))
    shown = (
        amounts.unpivot(list(parts), index=label, variable_name="part", value_name="amount")
        .with_columns(
            place=pl.col("part").replace_strict({name: place for place, name in enumerate(parts)}),
            part=pl.col("part").replace_strict({name: said for name, (said, _) in parts.items()}),
        )
        .filter(pl.col("amount") > 0)
        .sort(label, "place")
    )
    order = frame[label].to_list()
    scale = alt.Undefined if whole is None else alt.Scale(domain=[0, whole])
    drawn: alt.Chart = (
        alt.Chart(shown)
        .mark_bar(height={"band": 0.62}, cornerRadius=0)
        .encode(
            y=alt.Y(f"{label}:N", title=None, sort=order, scale=alt.Scale(domain=order)),
            x=alt.X("amount:Q", axis=axis, scale=scale),
            order="place:Q",
            color=alt.Color(
                "part:N",
                scale=alt.Scale(
                    domain=[said for said, _ in parts.values()], range=[colour for _, colour in parts.values()]
                ),
                legend=alt.Legend(title=None, columns=6),
            ),
            tooltip=[
                alt.Tooltip(f"{label}:N"),
                alt.Tooltip("part:N", title="of it"),
                alt.Tooltip("amount:Q", title=str(axis["title"]), format=unit),
            ],
        )
    )
    return drawn


def noted(frame: pl.DataFrame, *, label: str = "handoff", at: int = canvas.WIDTH + 10) -> alt.Chart:
    """Write what the column `said` says of each row, right of its bar."""
    order = frame[label].to_list()
    note = alt.Chart(frame.select(label, "said")).mark_text(align="left", style=["soft"])
    y = alt.Y(f"{label}:N", title=None, sort=order, scale=alt.Scale(domain=order))
    drawn: alt.Chart = note.encode(y=y, x=alt.value(at), text="said:N")
    return drawn
