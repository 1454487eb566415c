"""How does text from anywhere become a page that shows it and runs none of it?

Whatever is no `Html` is escaped when it is put into an element; only this module makes `Html`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ..charts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


# Columns whose words are ours: people read them without underscores, which no line breaks at.
_VOCABULARY = {"handoff_type", "mode", "fate", "state_category", "verdict"}


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Return an element; children that are no `Html` and all attributes are escaped.

    Examples
    --------
    >>> element("p", "a < b", element("b", "c"), title='"')
    '<p title="&quot;">a &lt; b<b>c</b></p>'
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items()
    )
    inner = "".join(child if isinstance(child, Html) else escape(str(child)) for child in children)
    return Html(f"<{tag}{named}>{inner}</{tag}>")


def joined(*parts: Html) -> Html:
    """Put elements one after the other."""
    return Html("\n".join(parts))


def table(frame: pl.DataFrame, columns: Mapping[str, str]) -> Html:
    """Return a frame as a table: column to heading; each number keeps its exact value in ``data-value``."""
    shown = [name for name in columns if name in frame.columns]
    head = element("tr", *(element("th", columns[name], scope="col") for name in shown))
    rows = [element("tr", *(_cell(name, row[name]) for name in shown)) for row in frame.iter_rows(named=True)]
    return element("table", element("thead", head), element("tbody", *rows))


def _cell(name: str, value: Any) -> Html:
    if isinstance(value, bool):
        return element("td", "yes" if value else "no")
    if isinstance(value, int | float):
        return element("td", _number(name, float(value)), class_="number", data_value=repr(value))
    if isinstance(value, list):
        return element("td", words.listed([words.plain(part) for part in value], most=4))
    if value is None:
        return element("td", "–")
    return element("td", words.plain(value) if name in _VOCABULARY else words.name(value, limit=120))


def _number(name: str, value: float) -> str:
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "–"
    if name.endswith(("rate", "share")):
        return words.share(value)
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
