"""What does everybody read who has no notebook?

One page, self-contained: what to fix first and why, what it costs, how good the data is, and below each number what it
is, over which window, from how many rows and by which version.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..charts.page import STYLE, figure, page
from ..outputs import written_whole
from .html import Html, element, joined
from .sections import sections, summary

if TYPE_CHECKING:
    import altair as alt

    from ..history import History

_STYLE = (
    STYLE
    + """
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.3rem; }
.scope, .basis { color: #57606A; font-size: .85rem; }
.basis { border-left: 3px solid #D8DEE4; padding-left: .8rem; }
.banner { border: 1px solid #B97700; border-radius: 6px; padding: .6rem 1rem; background: #FFF8E8; }
.banner.good { border-color: #009E73; background: #F0FAF6; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .75rem; width: 100%; }
th, td { text-align: left; padding: .25rem .45rem; border-bottom: 1px solid #D8DEE4; vertical-align: top; }
td { overflow-wrap: break-word; max-width: 12rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media print {
    body { max-width: none; margin: 0; padding: 0; }
    .wide { overflow: visible; }
    table { font-size: .58rem; }
    th, td { padding: .1rem .25rem; }
    .number { white-space: normal; overflow-wrap: normal; }
    .basis { break-inside: avoid; break-before: avoid; }
    h2 { break-after: avoid; }
    tr { break-inside: avoid; }
    thead { display: table-header-group; }
    @page { margin: 15mm; }
}
"""
)


def report(history: History, path: str | Path) -> Path:
    """Write one offline HTML page about a history.

    The page asks nobody for anything and runs only its own scripts: its content security policy names them by hash.
    Its numbers are those of `rank`, `recovery_cost` and the other measures, exactly.

    Parameters
    ----------
    history
        What to report on, and in which window.
    path
        The file to write, such as ``handoffs.html``.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    EmptyHistoryError
        If no handoff is in scope.
    HistoryFullError
        If the file cannot be written.
    """
    path = Path(path)
    parts = sections(history)
    charts: list[alt.TopLevelMixin] = []
    body: list[Html] = []
    for part in parts:
        drawn = []
        for chart in part.charts:
            drawn.append(Html(figure(len(charts), chart)))
            charts.append(chart)
        tables = [element("div", each, class_="wide") for each in part.tables]
        words = [element("p", text) for text in part.text]
        basis = element("p", part.basis, class_="basis")
        body.append(element("section", element("h2", part.title), *words, *drawn, *tables, basis))
    whole = joined(*summary(history, parts), *body)
    with written_whole(path) as file:
        file.write_text(page("Handoffs: what to fix first", whole, charts, style=_STYLE), encoding="utf-8")
    return path
