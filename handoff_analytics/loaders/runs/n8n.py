"""What did n8n run, node by node?

An execution is a run; each execution of a node is a step, linked to the nodes that fed it. `finished: true` says that
it ended, not that it succeeded; a node that goes on after an error says success and carries `json.error`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from ..detect import Format
from ..readers import json_records
from .steps import add_step, instant, load_run

if TYPE_CHECKING:
    from ..detect import Detection
    from ..ledger import Sink
    from ..readers import Record, Source

_UNUSABLE = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
_DEEPEST = 100


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read executions as the API lists them and as the database stores them."""
    del found
    for record in json_records(source, sink, stop=lambda value: "workflowId" in value and "startedAt" in value):
        value = record.value
        try:
            _load(record, value, sink)
        except _UNUSABLE as fault:
            sink.reject(record, "UNKNOWN_SHAPE", f"no n8n execution: {type(fault).__name__}: {fault}")


def unflattened(text: str) -> Any:
    """Return a value that n8n stored flatted: a list whose strings are indexes into itself.

    Examples
    --------
    >>> unflattened('[{"a":"1","b":"2"},"one",["1","3"],5]')
    {'a': 'one', 'b': ['one', 5]}
    """
    cells = orjson.loads(text)

    def built(value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise RecursionError(f"data nests deeper than {_DEEPEST}")
        if isinstance(value, str):
            cell = cells[int(value)]
            return cell if isinstance(cell, str) else built(cell, depth + 1)
        if isinstance(value, dict):
            return {name: inner(content, depth) for name, content in value.items()}
        if isinstance(value, list):
            return [inner(item, depth) for item in value]
        return value

    def inner(value: Any, depth: int) -> Any:
        return built(value, depth + 1) if isinstance(value, str | dict | list) else value

    first = cells[0]
    return built(first, 0) if isinstance(first, dict | list) else first


def _load(record: Record, value: dict[str, Any], sink: Sink) -> None:
    run_id = str(value["id"])
    workflow = value.get("workflowData") or {}
    data = value.get("data") or {}
    if isinstance(data, str):
        data = unflattened(data)
    result = data.get("resultData") or {}
    fault = result.get("error") or {}
    nodes = {node.get("name"): node for node in workflow.get("nodes") or []}
    steps = _steps(result.get("runData") or {})
    status = value.get("status")
    if status is None:
        status = "error" if fault else "success" if value.get("finished") else "running"
    custom = value.get("customData") or {}
    correlation = next((str(content) for content in custom.values() if content is not None), None)
    name = workflow.get("name") or str(value.get("workflowId"))
    hidden = [step for step in steps if step["error"] and step["status"] == "success"]
    failed = [step for step in steps if step["status"] not in {"success", "running", "waiting"}]
    shared = {"run_id": run_id, "workflow": name, "correlation_id": correlation}
    load_run(
        record,
        sink,
        {
            **shared,
            "platform": "n8n",
            "platform_type": "low_code",
            "retry_of": None if value.get("retryOf") is None else str(value["retryOf"]),
            "trigger_kind": value.get("mode"),
            "started_at": instant(value.get("startedAt")),
            "ended_at": instant(value.get("stoppedAt")),
            "said_status": status,
            "business_status": "failed" if hidden else None,
            "error_type": fault.get("name"),
            "error_message": fault.get("message"),
            "failed_step": failed[0]["name"] if failed else hidden[0]["name"] if hidden else None,
            "last_step": result.get("lastNodeExecuted"),
            "attributes": {"finished": value.get("finished"), "retrySuccessId": value.get("retrySuccessId"), **custom},
        },
    )
    for step in steps:
        node = nodes.get(step["name"]) or {}
        add_step(
            record,
            sink,
            {
                **shared,
                "platform_name": "n8n",
                "platform": "low_code",
                "span_id": step["id"],
                "system": node.get("type") or step["name"],
                "name": step["name"],
                "started_at": step["started_at"],
                "ended_at": step["ended_at"],
                "said_status": step["status"],
                "business_status": "failed" if step in hidden else None,
                "status_message": step["error"],
                "error_type": step["error_type"],
                "http_status": step["http_status"],
                "attempt": step["attempt"],
            },
            fed_by=step["fed_by"],
        )


def _steps(run_data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every execution of every node in the order in which they ran."""
    found = []
    for name, executions in run_data.items():
        for place, one in enumerate(executions or []):
            started = instant(one.get("startTime"))
            if started is None:
                continue
            fault = one.get("error") or {}
            hidden = _hidden_error(one)
            code = fault.get("httpCode") or (fault.get("context") or {}).get("httpCode")
            found.append(
                {
                    "id": f"{name}#{place}",
                    "name": name,
                    "attempt": place + 1,
                    "order": (one.get("executionIndex", 0), started, name, place),
                    "started_at": started,
                    "ended_at": started + timedelta(milliseconds=float(one.get("executionTime") or 0)),
                    "status": one.get("executionStatus") or ("error" if fault else "success"),
                    "error": fault.get("message") or hidden,
                    "error_type": fault.get("name"),
                    "http_status": int(code) if code is not None and str(code).isdigit() else None,
                    "fed_by": [
                        f"{other['previousNode']}#{other.get('previousNodeRun') or 0}"
                        for other in one.get("source") or []
                        if other and other.get("previousNode")
                    ],
                }
            )
    return sorted(found, key=lambda step: step["order"])


def _hidden_error(one: dict[str, Any]) -> str | None:
    """Return the error that a node passed on as data, as it does when told to go on after an error."""
    for branch in (one.get("data") or {}).get("main") or []:
        for item in branch or []:
            fault = ((item or {}).get("json") or {}).get("error")
            if fault:
                return str(fault.get("message") or fault) if isinstance(fault, dict) else str(fault)
    return None


FORMATS = (
    Format(
        name="n8n",
        kind="runs",
        shape="json",
        keys=frozenset({"workflowId", "startedAt"}),
        any_keys=frozenset({"mode", "stoppedAt", "finished", "workflowData", "data", "retryOf"}),
        parse=parse,
    ),
)
