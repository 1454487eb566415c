"""What did Temporal run, activity by activity?

The history holds an activity only once it is final: its attempt says how often it was tried. Ids and numbers are text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..detect import Format
from . import histories
from .histories import Event, Execution, Platform, Step
from .steps import business_key, instant

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Source

_ENDS = {
    "WORKFLOW_EXECUTION_COMPLETED": "completed",
    "WORKFLOW_EXECUTION_FAILED": "failed",
    "WORKFLOW_EXECUTION_TIMED_OUT": "timed_out",
    "WORKFLOW_EXECUTION_CANCELED": "cancelled",
    "WORKFLOW_EXECUTION_TERMINATED": "terminated",
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": "completed",
}
_CLOSED = {
    "COMPLETED": "completed", "FAILED": "failed", "TIMED_OUT": "timed_out", "CANCELED": "cancelled",
    "TERMINATED": "terminated",
}  # fmt: skip
_STEP = re.compile(
    r"(?:ACTIVITY_TASK|CHILD_WORKFLOW_EXECUTION)_(?P<change>COMPLETED|FAILED|TIMED_OUT|CANCELED|TERMINATED)"
)


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read histories as the command line, the web interface and the API give them."""
    del found
    histories.read(source, sink, PLATFORM)


def _kind(value: str) -> str:
    """Return the kind of an event in one spelling: newer tools write EVENT_TYPE_X_Y, older ones XY.

    Examples
    --------
    >>> _kind("ActivityTaskScheduled"), _kind("EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT")
    ('ACTIVITY_TASK_SCHEDULED', 'ACTIVITY_TASK_TIMED_OUT')
    """
    if value.isupper():
        return value.removeprefix("EVENT_TYPE_")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value.removeprefix("EventType")).upper()


def _event(value: dict[str, Any]) -> Event | None:
    if "eventId" not in value or not isinstance(value.get("eventType"), str):
        return None
    at = instant(value.get("eventTime"))
    if at is None:
        return None
    details = next((item for name, item in value.items() if name.endswith("Attributes") and isinstance(item, dict)), {})
    failure = details.get("failure") or {}
    innermost = failure
    while isinstance(innermost.get("cause"), dict) and innermost["cause"].get("message"):
        innermost = innermost["cause"]
    kind = _kind(value["eventType"])
    error = (innermost.get("applicationFailureInfo") or {}).get("type")
    if error is None and failure:
        error = next((name.removesuffix("FailureInfo") for name in innermost if name.endswith("FailureInfo")), None)
    return Event(
        number=int(value["eventId"]),
        kind=kind,
        at=at,
        details=details,
        name=(details.get("activityType") or details.get("workflowType") or {}).get("name"),
        error_type=error or ("timeout" if kind.endswith("TIMED_OUT") else None),
        message=innermost.get("message") or details.get("reason"),
    )


def _owner(value: dict[str, Any]) -> str | None:
    execution = value.get("workflowExecution") or value.get("execution") or {}
    return execution.get("runId") if isinstance(execution, dict) else None


def _described(value: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run of an execution that a list names."""
    execution = value.get("execution")
    if not isinstance(execution, dict) or "runId" not in execution:
        return None
    return {
        "run_id": str(execution["runId"]),
        "workflow": (value.get("type") or {}).get("name"),
        "platform": "temporal",
        "platform_type": "orchestrator",
        "started_at": instant(value.get("startTime")),
        "ended_at": instant(value.get("closeTime")),
        "said_status": re.sub("^WORKFLOW_EXECUTION_STATUS_", "", str(value.get("status"))),
        "correlation_id": execution.get("workflowId"),
    }


def _together(run_id: str, events: list[Event]) -> Execution:
    started = next((event for event in events if event.kind == "WORKFLOW_EXECUTION_STARTED"), events[0])
    ended = next((event for event in reversed(events) if event.kind in _ENDS), None)
    opening = started.details
    parent = opening.get("parentWorkflowExecution") or {}
    queue = (opening.get("taskQueue") or {}).get("name")
    steps = _steps(events, queue)
    failed = [step for step in steps if step.status in {"failed", "timed_out"}]
    run = {
        "run_id": str(opening.get("originalExecutionRunId") or run_id),
        "workflow": started.name or "workflow",
        "attempt": int(opening.get("attempt") or 1),
        "parent_run_id": parent.get("runId"),
        "root_run_id": opening.get("firstExecutionRunId") or None,
        "retry_of": opening.get("continuedExecutionRunId") or None,
        "trigger_kind": "schedule" if opening.get("cronSchedule") else None,
        "triggered_by": None,
        "started_at": started.at,
        "ended_at": ended.at if ended is not None else None,
        "said_status": _ENDS[ended.kind] if ended is not None else "running",
        "error_type": ended.error_type if ended is not None else None,
        "error_message": ended.message if ended is not None else None,
        "failed_step": failed[-1].name if failed else None,
        "last_step": steps[-1].name if steps else None,
        "correlation_id": opening.get("workflowId")
        or business_key(opening.get("memo"), opening.get("searchAttributes")),
        "attributes": {"task_queue": queue, "next_run": (ended.details if ended else {}).get("newExecutionRunId")},
    }
    return Execution(run, steps)


def _steps(events: list[Event], queue: str | None) -> list[Step]:
    """Return the activities and child workflows; each is fed by those whose end led to the decision that began it."""
    steps: dict[int, Step] = {}
    closed: list[tuple[int, Step]] = []
    decisions = [0]
    for event in events:
        if event.kind == "WORKFLOW_TASK_COMPLETED":
            decisions.append(event.number)
        elif event.kind in {"ACTIVITY_TASK_SCHEDULED", "START_CHILD_WORKFLOW_EXECUTION_INITIATED"}:
            decision = int(event.details.get("workflowTaskCompletedEventId") or decisions[-1])
            before = max((number for number in decisions if number < decision), default=0)
            own = (event.details.get("taskQueue") or {}).get("name")
            steps[event.number] = Step(
                id=str(event.number),
                # Where all work on one queue, the queue tells nothing apart.
                system=own if own and own != queue and event.kind.startswith("ACTIVITY") else event.name or "activity",
                name=event.name or "activity",
                started_at=event.at,
                fed_by=[step.id for number, step in closed if before < number < decision],
            )
        else:
            _changed(event, steps, closed)
    return list(steps.values())


def _changed(event: Event, steps: dict[int, Step], closed: list[tuple[int, Step]]) -> None:
    details = event.details
    step = steps.get(int(details.get("scheduledEventId") or details.get("initiatedEventId") or 0))
    if step is None:
        return
    if event.kind in {"ACTIVITY_TASK_STARTED", "CHILD_WORKFLOW_EXECUTION_STARTED"}:
        step.started_at = event.at
        step.attempt = int(details.get("attempt") or 1)
    elif (change := _STEP.fullmatch(event.kind)) is not None:
        step.ended_at, step.status = event.at, _CLOSED[change["change"]]
        step.error_type, step.message = event.error_type, event.message
        closed.append((event.number, step))


PLATFORM = Platform("temporal", _event, _owner, _described, _together, lambda kind: kind in _ENDS)
FORMATS = (
    Format(
        name="temporal", kind="runs", shape="json", parse=parse, keys=frozenset({"eventId", "eventType", "eventTime"}),
    ),
    Format(
        name="temporal", kind="runs", shape="json", parse=parse, keys=frozenset({"history"}),
        any_keys=frozenset({"workflowExecution", "nextPageToken", "archived", "rawHistory", "history"}),
        contains=('"eventType"',),
    ),
    Format(
        name="temporal", kind="runs", shape="json", parse=parse, keys=frozenset({"execution", "type", "startTime"}),
        any_keys=frozenset({"closeTime", "historyLength", "taskQueue"}),
    ),
)  # fmt: skip
