"""Every public name and every command is documented, and nothing that is documented has gone."""

import inspect
import re
from pathlib import Path

import pytest
import typer.main

import handoff_analytics as ha
from handoff_analytics.cli import app

ROOT = Path(__file__).parents[1]
COMMANDS = typer.main.get_command(app).commands
FUNCTIONS = sorted(name for name in ha.__all__ if inspect.isfunction(getattr(ha, name)))


def section(docstring: str, title: str) -> str | None:
    found = re.search(
        rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", inspect.cleandoc(docstring), re.MULTILINE | re.DOTALL
    )
    return found[1] if found else None


@pytest.mark.parametrize("name", sorted(set(ha.__all__) - {"__version__"}))
def test_a_public_name_says_what_it_is(name: str) -> None:
    assert (inspect.getdoc(getattr(ha, name)) or "").strip()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_explains_its_parameters_and_what_it_returns(name: str) -> None:
    function = getattr(ha, name)
    document = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    parameters = section(document, "Parameters") or ""
    for parameter in signature.parameters:
        assert re.search(rf"(^|[\s,*]){re.escape(parameter)}\b", parameters), f"{name} does not explain {parameter}"
    if signature.return_annotation not in {None, "None"}:
        assert section(document, "Returns"), f"{name} does not say what it returns"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_has_help_and_an_example(name: str) -> None:
    assert f"handoffs {name}" in (COMMANDS[name].help or ""), f"{name} shows no example"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_stands_in_the_readme_or_the_guides(name: str) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    assert any(f"handoffs {name}" in page.read_text(encoding="utf-8") for page in pages)
