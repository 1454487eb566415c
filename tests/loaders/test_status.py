"""Success is only what says so: every word that platforms use, and a word that nobody knows, in every family."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest

import handoff_analytics as ha
from handoff_analytics.loaders.status import normalised

AT, LATER, MS = "2026-01-05T10:00:00Z", "2026-01-05T10:00:30Z", 1_767_607_200_000
# Section 1.5 of the loader specification.
WORDS = {
    "ok": "STATUS_CODE_OK SUCCESS success succeeded Succeeded COMPLETED COMPLETE TaskSucceeded ExecutionSucceeded",
    "error": "STATUS_CODE_ERROR failed failure Failed FAILED CRASHED crashed error ERROR startup_failure action_required TaskFailed Faulted UNSTABLE",
    "timeout": "timed_out TimedOut TIMED_OUT TaskTimedOut",
    "cancelled": "cancelled canceled Cancelled ABORTED Aborted stale killed",
    "skipped": "skipped Skipped neutral upstream_failed Ignored DISCARDED",
    "running": "running in_progress queued waiting pending requested INPROCESS new Running Waiting Suspended",
}


@pytest.mark.parametrize(
    ("word", "status"), [(word, status) for status, words in WORDS.items() for word in words.split()]
)
def test_a_word_of_a_platform_has_one_meaning(word: str, status: str) -> None:
    assert normalised(word) == status


@pytest.mark.parametrize(
    "word", ["", "fine", "okay-ish", "partially", "200-ish", "SuccessWithInfo?", "null", "unknown"]
)
def test_a_word_that_nobody_knows_is_no_success(word: str) -> None:
    assert normalised(word) is None


def load(folder: Path, content: Any) -> ha.History:
    path = folder / "export"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return ha.load(path, quiet=True, timezone="UTC")


def n8n(word: Any) -> Any:
    return [
        {
            "id": "7",
            "finished": True,
            "mode": "webhook",
            "workflowId": "w",
            "startedAt": AT,
            "stoppedAt": LATER,
            "status": word,
        }
    ]


def job(word: Any) -> Any:
    return [
        {
            "id": 1,
            "run_id": 501,
            "name": "build",
            "workflow_name": "deploy",
            "status": "completed",
            "conclusion": word,
            "started_at": AT,
            "completed_at": LATER,
            "steps": [],
            "head_sha": "c0ffee",
            "runner_name": "r",
        }
    ]


UNKNOWN = {
    "n8n": (n8n, "runs", "technical_status"),
    "github actions": (job, "spans", "status"),
    "airflow": (lambda word: {"dag_runs": [{"dag_id": "d", "dag_run_id": "r", "state": word, "start_date": AT, "end_date": LATER}]}, "runs", "technical_status"),
    "mapping": (lambda word: {"data": [{"runId": "d1", "jobName": "load", "status": word, "startTime": MS / 1000, "endTime": MS / 1000 + 1}]}, "runs", "technical_status"),
    "otlp": (
        lambda word: {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [{"traceId": "1" * 32, "spanId": "2" * 16, "startTimeUnixNano": str(MS * 10**6), "endTimeUnixNano": str(MS * 10**6 + 5), "status": {"code": word}}]}]}]},
        "spans",
        "status",
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", sorted(UNKNOWN))
def test_an_unknown_status_is_unset_and_flagged_in_every_family(tmp_path: Path, family: str) -> None:
    make, table, column = UNKNOWN[family]
    history = load(tmp_path, make("perhaps"))
    assert history.loads["loaded"].item() == 1
    assert history.sql(f"SELECT DISTINCT {column} FROM {table}").rows() == [("unset",)]
    assert {"unknown_status", "unreadable_value"} & set(history.quality["flag"])
    assert history.sql("SELECT count(*) FROM failures").item() == 0


def test_both_kinds_of_status_are_kept_apart(tmp_path: Path) -> None:
    # Boomi: complete, with documents in error. The platform is content, the business is not.
    run = {
        "executionId": "e1",
        "executionTime": AT,
        "status": "COMPLETE",
        "processName": "Orders",
        "executionDuration": ["Long", 200],
        "inboundErrorDocumentCount": ["Long", 2],
    }
    history = load(tmp_path, {"result": [run, run | {"executionId": "e2", "inboundErrorDocumentCount": ["Long", 0]}]})
    told = history.sql("SELECT run_id, technical_status, business_status FROM runs ORDER BY 1").rows()
    assert told[0] == ("e1", "ok", "failed")
    assert told[1][:2] == ("e2", "ok")
    assert told[1][2] != "failed"


def test_a_state_of_a_ticket_that_nobody_knows_has_no_stage_and_is_flagged(tmp_path: Path) -> None:
    history = load(
        tmp_path,
        "number,sys_id,state,assignment_group,opened_at,sys_updated_on\nINC1,x,-100,Desk,2026-01-05 10:00:00,2026-01-05 11:00:00\n",
    )
    assert history.sql("SELECT state, state_category FROM tickets").row(0) == ("-100", None)
    assert history.quality["flag"].to_list() == ["unknown_status"]
