"""The charts draw themselves in a real JupyterLab, offline, whatever the order of cells and whatever the names."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import example_frames
import pytest

import handoff_analytics as ha
from handoff_analytics import lab
from handoff_analytics.errors import HistoryFullError, MissingExtraError

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SETUP = """import altair as alt, polars as pl, ipywidgets
import handoff_analytics as ha
ha.charts.enable()
frame = pl.DataFrame({"x": ["a", "b"], "y": [1, 2]})
def chart(title): return alt.Chart(frame, title=title).mark_bar().encode(x="x", y="y")"""


def test_the_folder_gets_notebooks_samples_and_no_news(tmp_path):
    folder = lab.furnished(tmp_path / "work")
    assert {path.name for path in folder.glob("*.ipynb")} == {path.name for path in NOTEBOOKS}
    settings = json.loads((folder / ".lab" / "labconfig" / "page_config.json").read_text())
    assert settings["disabledExtensions"] == {"@jupyterlab/apputils-extension:announcements": True}


def test_what_is_in_the_folder_stays(tmp_path):
    mine = tmp_path / NOTEBOOKS[0].name
    mine.write_text("changed")
    lab.furnished(tmp_path)
    assert mine.read_text() == "changed"


def test_the_server_listens_on_this_machine_only(tmp_path):
    command = lab.command(tmp_path, port=8899, browser=False)
    assert "--ip=127.0.0.1" in command
    assert "--no-browser" in command
    assert "--no-browser" not in lab.command(tmp_path)


def test_the_users_own_configuration_is_read_too(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/etc/mine")
    assert lab.environment(tmp_path)["JUPYTER_CONFIG_PATH"].startswith("/etc/mine")


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryFullError, match="Choose another folder"):
        lab.furnished(tmp_path / "file")


def test_a_package_without_notebooks_says_so():
    with pytest.raises(MissingExtraError, match="Reinstall"):
        lab._shipped("nowhere")


@pytest.mark.parametrize(("answer", "code"), [(3, 3), (KeyboardInterrupt, 0)])
def test_lab_ends_as_jupyterlab_ends_and_quietly_on_ctrl_c(tmp_path, monkeypatch, answer, code):
    class Process:
        def __init__(self, *_, **__):
            self.answers = [answer, 0]

        def wait(self):
            said = self.answers.pop(0)
            if said is KeyboardInterrupt:
                raise said
            return said

        def terminate(self):
            assert self.answers == [0]

    monkeypatch.setattr("subprocess.Popen", Process)
    assert lab.lab(tmp_path, browser=False) == code


@pytest.mark.browser
@pytest.mark.parametrize(
    "name",
    [pytest.param(path.name, marks=[pytest.mark.slow] if path.name > "03" else []) for path in NOTEBOOKS],
)
def test_a_notebook_runs_and_every_chart_is_drawn(visit, name):
    page = visit(name)
    page.run()
    assert page.faults() == []
    assert page.drawn >= 1
    if page.page.locator(".handoff-explorer").count():
        page.press_and_see_another_picture("matrix")
        page.press_and_see_another_picture("what if")
        assert page.faults() == []


@pytest.mark.browser
@pytest.mark.slow
def test_an_answer_to_the_audit_draws_its_stages_again_and_is_kept(visit):
    form = ".jp-CodeCell:has-text('ha.audit_form(history)')"
    page = visit("04_audit_before_production.ipynb")
    page.run()
    handoff, check = (page.page.locator(form).locator("select").nth(place) for place in (0, 1))
    page.see_another_picture(lambda _: handoff.select_option(index=1), form)
    check.select_option(label=next(name for name in check.locator("option").all_inner_texts() if "ompliance" in name))
    page.page.locator(form).get_by_placeholder("who answers for it").fill("ann of legal")
    page.page.locator(form).locator("button", has_text="fail").first.click()
    page.press_and_see_another_picture("Record", form)
    page.page.wait_for_selector(f"{form} >> text=rules kept is fail at")
    page.page.locator(".jp-CodeCell:has-text('ha.audit_entries(history)')").click()
    page.command("notebook:run-cell")
    page.page.wait_for_selector(".jp-OutputArea td:has-text('ann of legal')", timeout=60_000)
    assert page.faults() == []


@pytest.mark.browser
def test_cells_may_run_in_any_order_again_and_after_a_reload(visit):
    page = visit("order.ipynb", SETUP, "chart('one')", "chart('two')", "chart('three')")
    for cell in (0, 3, 1, 2, 3):
        page.run_cell(cell)
    assert page.drawn == 3
    page.command("notebook:clear-all-cell-outputs")
    page.run_cell(2)
    assert page.drawn == 1
    page.save_and_reload()  # the library went with the output that was cleared: the picture stays
    page.run_cell(1)  # and a page that was loaded again gets the library again
    page.page.wait_for_function("document.querySelectorAll('.handoff-chart[data-drawn=yes]').length === 2")
    page.save_and_reload()
    page.page.wait_for_function("document.querySelectorAll('.handoff-chart[data-drawn=yes]').length === 2")
    assert page.faults() == []


@pytest.mark.browser
def test_charts_draw_inside_widgets(visit):
    draw = """out, slider = ipywidgets.Output(), ipywidgets.IntSlider(value=1, max=9)
def draw(change=None):
    out.clear_output(wait=True)
    with out: display(chart(f"value {slider.value}"))
slider.observe(draw, names="value"); draw(); ipywidgets.VBox([slider, out])"""
    page = visit("widget.ipynb", SETUP, draw)
    page.run()
    handle = page.page.locator(".jupyter-widgets .noUi-handle").first
    handle.focus()
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_selector(".handoff-chart[data-drawn=yes] svg.marks >> text=value 2")
    assert page.faults() == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_chart_that_cannot_be_drawn_is_found_out(visit):
    page = visit(
        "bad.ipynb",
        SETUP,
        "from IPython.display import HTML\nHTML('<div class=handoff-chart data-drawn=no>This chart cannot be drawn</div>')",
    )
    page.run()
    assert page.faults() == ["red: cannot be drawn", "1 charts were not drawn"]


@pytest.mark.browser
@pytest.mark.slow
def test_altairs_own_renderer_is_found_out(visit):
    page = visit("default.ipynb", SETUP, "alt.renderers.enable('default'); chart('from the network')")
    page.run()
    assert any(fault.startswith("left the machine") for fault in page.faults())


@pytest.mark.browser
def test_dark_mode_is_followed(visit):
    page = visit("dark.ipynb", SETUP, "chart('dark')")
    page.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.run()
    page.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    assert (
        page.page.locator(".handoff-chart svg >> css=rect.background, path.background").first.get_attribute("fill")
        != "#FFFFFF"
    )
    assert page.faults() == []


@pytest.mark.browser
def test_an_error_is_one_sentence_that_says_what_to_do(visit):
    page = visit("error.ipynb", SETUP, "ha.open('nowhere.duckdb')")
    page.run()
    said = page.page.locator(".jp-OutputArea-output", has_text="NotAHistoryError").inner_text()
    assert re.match(r"NotAHistoryError: There is no history at \S+nowhere.duckdb\. Make one with", said.strip())
    assert len(said.strip().splitlines()) == 1
    assert "Traceback" not in said


@pytest.mark.browser
def test_a_long_load_shows_a_bar_in_a_notebook_and_takes_it_away(visit):
    load = """import time
from handoff_analytics.loaders import progress
progress._PATIENCE_S = 0.05
with progress.Progress(total_bytes=10, quiet=False) as bar:
    bar.say("building the model"); time.sleep(6)"""
    page = visit("bar.ipynb", load, "'after it'")
    page.command("notebook:run-all-cells")
    page.page.wait_for_selector(".jp-OutputArea >> text=building the model", timeout=60_000)
    page.run()
    assert page.page.locator(".jp-OutputArea >> text=building the model").count() == 0
    assert page.page.locator(".jp-OutputArea >> text=after it").count() == 1
    assert page.faults() == []


def test_tab_completes_and_shift_tab_explains(tmp_path):
    manager = pytest.importorskip("jupyter_client.manager")
    kernel = manager.KernelManager(kernel_name="python3")
    kernel.start_kernel(cwd=str(tmp_path))
    client = kernel.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        client.execute_interactive("import handoff_analytics as ha; history = ha.History()", timeout=120)

        def offered(code):
            answer = client.complete(code, len(code), reply=True, timeout=120)["content"]
            return {match.rpartition(".")[2].strip("()=") for match in answer["matches"]}

        assert set(ha.__all__) <= offered("ha.") | {"__version__"}
        assert set(ha.charts.__all__) <= offered("ha.charts.")
        assert {"sql", "between", "where", "tables", "rejects", "quality"} <= offered("history.")
        assert {"confidence"} <= offered("ha.cascade_reach(history, ")
        called = [name for name in ha.__all__ if inspect.isfunction(getattr(ha, name))]
        for name in [*(f"ha.{name}" for name in called), *(f"ha.charts.{name}" for name in ha.charts.__all__)]:
            answer = client.inspect(name, len(name), reply=True, timeout=120)["content"]
            assert answer["found"], name
            shown = re.sub(r"\x1b\[[0-9;]*m", "", answer["data"]["text/plain"])
            summary = inspect.getdoc(getattr(ha.charts if ".charts." in name else ha, name.rpartition(".")[2]))
            assert "Signature:" in shown, name
            assert summary.splitlines()[0] in shown, name
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


@pytest.mark.browser
def test_hostile_names_run_no_script_anywhere_in_a_notebook(visit):
    page = visit(
        "hostile.ipynb",
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "import handoff_analytics as ha\nfrom test_explorer import EVIL, evidence\nhistory = evidence(EVIL)\nhistory",
        "explorer = ha.explore(history)\nexplorer",
        "ha.charts.graph(ha.dependency_graph(history), history=history)",
        "ha.charts.failure_types(ha.failure_types(history), history=history)",
        "ha.say(EVIL)",
        "ha.rank(history)",
        "explorer._view.value = 'cost'\nexplorer._detail._what.value = 'one transaction'",
        "explorer._view.value = 'what if'\nexplorer._detail._what.value = 'failures'",
        "form = ha.audit_form(history)\nform",
        "form.parts.handoff.value = form.parts.handoff.options[-1][1]\nform.parts.note.value = EVIL\nform.parts.record.click()",
        "history.sql('SELECT * FROM crossings LIMIT 3')",
        "ha.audit_coverage(ha.audit(history))",
        "import example_frames\nfor draw, frame in example_frames.frames((EVIL, *example_frames.HOSTILE)[:5]).values(): display(draw(frame))",
    )
    for cell in range(14):
        page.run_cell(cell)
    assert page.page.evaluate("window.ran") is None
    assert page.page.locator("img[src=x], img[src$='/x']").count() == 0
    assert page.page.locator("a[href^='javascript']").count() == 0
    assert page.drawn >= 3 + len(example_frames.frames())
    assert page.page.locator(".jp-OutputArea >> text=Recorded: ").count() == 1
    assert page.faults() == []
