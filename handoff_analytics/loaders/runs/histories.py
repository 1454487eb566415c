"""What does the event history of one execution say: when it ran, which steps it had, what they handed on?

Step Functions and Temporal write one event for each change. Every event becomes a log record; the run and its steps are
put together when the last event of an execution has been read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ...identity import key
from .. import envelopes
from ..readers import exported
from .steps import add_step, load_run, microseconds, trace_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..ledger import Sink
    from ..readers import Record, Source

_UNUSABLE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
_FAILED = re.compile(r"Failed|TimedOut|Aborted|Terminated|FAILED|TIMED_OUT|TERMINATED")


class Event(NamedTuple):
    """One change in an execution."""

    number: int
    """Place in the execution, as the platform numbers it."""
    kind: str
    at: datetime
    details: dict[str, Any]
    before: int = 0
    """Number of the event that led to this one."""
    name: str | None = None
    """Step, activity or state that changed."""
    error_type: str | None = None
    message: str | None = None


@dataclass
class Step:
    """One attempt of one step."""

    id: str
    system: str
    name: str
    started_at: datetime
    ended_at: datetime | None = None
    status: str = "running"
    attempt: int = 1
    fed_by: list[str] = field(default_factory=list)
    error_type: str | None = None
    message: str | None = None


class Execution(NamedTuple):
    """What the events of one execution amount to."""

    run: dict[str, Any]
    steps: list[Step]


class Platform(NamedTuple):
    """How one platform writes its histories."""

    name: str
    event: Callable[[dict[str, Any]], Event | None]
    """Reads an object as an event; None if it is none."""
    owner: Callable[[dict[str, Any]], str | None]
    """Execution that an object says it belongs to."""
    described: Callable[[dict[str, Any]], dict[str, Any] | None]
    """Run that an object describes by itself, without events; None if it describes none."""
    together: Callable[[str, list[Event]], Execution]
    """Puts the events of one execution together, in the order of their numbers."""
    last: Callable[[str], bool]
    """Whether an event of this kind ends an execution."""


def read(source: Source, sink: Sink, platform: Platform) -> None:
    """Read every execution of a file: one a document, or one event a line."""
    waiting: dict[str, list[tuple[Record, Event]]] = {}
    for document in exported(source, sink):
        value = document.value
        nested = _nested(value)
        group = f"line {document.line}" if nested else ""
        inside = value["history"] if nested and isinstance(value.get("history"), dict) else value
        mine = platform.owner(value) if nested else None
        for pointer, item in envelopes.records(inside, lambda one: "type" in one or "eventType" in one):
            record = sink.part(document, item, pointer)
            try:
                event = platform.event(item)
                run = platform.described(item) if event is None else None
                if run is not None:
                    load_run(record, sink, run)
                    continue
            except _UNUSABLE as fault:
                sink.reject(record, "UNKNOWN_SHAPE", f"no event of {platform.name}: {type(fault).__name__}: {fault}")
                continue
            if event is None:
                sink.reject(record, "UNKNOWN_SHAPE", f"neither an event nor an execution of {platform.name}")
                continue
            name = mine or platform.owner(item) or group
            waiting.setdefault(name, []).append((record, event))
            if name and not nested and event.number > 1 and platform.last(event.kind):
                _finish(sink, platform, name, waiting.pop(name))
        if nested and (mine or group) in waiting:
            _finish(sink, platform, mine or "", waiting.pop(mine or group))
    for name, events in sorted(waiting.items()):
        _finish(sink, platform, name, events)


def _nested(value: Any) -> bool:
    """Tell whether a document holds the whole history of one execution."""
    return isinstance(value, dict) and (isinstance(value.get("events"), list) or isinstance(value.get("history"), dict))


def _finish(sink: Sink, platform: Platform, name: str, found: list[tuple[Record, Event]]) -> None:
    """Load the events of one execution, its run and its steps."""
    found.sort(key=lambda one: one[1].number)
    first = found[0][1]
    run_id = name or f"{first.at:%Y-%m-%dT%H:%M:%S.%f}-{key(str(first.details)):x}"
    record = found[-1][0]
    try:
        execution = platform.together(run_id, [event for _, event in found])
    except _UNUSABLE as fault:
        for place, _ in found:
            sink.reject(place, "UNKNOWN_SHAPE", f"no execution of {platform.name}: {type(fault).__name__}: {fault}")
        return
    run_id = execution.run["run_id"]
    trace_id = trace_of(platform.name, run_id)
    for place, event in found:
        failed = bool(_FAILED.search(event.kind))
        sink.load(
            place,
            "log_records",
            {
                "logged_at": event.at,
                "log_us": microseconds(event.at),
                "severity": 17 if failed else 9,
                "system": event.name or execution.run["workflow"],
                "trace_id": trace_id,
                "trace_key": key(trace_id),
                "correlation_id": execution.run.get("correlation_id"),
                "body": event.message or f"{event.kind} {event.name or ''}".strip(),
                "event_name": event.kind,
                "exception_type": event.error_type,
                "exception_message": event.message if event.error_type else None,
                "case_id": run_id,
                "activity": event.name or event.kind,
                "lifecycle": event.kind,
                "attributes": {"number": event.number, "before": event.before or None},
            },
        )
    load_run(record, sink, {"platform": platform.name, "platform_type": "orchestrator", **execution.run}, further=True)
    for step in execution.steps:
        add_step(
            record,
            sink,
            {
                "run_id": run_id,
                "workflow": execution.run["workflow"],
                "correlation_id": execution.run.get("correlation_id"),
                "platform_name": platform.name,
                "platform": "orchestrator",
                "span_id": step.id,
                "system": step.system,
                "name": step.name,
                "started_at": step.started_at,
                "ended_at": step.ended_at,
                "said_status": step.status,
                "attempt": step.attempt,
                "error_type": step.error_type,
                "status_message": step.message,
            },
            fed_by=step.fed_by,
        )
