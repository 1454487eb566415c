"""Which records are inside a wrapping document?

Exports wrap the records that somebody wants: in the list of an API page, in a webhook, in a message of a queue. Each
record keeps the JSON pointer (RFC 6901) that leads to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEEPEST = 6
_LISTS = (
    "data", "value", "result", "records", "issues", "incidents", "tickets", "workflow_runs", "jobs", "items", "events",
    "log_entries", "logEvents", "task_instances", "dag_runs", "executions", "audits", "ticket_metrics", "scenarioLogs",
    "entries", "results",
)  # fmt: skip


def records(
    document: Any, stop: Callable[[dict[str, Any]], bool] | None = None, *, pointer: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield each record of a document with the pointer that leads to it; what is no envelope is the record itself."""
    if depth > DEEPEST or (isinstance(document, dict) and stop is not None and stop(document)):
        yield pointer, document
    elif isinstance(document, list):
        for place, item in enumerate(document):
            yield from records(item, stop, pointer=f"{pointer}/{place}", depth=depth + 1)
    elif isinstance(document, dict) and (step := _step(document)) is not None:
        path, value = step
        yield from records(value, stop, pointer=f"{pointer}/{path}", depth=depth + 1)
    else:
        yield pointer, document


def _step(document: dict[str, Any]) -> tuple[str, Any] | None:
    """Return the member that holds what an envelope wraps, and its path; null if this is no envelope."""
    if {"stream", "data", "emitted_at"} <= document.keys():
        return "data", document["data"]
    if document.get("type") == "RECORD" and "record" in document:
        return "record", document["record"]
    if isinstance(document.get("hits"), dict):
        return "hits/hits", document["hits"].get("hits", [])
    if "_source" in document:
        return "_source", document["_source"]
    if "action" in document and "repository" in document:
        for name in ("workflow_job", "workflow_run", "issue"):
            if name in document:
                return name, document[name]
    if isinstance(document.get("trace"), dict) and "resourceSpans" in document["trace"]:
        return "trace", document["trace"]
    for name in _LISTS:
        if isinstance(document.get(name), list) and document[name] and isinstance(document[name][0], dict):
            return name, document[name]
    return None
