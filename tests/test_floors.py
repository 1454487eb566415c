"""Imports point one way: a module may import only from the floors below its own. This is the architecture diagram."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "handoff_analytics"
FLOORS = [
    {"vocabulary", "errors", "identity"},  # words
    {"statistics", "reach", "linking", "overview", "terminal", "outputs"},  # of plain values
    {"schema", "scope", "tables"},  # what a record is made of, and how a table leaves
    {"store"},  # where it lies
    {"history", "declarations"},  # the record
    {"model", "catalogue"},  # what it means, what was declared
    {"loaders", "working_time", "prices", "keeping"},  # evidence in, and what people enter
    {"graph", "templates", "classification", "integrity", "person_hours", "engines", "publishing"},  # structure
    {"visits", "ticket_times", "signals"},  # what is measured
    {"frequency", "cascade", "recovery", "visibility", "attention", "compare", "explanation", "degradation", "green"},
    {"kinds", "consequences"},  # what failures are, and what follows from them
    {"correlation", "matching", "timeline", "early_warning", "alerting"},  # of one transaction, of one warning
    {"ranking", "trends", "fixes", "association", "propagation"},
    {"economics", "audit", "platforms", "stability"},  # decisions
    {"remediation", "claims"},
    {"charts"},  # telling
    {"report", "slides", "audit_form"},
    {"explorer"},
    {"samples", "lab"},  # doors
    {"cli"},
]
FLOOR = {module: number for number, floor in enumerate(FLOORS) for module in floor}
MODULES = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def imported(path: Path) -> set[str]:
    """Name the top-level modules of this package that a file imports, at import time or later."""
    inside = path.parent.relative_to(PACKAGE).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = inside[: len(inside) - (node.level - 1)]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {".".join((*base, *(name or "").split("."))).split(".")[0] for name in names}
    return found


@pytest.mark.parametrize("module", sorted(MODULES - {"__init__", "__main__"}))
def test_imports_point_down(module: str) -> None:
    assert module in FLOOR, f"{module} has no floor: choose one"
    folder = PACKAGE / module
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{module}.py"]
    for file in files:
        for other in (imported(file) & MODULES) - {module}:
            assert FLOOR[other] < FLOOR[module], f"{file.relative_to(PACKAGE)} imports {other}, which is not below it"


def test_every_floor_is_built() -> None:
    assert set(FLOOR) <= MODULES
