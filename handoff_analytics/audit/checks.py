"""What has to be shown before a handoff may go into production?

The five areas are those of the article's audit framework and the ten stages those of its flowchart; the checks under
them are ours. A check is answered by the evidence itself (`observed`), by the catalogue (`declared`), by a scenario
that was played (`test`), by a drill, or by a document that somebody vouches for (`attached`).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the ten stages."""

    number: int
    name: str
    title: str
    question: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to show of a handoff."""

    name: str
    area: str
    stage: str
    question: str
    filled_by: tuple[str, ...]
    """Who can answer: observed, declared, test, drill, attached."""
    weight: float = 1.0
    critical: bool = False
    """A failure of it alone makes the handoff not ready, whatever else is shown."""
    only: str = "all"
    """Which handoffs it is asked of: all, those that are answered, or those that leave a state_change."""


AREAS = {
    "discovery_mapping": "Is the handoff known, owned and described?",
    "boundary_validation": "Does it hold at its limits, not only on the happy path?",
    "error_propagation": "Does everybody learn of an error who has to act on it?",
    "state_consistency": "Do the systems agree in the end?",
    "recovery": "Can it be undone and repeated, also when several things fail at once?",
}

STAGES = (
    Stage(1, "initial_assessment", "Initial assessment", "Which handoffs are there, and who answers for them?"),
    Stage(
        2, "data_source_validation", "Data source validation", "Can the other side be reached, and does it let us in?"
    ),
    Stage(3, "api_integration_point", "API integration point", "Does the endpoint answer, in the form agreed?"),
    Stage(4, "data_mapping_review", "Data mapping review", "Does what was sent arrive, field by field?"),
    Stage(5, "security_audit", "Security audit", "Are encryption, permissions and credentials in order?"),
    Stage(6, "compliance_check", "Compliance check", "Does it keep the rules that apply to the data?"),
    Stage(7, "performance_testing", "Performance testing", "Does it answer in time, at the volume to come?"),
    Stage(8, "error_handling", "Error handling", "Are failures noticed, contained and undone?"),
    Stage(9, "documentation_review", "Documentation review", "Would somebody else know how it works?"),
    Stage(10, "final_approval", "Final approval", "Who signs that it may go into production?"),
)
STAGE = {stage.name: stage for stage in STAGES}

CHECKS = tuple(
    Check(
        name=row["name"],
        area=row["area"],
        stage=row["stage"],
        question=row["question"],
        filled_by=tuple(row["filled_by"].split()),
        weight=float(row["weight"]),
        critical=row["critical"] == "yes",
        only=row["only"],
    )
    for row in csv.DictReader(files(__package__).joinpath("checks.csv").read_text(encoding="utf-8").splitlines())
)
"""In the order in which they are asked; the table beside this module may be edited."""
CHECK = {check.name: check for check in CHECKS}

PASS, FAIL, NOT_RUN, NOT_APPLICABLE = "pass", "fail", "not_run", "not_applicable"
STATES = (PASS, FAIL, NOT_RUN, NOT_APPLICABLE)
"""A check that nobody ran is neither a pass nor a fail."""
