"""Which of the ten stages has the audit passed, and which one holds it up?"""

from __future__ import annotations

from typing import Any

import polars as pl

from .checks import FAIL, NOT_APPLICABLE, PASS, STAGES

PASSED, FAILED, OPEN, WAITING = "passed", "failed", "open", "waiting"
STAGE_STATES = {
    PASSED: "Every check of it holds, and every stage before it is passed.",
    FAILED: "A check of it does not hold.",
    OPEN: "Its turn has come, and something is not shown yet.",
    WAITING: "A stage before it is not passed.",
}
APPROVAL = 10
TABLE = pl.Schema(
    {
        "source": pl.String,
        "target": pl.String,
        "channel": pl.String,
        "stage_number": pl.Int64,
        "stage": pl.String,
        "title": pl.String,
        "question": pl.String,
        "state": pl.String,
        "shown": pl.Boolean,
        "passed": pl.Int64,
        "failed": pl.Int64,
        "not_run": pl.Int64,
        "owner": pl.String,
        "evidence": pl.String,
        "blocked_by": pl.String,
    }
)


def audit_stages(checked: pl.DataFrame, *, by_handoff: bool = False) -> pl.DataFrame:
    """Walk the ten stages in order.

    Parameters
    ----------
    checked
        What `audit` returned.
    by_handoff
        Walk them for each handoff; else once for all handoffs together, where a stage is passed when every handoff
        has passed it.

    Returns
    -------
    polars.DataFrame
        Ten rows, or ten for each handoff.

        ============ ======= =======================================================================================
        source       String  the handoff; null in the walk for all
        target       String
        channel      String
        stage_number Int64   1 to 10
        stage        String  its name
        title        String  its title
        question     String  what it asks
        state        String  passed, failed, open (its turn, not all shown) or waiting (an earlier one is not passed)
        shown        Boolean whether its own checks hold, whatever came before
        passed       Int64   checks that hold
        failed       Int64   checks that do not
        not_run      Int64   checks that nobody could answer
        owner        String  who answers for it; several separated by commas
        evidence     String  of the first check that holds it up, else of the last that holds
        blocked_by   String  the checks that hold it up; for the approval, the stages that do
        ============ ======= =======================================================================================

    Notes
    -----
    A stage is passed when all its checks hold and every earlier stage is passed. The approval (10) cannot be passed
    while a stage fails, or is open, whoever signs: the signature is kept, and waits.
    """
    rows: list[dict[str, Any]] = []
    if by_handoff:
        for name, part in checked.group_by(["source", "target", "channel"], maintain_order=True):
            rows += _walk(part.to_dicts(), dict(zip(("source", "target", "channel"), name, strict=True)))
    else:
        rows = _walk(checked.to_dicts(), {"source": None, "target": None, "channel": None})
    return pl.DataFrame(rows, schema=TABLE)


def _walk(checks: list[dict[str, Any]], handoff: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for stage in STAGES:
        mine = [check for check in checks if check["stage"] == stage.name and check["state"] != NOT_APPLICABLE]
        failed = [check for check in mine if check["state"] == FAIL]
        passed = [check for check in mine if check["state"] == PASS]
        not_run = [check for check in mine if check["state"] not in {FAIL, PASS}]
        shown = not failed and not not_run
        before = [row for row in rows if row["state"] != PASSED]
        # The approval is never failed by what it does not decide: it waits.
        if failed:
            state = FAILED
        elif before:
            state = WAITING
        else:
            state = PASSED if shown else OPEN
        holding = failed or not_run
        blocked = sorted({check["check_name"] for check in holding})
        if stage.number == APPROVAL and before:
            blocked = [row["title"] for row in before]
        said = [check["evidence"] for check in (holding or passed[-1:]) if check["evidence"]]
        owners = sorted({check["owner"] for check in mine if check["owner"]})
        rows.append(
            handoff
            | {
                "stage_number": stage.number,
                "stage": stage.name,
                "title": stage.title,
                "question": stage.question,
                "state": state,
                "shown": shown,
                "passed": len(passed),
                "failed": len(failed),
                "not_run": len(not_run),
                "owner": ", ".join(owners) or None,
                "evidence": said[0] if said else None,
                "blocked_by": ", ".join(blocked) or None,
            }
        )
    return rows
