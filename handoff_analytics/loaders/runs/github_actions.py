"""What did GitHub Actions run, job by job?

A run does not say when it ended: `updated_at` moves whenever anything touches it, and is flagged as an assumption.
Spellings differ between the two interfaces: `completed`/`failure` here, `FAILURE` and an empty conclusion there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..detect import Format
from ..readers import json_records
from .steps import add_step, instant, load_run

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_UNUSABLE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
_TRIGGERS = {
    "schedule": "schedule", "workflow_dispatch": "manual", "repository_dispatch": "webhook", "workflow_run": "event",
    "workflow_call": "event",
}  # fmt: skip


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read runs and jobs, as the interface lists them and as webhooks send them."""
    del found
    for record in json_records(source, sink, stop=lambda value: _is_run(value) or _is_job(value)):
        value = record.value
        try:
            if isinstance(value, dict) and _is_job(value):
                _load_job(record, value, sink)
            elif isinstance(value, dict) and _is_run(value):
                _load_run(record, value, sink)
            else:
                sink.reject(record, "UNKNOWN_SHAPE", "neither a run nor a job of GitHub Actions")
        except _UNUSABLE as fault:
            sink.reject(record, "UNKNOWN_SHAPE", f"no run or job of GitHub Actions: {type(fault).__name__}: {fault}")


def _is_run(value: dict[str, Any]) -> bool:
    return "run_number" in value and "id" in value


def _is_job(value: dict[str, Any]) -> bool:
    return (
        "run_id" in value and "id" in value and ("steps" in value or "runner_name" in value or "check_run_url" in value)
    )


def _said(value: dict[str, Any]) -> str | None:
    """Return what a run, job or step says of its end, or of where it stands while it has none."""
    conclusion, status = value.get("conclusion"), value.get("status")
    said = conclusion or status
    return str(said).lower() if said else None


def _run_id(number: Any, attempt: Any) -> str:
    """Return the id of one attempt: a re-run keeps the number of the run."""
    return str(number) if int(attempt or 1) == 1 else f"{number}#{int(attempt)}"


def _load_run(record: Record, value: dict[str, Any], sink: Sink) -> None:
    attempt = int(value.get("run_attempt") or 1)
    said = _said(value)
    done = bool(value.get("conclusion")) or (
        said is not None and said not in {"queued", "in_progress", "waiting", "requested", "pending"}
    )
    actor = value.get("triggering_actor") or value.get("actor") or {}
    repository = (value.get("repository") or {}).get("full_name")
    uid = load_run(
        record,
        sink,
        {
            "run_id": _run_id(value["id"], attempt),
            "workflow": value.get("name") or str(value.get("workflow_id")),
            "platform": "github_actions",
            "platform_type": "orchestrator",
            "attempt": attempt,
            "retry_of": _run_id(value["id"], attempt - 1) if attempt > 1 else None,
            "trigger_kind": _TRIGGERS.get(str(value.get("event")), "event"),
            "triggered_by": sink.person(actor.get("login") if isinstance(actor, dict) else None),
            "queued_at": instant(value.get("created_at")),
            "started_at": instant(value.get("run_started_at") or value.get("created_at")),
            "ended_at": instant(value.get("updated_at")) if done else None,
            "said_status": said,
            "correlation_id": value.get("head_sha"),
            "attributes": {
                "repository": repository, "branch": value.get("head_branch"), "event": value.get("event"),
                "number": value.get("run_number"),
            },
        },
    )  # fmt: skip
    if done:
        sink.flag("runs", uid, "end_assumed", "updated_at; the end of the last job, where jobs are loaded", record)


def _load_job(record: Record, value: dict[str, Any], sink: Sink) -> None:
    started = instant(value.get("started_at") or value.get("created_at"))
    if started is None:
        sink.skip(record, "a job that never started")
        return
    attempt = int(value.get("run_attempt") or 1)
    run_id = _run_id(value["run_id"], attempt)
    name = str(value.get("name") or value["id"])
    shared = {
        "run_id": run_id,
        "workflow": value.get("workflow_name"),
        "correlation_id": value.get("head_sha"),
        "platform_name": "github_actions",
        "platform": "orchestrator",
        "system": name,
        "host": value.get("runner_name") or None,
    }
    steps = [step for step in value.get("steps") or [] if isinstance(step, dict)]
    failed = next((step for step in steps if _said(step) in {"failure", "timed_out"}), None)
    add_step(
        record,
        sink,
        {
            **shared,
            "span_id": f"job-{value['id']}",
            "name": name,
            "started_at": started,
            "ended_at": instant(value.get("completed_at")),
            "said_status": _said(value),
            "status_message": f"step {failed.get('name')}" if failed is not None else None,
            "attempt": attempt,
            "attributes": {"labels": value.get("labels"), "url": value.get("html_url")},
        },
        further=False,
    )
    for place, step in enumerate(steps, 1):
        begun = instant(step.get("started_at"))
        if begun is None:
            continue
        # Steps share the machine of their job: nothing is handed over between them.
        add_step(
            record,
            sink,
            {
                **shared,
                "kind": "internal",
                "channel": None,
                "span_id": f"job-{value['id']}-{step.get('number') or place}",
                "parent_span_id": f"job-{value['id']}",
                "name": str(step.get("name") or place),
                "started_at": begun,
                "ended_at": instant(step.get("completed_at")),
                "said_status": _said(step),
                "attempt": attempt,
            },
        )


FORMATS = (
    Format(
        name="github_runs", kind="runs", shape="json", parse=parse, keys=frozenset({"run_number", "workflow_id"}),
        any_keys=frozenset({"conclusion", "status", "head_sha", "run_attempt", "head_branch"}),
    ),
    Format(
        name="github_jobs", kind="runs", shape="json", parse=parse, keys=frozenset({"run_id", "id"}),
        any_keys=frozenset({"steps", "runner_name", "check_run_url", "workflow_name", "runner_group_id"}),
    ),
)  # fmt: skip
