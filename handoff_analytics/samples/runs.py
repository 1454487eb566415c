"""What do the low-code tool and the orchestrator export about their runs?

Lead forms run through an n8n-like flow that says `finished` even when a step failed; the nightly batch leaves Airflow's
task instances.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .recording import DAY, HOUR, SECOND, stream
from .telemetry import iso

if TYPE_CHECKING:
    from random import Random

NODES = (
    ("Lead form", "n8n-nodes-base.webhook"),
    ("Create contact", "n8n-nodes-base.hubspot"),
    ("Append to lead sheet", "n8n-nodes-base.googleSheets"),
    ("Welcome mail", "n8n-nodes-base.emailSend"),
)
_FAULTS = {
    1: ("NodeApiError", "Bad request - please check your parameters: property 'vat_id' does not exist"),
    2: ("NodeApiError", "The service is receiving too many requests from you: 429 quota exceeded"),
    3: ("NodeOperationError", "Invalid login: 535 authentication credentials invalid"),
}


def n8n(count: int, *, seed: int, since: int, until: int, faults: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an export of executions, and what truly happened in those that went wrong."""
    random = stream(seed, "n8n")
    executions, wrong = [], []
    for number in range(count):
        at = since + (until - since) * number // count + int(random.random() * 6 * HOUR)
        execution, truth = _execution(number, at, random, faults=faults)
        executions.append(execution)
        if truth is not None:
            wrong.append(truth)
    return {"data": executions, "nextCursor": None}, wrong


def _execution(number: int, at: int, random: Random, *, faults: bool) -> tuple[dict[str, Any], dict[str, Any] | None]:
    lead = f"L-{20_000 + number}"
    chance = random.random()
    failing = random.choice((1, 2, 3))
    # A loud failure stops the run; a continued one (`continueOnFail`) is green although its item holds an error.
    is_loud = faults and chance < 0.06
    is_silent = faults and not is_loud and chance < 0.13
    run_data: dict[str, list[dict[str, Any]]] = {}
    now = at
    error: dict[str, Any] | None = None
    name = ""
    for index, (name, kind) in enumerate(NODES):
        took = int((0.05 + random.random() ** 3 * 3) * 1000)
        node: dict[str, Any] = {
            "startTime": now // 1000,
            "executionTime": took,
            "executionIndex": index,
            "executionStatus": "success",
        }
        node["source"] = [] if index == 0 else [{"previousNode": NODES[index - 1][0]}]
        item: dict[str, Any] = {"lead_id": lead}
        if index == failing and (is_loud or is_silent):
            kind_of_error, message = _FAULTS[index]
            if is_loud:
                error = {"name": kind_of_error, "message": message, "node": {"name": name, "type": kind}}
                node |= {"executionStatus": "error", "error": error}
            else:
                item["error"] = message
        if error is None:
            node["data"] = {"main": [[{"json": item}]]}
        run_data[name] = [node]
        now += took * 1000 + 2000
        if error is not None:
            break
    result: dict[str, Any] = {"runData": run_data, "lastNodeExecuted": name}
    if error is not None:
        result["error"] = error
    execution = {
        "id": str(4000 + number),
        # n8n says that a run has finished, whatever became of it.
        "finished": True,
        "mode": "webhook",
        "status": "error" if error else "success",
        "startedAt": iso(at),
        "stoppedAt": iso(now),
        "workflowId": "wf-lead-intake",
        "workflowData": {
            "id": "wf-lead-intake",
            "name": "lead_intake",
            "nodes": [{"name": one, "type": kind} for one, kind in NODES],
        },
        "customData": {"lead_id": lead},
        "data": {"resultData": result},
    }
    if not (is_loud or is_silent):
        return execution, None
    return execution, {
        "run": execution["id"],
        "lead": lead,
        "source": NODES[failing - 1][0],
        "target": NODES[failing][0],
        "silent": is_silent,
    }


_TASKS = (
    ("extract_orders", "PostgresOperator", 40),
    ("settle_payments", "KafkaConsumerOperator", 25),
    ("load_stock", "SimpleHttpOperator", 60),
    ("report", "PythonOperator", 8),
)


def airflow(*, seed: int, since: int, until: int, faults: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the nightly DAG's task instances, and the runs that did not end well."""
    random = stream(seed, "airflow")
    instances, wrong = [], []
    for day in range(since, until, DAY):
        logical = f"{datetime.fromtimestamp(day // SECOND, tz=UTC):%Y-%m-%d}"
        now = day + 22 * HOUR + 60 * SECOND
        failed_at = random.randrange(4) if faults and random.random() < 0.05 else None
        for index, (task, operator, seconds) in enumerate(_TASKS):
            took = int((0.5 + random.random()) * seconds * SECOND)
            is_upstream = failed_at is not None and index > failed_at
            state = "upstream_failed" if is_upstream else "failed" if index == failed_at else "success"
            tries = 2 if index == failed_at else 0 if is_upstream else 1
            instances.append(
                {
                    "dag_id": "nightly_settlement",
                    "dag_run_id": f"scheduled__{logical}T22:00:00+00:00",
                    "task_id": task,
                    "logical_date": f"{logical}T22:00:00+00:00",
                    "start_date": None if is_upstream else iso(now),
                    "end_date": iso(now + (0 if is_upstream else took)),
                    "duration": None if is_upstream else took / SECOND,
                    "state": state,
                    "try_number": tries,
                    "max_tries": 1,
                    "map_index": -1,
                    "hostname": "scheduler-1",
                    "operator": operator,
                    "queued_when": None if is_upstream else iso(now - 3 * SECOND),
                }
            )
            now += 0 if is_upstream else took + 5 * SECOND
        if failed_at is not None:
            wrong.append({"run": f"scheduled__{logical}T22:00:00+00:00", "task": _TASKS[failed_at][0]})
    return {"task_instances": instances, "total_entries": len(instances)}, wrong
