"""What kind of failure is it, and at which handoff?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from ..vocabulary import HandoffType
from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_KEYS = ["source", "target"]
_COLORS = {
    HandoffType.DATA_VALIDATION: theme.CALM,
    HandoffType.AUTHENTICATION: theme.WARN,
    HandoffType.ERROR_PROPAGATION: theme.ALARM,
    HandoffType.STATE_SYNC: theme.GOOD,
    HandoffType.ROLLBACK_RECOVERY: theme.ODD,
    HandoffType.UNCLASSIFIED: theme.MUTE,
}


def failure_types(frame: pl.DataFrame, *, top: int = 15, history: History | None = None) -> Any:
    """Draw the five types of failure by handoff, and what no rule could classify.

    Parameters
    ----------
    frame
        The table ``failures``, counted: source, target, handoff_type and failures, one row a handoff and type.
    top
        How many handoffs to show, those with most failures.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Stacked bars, the handoff with most failures first.

    Raises
    ------
    ArgumentError
        If a column is missing, or a type is none of the six.
    """
    frame = canvas.checked(
        frame, "a count of the table failures by handoff and type", *_KEYS, "handoff_type", "failures"
    )
    if frame.is_empty():
        return canvas.blank("Types of failure", why="Nothing failed in this part of the history.", history=history)
    keys = [key for key in (*_KEYS, "channel") if key in frame.columns]
    known = {str(kind): place for place, kind in enumerate(_COLORS)}
    counted = (
        frame.with_columns(pl.col("handoff_type").fill_null(str(HandoffType.UNCLASSIFIED)))
        .with_columns(place=pl.col("handoff_type").replace_strict(known, default=len(known) - 1))
        .group_by(*keys, "place")
        .agg(pl.col("failures").sum().cast(pl.Float64))
    )
    totals = counted.group_by(keys).agg(total=pl.col("failures").sum())
    totals = totals.sort("total", *keys, descending=[True, *[False] * len(keys)], nulls_last=True)
    most = totals.head(top)
    most = most.with_columns(pl.Series("handoff", words.handoffs(most), dtype=pl.String))
    wide = most.join(
        counted.pivot("place", index=keys, values="failures", sort_columns=True), on=keys, nulls_equal=True, how="left"
    ).rename({str(place): kind for kind, place in known.items()}, strict=False)
    wide = wide.with_columns(
        (pl.col(kind) if kind in wide.columns else pl.lit(0.0)).fill_null(0).alias(kind) for kind in known
    )
    axis = alt.Axis(title="failures that began at the handoff", tickCount=6)
    kinds = {kind: (words.plain(kind), colour) for kind, colour in zip(known, _COLORS.values(), strict=True)}
    drawn = bars.parted(wide, kinds, axis=axis, unit=",.1~f")
    ends = alt.Chart(most).mark_text(align="left", dx=6, style=["ink"])
    said = ends.encode(
        y=alt.Y("handoff:N", sort=most["handoff"].to_list()), x="total:Q", text=alt.Text("total:Q", format=",.0f")
    )
    return canvas.told(
        alt.layer(drawn, said).properties(width=canvas.WIDTH, height=alt.Step(28)),
        _finding(counted),
        definition="Failures are counted where they began. Unclassified means that no rule knows the code or the text; "
        "it is never a guess.",
        rows=canvas.shown(totals.height, most.height, "handoff"),
        history=history,
        wide=canvas.WIDTH + 200,
    )


def _finding(counted: pl.DataFrame) -> str:
    by_kind = dict(counted.group_by("place").agg(pl.col("failures").sum()).sort("place").iter_rows())
    total = sum(by_kind.values())
    unknown = by_kind.get(len(_COLORS) - 1, 0.0)
    named = {place: n for place, n in by_kind.items() if place < len(_COLORS) - 1 and n > 0}
    if not named:
        return f"No rule classifies any of the {words.counted(total, 'failure')}"
    # Sums of shares differ in their last digits from run to run: a tie must not be broken by them.
    first = max(named, key=lambda place: (round(named[place], 6), -place))
    kind = words.plain(list(_COLORS)[first])
    rest = f"; {words.share(unknown / total)} could not be classified" if unknown else ""
    return f"{words.share(named[first] / total)} of the failures are of one type: {kind}{rest}"
