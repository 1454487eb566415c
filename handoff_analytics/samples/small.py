"""What would a reader check by hand?

Histories of a handful of spans, in memory, each built to show one thing. Their telemetry goes through the same loader
as everybody's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..loaders import load
from .recording import CLIENT, CONSUMER, DAY, ERROR, INTERNAL, MILLISECOND, MINUTE, PRODUCER, SERVER, Span
from .telemetry import compact, otlp_span

if TYPE_CHECKING:
    from ..history import History

_START_US = 1_767_261_600_000_000
"""2026-01-01 10:00 UTC."""


def _span(  # noqa: PLR0917 - a table of spans reads by position
    trace: int, number: int, parent: int, system: str, name: str, kind: int, at_ms: int, took_ms: int, status: int = 0
) -> Span:
    """Return one span of a trace; HTTP's status follows from its kind and from `status`."""
    start = _START_US + trace * MINUTE + at_ms * MILLISECOND
    span = Span(
        trace_id=f"{trace:032x}",
        span_id=f"{trace * 16 + number:016x}",
        parent_id=f"{trace * 16 + parent:016x}" if parent else "",
        system=system,
        host=f"{system}-1",
        name=name,
        kind=kind,
        start_us=start,
        end_us=start + took_ms * MILLISECOND,
        attributes={"order.id": f"T-{trace}"},
    )
    if kind in {CLIENT, SERVER}:
        span.attributes["http.response.status_code"] = status or 200
    # A server span is not in error when it answers 4xx: the caller is to blame.
    if status >= 500 or (status >= 400 and kind != SERVER):
        span.status, span.message = ERROR, f"status {status}"
    return span


def _history(spans: list[Span]) -> History:
    """Load spans into a history in memory."""
    lines = []
    for span in spans:
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": span.system}}]}
        lines.append(compact({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [otlp_span(span)]}]}]}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spans.otlp.jsonl"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return load(path, quiet=True)


def _chain(trace: int, *, second: int = 200, third: int = 200) -> list[Span]:
    """Return one transaction a -> b -> c; `second` is what b answers, `third` what c answers."""
    spans = [
        _span(trace, 1, 0, "a", "job", INTERNAL, 0, 100),
        _span(trace, 2, 1, "a", "GET /b", CLIENT, 10, 80, second),
        _span(trace, 3, 2, "b", "GET /b", SERVER, 15, 70, second),
    ]
    if second < 400 or third >= 400:
        spans += [
            _span(trace, 4, 3, "b", "GET /c", CLIENT, 25, 50, third),
            _span(trace, 5, 4, "c", "GET /c", SERVER, 30, 40, third),
        ]
    if second >= 400:
        spans[0].status = ERROR
    return spans


def three_systems() -> History:
    """Return ten transactions a -> b -> c, of which one breaks in c and one is refused by b.

    Returns
    -------
    History
        Crossings: ten a -> b, of which two fail; nine b -> c, of which one fails. Origins: one inside c (it makes
        a -> b fail too: a cascade of one), one at the boundary a -> b.

    Examples
    --------
    >>> from handoff_analytics import samples
    >>> history = samples.three_systems()
    >>> history.sql("SELECT count(*) AS n FROM crossings WHERE failed").item()
    3
    """
    spans = [span for trace in range(1, 9) for span in _chain(trace)]
    return _history(spans + _chain(9, second=502, third=500) + _chain(10, second=422))


def one_retry() -> History:
    """Return two transactions a -> b; in the second one the first attempt fails and the second succeeds.

    Returns
    -------
    History
        Three crossings in two logical calls; the one that failed is masked and counts as no failure.

    Examples
    --------
    >>> from handoff_analytics import samples
    >>> samples.one_retry().sql("SELECT count(*) AS n, count(DISTINCT call_id) AS calls FROM crossings").row(0)
    (3, 2)
    """
    spans = [
        _span(1, 1, 0, "a", "job", INTERNAL, 0, 100),
        _span(1, 2, 1, "a", "GET /b", CLIENT, 10, 20),
        _span(1, 3, 2, "b", "GET /b", SERVER, 12, 10),
        _span(2, 1, 0, "a", "job", INTERNAL, 0, 100),
        _span(2, 2, 1, "a", "GET /b", CLIENT, 10, 20, 503),
        _span(2, 3, 2, "b", "GET /b", SERVER, 12, 10, 503),
        _span(2, 4, 1, "a", "GET /b", CLIENT, 50, 20),
        _span(2, 5, 4, "b", "GET /b", SERVER, 52, 10),
    ]
    return _history(spans)


def slow_message() -> History:
    """Return two messages from a to b over a queue; one is read at once, the other a day later and in vain.

    Returns
    -------
    History
        Two crossings a -> b over messaging, joined by span links; the second one fails unseen by a.

    Examples
    --------
    >>> from handoff_analytics import samples
    >>> samples.slow_message().sql("SELECT source, target, failed FROM crossings ORDER BY started_at").rows()
    [('a', 'b', False), ('a', 'b', True)]
    """
    spans = []
    for trace, wait_us in ((1, 0), (2, DAY)):
        sent = _span(trace, 1, 0, "a", "orders publish", PRODUCER, 0, 5)
        read = _span(trace + 7, 1, 0, "b", "orders process", CONSUMER, 0, 40, 500 if wait_us else 0)
        read.start_us, read.end_us = sent.end_us + wait_us + 5000, sent.end_us + wait_us + 45_000
        read.links = ((sent.trace_id, sent.span_id),)
        for span in (sent, read):
            span.attributes |= {"messaging.system": "kafka", "messaging.destination.name": "orders"}
        spans += [sent, read]
    return _history(spans)
