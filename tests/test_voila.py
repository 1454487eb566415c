"""The explorer is a dashboard without code where Voila is installed: it draws, and its controls change the picture."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess

import laboratory
import pytest

VOILA = shutil.which("voila")


@pytest.fixture
def dashboard(tmp_path):
    if VOILA is None:
        pytest.skip("voila is not installed: pip install voila")
    laboratory.notebook(
        tmp_path / "dashboard.ipynb",
        "import handoff_analytics as ha\nhistory = ha.samples.load()",
        "ha.explore(history)",
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"/{secrets.token_hex(8)}/"
    command = [VOILA, "dashboard.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    log = (tmp_path / "voila.log").open("wb")
    process = subprocess.Popen([*command, f"--Voila.base_url={base}"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        laboratory.await_server(f"http://127.0.0.1:{port}{base}voila/static/voila.js", process, tmp_path / "voila.log")
        yield f"http://127.0.0.1:{port}{base}"
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.mark.browser
@pytest.mark.slow
def test_the_explorer_is_served_as_a_dashboard(dashboard, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    # Voila's page asks a network for the icons of buttons; nothing here needs them.
    page.route("**/*", lambda route: route.continue_() if "127.0.0.1" in route.request.url else route.abort())
    complaints = []
    page.on("pageerror", lambda fault: complaints.append(str(fault)))
    page.goto(dashboard, timeout=120_000)
    picture = ".handoff-explorer .handoff-chart[data-drawn=yes] svg.marks"
    page.wait_for_selector(picture, timeout=120_000)
    before = page.locator(picture).first.evaluate("svg => svg.outerHTML")
    page.locator(".handoff-explorer button", has_text="matrix").first.click()
    page.wait_for_function(
        "([place, before]) => { const now = document.querySelector(place); return now && now.outerHTML !== before; }",
        arg=[picture, before],
        timeout=60_000,
    )
    assert page.locator("textarea, .jp-InputArea-editor").count() == 0, "a dashboard shows no code"
    assert complaints == []
    page.close()
