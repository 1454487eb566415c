"""How do the methods behave on ten million spans?

Call trees of sixty systems are drawn once; every transaction is a copy of one of them with times, ids and perhaps one
fault of its own, made by whole columns. What happened at each handoff is counted from the plan, not from the spans.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from ..errors import ArgumentError
from .recording import DAY, SECOND
from .trees import HTTP, INSIDE, MASKED, MESSAGING, NONE, PEER, REJECT, UNREACHABLE, Tree, fate, times, trees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Integers = NDArray[np.uint64]

SEED = 20260101
START_US = 1_767_225_600_000_000
WINDOW_US = 180 * DAY
CHUNK = 1_000_000
ERROR_SHARE = 0.02
"""About which share of the spans reports an error."""
_FAULTS_AN_ERROR = 3.64
"""Faulty transactions for each erroring span, by share, as measured on these trees."""
_COUNTS = ("crossings", "failed", "boundary", "inside", "propagated", "masked")


def _noise(seed: int, purpose: int, index: Integers) -> Integers:
    """Return 64 random bits for each index: SplitMix64, the same on every machine and in every version."""
    offset = ((seed * 0x9E3779B97F4A7C15) ^ (purpose * 0xD1B54A32D192ED03)) & 0xFFFFFFFFFFFFFFFF
    z = index * np.uint64(0x9E3779B97F4A7C15) + np.uint64(offset)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _uniform(seed: int, purpose: int, index: Integers) -> NDArray[np.float64]:
    return (_noise(seed, purpose, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _hex(values: Integers) -> pl.Series:
    """Return 64-bit numbers as 16 hexadecimal digits."""
    content = values.byteswap() if values.dtype.byteorder != ">" else values
    array = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(values), [None, pa.py_buffer(content.tobytes())])
    return pl.Series(pl.from_arrow(array.cast(pa.binary()))).bin.encode("hex")


def _plan(seed: int, since: int, until: int, grown: list[Tree]) -> tuple[NDArray[np.int64], ...]:
    """Return tree, faulty call and kind of fault of the transactions in a range of numbers."""
    index = np.arange(since, until, dtype=np.uint64)
    popularity = np.cumsum([tree.popularity for tree in grown])
    tree = np.searchsorted(popularity / popularity[-1], _uniform(seed, 1, index), side="right")
    size = np.array([len(one.calls) for one in grown])[tree]
    # A fault is one of the transaction's; the share of spans that report an error follows from how far it travels.
    is_faulty = _uniform(seed, 2, index) < ERROR_SHARE * _FAULTS_AN_ERROR
    call = (_uniform(seed, 3, index) * size).astype(np.int64)
    kind = np.searchsorted(np.array([0.35, 0.65, 0.8]), _uniform(seed, 4, index), side="right") + 1
    return tree, call, np.where(is_faulty, kind, NONE)


def _counted(
    grown: list[Tree], tree: NDArray[np.int64], call: NDArray[np.int64], kind: NDArray[np.int64]
) -> pl.DataFrame:
    """Return what happens at each handoff, from the plan of a range of transactions."""
    rows: dict[tuple[str, str, str], NDArray[np.int64]] = {}
    plan, number = np.unique(np.stack([tree, np.where(kind == NONE, 0, call), kind]), axis=1, return_counts=True)
    for (which, where, wanted), many in zip(plan.T.tolist(), number.tolist(), strict=True):
        one = grown[which]
        met = one.kind(wanted, where)
        absent = set(one.below(where)) if met in {REJECT, UNREACHABLE} else set()
        carried = set(one.propagated(met, where))
        for index, step in enumerate(one.calls):
            if index in absent:
                continue
            handoff = step.source, step.target, MESSAGING if step.how == MESSAGING else HTTP
            row = rows.setdefault(handoff, np.zeros(len(_COUNTS), dtype=np.int64))
            is_origin, is_masked = index == where and met not in {NONE, MASKED}, index == where and met == MASKED
            is_boundary = is_origin and (met in {REJECT, UNREACHABLE})
            is_carried = index in carried
            row += many * np.array(
                [
                    1 + is_masked,
                    is_origin or is_carried or is_masked,
                    is_boundary or is_masked,
                    is_origin and not is_boundary,
                    is_carried,
                    is_masked,
                ],
                dtype=np.int64,
            )
    return pl.DataFrame(
        [(*handoff, *row.tolist()) for handoff, row in sorted(rows.items())],
        schema={"source": pl.String, "target": pl.String, "channel": pl.String, **dict.fromkeys(_COUNTS, pl.Int64)},
        orient="row",
    )


def _made(seed: int, grown: list[Tree], since: int, until: int) -> pl.DataFrame:
    """Return the spans of a range of transactions."""
    tree, call, kind = _plan(seed, since, until, grown)
    index = np.arange(since, until, dtype=np.uint64)
    frames = []
    for which, one in enumerate(grown):
        mine = np.flatnonzero(tree == which)
        if len(mine):
            frames.append(_copies(seed, one, index[mine], call[mine], kind[mine]))
    return pl.concat(frames)


def _copies(seed: int, tree: Tree, index: Integers, call: NDArray[np.int64], kind: NDArray[np.int64]) -> pl.DataFrame:
    """Return the spans of one kind of transaction, a column of the plan at a time."""
    met = np.array([[tree.kind(k, c) for c in range(len(tree.calls))] for k in range(5)])[kind, call]
    start = START_US + (_uniform(seed, 5, index) * WINDOW_US).astype(np.int64)
    stretch = 0.5 + 2.5 * _uniform(seed, 6, index) ** 2
    at = times(tree)
    begun = {0: start}
    frames = []
    for number, side in tree.spans:
        step = tree.calls[number]
        offset, length = at[number, side]
        trace = step.trace if side == "callee" or step.how != MESSAGING else tree.calls[step.parent].trace
        if trace not in begun:
            sent_at = begun[tree.calls[step.parent].trace] + (at[number, "caller"][0] * stretch).astype(np.int64)
            # Most messages wait for seconds, a few for most of a day.
            begun[trace] = sent_at + (_uniform(seed, 100 + trace, index) ** 8 * DAY).astype(np.int64) + SECOND // 2
        absent, failed = fate(tree, number, side)
        keep = np.flatnonzero(~absent[met, call])
        is_failed = failed[met, call]
        frames.append(
            _columns(seed, tree, number, side, index=index[keep], trace=trace).with_columns(
                pl.Series("start_us", begun[trace][keep] + (offset * stretch[keep]).astype(np.int64)),
                pl.Series("duration_us", (length * stretch[keep]).astype(np.int64)),
                pl.Series("status", np.where(is_failed[keep], "error", "unset")),
                pl.Series(
                    "http_status",
                    _codes(tree, number, side, met=met[keep], call=call[keep], failed=is_failed[keep]),
                    dtype=pl.Int32,
                ),
            )
        )
        if side == "caller" and step.how != MESSAGING:
            retried = np.flatnonzero((met == MASKED) & (call == number))
            frames.append(
                _columns(seed, tree, number, "first", index=index[retried], trace=trace).with_columns(
                    # The failed attempt ends before the one that wins begins.
                    pl.Series("start_us", begun[trace][retried] + (offset * stretch[retried]).astype(np.int64) - 150),
                    pl.Series("duration_us", np.full(len(retried), 100, dtype=np.int64)),
                    pl.Series("status", np.full(len(retried), "error")),
                    pl.Series("http_status", np.full(len(retried), 503), dtype=pl.Int32),
                )
            )
    return pl.concat(frames)


def _codes(
    tree: Tree, number: int, side: str, *, met: NDArray[np.int64], call: NDArray[np.int64], failed: NDArray[np.bool_]
) -> list[int | None] | NDArray[np.int64]:
    """Return the HTTP status of a span; messages have none."""
    if number and tree.calls[number].how == MESSAGING:
        return [None] * len(met)
    code = np.where(failed, 502, 200)
    code = np.where((call == number) & (met == REJECT), 422, code)
    code = np.where((call == number) & (met == INSIDE) & failed, 500, code)
    return np.where((call == number) & (met == UNREACHABLE) & (side == "caller"), 503, code)


_SIDES = {"entry": 0, "caller": 1, "callee": 2, "first": 3}


def _columns(seed: int, tree: Tree, number: int, side: str, *, index: Integers, trace: int) -> pl.DataFrame:
    """Return the columns that do not depend on faults."""
    step = tree.calls[number]
    is_message = step.how == MESSAGING and number > 0

    def span_id(call: int, of: str) -> pl.Series:
        return _hex(_noise(seed, 10_000 + 4 * call + _SIDES[of], index))

    def trace_id(of: int) -> pl.Series:
        return _hex(_noise(seed, 5_000 + of, index)) + _hex(_noise(seed, 7_000 + of, index))

    rows = len(index)
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, rows)
    if side == "entry":
        parent, kind = nothing, "server"
    elif side == "callee":
        parent, kind = (nothing, "consumer") if is_message else (span_id(number, "caller"), "server")
    else:
        parent = span_id(step.parent, "callee" if step.parent else "entry")
        kind = "producer" if is_message else "client"
    is_link = kind == "consumer"
    topic = f"topic-{step.target[-2:]}" if is_message else None
    peer = step.target if kind == "client" and step.how == PEER else None
    return pl.DataFrame(
        {
            "trace_id": trace_id(trace),
            "span_id": span_id(number, side),
            "parent_span_id": parent,
            "linked_trace_id": trace_id(tree.calls[step.parent].trace) if is_link else nothing,
            "linked_span_id": span_id(number, "caller") if is_link else nothing,
            "correlation_id": _hex(_noise(seed, 3, index)),
        }
    ).with_columns(
        system=pl.lit(step.target if side in {"entry", "callee"} else step.source),
        name=pl.lit(f"{step.target} {'message' if is_message else 'request'}"),
        kind=pl.lit(kind),
        channel=pl.lit(MESSAGING if is_message else HTTP),
        peer=pl.lit(peer, dtype=pl.String),
        destination=pl.lit(topic, dtype=pl.String),
    )


def spans(count: int, *, seed: int = SEED, chunk: int = CHUNK) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Make spans of sixty systems by the million.

    Parameters
    ----------
    count
        How many spans are wanted; transactions are whole, so that about as many are made.
    seed
        The same seed gives the same spans.
    chunk
        About how many spans are made at a time.

    Yields
    ------
    tuple of polars.DataFrame
        The spans of some whole transactions, in columns named as those of the table ``spans`` (and ``linked_trace_id``,
        ``linked_span_id`` for messages), and what truly happened in them at each handoff: ``source``, ``target``,
        ``channel``, ``crossings`` (attempts), ``failed``, ``boundary``, ``inside``, ``propagated`` and ``masked``.

    Raises
    ------
    ArgumentError
        If no span is wanted.
    """
    if count < 1:
        raise ArgumentError(f"spans is {count}; ask for 1 or more.")
    grown = trees(seed)
    weights = np.array([tree.popularity for tree in grown])
    mean = float(weights @ np.array([len(tree.spans) for tree in grown]) / weights.sum())
    total, step = max(1, round(count / mean)), max(1, round(chunk / mean))
    for since in range(0, total, step):
        until = min(total, since + step)
        yield _made(seed, grown, since, until), _counted(grown, *_plan(seed, since, until, grown))


def write_spans(
    folder: str | Path,
    *,
    spans: int = 10_000_000,
    seed: int = SEED,
    form: Literal["parquet", "jsonl", "otlp"] = "parquet",
) -> pl.DataFrame:
    """Write spans of sixty systems by the million, for benchmarks.

    Parameters
    ----------
    folder
        Where to write; it is made if it does not exist.
    spans
        About how many.
    seed
        The same seed gives the same spans.
    form
        ``"parquet"`` and ``"jsonl"`` are flat, ``"otlp"`` is OTLP JSON lines.

    Returns
    -------
    polars.DataFrame
        What truly happened, one row a handoff.

        ===========  ======  ====================================================================
        source       String  who hands over; ``external`` for what enters
        target       String  who takes over
        channel      String  http or messaging
        crossings    Int64   attempts
        failed       Int64   attempts that failed
        boundary     Int64   of these, at this boundary: refused or never arrived
        inside       Int64   of these, inside the receiver
        propagated   Int64   of these, because a call below failed
        masked       Int64   of these, made good by a retry
        ===========  ======  ====================================================================

    Examples
    --------
    >>> import tempfile
    >>> from handoff_analytics import samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = samples.write_spans(folder, spans=2_000)
    >>> bool((truth["failed"] == truth["boundary"] + truth["inside"] + truth["propagated"]).all())
    True
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    counted = []
    for number, (made, truth) in enumerate(_volumes(spans, seed=seed)):
        counted.append(truth)
        name = path / f"spans-{number:04d}"
        if form == "parquet":
            made.write_parquet(name.with_suffix(".parquet"))
        elif form == "jsonl":
            made.write_ndjson(name.with_suffix(".jsonl"))
        else:
            name.with_suffix(".otlp.jsonl").write_text("\n".join(_otlp(made)) + "\n", "utf-8")
    return (
        pl.concat(counted)
        .group_by("source", "target", "channel")
        .agg(pl.col(_COUNTS).sum())
        .sort("source", "target", "channel")
    )


_volumes = spans


def _filled(template: str, *values: pl.Expr) -> pl.Expr:
    """Return a text with each § replaced by a value, null if one is null; JSON is full of the braces of `pl.format`."""
    first, *rest = template.split("§")
    return pl.concat_str(
        pl.lit(first), *(part for value, text in zip(values, rest, strict=True) for part in (value, pl.lit(text)))
    )


def _otlp(made: pl.DataFrame) -> list[str]:
    """Return spans as OTLP JSON lines, one line a system and hundred spans."""

    def attribute(name: str, kind: str, column: str) -> pl.Expr:
        return _filled('{"key":"' + name + '","value":{"' + kind + 'Value":"§"}}', pl.col(column))

    attributes = pl.concat_str(
        attribute("http.response.status_code", "int", "http_status"),
        attribute("server.address", "string", "peer"),
        attribute("messaging.destination.name", "string", "destination"),
        attribute("order.id", "string", "correlation_id"),
        separator=",",
        ignore_nulls=True,
    )
    parent = _filled('"parentSpanId":"§",', pl.col("parent_span_id")).fill_null("")
    links = _filled(
        ',"links":[{"traceId":"§","spanId":"§"}]', pl.col("linked_trace_id"), pl.col("linked_span_id")
    ).fill_null("")
    kinds = {"server": "2", "client": "3", "producer": "4", "consumer": "5"}
    written = _filled(
        '{"traceId":"§","spanId":"§",§"name":"§","kind":§,"startTimeUnixNano":"§000",'
        '"endTimeUnixNano":"§000","attributes":[§]§,"status":§}',
        pl.col("trace_id"),
        pl.col("span_id"),
        parent,
        pl.col("name"),
        pl.col("kind").replace_strict(kinds),
        pl.col("start_us"),
        pl.col("start_us") + pl.col("duration_us"),
        attributes,
        links,
        pl.col("status").replace_strict({"error": '{"code":2}', "unset": "{}"}),
    )
    batches = (
        made.select("system", written.alias("span"))
        .with_columns(batch=pl.int_range(pl.len()).over("system") // 100)
        .group_by("system", "batch", maintain_order=True)
        .agg(pl.col("span").str.join(","))
    )
    line = _filled(
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"§"}}]},'
        '"scopeSpans":[{"spans":[§]}]}]}',
        pl.col("system"),
        pl.col("span"),
    )
    return batches.select(line).to_series().to_list()
