"""What changed between two windows, and what says so?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_OTHER = ("other calls or steps", theme.ODD)
_SIGNS = {
    "failed": ("fails more often", theme.ALARM),
    "gap": ("slower at the boundary", theme.WARN),
    "own": ("slower inside", theme.CALM),
    "shared": ("slower inside", theme.CALM),
    "call": _OTHER,
    "order": _OTHER,
    "operation": _OTHER,
    "template": ("other log messages", theme.MUTE),
}
_LEGEND = dict(_SIGNS.values())


def changes(frame: pl.DataFrame, *, top: int = 12, history: History | None = None) -> Any:
    """Draw the handoffs that changed most between two windows, by the kind of evidence.

    Parameters
    ----------
    frame
        What `compare` returned.
    top
        How many handoffs to show.
    history
        The window under suspicion; it goes into the subtitle.

    Returns
    -------
    altair.Chart
        One bar a handoff, as long as its score and in the colour of its strongest evidence; the words on the right
        say why.

    Raises
    ------
    ArgumentError
        If the frame is not that of `compare`.
    """
    effects = [f"{sign}_effect" for sign in _SIGNS]
    frame = canvas.checked(frame, "compare", "rank", "source", "target", "score", "why", "alarm", *effects)
    if frame.is_empty():
        return canvas.blank("Changes", why="No handoff was crossed in both windows.", history=history)
    whole = frame.sort("rank")
    part = whole.head(top)
    part = part.select(
        "score",
        *effects,
        handoff=pl.Series(words.handoffs(part), dtype=pl.String),
        said=pl.Series([words.name(why, limit=70) for why in part["why"]], dtype=pl.String),
        sign=pl.Series([_strongest(row) for row in part.iter_rows(named=True)], dtype=pl.String),
    )
    order = part["handoff"].to_list()
    y = alt.Y("handoff:N", title=None, sort=order, scale=alt.Scale(domain=order))
    drawn = (
        alt.Chart(part)
        .mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=alt.X("score:Q", title="evidence that it became worse, nats a visit"),
            color=alt.Color(
                "sign:N",
                scale=alt.Scale(domain=list(_LEGEND), range=list(_LEGEND.values())),
                legend=alt.Legend(title="strongest evidence"),
            ),
            tooltip=[
                alt.Tooltip("handoff:N"),
                *(alt.Tooltip(f"{sign}_effect:Q", title=sign, format=".3f") for sign in _SIGNS),
            ],
        )
    )
    alarms = whole.filter(pl.col("alarm").fill_null(value=False))
    first = whole.row(0, named=True)
    finding = (
        f"{order[0]} changed most: {words.name(first['why'], limit=90)}"
        if alarms.height
        else "Nothing changed more than chance explains"
    )
    return canvas.told(
        alt.layer(drawn, bars.noted(part, at=430)).properties(width=420, height=alt.Step(30)),
        finding,
        definition="Each visit is compared with visits of the same operation in the baseline. A nat is a unit of "
        "evidence: 1 means that the visit is e times likelier under the change.",
        rows=words.sentence(
            [canvas.shown(whole.height, part.height, "handoff"), words.counted(alarms.height, "alarm")]
        ),
        history=history,
        wide=900,
    )


def _strongest(row: dict[str, Any]) -> str:
    return _SIGNS[max(_SIGNS, key=lambda sign: row[f"{sign}_effect"] or 0.0)][0]
