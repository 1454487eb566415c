"""A bare import is light: what takes seconds to load is loaded when it is asked for."""

import subprocess
import sys

import pytest

HEAVY = ("altair", "networkx", "scipy", "polars", "numpy", "IPython", "ipywidgets", "rich", "typer", "duckdb")


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_a_bare_import_pulls_in_nothing_heavy() -> None:
    assert not modules_after("import handoff_analytics") & set(HEAVY)


@pytest.mark.parametrize("name", ["altair", "networkx", "scipy", "IPython"])
def test_a_history_needs_no_charts_and_no_graphs(name: str) -> None:
    assert name not in modules_after("import handoff_analytics as ha; ha.History().sql('SELECT 1 AS one')")
