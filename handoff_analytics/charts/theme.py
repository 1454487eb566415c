"""What do the charts look like?

One look, light and dark. The colours are Okabe and Ito's, kept to those that reach a contrast of 3:1 on both grounds,
so that a chart never has to be coloured again; only ink and ground change. Sizes are those of a slide: nothing is below
13 px.

References
----------
Okabe, M. and Ito, K. (2008). Color Universal Design: how to make figures and presentations that are friendly to
colorblind people.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import altair as alt

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"

CALM = "#0072B2"
"""Blue: the ordinary case, what is spent, what is expected."""
ALARM = "#D55E00"
"""Vermilion: what is wrong, lost or late. At most one thing in a chart is this colour."""
GOOD = "#009E73"
"""Green, always beside a word or a shape that says the same."""
ODD = "#B86A97"
"""Reddish purple: what belongs to neither side."""
WARN = "#B97700"
"""Amber, darkened until it is legible on white."""
MUTE = "#808080"
"""Grey: context, and everything that is not the finding."""
CATEGORIES = (CALM, WARN, GOOD, ODD, ALARM, MUTE)
RAMP = ("#B8C4CE", "#D3B9A6", "#DB8A52", ALARM)
"""From hardly failing to failing: grey-blue to vermilion, darker as it gets worse."""

_GROUNDS = {
    "light": {"ground": "#FFFFFF", "ink": "#1F2328", "soft": "#57606A", "line": "#D8DEE4"},
    "dark": {"ground": "#111418", "ink": "#E6EDF3", "soft": "#9DA7B3", "line": "#3A414A"},
}


def config(ground: Literal["light", "dark"] = "light") -> dict[str, Any]:
    """Return the Vega-Lite configuration of one ground.

    Marks that write text take their colour from the named styles ``ink``, ``soft`` and ``strong``, so that a page may
    swap the configuration of a finished chart and nothing becomes unreadable.
    """
    tone = _GROUNDS[ground]
    text = {"font": FONT, "fontSize": 13, "color": tone["ink"]}
    return {
        "background": tone["ground"],
        "font": FONT,
        "view": {"continuousWidth": 640, "continuousHeight": 320, "stroke": None},
        "padding": {"left": 8, "right": 16, "top": 8, "bottom": 8},
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": tone["ink"],
            "fontSize": 20,
            "fontWeight": 600,
            "lineHeight": 25,
            "subtitleColor": tone["soft"],
            "subtitleFontSize": 14,
            "subtitleLineHeight": 19,
            "subtitlePadding": 6,
            "offset": 14,
        },
        "axis": {
            "labelColor": tone["ink"],
            "titleColor": tone["soft"],
            "domainColor": tone["line"],
            "gridColor": tone["line"],
            "gridOpacity": 0.6,
            "tickColor": tone["line"],
            "labelFontSize": 13,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
            "titlePadding": 10,
            "labelLimit": 280,
        },
        "axisQuantitative": {"tickCount": 6},
        "axisBand": {"grid": False, "ticks": False, "domain": False, "labelPadding": 8},
        "header": {"labelColor": tone["ink"], "titleColor": tone["soft"], "labelFontSize": 14, "titleFontSize": 13},
        "legend": {
            "labelColor": tone["ink"],
            "titleColor": tone["soft"],
            "labelFontSize": 13,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
            "labelLimit": 240,
            "orient": "top",
            "symbolStrokeWidth": 2,
        },
        "range": {"category": list(CATEGORIES), "ramp": list(RAMP), "heatmap": list(RAMP), "ordinal": list(RAMP)},
        "bar": {"color": CALM, "cornerRadiusEnd": 2},
        "line": {"color": CALM, "size": 2.5},
        "point": {"color": CALM, "filled": True, "size": 80},
        "rule": {"color": MUTE},
        "text": {"font": FONT, "fontSize": 13, "color": tone["ink"]},
        "style": {
            "ink": text,
            "soft": text | {"color": tone["soft"]},
            "strong": text | {"fontWeight": 600},
            "halo": text | {"color": tone["ground"], "stroke": tone["ground"], "strokeWidth": 4},
            "box": {"color": tone["ground"], "stroke": tone["soft"]},
            "line": {"color": tone["ink"]},
        },
    }


@alt.theme.register("handoffs", enable=True)
def _light() -> alt.theme.ThemeConfig:
    return alt.theme.ThemeConfig(config=cast("Any", config("light")))


@alt.theme.register("handoffs_dark", enable=False)
def _dark() -> alt.theme.ThemeConfig:
    return alt.theme.ThemeConfig(config=cast("Any", config("dark")))


def use(ground: Literal["light", "dark"]) -> None:
    """Choose the ground of charts that are saved or drawn from now on.

    JupyterLab's dark mode needs no choice: the charts of a notebook follow it.

    Parameters
    ----------
    ground
        ``"light"`` or ``"dark"``.
    """
    alt.theme.enable("handoffs" if ground == "light" else "handoffs_dark")
