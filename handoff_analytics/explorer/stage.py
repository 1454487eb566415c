"""How does the explorer put a chart, a table or a sentence on the page?

Names come from evidence: text goes through `element`, which escapes it, and charts through the offline renderer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from ..charts.renderer import render_live
from ..report.html import Html, element, joined, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt
    import polars as pl

STYLE = """<style>
.handoff-explorer table { border-collapse: collapse; font-size: 12px; }
.handoff-explorer th, .handoff-explorer td { text-align: left; padding: 3px 8px; vertical-align: top;
    border-bottom: 1px solid var(--jp-border-color2, #D8DEE4); overflow-wrap: break-word; max-width: 320px; }
.handoff-explorer th { white-space: nowrap; }
.handoff-explorer td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.handoff-explorer .rows { max-height: 320px; overflow: auto; }
.handoff-explorer p { margin: 4px 0; line-height: 1.4; }
.handoff-explorer .handoff-chart path[aria-label] { cursor: pointer; }
.handoff-explorer button:focus-visible, .handoff-explorer .noUi-handle:focus-visible,
    .handoff-explorer select:focus-visible { outline: 2px solid #0072B2; outline-offset: 1px; }
</style>"""
WIDE = {"description_width": "110px"}


def place() -> ipywidgets.Output:
    """Return an empty place for a chart."""
    return ipywidgets.Output()


def draw(where: ipywidgets.Output, chart: alt.TopLevelMixin | None) -> None:
    """Show a chart in its place, or nothing."""
    if chart is None:
        where.outputs = ()
        return
    shown: dict[str, Any] = {"output_type": "display_data", "data": render_live(chart.to_dict()), "metadata": {}}
    where.outputs = (shown,)


def sentence(said: str) -> Html:
    """Return one sentence that a screen reader reads out when it changes."""
    return element("div", element("p", said), role="status", aria_live="polite")


def rows(said: str, frame: pl.DataFrame, columns: Mapping[str, str]) -> str:
    """Return a sentence and the table below it, which the keyboard can scroll and which is not read out unasked."""
    if frame.is_empty():
        return sentence(said)
    body = element("div", table(frame, columns), class_="rows", tabindex=0, role="region", aria_label=said)
    return joined(sentence(said), body)
