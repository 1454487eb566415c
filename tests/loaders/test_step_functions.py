"""State machines: attempts, caught errors under a successful end, chains of events, four spellings of time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:aws:states:eu-central-1:111122223333:execution:order-flow:run-1"
SPELLINGS = {
    "seconds": lambda second: 1767600000 + second + 0.25,
    "iso": lambda second: f"2026-01-05T08:00:{second:02}.250000+00:00",
    "boto": lambda second: f"2026-01-05 08:00:{second:02}.250000+00:00",
    "milliseconds": lambda second: (1767600000 + second) * 1000 + 250,
}


def history(time: Any = SPELLINGS["seconds"]) -> list[dict[str, Any]]:
    """A task that is retried once, then a parallel state of two tasks, one of which fails and is caught."""

    def task(function: str) -> dict[str, Any]:
        parameters = json.dumps({"FunctionName": f"arn:aws:lambda:eu:1:function:{function}:prod"})
        return {"taskScheduledEventDetails": {"resourceType": "lambda", "resource": "invoke", "parameters": parameters}}

    def enter(name: str) -> dict[str, Any]:
        return {"stateEnteredEventDetails": {"name": name, "input": "{}"}}

    def leave(name: str) -> dict[str, Any]:
        return {"stateExitedEventDetails": {"name": name, "output": "{}"}}

    fault = {"error": "Timeout", "cause": json.dumps({"errorMessage": "no answer"})}
    rows: list[tuple[str, int, dict[str, Any]]] = [
        ("ExecutionStarted", 0, {"executionStartedEventDetails": {"input": json.dumps({"orderId": "O-7"})}}),
        ("TaskStateEntered", 1, enter("Charge")),
        ("TaskScheduled", 2, task("payment")),
        ("TaskFailed", 3, {"taskFailedEventDetails": fault}),
        ("TaskScheduled", 4, task("payment")),
        ("TaskSucceeded", 5, {"taskSucceededEventDetails": {"output": "{}"}}),
        ("TaskStateExited", 6, leave("Charge")),
        ("ParallelStateEntered", 7, enter("Both")),
        ("ParallelStateStarted", 8, {}),
        ("TaskStateEntered", 9, enter("Ship")),
        ("TaskStateEntered", 9, enter("Mail")),
        ("TaskScheduled", 10, task("shipping")),
        ("TaskScheduled", 11, task("notification")),
        ("TaskFailed", 13, {"taskFailedEventDetails": fault}),
        ("TaskSucceeded", 12, {"taskSucceededEventDetails": {"output": "{}"}}),
        ("TaskStateExited", 15, leave("Ship")),
        ("TaskStateExited", 14, leave("Mail")),
        ("ParallelStateSucceeded", 17, {}),
        ("ParallelStateExited", 18, leave("Both")),
        (
            "ExecutionSucceeded",
            19,
            {"executionSucceededEventDetails": {"output": '{"Error":"Timeout","Cause":"no answer"}'}},
        ),
    ]
    return [
        {"id": place, "type": kind, "previousEventId": before, "timestamp": time(place), **details}
        for place, (kind, before, details) in enumerate(rows, 1)
    ]


def loaded(folder: Path, text: str, **options: Any) -> ha.History:
    path = folder / "history.json"
    path.write_text(text)
    return ha.load(path, quiet=True, **options)


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_a_caught_error_stays_visible_under_a_successful_execution(tmp_path: Path, spelling: str) -> None:
    found = loaded(tmp_path, json.dumps({"events": history(SPELLINGS[spelling])}))
    assert found.loads.select("format", "seen", "loaded").row(0) == ("stepfunctions", 20, 20)
    assert found.sql("SELECT technical_status, business_status, failed_step, correlation_id, started_at::VARCHAR FROM runs").rows() == [
        ("ok", "failed", "Mail", "O-7", "2026-01-05 08:00:01.25")
    ]  # fmt: skip
    assert found.sql("SELECT system, name, attempt, status FROM spans ORDER BY start_us, name").rows() == [
        ("payment", "Charge", 1, "error"),
        ("payment", "Charge", 2, "ok"),
        ("shipping", "Ship", 1, "ok"),
        ("notification", "Mail", 1, "error"),
    ]


def test_steps_are_fed_along_the_chain_not_in_the_order_of_events(tmp_path: Path) -> None:
    found = loaded(tmp_path, json.dumps({"events": history()}))
    pairs = found.sql("SELECT source, target FROM crossings WHERE evidence = 'workflow_step'").rows()
    assert {("payment", "shipping"), ("payment", "notification")} <= set(pairs)
    assert ("shipping", "notification") not in pairs


def test_order_of_events_and_lines_change_nothing(tmp_path: Path) -> None:
    forward = loaded(tmp_path, json.dumps({"events": history()}))
    backward = loaded(tmp_path, json.dumps({"events": history()[::-1]}))
    query = "SELECT system, name, attempt, status, start_us, duration_us FROM spans ORDER BY ALL"
    assert forward.sql(query).equals(backward.sql(query))


def test_events_of_express_executions_come_one_a_line(tmp_path: Path) -> None:
    lines = []
    for event in history():
        details = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
        row = {"id": str(event["id"]), "type": event["type"], "previous_event_id": str(event["previousEventId"])}
        row |= {"event_timestamp": str(int(event["timestamp"] * 1000)), "execution_arn": ARN, "details": details}
        lines.append(json.dumps(row))
    found = loaded(tmp_path, "\n".join(lines))
    assert found.sql("SELECT run_id, workflow, technical_status FROM runs").rows() == [(ARN, "order-flow", "ok")]
    assert found.sql("SELECT count(*) FROM spans").item() == 4


def test_described_and_announced_executions_are_runs(tmp_path: Path) -> None:
    described = {"executionArn": ARN, "stateMachineArn": ARN.rpartition(":")[0], "name": "run-1", "status": "TIMED_OUT"}
    described |= {"startDate": 1767600000.5, "stopDate": 1767600009.5, "input": '{"order":{"orderId":"O-9"}}'}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": described}
    for text in (json.dumps(described), json.dumps({"executions": [described]}), json.dumps(event)):
        found = loaded(tmp_path, text)
        assert found.sql("SELECT workflow, technical_status, correlation_id FROM runs").row(0) == (
            "order-flow",
            "timeout",
            "O-9",
        )


def test_a_run_without_an_end_is_running_and_what_is_no_event_is_rejected(tmp_path: Path) -> None:
    events = [*history()[:5], {"id": 6, "type": "TaskFailed", "previousEventId": 5, "timestamp": "soon"}, {"type": "x"}]
    found = loaded(tmp_path, json.dumps({"events": events}), on_reject="keep")
    assert found.sql("SELECT technical_status FROM runs").item() == "running"
    assert found.loads.select("seen", "loaded", "rejected").row(0) == (7, 5, 2)
    assert found.rejects["code"].to_list() == ["UNKNOWN_SHAPE"] * 2
