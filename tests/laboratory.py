"""How does a notebook behave in a real JupyterLab? A server on loopback, a headless Chromium, and what they complain of.

A chart that fails is no error of a cell: every complaint of the page, every picture that was not drawn and every request
that would leave the machine is collected, too.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from handoff_analytics import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page, Route

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
RED = ("Error loading script", "Javascript Error", "JavaScript Error", "cannot be drawn", "If you see this message")
READY = """() => {
    const widget = window.jupyterapp?.shell?.currentWidget, context = widget?.context?.sessionContext;
    return !!widget?.content?.widgets?.length && context?.isReady && context.session?.kernel?.status === "idle";
}"""
DONE = """() => {
    const widget = window.jupyterapp.shell.currentWidget;
    const cells = widget.content.widgets.filter((cell) => cell.model.type === "code" && cell.model.sharedModel.source.trim());
    const idle = widget.context.sessionContext.session?.kernel?.status === "idle";
    const failed = cells.some((cell) => cell.node.querySelector("[data-mime-type='application/vnd.jupyter.error']"));
    return idle && (failed || cells.every((cell) => cell.model.executionCount > 0));
}"""


@contextmanager
def server(folder: Path, home: Path) -> Iterator[str]:
    """Run JupyterLab on a folder as `handoffs lab` does, with a home of its own; yield its address with the token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipython",
    }
    places |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    tracker = home / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(json.dumps({"windowingMode": "none"}))  # otherwise cells off screen are not in the page
    environment = lab.environment(folder) | {name: str(home / place) for name, place in places.items()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    extra = ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    log = (home / "lab.log").open("wb")
    process = subprocess.Popen(
        [*lab.command(folder, port=port, browser=False), *extra], env=environment, stdout=log, stderr=log
    )
    try:
        await_server(f"http://127.0.0.1:{port}/api/status?token={token}", process, home / "lab.log")
        yield f"http://127.0.0.1:{port}|{token}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def await_server(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(400):
        assert process.poll() is None, f"JupyterLab ended:\n{log.read_text()[-3000:]}"
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server on loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise AssertionError(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


class Visit:
    """One notebook open in one page: run it, look at it, ask what went wrong."""

    def __init__(self, browser: Browser, address: str, notebook: str) -> None:
        self.base, _, token = address.partition("|")
        self.page: Page = browser.new_page(viewport={"width": 1300, "height": 1700})
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)[:300]))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.route("**/*", self._guard)
        self.page.goto(f"{self.base}/lab/tree/{notebook}?token={token}&reset", wait_until="domcontentloaded")
        self.ready()

    def _guard(self, route: Route) -> None:
        if route.request.url.startswith((self.base, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(route.request.url[:200])
            route.abort()

    def ready(self) -> None:
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
        self.page.wait_for_function(READY, timeout=90_000)

    def run(self, *, timeout: float = 180) -> None:
        """Run all cells, and wait until the last is done and every chart has answered."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(DONE, timeout=timeout * 1000)
        self.settle()

    def run_cell(self, number: int) -> None:
        """Run one code cell, counted from 0."""
        before = self.count(number)
        self.page.evaluate(
            "n => { const c = window.jupyterapp.shell.currentWidget.content; c.activeCellIndex = n; c.deselectAll(); }",
            number,
        )
        self.command("notebook:run-cell")
        self.page.wait_for_function(
            "([n, before]) => { const c = window.jupyterapp.shell.currentWidget.content.widgets[n]; return c.model.executionCount > before && c.prompt !== '*'; }",
            arg=[number, before],
            timeout=180_000,
        )
        self.settle()

    def count(self, number: int) -> int:
        return self.page.evaluate(
            f"window.jupyterapp.shell.currentWidget.content.widgets[{number}].model.executionCount ?? 0"
        )

    def command(self, name: str) -> None:
        self.page.evaluate(f"void window.jupyterapp.commands.execute('{name}')")  # void: awaiting a run would hang

    def settle(self) -> None:
        self.page.wait_for_function(
            "![...document.querySelectorAll('.handoff-chart')].some((chart) => !chart.dataset.drawn)", timeout=30_000
        )

    def save_and_reload(self) -> None:
        self.page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")
        self.page.reload(wait_until="domcontentloaded")
        self.ready()

    def press_and_see_another_picture(self, name: str, within: str = ".handoff-explorer") -> None:
        """Press a button, and wait until the picture above all others beside it is another."""
        self.see_another_picture(lambda place: place.locator("button", has_text=name).first.click(), within)

    def see_another_picture(self, act: Callable[[Locator], object], within: str) -> None:
        """Do something within a part of the page, and wait until the first picture in it is another."""
        place = self.page.locator(within).first
        picture = place.locator(".handoff-chart[data-drawn=yes] svg.marks").first
        before = picture.evaluate("svg => svg.outerHTML")
        act(place)
        deadline = time.monotonic() + 60
        while picture.evaluate("svg => svg.outerHTML") == before:
            assert time.monotonic() < deadline, f"the picture in {within} is still the same"
            time.sleep(0.1)
        self.settle()

    @property
    def drawn(self) -> int:
        return self.page.locator(".handoff-chart[data-drawn=yes] svg.marks").count()

    def faults(self) -> list[str]:
        """Everything that is wrong with this page; the list of a good page is empty."""
        kinds = [f"[data-mime-type='application/vnd.jupyter.{kind}']" for kind in ("error", "stderr")]
        said = [text[:500] for text in self.page.locator(kinds[0]).all_inner_texts()]
        # A load reports on stderr what it loaded; a warning there is a fault.
        said += [
            text[:500] for text in self.page.locator(kinds[1]).all_inner_texts() if "Warning" in text or "Error" in text
        ]
        red = [words for words in RED if self.page.locator(f".jp-OutputArea >> text={words}").count()]
        undrawn = self.page.locator(".handoff-chart:not([data-drawn=yes])").count()
        return [
            *(f"cell: {text}" for text in said),
            *(f"red: {words}" for words in red),
            *([f"{undrawn} charts were not drawn"] if undrawn else []),
            *(f"page: {text}" for text in self.complaints),
            *(f"left the machine: {address}" for address in self.outside),
        ]


def notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells."""
    nbformat.write(
        new_notebook(
            cells=[new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        ),
        path,
    )
    return path
