"""How do platform types compare, beside what is claimed of them?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_ASPECTS = {
    "visible": ("visibility", "failures that reported themselves"),
    "propagated": ("propagation", "errors that the caller acted on"),
    "undone": ("rollback", "undoing calls that worked"),
    "recovered": ("recovery", "failed calls saved by a retry or compensation"),
}
_PANEL = 196
_ROW = 76


def platforms(frame: pl.DataFrame, *, history: History | None = None) -> Any:
    """Draw the platform types: how often their handoffs fail at equal mix, and four capabilities, seen and claimed.

    Parameters
    ----------
    frame
        What `platforms` returned.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        Five panels beside each other, one row a platform type; grey words are the article's claim.

    Raises
    ------
    ArgumentError
        If the frame is not that of `platforms`.
    """
    numbers = [f"{aspect}_{part}" for aspect in _ASPECTS for part in ("share", "low", "high")]
    claims = [f"{claim}_claim" for claim, _ in _ASPECTS.values()]
    wanted = ("platform", "title", "handoffs", "failures", "rate_ratio", "ratio_low", "ratio_high", "comparable")
    frame = canvas.checked(frame, "platforms", *wanted, "reference", "why_not", "caveat", *numbers, *claims)
    if frame.is_empty():
        return canvas.blank("Platforms", why="No handoff with a known platform type was crossed.", history=history)
    titles = words.distinct([words.name(title) for title in frame["title"]])
    named = dict(zip(frame["platform"], titles, strict=True))
    panels = [_ratios(frame, named)]
    panels += [_aspect(frame, named, aspect) for aspect in _ASPECTS]
    seen = int(frame["handoffs"].fill_null(0).sum())
    caveats = [words.name(caveat, limit=400) for caveat in frame["caveat"].drop_nulls().head(1)]
    return canvas.told(
        alt.hconcat(*panels, spacing=14),
        _finding(frame, named),
        definition=words.sentence(
            ["Dots and lines: observed, with 90% intervals. Grey words: what the article claims", *caveats]
        ),
        rows=words.counted(seen, "handoff"),
        history=history,
        wide=1080,
    )


def _ratios(frame: pl.DataFrame, named: dict[str, str]) -> Any:
    """Draw the failure rate of each type relative to the reference; a type that cannot be compared says why."""
    reference = _reference(frame)
    shown = frame.select(
        title=pl.col("platform").replace_strict(named),
        ratio="rate_ratio",
        low=pl.col("ratio_low").clip(0.05, 20),
        high=pl.col("ratio_high").clip(0.05, 20),
        said=pl.Series(
            [_ratio_said(row, is_reference=row["platform"] == reference) for row in frame.iter_rows(named=True)]
        ),
    )
    title = f"failure rate, {named.get(reference or '', 'reference')} = 1"
    x = alt.X(
        "ratio:Q",
        scale=alt.Scale(type="log", domain=[0.05, 20], clamp=True),
        axis=alt.Axis(title=None, values=[0.1, 0.3, 1, 3, 10], format="~g", orient="bottom"),
    )
    base = alt.Chart(shown).encode(y=_y(named, labels=True), tooltip=[alt.Tooltip("title:N"), alt.Tooltip("said:N")])
    one = alt.Chart(pl.DataFrame({"ratio": [1.0]})).mark_rule(strokeDash=[3, 3]).encode(x=x)
    line = base.mark_rule(strokeWidth=3, opacity=0.5, color=theme.CALM).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = base.mark_point(filled=True, size=110, color=theme.CALM, opacity=1).encode(x=x)
    return alt.layer(one, line, dot, _note(base, "said")).properties(
        width=_PANEL, height=alt.Step(_ROW), title=_small(title)
    )


def _aspect(frame: pl.DataFrame, named: dict[str, str], aspect: str) -> Any:
    claim, title = _ASPECTS[aspect]
    shown = frame.select(
        title=pl.col("platform").replace_strict(named),
        share=f"{aspect}_share",
        low=f"{aspect}_low",
        high=f"{aspect}_high",
        claim=pl.Series([words.name(said, limit=120) if said else "" for said in frame[f"{claim}_claim"]]),
    ).with_columns(said=pl.col("claim").map_elements(_wrapped, return_dtype=pl.String))
    base = alt.Chart(shown).encode(
        y=_y(named, labels=False),
        tooltip=[
            alt.Tooltip("title:N"),
            alt.Tooltip("share:Q", title=title, format=".0%"),
            alt.Tooltip("claim:N", title="claimed"),
        ],
    )
    x = alt.X("share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=None, format="%", tickCount=3))
    line = base.mark_rule(strokeWidth=3, opacity=0.5, color=theme.CALM).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = base.mark_point(filled=True, size=110, color=theme.CALM, opacity=1).encode(x=x)
    return alt.layer(line, dot, _note(base, "said")).properties(
        width=_PANEL, height=alt.Step(_ROW), title=_small(title)
    )


def _y(named: dict[str, str], *, labels: bool) -> alt.Y:
    axis = alt.Axis(title=None, labels=labels, labelLimit=150)
    return alt.Y("title:N", sort=list(named.values()), axis=axis, scale=alt.Scale(domain=list(named.values())))


def _note(base: alt.Chart, field: str) -> Any:
    """Write a line of words below the dot of a row, on a ground of its own: lines of the grid run below it."""
    drawn = [
        base.mark_text(align="left", baseline="top", dy=9, style=[style], lineBreak="\n", lineHeight=14, fontSize=12)
        for style in ("halo", "soft")
    ]
    return alt.layer(*(note.encode(x=alt.value(2), text=f"{field}:N") for note in drawn))


def _small(text: str) -> alt.TitleParams:
    return alt.TitleParams(
        text=_wrapped(text, 28).split("\n"), fontSize=13, lineHeight=16, fontWeight="normal", offset=6
    )


def _wrapped(text: str, width: int = 34) -> str:
    return "\n".join(canvas.wrapped(text, width)[:2])


def _reference(frame: pl.DataFrame) -> str | None:
    named = frame["reference"].drop_nulls()
    return str(named[0]) if named.len() else None


def _ratio_said(row: dict[str, Any], *, is_reference: bool) -> str:
    if is_reference:
        return "the reference"
    if not row["comparable"] or row["rate_ratio"] is None:
        return _wrapped(words.name((row["why_not"] or "not comparable").replace("_", " "), limit=70))
    return f"{row['rate_ratio']:.2g} ({row['ratio_low']:.2g} to {row['ratio_high']:.2g})"


def _finding(frame: pl.DataFrame, named: dict[str, str]) -> str:
    reference = _reference(frame)
    rated = frame.filter(pl.col("comparable").fill_null(value=False), pl.col("rate_ratio").is_not_null())
    rated = rated.filter(pl.col("platform") != (reference or ""))
    if rated.is_empty():
        return "The platform types of this history cannot be compared: they share too few handoffs of one kind"
    clear = rated.filter((pl.col("ratio_low") > 1) | (pl.col("ratio_high") < 1))
    if clear.is_empty():
        return "No platform type fails clearly more or less often than the others at equal mix"
    far = max(clear.iter_rows(named=True), key=lambda row: abs(float(row["rate_ratio"]) - 1))
    more = "more" if far["rate_ratio"] > 1 else "less"
    than = named.get(reference or "", "the reference")
    return (
        f"Handoffs of {named[far['platform']]} fail {more} often than those of {than}: {far['rate_ratio']:.2g} times "
        "the rate at equal mix"
    )
