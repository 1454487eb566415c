"""Which stages, jobs and tasks does the timeline of an Azure DevOps pipeline hold?

A timeline is a tree: a stage holds phases, a phase jobs, a job tasks. Jobs hand over to one another; tasks share the
machine of their job. The pipeline's own run comes with the list of builds, which a mapping pack reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import envelopes
from ..detect import Format
from ..readers import exported
from .steps import add_step, instant

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

PLATFORM = "azure_devops"
_BUILD = re.compile(r"/builds?/(\d+)(?:/|\?|$)", re.IGNORECASE)
_STATUSES = {
    "succeeded": "ok", "succeededwithissues": "ok", "failed": "error", "canceled": "cancelled",
    "abandoned": "cancelled", "skipped": "skipped", "pending": "running", "inprogress": "running",
    "0": "ok", "1": "ok", "2": "error", "3": "cancelled", "4": "skipped", "5": "cancelled",
}  # fmt: skip


def _is_record(one: dict[str, Any]) -> bool:
    return {"parentId", "type", "state"} <= one.keys()


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Load the records of timelines, one timeline a document, or one record a line."""
    del found
    for document in exported(source, sink):
        run = _build(document.value)
        for pointer, one in envelopes.records(document.value, _is_record):
            record = sink.part(document, one, pointer)
            if not isinstance(one, dict) or not one.get("id") or not _is_record(one):
                sink.reject(record, "UNKNOWN_SHAPE", "no record of a timeline: wanted id, parentId, type and state")
                continue
            with sink.attempt(record):
                _load(record, one, run or _build(one) or _build(document.value, inside=True), sink)


def _build(value: Any, *, inside: bool = False) -> str | None:
    """Return the build that an address names: of a timeline or a log; `inside` that of any record, or the timeline."""
    if not isinstance(value, dict):
        return None
    log = value.get("log")
    for address in (value.get("url"), log.get("url") if isinstance(log, dict) else None):
        if isinstance(address, str) and (named := _BUILD.search(address)) is not None:
            return named[1]
    held = value.get("records")
    if not inside or not isinstance(held, list):
        return None
    named_by = (_build(one) for one in held)
    return next((build for build in named_by if build), str(value["id"]) if value.get("id") else None)


def _load(record: Record, one: dict[str, Any], run_id: str | None, sink: Sink) -> None:
    kind = str(one.get("type") or "").lower()
    if run_id is None:
        # Apart from their timeline only jobs and tasks, which have logs, say which build they are of.
        if kind in {"job", "task"}:
            sink.reject(record, "MISSING", "a record of a timeline with no address that names its build", column="url")
        else:
            sink.skip(record, "stages and phases apart from their timeline")
        return
    started = instant(one.get("startTime"))
    if started is None:
        sink.skip(record, "stages, jobs and tasks that never started")
        return
    hands_over = kind == "job"
    name = str(one.get("name") or one["id"])
    said = one.get("result") if one.get("result") is not None else one.get("state")
    issues = [str(issue.get("message")) for issue in one.get("issues") or () if isinstance(issue, dict)]
    add_step(
        record,
        sink,
        {
            "run_id": run_id,
            "platform_name": PLATFORM,
            "platform": "orchestrator",
            "system": name,
            "name": name,
            # Only jobs take work from one another: stages and phases hold them, tasks share their machine.
            **({} if hands_over else {"kind": "internal", "channel": None}),
            "span_id": str(one["id"]).lower(),
            "parent_span_id": None if hands_over or not one.get("parentId") else str(one["parentId"]).lower(),
            "started_at": started,
            "ended_at": instant(one.get("finishTime")),
            "said_status": _STATUSES.get(str(said).lower(), said),
            "status_message": "; ".join(issues)[:4000] or None,
            "attempt": int(one.get("attempt") or 1),
            "host": one.get("workerName") or None,
            "attributes": {
                "type": one.get("type"),
                "identifier": one.get("identifier"),
                "task": (one.get("task") or {}).get("name"),
                "errors": one.get("errorCount"),
                "warnings": one.get("warningCount"),
                "within": one.get("parentId"),
            },
        },
        further=False,
    )


FORMATS = (
    Format(
        name="azure_devops_timeline",
        kind="runs",
        shape="json",
        parse=parse,
        keys=frozenset({"parentId", "type", "state", "order"}),
        any_keys=frozenset({"percentComplete", "workerName", "currentOperation", "previousAttempts", "resultCode"}),
    ),
)
