"""What did AWS Step Functions run, state by state?

An execution that succeeds may hold failed tasks: an error that a state catches is handled, or hidden. Each attempt of a
task is a step; it is fed by the task that the chain of events leads back to, whatever runs in parallel between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..detect import Format
from . import histories
from .histories import Event, Execution, Platform, Step
from .steps import business_key, document, instant

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Source

_ENDS = {
    "ExecutionSucceeded": "succeeded",
    "ExecutionFailed": "failed",
    "ExecutionAborted": "aborted",
    "ExecutionTimedOut": "timed_out",
}
_BAD = ("Failed", "TimedOut", "Aborted")
# What the parameters of a task name its target by, the most telling first.
_TARGETS = (
    "FunctionName", "StateMachineArn", "QueueUrl", "TopicArn", "TableName", "JobName", "JobDefinition", "EventBusName",
    "ApiEndpoint", "Bucket", "StreamName", "Cluster", "ProjectName", "ActivityArn",
)  # fmt: skip


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read histories as the API, the command line and CloudWatch give them, and executions as they are described."""
    del found
    histories.read(source, sink, PLATFORM)


def _owner(value: dict[str, Any]) -> str | None:
    arn = value.get("execution_arn") or value.get("executionArn")
    return str(arn) if arn else None


def _event(value: dict[str, Any]) -> Event | None:
    kind = value.get("type")
    when = value.get("timestamp", value.get("event_timestamp"))
    if not isinstance(kind, str) or when is None or "id" not in value:
        return None
    at = instant(when)
    if at is None:
        return None
    details = next(
        (item for name, item in value.items() if name.endswith("EventDetails") and isinstance(item, dict)), None
    )
    details = details if details is not None else value.get("details") or {}
    cause = document(details.get("cause"))
    message = (cause.get("errorMessage") or cause.get("message")) if isinstance(cause, dict) else cause
    before = value.get("previousEventId", value.get("previous_event_id"))
    return Event(
        number=int(value["id"]),
        kind=kind,
        at=at,
        details=details,
        before=int(before or 0),
        name=details.get("name"),
        error_type=details.get("error"),
        message=None if message is None else str(message),
    )


def _described(value: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run of an execution that was described, listed or announced by EventBridge."""
    detail = value.get("detail")
    value = detail if isinstance(detail, dict) else value
    arn = value.get("executionArn")
    if not arn or "status" not in value:
        return None
    started, ended = (instant(value.get(name)) for name in ("startDate", "stopDate"))
    return {
        "run_id": str(arn),
        "workflow": _named(str(value.get("stateMachineArn") or arn.rpartition(":")[0])),
        "platform": "stepfunctions",
        "platform_type": "orchestrator",
        "started_at": started,
        "ended_at": ended,
        "said_status": value["status"],
        "business_status": _outcome(value.get("output")),
        "error_type": value.get("error"),
        "error_message": value.get("cause"),
        "correlation_id": business_key(value.get("input")),
        "attributes": {name: value[name] for name in ("name", "redriveCount", "traceHeader") if value.get(name)},
    }


def _named(arn: str) -> str:
    return arn.rpartition(":")[2] or arn


def _outcome(output: Any) -> str | None:
    """Return `failed` for an output that is an error object: what a state caught and passed on."""
    said = document(output)
    return "failed" if isinstance(said, dict) and {"Error", "Cause"} <= said.keys() else None


def _together(run_id: str, events: list[Event]) -> Execution:
    by_number = {event.number: event for event in events}
    started = next((event for event in events if event.kind == "ExecutionStarted"), events[0])
    ended = next((event for event in reversed(events) if event.kind in _ENDS), None)
    steps = _steps(events, by_number)
    failed = [step for step in steps if step.status in {"failed", "timed_out"}]
    output = ended.details.get("output") if ended is not None else None
    machine = run_id.rpartition(":")[0].rpartition(":")[2] if run_id.startswith("arn:") else "state machine"
    run = {
        "run_id": run_id,
        "workflow": machine,
        "started_at": started.at,
        "ended_at": ended.at if ended is not None else None,
        "said_status": _ENDS[ended.kind] if ended is not None else "running",
        "business_status": _outcome(output),
        "error_type": ended.error_type if ended is not None else None,
        "error_message": ended.message if ended is not None else None,
        "failed_step": failed[-1].name if failed else None,
        "last_step": steps[-1].name if steps else None,
        "correlation_id": business_key(started.details.get("input")),
        "attributes": {"failed_attempts": len(failed)} if failed else None,
    }
    return Execution(run, steps)


def _steps(events: list[Event], by_number: dict[int, Event]) -> list[Step]:
    """Return each attempt of each task in the order in which they began."""
    steps: list[Step] = []
    last_of: dict[int, Step] = {}  # by the event that entered the state: its latest attempt
    for event in events:
        entered = _entered(event, by_number)
        if event.kind == "TaskStateEntered":
            name = event.name or "task"
            step = Step(str(event.number), name, name, event.at, fed_by=_feeders(event, by_number, last_of))
            last_of[event.number] = step
            steps.append(step)
        elif entered is None or entered.number not in last_of:
            continue
        elif event.kind.endswith("Scheduled"):
            before = last_of[entered.number]
            system = _system(event.details) or before.name
            if before.status == "running" and before.system == before.name:
                before.system, before.started_at = system, event.at
                continue
            step = Step(
                f"{entered.number}.{before.attempt + 1}", system, before.name, event.at, attempt=before.attempt + 1,
                fed_by=before.fed_by,
            )  # fmt: skip
            last_of[entered.number] = step
            steps.append(step)
        elif event.kind == "TaskStateExited" or event.kind.endswith(("Succeeded", *_BAD)):
            step = last_of[entered.number]
            if step.status == "running":
                bad = next((end for end in _BAD if event.kind.endswith(end)), None)
                step.status = (
                    {"Failed": "failed", "TimedOut": "timed_out", "Aborted": "aborted"}[bad] if bad else "succeeded"
                )
                step.ended_at = event.at
                step.error_type, step.message = event.error_type, event.message
    return steps


def _entered(event: Event, by_number: dict[int, Event]) -> Event | None:
    """Return the event that entered the state to which an event belongs."""
    seen: set[int] = set()
    current: Event | None = by_number.get(event.before)
    while current is not None and current.number not in seen:
        seen.add(current.number)
        if current.kind.endswith("StateEntered"):
            return current
        if current.kind.endswith("StateExited"):
            return None
        current = by_number.get(current.before)
    return None


def _feeders(entered: Event, by_number: dict[int, Event], last_of: dict[int, Step]) -> list[str]:
    """Return the task that the chain of events before a state leads back to."""
    seen: set[int] = set()
    current = by_number.get(entered.before)
    while current is not None and current.number not in seen:
        seen.add(current.number)
        if current.kind == "TaskStateEntered" and current.number in last_of:
            return [last_of[current.number].id]
        current = by_number.get(current.before)
    return []


def _system(details: dict[str, Any]) -> str | None:
    """Return what a task calls: the function, queue, table or machine that its parameters name."""
    parameters = document(details.get("parameters"))
    if isinstance(parameters, dict):
        for name in _TARGETS:
            value = parameters.get(name) or parameters.get(f"{name}.$")
            if isinstance(value, str) and value:
                return _target(value)
    resource = details.get("resource")
    if isinstance(resource, str) and resource.startswith("arn:"):
        return _target(resource)
    kind = details.get("resourceType")
    return f"{kind}:{resource}" if kind and resource else str(resource) if resource else None


def _target(value: str) -> str:
    """Return the name in an ARN or URL: a function without its version."""
    if value.startswith("arn:"):
        parts = value.split(":")
        name = parts[6] if len(parts) > 6 else parts[5]
        return name.rpartition("/")[2]
    return value.rstrip("/").rpartition("/")[2] if "://" in value else value.partition(":")[0]


PLATFORM = Platform("stepfunctions", _event, _owner, _described, _together, lambda kind: kind in _ENDS)


class Announcement(Format):
    """EventBridge wraps the events of every service alike: ours name an execution."""

    def matches(self, record: dict[str, Any]) -> bool:
        """Tell whether an announced event is about an execution."""
        detail = record.get("detail")
        return super().matches(record) and isinstance(detail, dict) and "executionArn" in detail


FORMATS = (
    Format(
        name="stepfunctions", kind="runs", shape="json", parse=parse, keys=frozenset({"id", "type", "previousEventId"}),
        any_keys=frozenset({"timestamp", "executionStartedEventDetails", "stateEnteredEventDetails"}),
    ),
    Format(
        name="stepfunctions", kind="runs", shape="json", parse=parse, keys=frozenset({"id", "type", "execution_arn"}),
        any_keys=frozenset({"event_timestamp", "details", "previous_event_id"}),
    ),
    Format(
        name="stepfunctions", kind="runs", shape="json", parse=parse, keys=frozenset({"executionArn", "status"}),
        any_keys=frozenset({"stateMachineArn", "startDate", "stopDate"}),
    ),
    Announcement(
        name="stepfunctions", kind="runs", shape="json", parse=parse, keys=frozenset({"detail", "detail-type"}),
        any_keys=frozenset({"source"}),
    ),
)  # fmt: skip
