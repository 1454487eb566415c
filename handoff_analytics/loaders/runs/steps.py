"""What do all workflow platforms say alike of a run and of its steps?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ...identity import key, linked
from ..logs.fields import flat
from ..logs.ids import present
from ..logs.roles import plan
from ..moments import Clock
from ..status import normalised

if TYPE_CHECKING:
    from ..ledger import Sink
    from ..readers import Record

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
_FRACTION = re.compile(r"(\.\d{6})\d+")
_ZONE = re.compile(r"([+-]\d\d)(\d\d)$")


def instant(value: Any) -> datetime | None:
    """Return a time of any of the spellings that platforms use, in UTC without a zone; null if there is none.

    Raises
    ------
    ValueError
        If it is something else than a time.

    Examples
    --------
    >>> instant("2026-01-05T08:00:00.1234567Z"), instant(1767600000000), instant("0001-01-01T00:00:00")
    (datetime.datetime(2026, 1, 5, 8, 0, 0, 123456), datetime.datetime(2026, 1, 5, 8, 0), None)
    """
    if value is None or value in ("", 0):
        return None
    if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\d{9,19}(\.\d+)?", value)):
        number = float(value)
        # The windows of seconds, milliseconds, microseconds and nanoseconds since 2000 do not overlap.
        for unit in (1, 1e3, 1e6, 1e9):
            if 9.4e8 <= number / unit <= 4.1e9:
                return datetime.fromtimestamp(round(number / unit, 6), UTC).replace(tzinfo=None)
        raise ValueError(f"{value!r} is no time since 1970 in s, ms, us or ns")
    text = _ZONE.sub(r"\1:\2", _FRACTION.sub(r"\1", str(value).strip().replace("Z", "+00:00")))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        found = Clock().read(value)
        if found is None:
            raise
        moment = found.at
    if moment.year < 1971:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970."""
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def document(value: Any) -> Any:
    """Return what a JSON text says, as platforms put inputs and outputs into text; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def business_key(*values: Any) -> str | None:
    """Return the first correlation id among some inputs of a run.

    Examples
    --------
    >>> business_key(None, '{"order": {"orderId": "O-7"}}')
    'O-7'
    """
    for value in map(document, values):
        if isinstance(value, dict):
            fields, _ = flat(value)
            nearest = {name.rpartition(".")[2]: content for name, content in reversed(fields.items())}
            for names in (fields, nearest):
                for name in plan(tuple(names), {}).get("correlation", ()):
                    if (found := present(names[name])) is not None:
                        return found
    return None


def trace_of(platform: str, run_id: str) -> str:
    """Return the trace that the steps and the events of a run share."""
    return f"{platform}:{run_id}"


def load_run(record: Record, sink: Sink, row: dict[str, Any], *, further: bool = False) -> int:
    """Load a run; its status is normalised, and an unknown one is unset and flagged.

    `further` says that the record is about something else, such as the event that ended the run.
    """
    said = row.pop("said_status", None)
    status = normalised(said) if said is not None else None
    started, ended = row.get("started_at"), row.get("ended_at")
    row["technical_status"] = (status or "unset") if said is not None else ("running" if ended is None else "unset")
    if started is not None and ended is not None:
        row["duration_us"] = microseconds(ended) - microseconds(started)
    uid = (sink.add if further else sink.load)(record, "runs", row)
    if said is not None and status is None:
        sink.flag("runs", uid, "unknown_status", str(said), record)
    return uid


def add_step(
    record: Record, sink: Sink, row: dict[str, Any], *, fed_by: list[str] | None = None, further: bool = True
) -> None:
    """Add a step of a run as a span, linked to the steps that fed it.

    `row` needs run_id, span_id, system, name and started_at; the trace of the steps is the run. `further` is false
    where the record is about the step itself.
    """
    said = row.pop("said_status", None)
    status = normalised(said) if said is not None else None
    started, ended = row["started_at"], row.pop("ended_at", None)
    trace_id = trace_of(row["platform_name"], row["run_id"])
    start_us = microseconds(started)
    end_us = microseconds(ended) if ended is not None else None
    del row["platform_name"]
    parent = row.get("parent_span_id")
    uid = (sink.add if further else sink.load)(
        record,
        "spans",
        {
            "kind": "step",
            "channel": "step",
            **row,
            "parent_key": key(parent) if parent else None,
            "span_uid": key(trace_id, row["span_id"], None, 1),
            "trace_id": trace_id,
            "trace_key": key(trace_id),
            "span_key": key(row["span_id"]),
            "start_us": start_us,
            "start_ns": start_us * 1000,
            "duration_us": end_us - start_us if end_us is not None else None,
            "duration_ns": (end_us - start_us) * 1000 if end_us is not None else None,
            "status": status or "unset",
            "weight": 1.0,
        },
    )
    if said is not None and status is None:
        sink.flag("spans", uid, "unknown_status", str(said), record)
    if end_us is not None and end_us < start_us:
        sink.flag("spans", uid, "negative_duration", f"{end_us - start_us} us", record)
    for other in fed_by or []:
        sink.add(record, "span_links", linked(trace_id, row["span_id"], trace_id, other))
