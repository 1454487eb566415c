"""What does recovery cost, and of what does the cost consist?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_DIRECT = ("debugging", "manual_intervention", "data_cleanup", "customer_support", "opportunity")
_INDIRECT = ("customer_impact", "regulatory", "productivity")
_PARTS = {
    "debugging": ("debugging", theme.CALM),
    "manual_intervention": ("manual intervention", theme.WARN),
    "data_cleanup": ("data cleanup", theme.GOOD),
    "customer_support": ("customer support", theme.ODD),
    "opportunity": ("opportunity", theme.ALARM),
    "indirect": ("indirect", theme.MUTE),
}


def cost(
    frame: pl.DataFrame, *, top: int = 15, chosen: canvas.Handoff | None = None, history: History | None = None
) -> Any:
    """Draw what recovery cost at each handoff, by the five categories and the indirect ones.

    Parameters
    ----------
    frame
        What `recovery_cost` returned.
    top
        How many handoffs to show, the dearest first; the subtitle says what no handoff explains.
    chosen
        Source, target and channel of a handoff to pick out.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Stacked bars with the interval of the whole; on the right, how much of it is assumed.

    Raises
    ------
    ArgumentError
        If the frame is not that of `recovery_cost`.
    """
    wanted = ("source", "target", "cost", "cost_low", "cost_high", "assumed_share")
    frame = canvas.checked(frame, "recovery_cost", *wanted, *_DIRECT, *_INDIRECT)
    frame = frame.filter(pl.col("cost").fill_null(0) > 0)
    if frame.is_empty():
        return canvas.blank("Recovery cost", why="No failure in this part of the history has a price.", history=history)
    currency = words.currency(frame)
    known = frame.filter(pl.col("source").is_not_null()).sort(
        "cost", "source", "target", descending=[True, False, False]
    )
    rest = frame.filter(pl.col("source").is_null())
    part = known.head(top)
    part = part.with_columns(
        pl.Series("handoff", words.handoffs(part), dtype=pl.String),
        indirect=pl.sum_horizontal(pl.col(_INDIRECT).fill_null(0)),
        said=pl.Series(
            [
                f"{words.money(amount, currency)}, {words.share(assumed)} assumed"
                if assumed
                else words.money(amount, currency)
                for amount, assumed in part.select("cost", "assumed_share").iter_rows()
            ],
            dtype=pl.String,
        ),
    )
    order = part["handoff"].to_list()
    axis = canvas.amounts("cost of recovery", currency)
    drawn = bars.parted(part, _PARTS, axis=axis, unit=",.0f")
    whole = alt.Chart(part.select("handoff", "cost_low", "cost_high", "said")).encode(
        y=alt.Y("handoff:N", title=None, sort=order)
    )
    line = whole.mark_rule(style=["line"], strokeWidth=2).encode(x="cost_low:Q", x2="cost_high:Q")
    said = whole.mark_text(align="left", dx=8, style=["ink"]).encode(x="cost_high:Q", text="said:N")
    return canvas.told(
        alt.layer(*canvas.band(part, order, chosen), drawn, line, said).properties(
            width=canvas.WIDTH, height=alt.Step(28)
        ),
        _finding(known, currency),
        definition="What recovery took in the window, by category; lines are 90% intervals of the sum. Assumed is what "
        "rests on somebody's word and not on records.",
        rows=words.sentence([canvas.shown(known.height, part.height, "handoff"), _unlinked(rest, currency)]),
        history=history,
        wide=canvas.WIDTH + 200,
    )


def _unlinked(rest: pl.DataFrame, currency: str | None) -> str:
    amount = sum(float(value or 0) for value in rest["cost"].to_list())
    return f"{words.money(amount, currency)} more of recovery is linked to no handoff" if amount > 0 else ""


def _finding(known: pl.DataFrame, currency: str | None) -> str:
    if known.is_empty():
        return "No handoff explains what recovery cost"
    first = known.row(0, named=True)
    parts = {name: float(first[name] or 0) for name in (*_DIRECT, *_INDIRECT)}
    mostly = words.plain(max(parts, key=lambda name: parts[name]))
    total = sum(float(amount) for amount in known["cost"].to_list())
    return (
        f"Recovery at the handoffs cost {words.money(total, currency)}; the dearest is "
        f"{words.handoffs(known.head(1))[0]} with {words.money(float(first['cost']), currency)}, mostly {mostly}"
    )
