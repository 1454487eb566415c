"""How much longer does a load into a database file take than the plainest read of the same file into one?

Each function returns the library's call, a reference and a check that both gave the same; `run.py` times them in turns.
The library's call also finds repeated records, keeps every reject with its place, masks secrets and builds the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from goals import Pair

import handoff_analytics as ha
from handoff_analytics import samples, schema, store
from handoff_analytics.loaders import Sink, detect, formats, sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Calls = tuple[Callable[[], object], Callable[[], object], Callable[[], None]]

_VALUE = "STRUCT(stringValue VARCHAR, intValue VARCHAR, doubleValue DOUBLE, boolValue BOOLEAN)"
_ATTRIBUTES = f'STRUCT("key" VARCHAR, "value" {_VALUE})[]'
_SPAN = (
    "STRUCT(traceId VARCHAR, spanId VARCHAR, parentSpanId VARCHAR, name VARCHAR, kind INTEGER, "
    f"startTimeUnixNano BIGINT, endTimeUnixNano BIGINT, attributes {_ATTRIBUTES}, "
    "links STRUCT(traceId VARCHAR, spanId VARCHAR)[], status STRUCT(code INTEGER, message VARCHAR))"
)
_HOLDERS = f"STRUCT(resource STRUCT(attributes {_ATTRIBUTES}), scopeSpans STRUCT(spans {_SPAN}[])[])[]"


def _by_name(attributes: str) -> str:
    """Return attributes as a map, in SQL."""
    value = 'a."value"'
    said = ", ".join(f"{value}.{kind}Value::VARCHAR" for kind in ("string", "int", "double", "bool"))
    return f"map_from_entries(list_transform({attributes}, lambda a: {{'k': a.\"key\", 'v': coalesce({said})}}))"


def _fresh(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def _volume(folder: Path, spans: int, form: str) -> str:
    made = folder / f"{form}-{spans}"
    if not made.exists():
        samples.write_spans(made, spans=spans, form=form)  # type: ignore[arg-type] # one of its words
    return str(made / "*.jsonl")


def _evidence(files: str, into: Path) -> Path:
    """Do what a load does with each file, without the model."""
    connection = store.connect(_fresh(into))
    schema.prepare(connection, into)
    connection.execute("BEGIN").fetchall()
    for number, source in enumerate(sources(files), start=1):
        found = detect(source, formats())
        sink = Sink(connection, number, salt="bench")
        found.format.parse(source, sink, found)
        sink.flush()
        sink.balance()
    connection.execute("COMMIT").fetchall()
    connection.close()
    return into


def otlp_read(folder: Path, spans: int) -> Calls:
    """Time the evidence of OTLP alone, against a typed read of it with unnest, attributes by name."""
    files = _volume(folder, spans, "otlp")
    return _otlp(folder, files, lambda into: _evidence(files, into))


def otlp_load(folder: Path, spans: int) -> Calls:
    """Time a load of OTLP, model included, against a typed read of it with unnest, attributes by name."""
    files = _volume(folder, spans, "otlp")
    return _otlp(folder, files, lambda into: ha.load(files, into=_fresh(into), quiet=True))


def _otlp(folder: Path, files: str, load: Callable[[Path], object]) -> Calls:
    ours, bare = folder / "otlp-ours.duckdb", folder / "otlp-bare.duckdb"

    def library() -> object:
        return load(ours)

    def reference() -> object:
        with duckdb.connect(str(_fresh(bare))) as connection:
            return connection.execute(
                f"""
                CREATE TABLE t AS
                WITH holders AS (
                    SELECT unnest(resourceSpans) AS h
                    FROM read_json($files, format = 'newline_delimited', columns = {{'resourceSpans': '{_HOLDERS}'}})
                ),
                scopes AS (SELECT {_by_name("h.resource.attributes")} AS resource, unnest(h.scopeSpans) AS s FROM holders),
                held AS (SELECT resource, unnest(s.spans) AS span FROM scopes)
                SELECT resource, span.* EXCLUDE attributes, {_by_name("span.attributes")} AS attributes FROM held
                """,
                {"files": files},
            ).fetchall()

    def same() -> None:
        mine = """
            SELECT count(*) AS spans, sum(start_ns)::VARCHAR AS begun, count(parent_span_id) AS parents,
                count(*) FILTER (WHERE status = 'error') AS failed,
                sum(json_array_length(json_keys(attributes)))::BIGINT AS told,
                bit_xor(hash(trace_id, span_id, json_extract_string(attributes, '$."order.id"')))::VARCHAR AS ids
            FROM spans
        """
        theirs = """
            SELECT count(*), sum(startTimeUnixNano)::VARCHAR, count(parentSpanId),
                count(*) FILTER (WHERE status.code = 2), sum(cardinality(attributes))::BIGINT,
                bit_xor(hash(traceId, spanId, attributes['order.id']))::VARCHAR
            FROM t
        """
        with duckdb.connect(str(bare)) as connection:
            wanted = connection.execute(theirs).fetchall()
        with duckdb.connect(str(ours), read_only=True) as connection:
            assert connection.execute(mine).fetchall() == wanted

    return library, reference, same


def flat_spans(folder: Path, spans: int) -> Calls:
    """Time flat JSON lines of spans by a mapping, against a bare typed read of them."""
    files = _volume(folder, spans, "jsonl")
    ours, bare = folder / "flat-ours.duckdb", folder / "flat-bare.duckdb"
    columns = (
        *("trace_id", "span_id", "parent_span_id", "correlation_id", "system", "name", "kind", "channel", "peer"),
        *("destination", "status"),
    )
    types = dict.fromkeys((*columns, "linked_trace_id", "linked_span_id"), "VARCHAR")
    types |= {"start_us": "BIGINT", "duration_us": "BIGINT", "http_status": "INTEGER"}
    mapping = {
        "mapping": {"format": 1, "name": "flat_spans", "target": "spans", "reader": "json"},
        "column": {name: {"from": name} for name in columns}
        | {
            "started_at": {"from": "start_us", "type": "time", "formats": ["epoch_us"]},
            "duration_s": {"from": "duration_us", "type": "duration", "unit": "us"},
            "http_status": {"from": "http_status", "type": "int"},
        },
    }

    def library() -> object:
        return ha.load(files, into=_fresh(ours), mapping=mapping, quiet=True)

    def reference() -> object:
        with duckdb.connect(str(_fresh(bare))) as connection:
            return connection.execute(
                f"CREATE TABLE t AS SELECT * FROM read_json($files, format = 'newline_delimited', columns = {types})",
                {"files": files},
            ).fetchall()

    def same() -> None:
        query = """
            SELECT count(*), sum(start_us)::VARCHAR, sum(duration_us)::BIGINT, sum(http_status)::BIGINT, count(peer),
                bit_xor(hash(trace_id, span_id, parent_span_id, correlation_id))::VARCHAR AS ids
        """
        with duckdb.connect(str(bare)) as connection:
            theirs = connection.execute(f"{query} FROM t").fetchall()[0]
        assert ha.open(ours).sql(f"{query} FROM spans").row(0) == theirs

    return library, reference, same


GOALS = (
    Pair(
        "3.8",
        "flat JSON lines into a database file / bare typed read of it into one",
        flat_spans,
        {"quick": 3_000, "full": 60_000, "goal": 1_000_000},
        1.5,
    ),
    Pair(
        "3.8",
        "OTLP into a database file / typed read with unnest: twice as fast, all attributes kept",
        otlp_load,
        {"quick": 3_000, "full": 60_000, "goal": 1_000_000},
        0.5,
    ),
    Pair(
        "3.8",
        "OTLP into a database file, without the model / typed read with unnest, all attributes",
        otlp_read,
        {"quick": 3_000, "full": 60_000, "goal": 1_000_000},
        0.5,
    ),
)
