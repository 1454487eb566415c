"""What did Azure Logic Apps run, action by action?

The run id stands only in the path of the resource. `clientTrackingId` travels with a transaction from app to app: it is
the correlation id. Earlier attempts of an action stand in its retry history.
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
_PATH = re.compile(
    r"(?:/workflows/(?P<workflow>[^/]+))?/runs/(?P<run>[^/]+)(?:/actions/(?P<action>[^/]+))?(?:/(?P<more>.*))?$",
    re.IGNORECASE,
)


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read runs and their actions as the management interface lists them."""
    del found
    for record in json_records(source, sink, stop=lambda value: "properties" in value):
        value = record.value
        try:
            path = _PATH.search(str(value.get("id") or "")) if isinstance(value, dict) else None
            kind = str(value.get("type") or "").lower() if isinstance(value, dict) else ""
            if path is not None and (path["action"] is not None or kind.endswith("/actions")):
                _load_action(record, value, path, sink)
            elif path is not None or kind.endswith("/runs"):
                _load_run(record, value, path, sink)
            else:
                sink.reject(record, "UNKNOWN_SHAPE", "neither a run nor an action of Logic Apps")
        except _UNUSABLE as fault:
            sink.reject(record, "UNKNOWN_SHAPE", f"no run or action of Logic Apps: {type(fault).__name__}: {fault}")


def _correlation(properties: dict[str, Any]) -> str | None:
    found = properties.get("correlation") or {}
    return found.get("clientTrackingId") or properties.get("correlationId")


def _load_run(record: Record, value: dict[str, Any], path: re.Match[str] | None, sink: Sink) -> None:
    properties = value["properties"]
    workflow = (properties.get("workflow") or {}).get("id") or ""
    named = re.search(r"/workflows/([^/]+)", workflow)
    trigger = properties.get("trigger") or {}
    fault = properties.get("error") or {}
    run_id = str(path["run"] if path is not None else value["name"])
    name = (path["workflow"] if path is not None else None) or (named[1] if named else None) or "logic app"
    ended = instant(properties.get("endTime"))
    load_run(
        record,
        sink,
        {
            "run_id": run_id,
            "workflow": name,
            "platform": "logic_apps",
            "platform_type": "ipaas",
            "replay_of": properties.get("originRunId") or properties.get("OriginRunId"),
            "trigger_kind": "schedule" if "recurrence" in str(trigger.get("name")).lower() else "event",
            "triggered_by": trigger.get("name"),
            "queued_at": instant(properties.get("waitEndTime")),
            "started_at": instant(properties.get("startTime")),
            "ended_at": ended,
            "said_status": properties.get("status"),
            "error_type": fault.get("code")
            or (properties.get("code") if properties.get("status") == "Failed" else None),
            "error_message": fault.get("message"),
            "correlation_id": _correlation(properties),
            "attributes": {"code": properties.get("code"), "trigger": trigger.get("name")},
        },
    )


def _load_action(record: Record, value: dict[str, Any], path: re.Match[str], sink: Sink) -> None:
    properties = value["properties"]
    started = instant(properties.get("startTime"))
    if started is None:
        sink.skip(record, "an action that never started")
        return
    name = str(value.get("name") or path["action"])
    fault = properties.get("error") or {}
    repetition = path["more"] or ""
    retries = [one for one in properties.get("retryHistory") or [] if isinstance(one, dict)]
    earlier = [one for one in retries if instant(one.get("endTime")) != instant(properties.get("endTime"))]
    shared = {
        "run_id": str(path["run"]),
        "workflow": path["workflow"],
        "correlation_id": _correlation(properties),
        "platform_name": "logic_apps",
        "platform": "ipaas",
        "system": name,
        "name": name,
    }
    for attempt, one in enumerate(earlier, 1):
        begun = instant(one.get("startTime"))
        if begun is not None:
            add_step(
                record,
                sink,
                {
                    **shared,
                    "span_id": f"{name}{repetition}#{attempt}",
                    "started_at": begun,
                    "ended_at": instant(one.get("endTime")),
                    "said_status": "failed",
                    "attempt": attempt,
                    "error_type": (one.get("error") or {}).get("code") or one.get("code"),
                    "status_message": (one.get("error") or {}).get("message"),
                },
            )
    last = retries[-1] if retries and retries[-1] not in earlier else {}
    add_step(
        record,
        sink,
        {
            **shared,
            "span_id": f"{name}{repetition}#{len(earlier) + 1}",
            "started_at": (instant(last.get("startTime")) if last else None) or started,
            "ended_at": instant(properties.get("endTime")),
            "said_status": properties.get("status"),
            "attempt": len(earlier) + 1,
            "error_type": fault.get("code")
            or (properties.get("code") if properties.get("status") == "Failed" else None),
            "status_message": fault.get("message"),
            "attributes": {
                "code": properties.get("code"),
                "action_tracking_id": (properties.get("correlation") or {}).get("actionTrackingId"),
                "tracking_id": properties.get("trackingId"),
            },
        },
        further=False,
    )


class Resource(Format):
    """A resource of Azure is one of ours by its type or path, not by its keys, which all resources have."""

    def matches(self, record: dict[str, Any]) -> bool:
        """Tell whether a resource is a run of a logic app or an action of one."""
        kind, path = str(record.get("type")).lower(), str(record.get("id"))
        return super().matches(record) and (
            kind.startswith("microsoft.logic/workflows/runs") or bool(_PATH.search(path))
        )


FORMATS = (
    Resource(
        name="logic_apps", kind="runs", shape="json", parse=parse, keys=frozenset({"properties", "name", "type", "id"}),
    ),
)  # fmt: skip
