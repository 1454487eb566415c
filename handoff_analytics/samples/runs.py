"""What do the low-code tool and the orchestrator export about their runs?

Lead forms run through an n8n-like flow that says `finished` even when a step failed; the nightly batch leaves Airflow's
DAG runs and task instances. What kind of node or operator a step is says nothing of the system that it is about: the
catalogue says that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .company import MEANT
from .phenomena import TYPE_OF
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
_MODES = {1: "schema_mismatch", 2: "rate_limit", 3: "invalid_credentials"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one run that another system's work went into."""

    workflow: str
    source: str
    target: str
    failed: bool = False
    silent: bool = False
    mode: str = ""


def step_handoffs(steps: list[Step]) -> list[dict[str, Any]]:
    """Return the truth about the handoffs between the steps of runs, in the order of their names.

    A failed step says no reason in the batch: there its mode is unknown, and its type unclassified.
    """
    groups: dict[tuple[str, str, str], list[Step]] = {}
    for step in steps:
        groups.setdefault((step.source, step.target, step.workflow), []).append(step)
    rows = []
    for (source, target, workflow), group in sorted(groups.items()):
        wrong = [step for step in group if step.failed or step.silent]
        types = Counter(TYPE_OF[step.mode].value if step.mode else "unclassified" for step in wrong)
        rows.append(
            {
                "source": source,
                "target": target,
                "channel": "step",
                "workflow": workflow,
                "crossings": len(group),
                "failures": len(wrong),
                "silent": sum(step.silent for step in group),
                "types": dict(sorted(types.items())),
                "modes": dict(sorted(Counter(step.mode for step in wrong if step.mode).items())),
            }
        )
    return rows


def n8n(
    count: int, *, seed: int, since: int, until: int, faults: bool
) -> tuple[dict[str, Any], list[dict[str, Any]], list[Step]]:
    """Return an export of executions, what truly happened in those that went wrong, and every step handed on."""
    random = stream(seed, "n8n")
    executions, wrong, steps = [], [], []
    for number in range(count):
        at = since + (until - since) * number // count + int(random.random() * 6 * HOUR)
        execution, truth = _execution(number, at, random, faults=faults)
        executions.append(execution)
        if truth is not None:
            wrong.append(truth)
        steps += _lead_steps(execution, truth)
    return {"data": executions, "nextCursor": None}, wrong, steps


def _lead_steps(execution: dict[str, Any], truth: dict[str, Any] | None) -> list[Step]:
    names, systems = [name for name, _ in NODES], [MEANT[kind] for _, kind in NODES]
    ran = len(execution["data"]["resultData"]["runData"])
    struck = names.index(truth["target"]) if truth else -1
    return [
        Step(
            "lead_intake",
            systems[place - 1],
            systems[place],
            failed=place == struck and not (truth or {})["silent"],
            silent=place == struck and (truth or {})["silent"],
            mode=_MODES[place] if place == struck else "",
        )
        for place in range(1, ran)
    ]


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


DAG = "nightly_settlement"
_TASKS = (
    ("extract_orders", "PostgresOperator", 40),
    ("settle_payments", "KafkaConsumerOperator", 25),
    ("load_stock", "SimpleHttpOperator", 60),
    ("report", "PythonOperator", 8),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What Airflow's interface lists of the nightly batch, and the truth about it."""

    dag_runs: dict[str, Any]
    task_instances: dict[str, Any]
    wrong: list[dict[str, Any]]
    steps: list[Step]


def airflow(*, seed: int, since: int, until: int, faults: bool) -> Batch:
    """Return the nightly DAG's runs and task instances, the runs that did not end well, and every step handed on."""
    random = stream(seed, "airflow")
    systems = [MEANT["Airflow"], *(MEANT[f"{DAG}.{task}"] for task, _, _ in _TASKS)]
    instances, dag_runs, wrong, steps = [], [], [], []
    for day in range(since, until, DAY):
        logical = f"{datetime.fromtimestamp(day // SECOND, tz=UTC):%Y-%m-%d}"
        run: dict[str, Any] = {"dag_id": DAG, "dag_run_id": f"scheduled__{logical}T22:00:00+00:00"}
        now = day + 22 * HOUR + 60 * SECOND
        started = now
        failed_at = random.randrange(4) if faults and random.random() < 0.05 else None
        for index, (task, operator, seconds) in enumerate(_TASKS):
            took = int((0.5 + random.random()) * seconds * SECOND)
            is_upstream = failed_at is not None and index > failed_at
            state = "upstream_failed" if is_upstream else "failed" if index == failed_at else "success"
            tries = 2 if index == failed_at else 0 if is_upstream else 1
            instances.append(
                run
                | {
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
            if not is_upstream:
                steps.append(Step(DAG, systems[index], systems[index + 1], failed=index == failed_at))
            now += 0 if is_upstream else took + 5 * SECOND
        dag_runs.append(
            run
            | {
                "logical_date": f"{logical}T22:00:00+00:00",
                "start_date": iso(started - 5 * SECOND),
                "end_date": iso(now),
                "run_type": "scheduled",
                "state": "success" if failed_at is None else "failed",
            }
        )
        if failed_at is not None:
            wrong.append({"run": run["dag_run_id"], "task": _TASKS[failed_at][0]})
    return Batch(
        {"dag_runs": dag_runs, "total_entries": len(dag_runs)},
        {"task_instances": instances, "total_entries": len(instances)},
        wrong,
        steps,
    )
