"""Each notebook runs top to bottom on the samples, offline, and reads as a story: short cells, no definitions, no loops."""

import ast
import resource
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
PARTS = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


@pytest.fixture
def offline(monkeypatch):
    """Names of other machines cannot be resolved by the kernel."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def worked_s() -> float:
    """Seconds of processor that the kernels which ended so far took: a busy machine makes no difference."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@PARTS
def test_a_notebook_runs_on_the_samples(path, tmp_path, offline):
    notebook = nbformat.read(path, as_version=4)
    before_s = worked_s()
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert worked_s() - before_s < 60
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    charts = [
        output["data"]["text/html"]
        for output in outputs
        if "handoff-chart" in output.get("data", {}).get("text/html", "")
    ]
    assert charts, "a notebook without a chart tells no story"
    assert sum('<script type="module">' in chart for chart in charts) == 1, "the library is carried once"
    said = "".join(output.text for output in outputs if output.get("name") == "stderr")  # the load report
    assert "Warning" not in said
    assert "Error" not in said
    assert not [chart for chart in charts if "nothing to show" in chart], "a chart of the samples is empty"


@PARTS
def test_a_cell_holds_a_question_a_call_and_a_chart(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 5
            kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
            assert not kinds & {ast.FunctionDef, ast.Lambda, ast.For, ast.While, ast.ClassDef}, cell.source


@PARTS
def test_every_chart_is_followed_by_a_sentence_of_what_it_means(path):
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    told = [
        ("chart" if "ha.charts." in cell else "sentence") for cell in code if "ha.charts." in cell or "ha.say(" in cell
    ]
    assert "chart chart" not in " ".join(told), "a chart is left without its sentence"
    assert told[-1] == "sentence"


@PARTS
def test_a_notebook_is_kept_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("# ")
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
