"""Which spans and log records does an OTLP file hold?

Both JSON dialects are read: the specification's (hex ids, numbers for enums) and plain protojson (base64 ids, names).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..detect import Detection, Format
from ..readers import Record, Source, json_lots
from .otlp_logs import Logs
from .otlp_lots import Lots
from .otlp_spans import Spans
from .otlp_values import UNUSABLE, Scope, as_text, flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ledger import Sink

_SPLIT = ("resourceSpans", "resourceLogs", "resourceMetrics", "batches")
# Keys of a document, those of the scopes in it, old ones included, and that of what a scope holds.
_KEYS = {
    "resourceSpans": (("scopeSpans", "instrumentationLibrarySpans", "ilSpans"), "spans"),
    "batches": (("scopeSpans", "instrumentationLibrarySpans", "ilSpans"), "spans"),
    "resourceLogs": (("scopeLogs", "instrumentationLibraryLogs"), "logRecords"),
}


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read the spans and log records of every document; metrics are left out."""
    del found
    reading = _Reading(sink)
    lots = Lots(sink, reading.events)
    for lot in json_lots(source, sink, split=_SPLIT, known_shallow=True):
        if not lots.take([raw for _, _, _, raw in lot.places()]):
            for document in lot.documents():
                reading.read(document)
    for rows in (reading.spans, reading.logs, reading.events):
        rows.write()


class _Reading:
    """One file while it is read."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.logs = Logs(sink, primary=True)
        self.events = Logs(sink, primary=False)
        self.spans = Spans(sink, self.events)

    def read(self, document: Record) -> None:
        """Read one document."""
        content, inside = document.value, ""
        if isinstance(content, dict) and isinstance(content.get("trace"), dict):
            content, inside = content["trace"], "/trace"
        if not isinstance(content, dict) or not {*_KEYS, "resourceMetrics"} & content.keys():
            names = ", ".join(sorted(map(str, content))[:8]) if isinstance(content, dict) else type(content).__name__
            self._refuse(document, content, inside, f"wanted resourceSpans or resourceLogs, found {names or 'nothing'}")
            return
        before = self.sink.counts["seen"]
        for name, (kinds, items) in _KEYS.items():
            for scope in self._scopes(document, content.get(name) or (), f"{inside}/{name}", kinds, items):
                (self.spans if items == "spans" else self.logs).add(scope)
        if self.sink.counts["seen"] == before:
            self.sink.skip(self.sink.part(document, content, ""), "no spans and no log records")
        elif content.get("resourceMetrics"):
            self.sink.note("metrics were left out")

    def _scopes(
        self, document: Record, holders: Any, where: str, kinds: tuple[str, ...], items: str
    ) -> Iterator[Scope]:
        if not isinstance(holders, list | tuple):
            self._refuse(document, holders, where, "wanted an array")
            return
        for i, holder in enumerate(holders, document.first):
            pointer = f"{where}/{i}"
            try:
                resource = flat((holder.get("resource") or {}).get("attributes"))
                scopes = []
                for kind in kinds:
                    for j, scope in enumerate(holder.get(kind) or ()):
                        held = scope.get(items) or []
                        if not isinstance(held, list):
                            raise TypeError(f"wanted an array of {items}")
                        by = scope.get("scope") or scope.get("instrumentationLibrary") or {}
                        more = {f"otel.scope.{name}": as_text(by[name]) for name in ("name", "version") if by.get(name)}
                        scopes.append(Scope(document, f"{pointer}/{kind}/{j}/{items}", held, resource, more))
            except UNUSABLE as fault:
                self._refuse(document, holder, pointer, f"not the shape of OTLP: {fault}")
                continue
            yield from scopes

    def _refuse(self, document: Record, value: Any, pointer: str, reason: str) -> None:
        self.sink.reject(self.sink.part(document, value, pointer), "UNKNOWN_SHAPE", reason)


FORMATS = (
    Format(name="otlp", kind="traces", shape="json", keys=frozenset({"resourceSpans"}), parse=parse),
    Format(name="otlp_logs", kind="logs", shape="json", keys=frozenset({"resourceLogs"}), parse=parse),
    Format(name="otlp_metrics", kind="traces", shape="json", keys=frozenset({"resourceMetrics"}), parse=parse),
    Format(name="otlp_tempo", kind="traces", shape="json", keys=frozenset({"batches"}), parse=parse),
)
