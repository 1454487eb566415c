"""How does a chart leave the notebook: as one page that asks nobody for anything, or as a picture?

A page states in its content security policy which scripts and styles may run, each by its hash; all else is refused,
so that text from evidence could not run even if it were left unescaped.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert

from ..errors import ArgumentError
from ..outputs import written_whole
from . import theme
from .renderer import described, library, picture, script_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
<body>
{body}
<script type="application/json" id="charts">{specs}</script>
<script type="module">{script}</script>
</body>
</html>
"""
# Charts are drawn without the styles that Vega-Embed would add: the policy knows only ours.
_DRAW = """
const specs = JSON.parse(document.getElementById("charts").textContent);
const options = {actions: false, defaultStyle: false, tooltip: {disableDefaultStyle: true}};
await Promise.all(specs.map((spec, number) => {
    const root = document.getElementById(`chart-${number}`);
    return window.handoffCharts.draw(root, spec, options);
}));
document.documentElement.dataset.ready = "yes";
"""
STYLE = f"""
:root {{ color-scheme: light; font: 16px/1.5 {theme.FONT}; color: #1F2328; background: #FFF; }}
body {{ max-width: 980px; margin: 2rem auto; padding: 0 1rem; }}
figure {{ margin: 1.5rem 0; break-inside: avoid; }}
figure svg, figure img {{ max-width: 100%; height: auto; }}
#vg-tooltip-element {{ position: fixed; z-index: 9; visibility: hidden; padding: 8px 10px; background: #FFF;
    border: 1px solid #D8DEE4; border-radius: 4px; box-shadow: 2px 2px 6px #0002; font-size: 13px; }}
#vg-tooltip-element.visible {{ visibility: visible; }}
#vg-tooltip-element td {{ padding: 1px 4px; overflow-wrap: anywhere; max-width: 320px; vertical-align: top; }}
#vg-tooltip-element td.key {{ color: #57606A; text-align: right; }}
#vg-tooltip-element h2 {{ margin: 0; font-size: 13px; }}
"""


def figure(number: int, chart: alt.TopLevelMixin) -> str:
    """Return the place of a chart in a page; it holds the still picture until the chart is drawn."""
    spec = chart.to_dict()
    return f'<figure role="img" aria-label="{escape(described(spec))}" id="chart-{number}">{picture(spec)}</figure>'


def page(title: str, body: str, charts: Sequence[alt.TopLevelMixin], *, style: str = STYLE) -> str:
    """Return one self-contained page with charts; `body` holds a `figure` for each and is escaped by who wrote it."""
    script = f"{library()}\n{_DRAW}"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy,
        title=escape(title),
        style=style,
        body=body,
        specs=script_json([chart.to_dict() for chart in charts]),
        script=script,
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def save(chart: alt.TopLevelMixin, path: str | Path, *, scale: float = 2.0) -> Path:
    """Write a chart to a file, offline.

    Parameters
    ----------
    chart
        Any Altair chart.
    path
        The ending decides the format: ``.png``, ``.svg``, ``.pdf`` or ``.html`` (interactive, one file).
    scale
        Pixels of a PNG for each pixel of the chart; 2 suits slides.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ArgumentError
        If the ending is another.
    HistoryFullError
        If the file cannot be written.
    """
    path = Path(path)
    spec: dict[str, Any] = chart.to_dict()
    match path.suffix.lower():
        case ".png":
            content = vl_convert.vegalite_to_png(spec, scale=scale)
        case ".svg":
            content = vl_convert.vegalite_to_svg(spec).encode()
        case ".pdf":
            content = vl_convert.vegalite_to_pdf(spec)
        case ".html":
            content = page(described(spec), figure(0, chart), [chart]).encode()
        case other:
            raise ArgumentError(f"A chart cannot be written as {other or path.name!r}: use .png, .svg, .pdf or .html.")
    with written_whole(path) as file:
        file.write_bytes(content)
    return path
