"""Which trace, span and transaction does a log line name?"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.IGNORECASE)
_ROOT = re.compile(r"(?:.*Root=)?1-([0-9a-f]{8})-([0-9a-f]{24})", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LABEL = (
    r"(?P<label>trace[_-]?id|span[_-]?id|x-request-id|correlation[_-]?id|request[_-]?id|req[_-]?id|conversation[_-]?id"
    r"|transaction[_-]?id|txn?[_-]?id|order[_-]?(?:id|no|number)|invoice[_-]?(?:id|no|number)|message[_-]?id)"
)
_NAMED = re.compile(_LABEL + r"[\"']?\s*[=:]\s*[\"'\[(]?(?P<id>[\w./-]*\w)", re.IGNORECASE)
_REQUEST = re.compile(r"\breq-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_NOTHING = {"", "-", "none", "null", "nil", "n/a", "undefined", "unknown"}


class Ids(NamedTuple):
    """The ids that a text names."""

    trace_id: str | None = None
    span_id: str | None = None
    correlation_id: str | None = None


def present(value: Any) -> str | None:
    """Return an id as text, or null where a logger wrote that it has none."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    text = str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))  # a table put an integer column through floating point
    return None if text.lower() in _NOTHING or not text.strip("0-") else text


def trace_id(value: Any, *, decimal: bool = False) -> str | None:
    """Return a trace id as 32 hex digits where it is one, else as it stands, in lower case.

    Examples
    --------
    >>> trace_id("1-581cf771-a006649127e371903a2de979")
    '581cf771a006649127e371903a2de979'
    >>> trace_id("projects/shop/traces/06796866738C859F2F19B7CFB3214824")
    '06796866738c859f2f19b7cfb3214824'
    >>> trace_id("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    >>> trace_id("9532127138774266268", decimal=True)
    '00000000000000008448eb211c80319c'
    """
    text = present(value)
    if text is None:
        return None
    text = text.rpartition("/")[2]
    if found := _TRACEPARENT.fullmatch(text):
        return found[1].lower()
    if found := _ROOT.match(text):
        return (found[1] + found[2]).lower()
    if decimal and text.isdigit():
        return f"{int(text):032x}"
    if _UUID.fullmatch(text):
        return text.replace("-", "").lower()
    if _HEX.fullmatch(text) and len(text) <= 32:
        return text.lower().zfill(32)
    return text.lower()


def span_id(value: Any, *, decimal: bool = False) -> str | None:
    """Return a span id in lower case, as 16 hex digits where it is a number."""
    text = present(value)
    if text is None:
        return None
    if found := _TRACEPARENT.fullmatch(text):
        return found[2].lower()
    if decimal and text.isdigit():
        return f"{int(text):016x}"
    return text.lower()


def ids_in(text: str) -> Ids:
    """Return the ids that a message names in its words.

    Examples
    --------
    >>> ids_in("TraceID: 96b4037808250b1fd21cbd435e19449d SpanID: a118ac4eed71378b order_id=ORD-7")
    Ids(trace_id='96b4037808250b1fd21cbd435e19449d', span_id='a118ac4eed71378b', correlation_id='ORD-7')
    """
    trace = span = correlation = None
    for found in _NAMED.finditer(text):
        label = found["label"].lower().replace("_", "").replace("-", "")
        if label == "traceid":
            trace = trace or trace_id(found["id"])
        elif label == "spanid":
            span = span or span_id(found["id"])
        else:
            correlation = correlation or present(found["id"])
    if correlation is None and (request := _REQUEST.search(text)) is not None:
        correlation = request[0]
    return Ids(trace, span, correlation)
