"""What changed between two windows, and what says so?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_SIGNS = {
    "failed": ("fails more often", theme.ALARM),
    "gap": ("slower at the boundary", theme.WARN),
    "own": ("slower inside", theme.CALM),
    "shared": ("slower inside, seen from outside", "#7FA8C9"),
    "call": ("other calls", theme.GOOD),
    "order": ("other order of calls", "#7CC4A4"),
    "operation": ("other steps", theme.ODD),
    "template": ("other log messages", theme.MUTE),
}


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
        Stacked bars in the order of the ranking; the words on the right say why.

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
    part = part.with_columns(
        pl.Series("handoff", words.handoffs(part), dtype=pl.String),
        said=pl.Series([words.name(why, limit=70) for why in part["why"]], dtype=pl.String),
    )
    order = part["handoff"].to_list()
    shown = (
        part.unpivot(effects, index="handoff", variable_name="sign", value_name="effect")
        .filter(pl.col("effect") > 0)
        .with_columns(
            place=pl.col("sign").replace_strict({name: place for place, name in enumerate(effects)}),
            sign=pl.col("sign").replace_strict({f"{sign}_effect": said for sign, (said, _) in _SIGNS.items()}),
        )
        .sort("handoff", "place")
    )
    y = alt.Y("handoff:N", title=None, sort=order, scale=alt.Scale(domain=order))
    bars = (
        alt.Chart(shown)
        .mark_bar(height={"band": 0.6}, cornerRadius=0)
        .encode(
            y=y,
            x=alt.X("effect:Q", title="evidence that it became worse, nats a visit"),
            order="place:Q",
            color=alt.Color(
                "sign:N",
                scale=alt.Scale(domain=[said for said, _ in _SIGNS.values()], range=[c for _, c in _SIGNS.values()]),
                legend=alt.Legend(title=None, columns=4),
            ),
            tooltip=[alt.Tooltip("handoff:N"), alt.Tooltip("sign:N"), alt.Tooltip("effect:Q", format=".3f")],
        )
    )
    said = alt.Chart(part.select("handoff", "said")).mark_text(align="left", style=["soft"])
    words_why = said.encode(y=y, x=alt.value(430), text="said:N")
    alarms = whole.filter(pl.col("alarm").fill_null(value=False))
    first = whole.row(0, named=True)
    finding = (
        f"{order[0]} changed most: {words.name(first['why'], limit=90)}"
        if alarms.height
        else "Nothing changed more than chance explains"
    )
    return canvas.told(
        alt.layer(bars, words_why).properties(width=420, height=alt.Step(30)),
        finding,
        definition="Each visit is compared with visits of the same operation in the baseline. A nat is a unit of "
        "evidence: 1 means that the visit is e times likelier under the change.",
        rows=words.sentence(
            [canvas.shown(whole.height, part.height, "handoff"), words.counted(alarms.height, "alarm")]
        ),
        history=history,
        wide=900,
    )
