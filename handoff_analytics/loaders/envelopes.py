"""Which records are inside a wrapping document?

Exports wrap the records that somebody wants: in the list of an API page, in a webhook, in a message of a queue. Each
record keeps the JSON pointer (RFC 6901) that leads to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

DEEPEST = 6
LISTS = (
    "data", "value", "result", "records", "issues", "incidents", "tickets", "workflow_runs", "jobs", "items", "events",
    "log_entries", "logEvents", "task_instances", "dag_runs", "executions", "audits", "ticket_metrics", "scenarioLogs",
    "entries", "results", "hits",
)  # fmt: skip
"""Members under which an API lists records."""
# Whoever has one of these is a record that holds a list, not a list that holds records.
_RECORD_KEYS = frozenset(("timestamp", "@timestamp", "message", "msg", "level", "severity", "traceId", "trace_id"))
_WEBHOOKS = ("workflow_job", "workflow_run", "check_run", "deployment_status", "issue", "pull_request")
_EXTRACTORS = frozenset(("SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH", "LOG", "TRACE", "CATALOG", "SPEC", "CONTROL"))
_EXTRACTED = frozenset(("schema", "value", "state", "version", "log", "trace", "catalog", "stream"))
_BULK = frozenset(("index", "create", "update", "delete"))
# Each kind of envelope has one of these, or else a list of objects.
_SIGNS = _BULK | {
    *("emitted_at", "_airbyte_data", "record", "hits", "_source", "doc", "repository", "specversion"),
    *("partition", "trace"),
}
_ROUTES = frozenset(("routing", "retry_on_conflict", "require_alias", "pipeline", "version", "version_type"))


def records(
    document: Any, stop: Callable[[dict[str, Any]], bool] | None = None, *, pointer: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield each record of a document with the pointer that leads to it; what is no envelope is the record itself.

    Parameters
    ----------
    document
        A JSON value.
    stop
        An object for which this is true is a record even where it looks like an envelope.
    pointer
        Where the document itself stands.
    depth
        How many envelopes were opened already; after six the rest is a record.

    Examples
    --------
    >>> list(records({"hits": {"hits": [{"_id": "1", "_source": {"number": "INC1"}}]}}))
    [('/hits/hits/0/_source', {'number': 'INC1'})]
    """
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


def are_bare(names: Collection[str]) -> bool:
    """Tell whether no object that has only such names wraps records or steers an export, unless in a list of objects.

    Examples
    --------
    >>> are_bare({"id", "status"}), are_bare({"_source", "_id"}), are_bare({"type", "state"})
    (True, False, False)
    """
    return _SIGNS.isdisjoint(names) and not ("type" in names and not _EXTRACTED.isdisjoint(names))


def is_control(document: Any) -> bool:
    """Tell whether a line steers the program that wrote or reads the file, and holds no record.

    Such are the schema and state messages of Singer and Airbyte, and the action lines of an Elasticsearch bulk file.

    Examples
    --------
    >>> is_control({"type": "STATE", "value": {}}), is_control({"index": {"_id": "1"}}), is_control({"index": 3})
    (True, True, False)
    """
    if not isinstance(document, dict):
        return False
    if isinstance(kind := document.get("type"), str) and kind in _EXTRACTORS:
        return not _EXTRACTED.isdisjoint(document)
    if len(document) == 1:
        name, action = next(iter(document.items()))
        return (
            name in _BULK and isinstance(action, dict) and all(key.startswith("_") or key in _ROUTES for key in action)
        )
    return False


def _step(document: dict[str, Any]) -> tuple[str, Any] | None:
    """Return the member that holds what an envelope wraps, and its path; null if this is no envelope."""
    names = document.keys()
    if {"stream", "data", "emitted_at"} <= names:
        return "data", document["data"]
    if "_airbyte_data" in names:
        return "_airbyte_data", _opened(document["_airbyte_data"])
    if document.get("type") == "RECORD" and "record" in names:
        return "record", document["record"]
    if isinstance(document.get("hits"), dict):
        return "hits/hits", document["hits"].get("hits", [])
    if "_source" in names:
        return "_source", document["_source"]
    if names == {"doc"} and isinstance(document["doc"], dict):
        return "doc", document["doc"]
    if "action" in names and "repository" in names:
        for name in _WEBHOOKS:
            if name in names:
                return name, document[name]
    if {"specversion", "type", "source", "data"} <= names:
        return "data", _opened(document["data"])
    if {"topic", "partition", "offset", "value"} <= names and isinstance(
        value := _opened(document["value"]), dict | list
    ):
        return "value", value
    if isinstance(event := document.get("event"), dict) and {"event_type", "occurred_at"} <= event.keys():
        return "event", event
    if isinstance(document.get("trace"), dict) and "resourceSpans" in document["trace"]:
        return "trace", document["trace"]
    if _RECORD_KEYS.isdisjoint(names):
        for name in LISTS:
            held = document.get(name)
            if isinstance(held, list) and held and isinstance(held[0], dict):
                return name, held
    return None


def _opened(value: Any) -> Any:
    """Return what a text says if it is JSON; queues carry documents as text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value
