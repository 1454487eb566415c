"""What does a notebook show of a history?

Only plain facts come in and only escaped text goes out, so that this can stand below everything that shows itself.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


def card(
    place: str,
    scope: str,
    *,
    counts: Mapping[str, int],
    window: tuple[datetime, datetime] | None,
    doubts: Sequence[str],
    calls: Mapping[str, str],
) -> str:
    """Return what is in a history, from when to when, how good it is and what to call next, as HTML.

    Parameters
    ----------
    place
        Where the history lies.
    scope
        Which part of it is under study, in words.
    counts
        Noun in the plural to number, what there is most of interest first; nouns without any are left out.
    window
        First and last moment of the evidence; null without any.
    doubts
        What a reader should know before trusting it, a sentence each; none when all is well.
    calls
        What to write next, to what it answers.

    Returns
    -------
    str
        HTML without scripts, links or colours of its own.

    Examples
    --------
    >>> print(card("a<b", "all", counts={"spans": 0}, window=None, doubts=[], calls={}))
    <div><strong>a&lt;b</strong> · all<br>Nothing is loaded yet.</div>
    """
    lines = [f"<strong>{escape(place)}</strong> · {escape(scope)}"]
    there = [
        f"{number:,} {escape(noun.removesuffix('s') if number == 1 else noun)}"
        for noun, number in counts.items()
        if number
    ]
    lines.append(", ".join(there) if there else "Nothing is loaded yet.")
    if window is not None:
        since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in window)
        lines.append(f"{since} to {until} UTC")
    lines += [f"⚠ {escape(doubt)}" for doubt in doubts]
    text = "<br>".join(lines)
    if not calls:
        return f"<div>{text}</div>"
    rows = "".join(f"<li><code>{escape(call)}</code> {escape(answer)}</li>" for call, answer in calls.items())
    return f"<div>{text}<ul>{rows}</ul></div>"


class Sentence(str):
    """A sentence that shows itself as text in a notebook, whatever names it holds."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<p>{escape(self)}</p>"


def say(sentence: str) -> Sentence:
    """Say a sentence below the cell that computes it, as text that can be read aloud.

    Parameters
    ----------
    sentence
        What is to be said; names in it may come from evidence, and are escaped.

    Returns
    -------
    Sentence
        Shows itself as the last expression of a notebook's cell.

    Examples
    --------
    >>> say("a < b")._repr_html_()
    '<p>a &lt; b</p>'
    """
    return Sentence(sentence)
