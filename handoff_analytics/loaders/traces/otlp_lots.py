"""How do thousands of spans become columns without becoming objects first?

Nearly all files hold what the specification shows and nothing else. Arrow makes columns of such documents, and whole
columns are looked at. Where a lot of documents holds anything else, such as a span that must be rejected or flagged,
another dialect or a field that nobody knows, nothing of it is taken, and it is read document by document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ...identity import key
from ..readers import Record
from .attributes import plan, weight
from .gathering import Gathering
from .lot_attributes import ATTRIBUTES, Attributes, OddError, as_arrow, flattened, held, pruned, texts
from .otlp_spans import completed
from .otlp_values import END_NS, KINDS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ledger import Sink
    from .otlp_logs import Logs

_TEXT, _COUNT = pa.string(), pa.int64()
_EVENT = pa.struct(
    [("timeUnixNano", _TEXT), ("name", _TEXT), ("attributes", ATTRIBUTES), ("droppedAttributesCount", _COUNT)]
)
_LINK = pa.struct(
    [
        *(("traceId", _TEXT), ("spanId", _TEXT), ("traceState", _TEXT), ("attributes", ATTRIBUTES)),
        *(("droppedAttributesCount", _COUNT), ("flags", _COUNT)),
    ]
)
_SPAN = pa.struct(
    [
        *(("traceId", _TEXT), ("spanId", _TEXT), ("parentSpanId", _TEXT), ("name", _TEXT), ("kind", _COUNT)),
        *(("startTimeUnixNano", _TEXT), ("endTimeUnixNano", _TEXT), ("attributes", ATTRIBUTES)),
        *(("status", pa.struct([("code", _COUNT), ("message", _TEXT)])), ("traceState", _TEXT), ("flags", _COUNT)),
        *(("events", pa.list_(_EVENT)), ("links", pa.list_(_LINK))),
        *((f"dropped{what}Count", _COUNT) for what in ("Attributes", "Events", "Links")),
    ]
)
_SCOPE = pa.struct([("name", _TEXT), ("version", _TEXT), ("attributes", ATTRIBUTES)])
_RESOURCE = pa.struct([("attributes", ATTRIBUTES), ("droppedAttributesCount", _COUNT)])
_HELD = pa.list_(pa.struct([("scope", _SCOPE), ("spans", pa.list_(_SPAN)), ("schemaUrl", _TEXT)]))
_HOLDER = pa.struct([("resource", _RESOURCE), ("scopeSpans", _HELD), ("schemaUrl", _TEXT)])
_SHAPE = pyarrow.json.ParseOptions(
    explicit_schema=pa.schema([("resourceSpans", pa.list_(_HOLDER))]), unexpected_field_behavior="error"
)
_BLOCK_BYTES = 1 << 20
_TRIES = 3


class _Lot(NamedTuple):
    """Spans that can all be taken as they are."""

    frame: pl.DataFrame
    """Their columns, without record_no."""
    links: pl.DataFrame
    """The spans that they link to, and the row of the span that does."""
    events: pa.ListArray
    resources: list[dict[str, Any]]
    resource_of: np.ndarray[Any, np.dtype[np.int64]]


class Lots:
    """Documents of one file, many at a time."""

    def __init__(self, sink: Sink, events: Logs) -> None:
        self._sink = sink
        self._events = events
        self._taken = self._refused = 0

    def take(self, documents: Sequence[bytes]) -> bool:
        """Load the spans of some documents if they are as the specification shows; else load nothing.

        Parameters
        ----------
        documents
            JSON texts, one a document.

        Returns
        -------
        bool
            Whether the spans are loaded.
        """
        if not documents or (self._refused >= _TRIES and not self._taken):
            return False
        try:
            lot = self._read(documents)
        except (OddError, UnicodeDecodeError, pa.ArrowException):
            self._refused += 1
            return False
        self._taken += 1
        first = self._sink.seen(lot.frame.height)
        numbers = pl.int_range(first, first + lot.frame.height, dtype=pl.Int64, eager=True)
        self._sink.load_frame("spans", lot.frame.with_columns(numbers.alias("record_no")))
        self._link(lot, first)
        self._add_events(lot, first)
        return True

    def _read(self, documents: Sequence[bytes]) -> _Lot:
        whole = b"\n".join(documents)
        # In JSON no object follows another without a comma: where lines look so, each is a document or none is.
        if not all(one[:1] == b"{" and one.rstrip()[-1:] == b"}" for one in documents):
            raise OddError
        if not whole.isascii():
            whole.decode()
        options = pyarrow.json.ReadOptions(block_size=max(_BLOCK_BYTES, *(len(one) + 2 for one in documents)))
        table = pyarrow.json.read_json(pa.BufferReader(whole), read_options=options, parse_options=_SHAPE)
        if table.num_rows != len(documents):
            raise OddError
        holders, document_of = flattened(pa.concat_arrays(table["resourceSpans"].chunks))
        scopes, holder_of = flattened(pc.struct_field(holders, "scopeSpans"))
        spans, scope_of = flattened(pc.struct_field(scopes, "spans"))
        if not np.bincount(document_of[holder_of[scope_of]], minlength=len(documents)).all():
            raise OddError
        resource = Attributes(pc.struct_field(holders, ["resource", "attributes"]), self._sink.person, hashed=False)
        coded = resource.objects().to_arrow().dictionary_encode()
        resources = [orjson.loads(text) for text in coded.dictionary.to_pylist()]
        resource_of = coded.indices.to_numpy()[holder_of[scope_of]].astype(np.int64)
        return self._columns(spans, scopes, scope_of, resources, resource_of)

    def _columns(
        self,
        spans: pa.StructArray,
        scopes: pa.StructArray,
        scope_of: np.ndarray[Any, np.dtype[np.int64]],
        resources: list[dict[str, Any]],
        resource_of: np.ndarray[Any, np.dtype[np.int64]],
    ) -> _Lot:
        trace_ids, span_ids, parents = (
            texts(spans, name, length) for name, length in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16))
        )
        start = _nanoseconds(texts(spans, "startTimeUnixNano"))
        end = _nanoseconds(texts(spans, "endTimeUnixNano").fill_null("0"))
        kinds, codes = _numbers(spans, "kind"), _numbers(spans, ["status", "code"])
        state = texts(spans, "traceState")
        if (
            trace_ids.null_count() or span_ids.null_count() or not start.is_between(1, END_NS - 1).all()
            or not (end.eq(0) | (end.ge(start) & end.lt(END_NS))).all()
            or not kinds.is_between(0, 5).all() or not codes.is_between(0, 2).all() or state.null_count() < state.len()
        ):  # fmt: skip
            raise OddError
        attributes = Attributes(pc.struct_field(spans, "attributes"), self._sink.person, hashed=True)
        by = [one or {} for one in pc.struct_field(scopes, "scope").to_pylist()]
        more = [{f"otel.scope.{name}": one[name] for name in ("name", "version") if one.get(name)} for one in by]
        gathered = Gathering("spans")
        for one in resources:
            gathered.enter(one)
        channels = _fill(gathered, attributes, kinds.to_numpy(), self._sink)
        dense = {
            "trace_id": trace_ids,
            "span_id": span_ids,
            "parent_span_id": parents,
            "name": texts(spans, "name", empty=True),
            "kind": pl.Series([KINDS[number] for number in range(6)]).gather(kinds),
            "channel": channels,
            "start_ns": start,
            "status": pl.Series([STATUSES[number] for number in range(3)]).gather(codes),
            "status_message": texts(spans, ["status", "message"]),
            "attributes": attributes.objects(more, scope_of),
        }
        frame = completed(gathered.frame(dense, pl.Series(resource_of)), end)
        return _Lot(frame, _links(spans), pc.struct_field(spans, "events"), resources, resource_of)

    def _link(self, lot: _Lot, first: int) -> None:
        if lot.links.height:
            mine = lot.frame.select("trace_id", "span_id")[lot.links["row"]]
            frame = lot.links.with_columns(
                (pl.col("row") + first).alias("record_no"),
                pl.Series("trace_key", map(key, mine["trace_id"]), dtype=pl.Int64),
                pl.Series("span_key", map(key, mine["span_id"]), dtype=pl.Int64),
            )
            self._sink.load_frame("span_links", frame.drop("row"), primary=False)

    def _add_events(self, lot: _Lot, first: int) -> None:
        events = lot.events
        rows = np.flatnonzero(held(events))
        if not len(rows):
            return
        said = lot.frame[rows]
        correlations = said["correlation_id"] if "correlation_id" in said else [None] * len(rows)
        for row, some, trace_id, span_id, start, correlation in zip(
            rows.tolist(),
            events.take(as_arrow(rows)).to_pylist(),
            *(said["trace_id"], said["span_id"], said["start_ns"], correlations),
            strict=True,
        ):
            value = {"events": pruned(some), "startTimeUnixNano": start}
            resource = lot.resources[lot.resource_of[row]]
            self._events.add_events(Record(first + row, value), resource, (trace_id, span_id), correlation)


def _links(spans: pa.StructArray) -> pl.DataFrame:
    links, span_of = flattened(pc.struct_field(spans, "links"))
    frame = pl.DataFrame(
        {
            "row": pl.Series(span_of, dtype=pl.Int64),
            "linked_trace_id": texts(links, "traceId", 32).str.to_lowercase(),
            "linked_span_id": texts(links, "spanId", 16).str.to_lowercase(),
        }
    )
    if frame["linked_trace_id"].null_count() or frame["linked_span_id"].null_count():
        raise OddError
    return frame


def _numbers(spans: pa.StructArray, name: str | list[str]) -> pl.Series:
    return pl.Series(pl.from_arrow(pc.struct_field(spans, name)), dtype=pl.Int64).fill_null(0)


def _nanoseconds(written: pl.Series) -> pl.Series:
    read = written.cast(pl.Int64, strict=False)
    if read.null_count():
        raise OddError
    return read


def _fill(
    gathered: Gathering, attributes: Attributes, kinds: np.ndarray[Any, np.dtype[np.int64]], sink: Sink
) -> pl.Series:
    """Fill the columns that attributes tell of, and return the channels."""
    channels: list[str] = []
    channel_of = np.zeros(len(kinds), dtype=np.uint32)
    orders, order_of = attributes.orders()
    grouped = order_of * len(KINDS) + kinds
    for group in np.unique(grouped).tolist():
        names, kind = orders[group // len(KINDS)], KINDS[group % len(KINDS)]
        rows = np.flatnonzero(grouped == group)
        decided = plan(names, kind)
        channel_of[rows] = len(channels)
        channels.append(decided.channel)
        for column, named in decided.wanted:
            left = rows
            for name, read in named:
                person = sink.person if column == "customer" else None
                values = attributes.values(left, names.index(name), read, person)
                there = values.is_not_null()
                gathered.fill_series(column, left[there.to_numpy()], values.filter(there))
                left = left[~there.to_numpy()]
                if not len(left):
                    break
        if decided.sampled:
            said = attributes.objects().gather(rows)
            weights = pl.Series([weight(orjson.loads(one)) for one in said], dtype=pl.Float64)
            gathered.fill_series("weight", rows, weights)
    return pl.Series(channels, dtype=pl.String).gather(channel_of)
