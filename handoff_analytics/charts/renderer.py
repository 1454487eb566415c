"""How does a chart draw itself in a notebook without the network?

The first chart of a page carries Vega-Lite (0.9 MB); each later one carries its own specification and a still picture.
The picture is what stays when scripts are stripped: an untrusted notebook, a mail, a code host. Charts may come in any
order: those that are ahead of the library wait for it, and show their picture meanwhile.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from . import theme

if TYPE_CHECKING:
    from collections.abc import Mapping

# `ast` interprets expressions instead of compiling them: pages that forbid eval can show the charts, too.
_OPTIONS = {
    "actions": {"export": True, "source": False, "compiled": False, "editor": False},
    "renderer": "svg",
    "ast": True,
    "scaleFactor": 2,
}
_LIBRARY = """
const waiting = window.handoffCharts?.waiting ?? [];
window.handoffCharts = {
    waiting: [],
    dark: %(dark)s,
    draw(root, spec, options) {
        const dark = document.body.dataset.jpThemeLight === "false";
        const config = dark && spec.config?.background === "%(ground)s" ? this.dark : spec.config;
        const live = document.createElement("div");
        return vegaEmbed(live, {...spec, config}, {...%(options)s, ...options}).then(
            ({view}) => { root.replaceChildren(live); root.dataset.drawn = "yes"; this.link(root, view); },
            (fault) => { root.append("This chart cannot be drawn: " + fault.message); root.dataset.drawn = "no"; },
        );
    },
    // In an explorer, a click on a handoff chooses it in the list of handoffs, which the keyboard can do, too.
    link(root, view) {
        const explorer = root.closest(".handoff-explorer");
        if (!explorer) return;
        this.label(explorer);
        explorer.onclick ??= () => setTimeout(() => this.label(explorer), 200);
        view.addEventListener("click", (_, item) => {
            const {handoff, sender, receiver} = item?.datum ?? {};
            const named = handoff ?? `${sender} → ${receiver}`;
            const list = explorer.querySelector(".handoff-chosen select");
            const found = [...list.options].find((option) => {
                const text = option.text.replaceAll("\u00a0", " ");  // the list shows spaces that do not break
                return text === named || text.startsWith(`${named} (`);
            });
            if (!found || found.selected) return;
            found.selected = true;
            list.dispatchEvent(new Event("change", {bubbles: true}));
        });
    },
    // What the widgets leave unsaid to a screen reader: what a handle moves, which button is pressed.
    label(explorer) {
        for (const handle of explorer.querySelectorAll(".noUi-handle")) {
            const said = handle.closest(".widget-inline-hbox")?.querySelector(".widget-label")?.textContent;
            const pair = handle.closest(".noUi-base").querySelectorAll(".noUi-handle").length > 1;
            const end = pair ? (handle.dataset.handle === "0" ? ", from" : ", until") : "";
            handle.setAttribute("aria-label", `${said}${end}`);
        }
        for (const group of explorer.querySelectorAll(".widget-toggle-buttons")) {
            group.setAttribute("role", "group");
            group.setAttribute("aria-label", group.querySelector(".widget-label")?.textContent ?? "");
            for (const button of group.querySelectorAll("button"))
                button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
        }
    },
};
for (const draw of waiting) draw();
"""
_CHART = """(() => {
    const root = document.currentScript.previousElementSibling;
    const draw = () => window.handoffCharts.draw(root, %(spec)s);
    if (window.handoffCharts?.draw) return void draw();
    (window.handoffCharts ??= {waiting: []}).waiting.push(draw);
    setTimeout(() => root.dataset.drawn || root.append("A still picture. To make it live: ha.charts.enable()"), 15000);
})()"""

# Which cell carries the library in each page that is connected to this kernel; a reloaded page is a new session.
_carriers: dict[str, tuple[str | None, str | None]] = {}


@cache
def library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed with the few lines that draw our charts, as one script."""
    script: str = vl_convert.javascript_bundle(
        _LIBRARY
        % {
            "dark": script_json(theme.config("dark")),
            "ground": theme.config("light")["background"],
            "options": script_json(_OPTIONS),
        }
    )
    return script


def script_json(value: Any) -> str:
    r"""Write a value as JSON that no HTML parser and no script can mistake for anything else.

    Examples
    --------
    >>> script_json({"name": "</script><b>"})
    '{"name": "\\u003c/script\\u003e\\u003cb\\u003e"}'
    """
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def described(spec: Mapping[str, Any]) -> str:
    """Return what a chart says, for those who do not see it."""
    title = spec.get("title", "")
    text = title.get("text", "") if isinstance(title, dict) else title
    words = spec.get("description") or (" ".join(text) if isinstance(text, list) else text)
    return str(words)


def picture(spec: Mapping[str, Any]) -> str:
    """Return the chart as an ``<img>`` that needs no script and runs none."""
    svg: str = vl_convert.vegalite_to_svg(dict(spec))
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{escape(described(spec))}" src="data:image/svg+xml;base64,{data}">'


def render(spec: dict[str, Any], **_: Any) -> dict[str, str]:
    """Turn a specification into what a notebook stores and shows."""
    return _bundle(spec, picture(spec))


def render_live(spec: dict[str, Any]) -> dict[str, str]:
    """Do the same for a place that nobody stores: its finding in words stands there until the chart is drawn."""
    return _bundle(spec, f"<p>{escape(described(spec))}</p>")


def _bundle(spec: dict[str, Any], still: str) -> dict[str, str]:
    carrier = f'<script type="module">{library()}</script>' if _carries() else ""
    chart = _CHART % {"spec": script_json(spec)}
    return {
        "text/html": f'<div class="handoff-chart">{still}</div><script>{chart}</script>{carrier}',
        "text/plain": f"<chart: {described(spec)}>",
    }


def _carries() -> bool:
    """Say whether this output has to bring the library: the first of a page, or the one that takes its place."""
    parent = _request()
    if parent is None:
        return True  # outside a kernel every output has to stand alone
    header = parent.get("header", {})
    session, message = header.get("session", ""), header.get("msg_id")
    cell = parent.get("metadata", {}).get("cellId")
    if session in _carriers:
        carrier, carried_by = _carriers[session]
        if carrier is None or carrier != cell or carried_by == message:
            return False
    _carriers[session] = (cell, message)
    return True


def _request() -> dict[str, Any] | None:
    """Return the message that the kernel is answering, or null outside a kernel."""
    from IPython import get_ipython  # noqa: PLC0415 - IPython is slow to import and already there in a notebook

    shell = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return None
    parent: dict[str, Any] = shell.get_parent() or {}
    return parent


def enable() -> None:
    """Draw charts with the offline renderer, and send the library along with the next one.

    Importing `handoff_analytics.charts` does this. Call it again if a page shows only still pictures: after the output
    that carried the library was cleared and the page was reloaded.
    """
    _carriers.clear()
    alt.renderers.register("handoffs", render)
    alt.renderers.enable("handoffs")
