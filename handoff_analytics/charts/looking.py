"""Where do failures occur, and where do teams look?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_MOST = 16
_NOWHERE = "no system named"
_SIDES = {"right": ("a team that owns an end of it", theme.CALM), "wrong": ("a team that owns neither", theme.ALARM)}


def attention(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw where failures were against where teams looked, by the hours that they looked there.

    Parameters
    ----------
    frame
        What `attention` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One row a handoff that failed, one column a system under investigation; the area is hours.

    Raises
    ------
    ArgumentError
        If the frame is not that of `attention`.
    """
    wanted = ("looked_at", "failed_source", "failed_target", "tickets", "hours", "hours_misdirected")
    frame = canvas.checked(frame, "attention", *wanted)
    linked = frame.filter(pl.col("failed_source").is_not_null() | pl.col("failed_target").is_not_null())
    linked = linked.with_columns(pl.col("hours", "hours_misdirected").fill_null(0).cast(pl.Float64))
    unlinked = int(frame["tickets"].sum()) - int(linked["tickets"].sum())
    if linked.is_empty():
        why = "No ticket could be linked to a handoff that failed." if frame.height else "No tickets in this window."
        return canvas.blank("Where teams look", why=why, history=history)
    failed = _most(linked, ["failed_source", "failed_target"])
    failed = failed.with_columns(
        pl.Series(
            "handoff", words.handoffs(failed.rename({"failed_source": "source", "failed_target": "target"})), pl.String
        )
    )
    looked = _most(linked, ["looked_at"])
    looked = looked.with_columns(
        pl.Series(
            "system",
            words.distinct([_NOWHERE if name is None else words.name(name, limit=24) for name in looked["looked_at"]]),
            pl.String,
        )
    )
    pairs = linked.join(failed.drop("hours").head(_MOST), on=["failed_source", "failed_target"], nulls_equal=True)
    pairs = pairs.join(looked.drop("hours").head(_MOST), on="looked_at", nulls_equal=True)
    shown = pl.concat(
        [
            pairs.select(
                "handoff",
                "system",
                "tickets",
                hours=pl.col("hours") - pl.col("hours_misdirected"),
                side=pl.lit(_SIDES["right"][0]),
            ),
            pairs.select(
                "handoff", "system", "tickets", hours=pl.col("hours_misdirected"), side=pl.lit(_SIDES["wrong"][0])
            ),
        ]
    ).filter(pl.col("hours") > 0)
    shown = shown.with_columns(said=pl.Series([words.duration(hours) for hours in shown["hours"]], dtype=pl.String))
    base = alt.Chart(shown.sort("handoff", "system", "side")).encode(
        x=alt.X(
            "system:N",
            sort=looked["system"].to_list(),
            axis=alt.Axis(title="where teams looked", orient="top", labelAngle=-40, grid=True),
        ),
        y=alt.Y("handoff:N", sort=failed["handoff"].to_list(), axis=alt.Axis(title="where the failure was", grid=True)),
        tooltip=[
            alt.Tooltip("handoff:N", title="failed at"),
            alt.Tooltip("system:N", title="looked at"),
            alt.Tooltip("side:N", title="by"),
            alt.Tooltip("said:N", title="for"),
            alt.Tooltip("tickets:Q"),
        ],
    )
    dots = base.mark_point(filled=True, opacity=0.75).encode(
        size=alt.Size(
            "hours:Q",
            title="hours",
            scale=alt.Scale(range=[12, 900]),
            legend=alt.Legend(
                format="~s",
                labelExpr=canvas.NO_UNIT_AT_NOUGHT,
                tickCount=3,
                symbolFillColor=theme.MUTE,
                symbolStrokeWidth=0,
            ),
        ),
        color=alt.Color(
            "side:N",
            scale=alt.Scale(domain=[said for said, _ in _SIDES.values()], range=[c for _, c in _SIDES.values()]),
            legend=alt.Legend(title="looked at by"),
        ),
    )
    hours, wrong = float(linked["hours"].sum()), float(linked["hours_misdirected"].sum())
    return canvas.told(
        dots.properties(width=alt.Step(52), height=alt.Step(34)),
        _finding(shown, hours, wrong),
        definition="Elapsed hours that tickets about a failed handoff lay with a team, at the system that it owns or "
        "that the ticket names. A team that owns neither end of the handoff looks in the wrong place.",
        rows=words.sentence(
            [
                words.counted(int(linked["tickets"].sum()), "look"),
                f"{words.counted(unlinked, 'more', 'more')} at tickets linked to no handoff" if unlinked > 0 else "",
            ]
        ),
        history=history,
        wide=max(canvas.WIDTH + 160, 52 * min(looked.height, _MOST) + 220),
    )


def _most(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    totals = frame.group_by(keys).agg(pl.col("hours").sum())
    return totals.sort("hours", *keys, descending=[True, *[False] * len(keys)], nulls_last=True)


def _finding(shown: pl.DataFrame, hours: float, wrong: float) -> str:
    if not wrong > 0:
        return "Teams looked where the failures were"
    away = shown.filter(pl.col("side") == _SIDES["wrong"][0])
    worst = away.sort("hours", "handoff", "system", descending=[True, False, False]).row(0, named=True)
    return (
        f"{words.share(wrong / hours)} of the hours went to the wrong place: most of them to {worst['system']} "
        f"while {worst['handoff']} failed"
    )
