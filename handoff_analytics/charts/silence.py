"""Which failures did nobody see, and for how long?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_KEYS = ("source", "target")
_SIDES = {
    "silent_failures": ("both sides reported success", theme.ALARM),
    "failures": ("reported by status", theme.CALM),
}


def silent_failures(frame: pl.DataFrame, *, top: int = 15, history: History | None = None) -> Any:
    """Draw silent failures beside those that reported themselves.

    Parameters
    ----------
    frame
        What `visibility` returned.
    top
        How many handoffs to show, those with most silent failures.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Stacked bars; on the right the share that was silent, and who found it.

    Raises
    ------
    ArgumentError
        If the frame is not that of `visibility`.
    """
    frame = canvas.checked(frame, "visibility", *_KEYS, "failures", "silent_failures", "detectors")
    whole = frame.filter(pl.col("failures") + pl.col("silent_failures") > 0)
    if whole.is_empty():
        return canvas.blank("Silent failures", why="Nothing failed in this part of the history.", history=history)
    whole = whole.sort("silent_failures", "failures", *_KEYS, descending=[True, True, False, False])
    part = whole.head(top)
    part = part.with_columns(
        pl.Series("handoff", words.handoffs(part), dtype=pl.String),
        said=pl.Series([_said(*row) for row in part.select("silent_failures", "failures", "detectors").iter_rows()]),
    )
    order = part["handoff"].to_list()
    axis = alt.Axis(title="failures that began at the handoff")
    silent, loud = (int(whole[name].sum()) for name in ("silent_failures", "failures"))
    return canvas.told(
        alt.layer(bars.parted(part, _SIDES, axis=axis), bars.noted(part)).properties(
            width=canvas.WIDTH, height=alt.Step(28)
        ),
        _silent_finding(silent, loud, order[0]),
        definition="A failure is silent when both sides reported success and a detector found that the outcome is "
        "missing or contradicts it. There may be more that no detector sees.",
        rows=canvas.shown(whole.height, part.height, "handoff"),
        history=history,
        wide=canvas.WIDTH + 300,
    )


def time_to_detect(frame: pl.DataFrame, *, top: int = 15, history: History | None = None) -> Any:
    """Draw how long silent failures stayed unseen.

    Parameters
    ----------
    frame
        What `visibility` returned.
    top
        How many handoffs to show, the slowest first, those that nobody reported before all.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        The median hours until a ticket named the failure, on a logarithmic axis.

    Raises
    ------
    ArgumentError
        If the frame is not that of `visibility`.
    """
    frame = canvas.checked(frame, "visibility", *_KEYS, "silent_failures", "reported", "hours_to_detect")
    whole = frame.filter(pl.col("silent_failures") > 0)
    if whole.is_empty():
        return canvas.blank("Time to detect", why="No silent failure was found.", history=history)
    whole = whole.with_columns(never=pl.col("hours_to_detect").is_null())
    whole = whole.sort("never", "hours_to_detect", "silent_failures", *_KEYS, descending=[True] * 3 + [False] * 2)
    part = whole.head(top)
    part = part.with_columns(
        pl.Series("handoff", words.handoffs(part), dtype=pl.String),
        said=pl.Series(
            [
                f"{'not yet' if hours is None else words.duration(hours)}; {reported:,} of {n:,} reported"
                for hours, reported, n in part.select("hours_to_detect", "reported", "silent_failures").iter_rows()
            ]
        ),
    ).select("handoff", "said", "never", hours=pl.col("hours_to_detect").clip(lower_bound=1 / 60))
    order = part["handoff"].to_list()
    y = alt.Y("handoff:N", title=None, sort=order, scale=alt.Scale(domain=order))
    longest = max((hours for hours in part["hours"].to_list() if hours is not None), default=1.0)
    ticks = [
        (1 / 60, "1 minute"),
        (1.0, "1 hour"),
        (24.0, "1 day"),
        (168.0, "1 week"),
        (720.0, "1 month"),
        (8766.0, "1 year"),
    ]
    shown = [(hours, name) for hours, name in ticks if hours <= max(24.0, longest * 8)]
    labels = " : ".join(f"datum.value === {hours} ? '{name}'" for hours, name in shown) + " : ''"
    axis = alt.Axis(title="until a ticket names it (median)", values=[hours for hours, _ in shown], labelExpr=labels)
    scale = alt.Scale(type="log", domain=[1 / 60, shown[-1][0]], clamp=True)
    base = alt.Chart(part).encode(y=y, tooltip=[alt.Tooltip("handoff:N"), alt.Tooltip("said:N", title="seen after")])
    seen = base.transform_filter("!datum.never")
    x = alt.X("hours:Q", axis=axis, scale=scale)
    stem = seen.mark_rule(color=theme.CALM, strokeWidth=3, opacity=0.5).encode(x=x, x2=alt.value(0))
    dot = seen.mark_point(filled=True, size=110, color=theme.CALM, opacity=1).encode(x=x)
    never = base.transform_filter("datum.never").mark_rule(color=theme.ALARM, strokeWidth=3, strokeDash=[4, 4])
    unseen = never.encode(x=alt.value(0), x2=alt.value(canvas.WIDTH))
    said = base.mark_text(align="left", style=["soft"]).encode(x=alt.value(canvas.WIDTH + 10), text="said:N")
    return canvas.told(
        alt.layer(stem, dot, unseen, said).properties(width=canvas.WIDTH, height=alt.Step(28)),
        _detect_finding(whole),
        definition="From the failure to the first ticket that names its transaction; what nobody has reported yet "
        "counts with the time that it has waited (Kaplan-Meier median). Dashed: most of them are still unreported.",
        rows=canvas.shown(whole.height, part.height, "handoff"),
        history=history,
        wide=canvas.WIDTH + 300,
    )


def _said(silent: int, loud: int, detectors: list[str] | None) -> str:
    if not silent:
        return ""
    found = words.listed([words.plain(detector) for detector in detectors or []])
    return words.sentence([f"{words.share(silent / (silent + loud))} silent", found])


def _silent_finding(silent: int, loud: int, first: str) -> str:
    if not silent:
        return f"No silent failure was found beside {words.counted(loud, 'failure')} that reported themselves"
    return (
        f"{words.share(silent / (silent + loud))} of the failures were silent: "
        f"{words.counted(silent, 'time')} both sides reported success, most often at {first}"
    )


def _detect_finding(whole: pl.DataFrame) -> str:
    n, reported = int(whole["silent_failures"].sum()), int(whole["reported"].sum())
    seen = whole.filter(~pl.col("never"))
    if seen.is_empty():
        if not reported:
            return f"Nobody has reported {'the silent failure' if n == 1 else f'any of the {n:,} silent failures'}"
        return f"{words.share((n - reported) / n)} of {words.counted(n, 'silent failure')} nobody has reported"
    slowest = words.handoffs(seen.head(1))[0]
    return (
        f"{words.counted(n - reported, 'silent failure')} of {n:,} nobody has reported; at {slowest} it takes "
        f"{words.duration(float(seen['hours_to_detect'][0]))} until somebody does"
    )
