"""Temporal: both spellings of event kinds, text numbers, attempts, failures inside failures, one queue or several."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha

if TYPE_CHECKING:
    from pathlib import Path


def old_spelling(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


def history(
    spelling: Any = "EVENT_TYPE_{}".format, queues: tuple[str, str] = ("erp-queue", "mail-queue")
) -> dict[str, Any]:
    fault = {
        "message": "Activity task failed",
        "cause": {"message": "422: no VAT id", "applicationFailureInfo": {"type": "Rejected"}},
    }
    start = {
        "workflowType": {"name": "OrderFlow"}, "taskQueue": {"name": "orders"}, "originalExecutionRunId": "run-9",
        "firstExecutionRunId": "run-8", "workflowId": "order-7", "attempt": 2,
    }  # fmt: skip
    rows: list[tuple[str, dict[str, Any]]] = [
        ("WORKFLOW_EXECUTION_STARTED", start),
        ("WORKFLOW_TASK_SCHEDULED", {}),
        ("WORKFLOW_TASK_COMPLETED", {}),
        (
            "ACTIVITY_TASK_SCHEDULED",
            {"activityType": {"name": "Post"}, "taskQueue": {"name": queues[0]}, "workflowTaskCompletedEventId": "3"},
        ),
        ("ACTIVITY_TASK_STARTED", {"scheduledEventId": "4", "attempt": 3}),
        ("ACTIVITY_TASK_COMPLETED", {"scheduledEventId": "4"}),
        ("WORKFLOW_TASK_COMPLETED", {}),
        (
            "ACTIVITY_TASK_SCHEDULED",
            {"activityType": {"name": "Mail"}, "taskQueue": {"name": queues[1]}, "workflowTaskCompletedEventId": "7"},
        ),
        ("ACTIVITY_TASK_STARTED", {"scheduledEventId": "8", "attempt": 1}),
        ("ACTIVITY_TASK_FAILED", {"scheduledEventId": "8", "failure": fault}),
        ("WORKFLOW_TASK_COMPLETED", {}),
        ("WORKFLOW_EXECUTION_FAILED", {"failure": fault}),
    ]
    events = [
        {
            "eventId": str(n),
            "eventTime": f"2026-01-05T08:00:{n:02}.123456789Z",
            "eventType": spelling(kind),
            "someEventAttributes": more,
        }
        for n, (kind, more) in enumerate(rows, 1)
    ]
    return {"events": events}


def loaded(folder: Path, value: Any, **options: Any) -> ha.History:
    path = folder / "history.json"
    path.write_text(json.dumps(value))
    return ha.load(path, quiet=True, **options)


@pytest.mark.parametrize("spelling", ["EVENT_TYPE_{}".format, old_spelling], ids=["new", "old"])
def test_activities_are_steps_of_a_run(tmp_path: Path, spelling: Any) -> None:
    found = loaded(tmp_path, history(spelling))
    assert found.loads.select("format", "seen", "loaded").row(0) == ("temporal", 12, 12)
    assert found.sql("SELECT run_id, workflow, attempt, root_run_id, technical_status, error_type, error_message, correlation_id FROM runs").rows() == [
        ("run-9", "OrderFlow", 2, "run-8", "error", "Rejected", "422: no VAT id", "order-7")
    ]  # fmt: skip
    assert found.sql("SELECT system, name, attempt, status, error_type FROM spans ORDER BY start_us").rows() == [
        ("erp-queue", "Post", 3, "ok", None),
        ("mail-queue", "Mail", 1, "error", "Rejected"),
    ]
    assert ("erp-queue", "mail-queue") in found.sql("SELECT source, target FROM crossings").rows()


def test_where_all_work_on_one_queue_the_activity_is_the_system(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"history": history(queues=("orders", "orders"))})
    assert found.sql("SELECT system FROM spans ORDER BY start_us")["system"].to_list() == ["Post", "Mail"]


def test_a_listed_execution_is_a_run(tmp_path: Path) -> None:
    row = {
        "execution": {"workflowId": "order-7", "runId": "run-1"},
        "type": {"name": "OrderFlow"},
        "historyLength": "9",
    }
    row |= {"startTime": "2026-01-05T08:00:00Z", "closeTime": None, "status": "WORKFLOW_EXECUTION_STATUS_RUNNING"}
    found = loaded(tmp_path, {"executions": [row]})
    assert found.sql("SELECT run_id, technical_status FROM runs").rows() == [("run-1", "running")]


def test_a_broken_event_is_rejected_alone(tmp_path: Path) -> None:
    value = history()
    value["events"][4]["eventId"] = "five"
    value["events"].append({"eventType": "x"})
    found = loaded(tmp_path, value, on_reject="keep")
    assert found.loads.select("seen", "loaded", "rejected").row(0) == (13, 11, 2)
