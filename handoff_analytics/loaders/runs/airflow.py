"""What did Airflow run?

A DAG run is a run, a task instance a step. The API lists either; of a task only the last try unless `/tries` was asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..detect import Format
from ..readers import json_records
from .steps import add_step, instant, load_run

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_UNUSABLE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
_OWN_WORK = re.compile(r"(Python|Bash|Branch|ShortCircuit|Empty|Dummy|LatestOnly|TriggerDagRun|Decorated)")
"""Operators whose work the worker does itself: the system of their steps is the orchestrator."""

_NEVER_RAN = frozenset({"upstream_failed", "skipped", "removed"})
"""States of tasks that nothing was handed to, once they have no start."""


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read task instances and DAG runs, of versions 1 to 3 of the API."""
    del found
    for record in json_records(source, sink, stop=lambda value: "dag_id" in value):
        try:
            if "task_id" in record.value:
                _load_task(record, record.value, sink)
            else:
                _load_run(record, record.value, sink)
        except _UNUSABLE as fault:
            sink.reject(record, "UNKNOWN_SHAPE", f"no Airflow run or task: {type(fault).__name__}: {fault}")


def _run_id(value: dict[str, Any]) -> str:
    run = value.get("dag_run_id") or value.get("run_id") or value.get("logical_date") or value.get("execution_date")
    return f"{value['dag_id']}/{run}"


def _load_run(record: Record, value: dict[str, Any], sink: Sink) -> None:
    load_run(
        record,
        sink,
        {
            "run_id": _run_id(value),
            "workflow": str(value["dag_id"]),
            "platform": "airflow",
            "platform_type": "orchestrator",
            "trigger_kind": value.get("run_type"),
            "queued_at": instant(value.get("queued_at")),
            "started_at": instant(value.get("start_date") or value.get("run_after")),
            "ended_at": instant(value.get("end_date")),
            "said_status": value.get("state"),
            "attributes": {name: value.get(name) for name in ("logical_date", "conf", "note") if value.get(name)},
        },
    )


def _load_task(record: Record, value: dict[str, Any], sink: Sink) -> None:
    """Load a task as a run of its own step: the record is about the task, its DAG run may be in another file."""
    started = instant(value.get("start_date") or value.get("queued_when") or value.get("logical_date"))
    if started is None:
        sink.skip(record, "a task that never started")
        return
    attempt = int(value.get("try_number") or 1)
    place = value.get("map_index")
    step = str(value["task_id"]) if place in {None, -1} else f"{value['task_id']}[{place}]"
    load_run(
        record,
        sink,
        {
            "run_id": f"{_run_id(value)}/{step}#{attempt}",
            "workflow": str(value["dag_id"]),
            "platform": "airflow_task",
            "platform_type": "orchestrator",
            "attempt": attempt,
            "parent_run_id": _run_id(value),
            "queued_at": instant(value.get("queued_when")),
            "started_at": started,
            "ended_at": instant(value.get("end_date")),
            "said_status": value.get("state"),
            "failed_step": step if value.get("state") == "failed" else None,
            "last_step": step,
            # Skipped says that it never ran; only the state says whether because of another task's failure.
            "attributes": {
                name: value[name] for name in ("operator", "hostname", "pool", "max_tries") if value.get(name)
            }
            | ({"state": value["state"]} if value.get("state") in _NEVER_RAN else {}),
        },
    )
    if value.get("start_date") is None and value.get("state") in _NEVER_RAN:
        return
    operator = str(value.get("operator") or value["task_id"])
    add_step(
        record,
        sink,
        {
            "run_id": _run_id(value),
            "workflow": str(value["dag_id"]),
            "platform_name": "airflow",
            "platform": "orchestrator",
            "span_id": f"{step}#{attempt}",
            "system": "airflow" if _OWN_WORK.match(operator) else operator,
            "host": value.get("hostname"),
            "name": step,
            "started_at": started,
            "ended_at": instant(value.get("end_date")),
            "said_status": value.get("state"),
            "attempt": attempt,
        },
    )


FORMATS = (
    Format(
        name="airflow",
        kind="runs",
        shape="json",
        keys=frozenset({"dag_id"}),
        any_keys=frozenset(
            {"task_id", "try_number", "dag_run_id", "run_id", "state", "logical_date", "execution_date", "operator"}
        ),
        parse=parse,
    ),
)
