"""What did each system do on each visit?

A visit is one crossing seen from the system that was asked: from its entry span until it answers, with all that it did
in between. Comparing visits of the same operation compares like with like, however the mix of traffic moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .templates import masked, templates_of

if TYPE_CHECKING:
    from .history import History

EXTERNAL = "external"
# Pairs of calls grow with the square of the calls: a visit that calls more systems than this says nothing by order.
_MOST_ORDERED = 12
# Frameworks name the operation that answers an error after it, even where the span carries no status.
_ERROR_NAME = pl.col("name").str.to_lowercase().str.contains("error|exception")
# A record without a severity of its own usually writes it near its start.
_WORD = pl.col("body").str.slice(0, 120).str.extract(r"\b(ERROR|FATAL|SEVERE|CRITICAL|WARN(?:ING)?)\b")
_BADNESS = (
    pl.when(pl.col("severity") >= 17)
    .then(1.0)
    .when(pl.col("severity") >= 13)
    .then(0.6)
    .when(pl.col("severity") > 0)
    .then(0.0)
    .when(_WORD.str.starts_with("WARN"))
    .then(0.6)
    .when(_WORD.is_not_null())
    .then(1.0)
    .otherwise(0.0)
)


@dataclass(frozen=True, slots=True)
class Visits:
    """All visits of a history, and what happened on each.

    Attributes
    ----------
    rows
        visit, trace_key, source, target, operation, caller (visit), gap_us (caller side minus callee side; of a
        message, how long it waited), own_us (callee's time outside of its calls); nulls where a side sent no telemetry.
    events
        visit, target, kind (failed, call, order, operation, template), what, bad (from 0 to 1: how plainly it reports a
        failure).
    """

    rows: pl.DataFrame
    events: pl.DataFrame


def visits(history: History, *, bodies: pl.DataFrame | None = None) -> Visits:
    """Return the visits of a history in scope.

    Parameters
    ----------
    history
        Spans, and log records where there are any.
    bodies
        Columns body and template, when templates must be the same as another history's; see `shared_templates`.

    Returns
    -------
    Visits
        Empty frames when the scope holds no spans.
    """
    spans = (
        history.sql("""
        SELECT trace_key, span_key, parent_key, system, name, kind, start_us, duration_us,
               status IN ('error', 'timeout') AS failed, kind IN ('client', 'producer') AS calls
        FROM spans
        WHERE kind <> 'step'
        ORDER BY trace_key, span_key, span_uid
    """)
        .with_columns(_named(history, "system"))
        .unique(["trace_key", "span_key"], keep="first", maintain_order=True)
    )
    spans = spans.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    parents = spans.select(
        "trace_key",
        pl.col("span_key").alias("parent_key"),
        pl.col("place").alias("parent"),
        pl.col("system").alias("parent_system"),
        pl.col("duration_us").alias("caller_us"),
        (pl.col("failed") & pl.col("calls")).alias("call_failed"),
        # Who sends a message does not wait: the gap is how long the message did.
        pl.when(pl.col("kind") == "producer").then("start_us").alias("sent_us"),
    )
    spans = spans.join(parents, on=["trace_key", "parent_key"], how="left", maintain_order="left")
    enters = spans["parent_system"].is_null() | (spans["parent_system"] != spans["system"])
    spans = spans.with_columns(enters=enters, visit=_roots(enters.to_numpy(), spans["parent"].fill_null(-1).to_numpy()))
    calls = (
        spans.filter(pl.col("enters") & pl.col("parent").is_not_null())
        .join(spans.select(parent="place", caller="visit"), on="parent", how="left", maintain_order="left")
        .select("place", "caller", "parent_system", "system", "start_us", "caller_us")
    )
    outside = calls.group_by(visit="caller").agg(outside_us=pl.col("caller_us").sum())
    rows = (
        spans.filter("enters")
        .join(calls.select("place", "caller"), on="place", how="left", maintain_order="left")
        .join(outside, on="visit", how="left", maintain_order="left")
        .join(_linked(history), on=["trace_key", "span_key"], how="left", maintain_order="left")
        .select(
            "visit",
            "trace_key",
            source=pl.coalesce("parent_system", "linked_system", pl.lit(EXTERNAL)),
            target="system",
            operation="name",
            caller="caller",
            gap_us=pl.coalesce(
                pl.col("start_us") - pl.coalesce("sent_us", "linked_us"), pl.col("caller_us") - pl.col("duration_us")
            ),
            own_us=pl.col("duration_us") - pl.col("outside_us").fill_null(0),
            # A call that failed although its receiver reports success was refused, or came too late.
            failed=pl.col("failed") | pl.col("call_failed").fill_null(value=False),
        )
    )
    silent = _unseen(history, first=spans.height)
    rows = pl.concat([rows, silent], how="vertical_relaxed")
    # A visit that failed because a call of its own failed is told by that call.
    broken = rows.filter("failed")
    own = broken.join(
        broken.select(visit="caller").drop_nulls().unique(), on="visit", how="anti", maintain_order="left"
    )
    events = [
        own.select("visit", "target", kind=pl.lit("failed"), what=pl.lit("failed"), bad=1.0),
        calls.select(
            visit="caller", target="parent_system", kind=pl.lit("call"), what=pl.lit("→ ") + pl.col("system"), bad=0.0
        ),
        _repeated(spans),
        _order(calls),
        spans.filter(~pl.col("enters")).select(
            "visit",
            target="system",
            kind=pl.lit("operation"),
            what="name",
            bad=pl.when("failed").then(1.0).when(_ERROR_NAME).then(0.8).otherwise(0.0),
        ),
        _logged(history, spans, bodies),
    ]
    return Visits(rows.drop("failed"), pl.concat(events, how="vertical_relaxed").unique())


def shared_templates(*histories: History) -> pl.DataFrame:
    """Return the template of every log body of several histories, columns mask and template."""
    masks = pl.concat(
        [
            history.sql("SELECT DISTINCT body FROM log_records WHERE body IS NOT NULL ORDER BY body")
            for history in histories
        ]
    ).select(mask=masked(pl.col("body")))["mask"]
    return templates_of(masks)


def _roots(enters: np.ndarray, parent: np.ndarray) -> pl.Series:
    """Return for each span the place of the span by which its visit was entered; doubling takes log(depth) steps."""
    above = np.where(enters, np.arange(len(enters)), parent)
    while not np.array_equal(further := above[above], above):
        above = further
    return pl.Series(above, dtype=pl.Int64)


def _linked(history: History) -> pl.DataFrame:
    """Return for each consuming span the system that produced its message, by span link, and when."""
    return history.sql("""
        SELECT l.trace_key, l.span_key, min(s.system) AS linked_system, min(s.start_us) AS linked_us
        FROM span_links AS l
        JOIN spans AS s ON s.trace_key = l.linked_trace_key AND s.span_key = l.linked_span_key
        GROUP BY ALL
        ORDER BY ALL
    """).with_columns(_named(history, "linked_system"))


def _named(history: History, column: str) -> pl.Expr:
    """Return systems by the one name that the model gives each of them."""
    if history.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'system_names'").is_empty():
        return pl.col(column)
    names = dict(history.sql("SELECT name, system FROM system_names ORDER BY name").iter_rows())
    return pl.col(column).replace(names)


def _unseen(history: History, *, first: int) -> pl.DataFrame:
    """Return the crossings into systems that send no telemetry: the caller's time is all that is known."""
    return history.sql(
        """
        SELECT $first + row_number() OVER (ORDER BY crossing_id) AS visit, trace_key, source, target, operation,
               NULL::BIGINT AS caller, duration_us AS gap_us, NULL::BIGINT AS own_us, failed
        FROM crossings
        WHERE target_span_key IS NULL
        ORDER BY visit
        """,
        first=first,
    )


def _repeated(spans: pl.DataFrame) -> pl.DataFrame:
    """Return the calls that a visit made more than once: another system's same operation."""
    again = (
        spans.filter(pl.col("enters") & pl.col("parent").is_not_null())
        .join(spans.select(parent="place", caller="visit"), on="parent", how="left", maintain_order="left")
        .group_by("caller", "parent_system", "system", "name")
        .agg(pl.len().alias("times"))
        .filter(pl.col("times") > 1)
    )
    return again.select(
        visit="caller",
        target="parent_system",
        kind=pl.lit("call"),
        what=pl.lit("→ ") + pl.col("system") + " again",
        bad=0.0,
    ).unique(maintain_order=True)


def _order(calls: pl.DataFrame) -> pl.DataFrame:
    """Return which system was called before which on each visit."""
    firsts = calls.group_by("caller", "parent_system", "system").agg(pl.col("start_us").min())
    firsts = firsts.filter(pl.len().over("caller") <= _MOST_ORDERED)
    pairs = firsts.join(firsts, on=["caller", "parent_system"], suffix="_later").filter(
        pl.col("start_us") < pl.col("start_us_later")
    )
    return pairs.select(
        visit="caller",
        target="parent_system",
        kind=pl.lit("order"),
        what=pl.col("system") + " before " + pl.col("system_later"),
        bad=0.0,
    )


def _logged(history: History, spans: pl.DataFrame, bodies: pl.DataFrame | None) -> pl.DataFrame:
    """Return the log templates of each visit: that of the record's span, else the system's only one in its trace."""
    records = history.sql("""
        SELECT trace_key, span_key, system, coalesce(severity, 0) AS severity, body
        FROM log_records
        WHERE trace_key IS NOT NULL AND body IS NOT NULL
        ORDER BY log_uid
    """).with_columns(_named(history, "system"), mask=masked(pl.col("body")))
    if bodies is None:
        bodies = templates_of(records["mask"])
    by_span = records.drop("system").join(
        spans.select("trace_key", "span_key", "visit", "system"), on=["trace_key", "span_key"]
    )
    only = spans.group_by("trace_key", "system").agg(pl.col("visit").unique()).filter(pl.col("visit").list.len() == 1)
    by_trace = (
        records.join(spans.select("trace_key", "span_key"), on=["trace_key", "span_key"], how="anti")
        .join(only.select("trace_key", "system", pl.col("visit").list.first()), on=["trace_key", "system"])
        .select(by_span.columns)
    )
    return (
        pl.concat([by_span, by_trace])
        .join(bodies, on="mask", how="left")
        .select("visit", target="system", kind=pl.lit("template"), what=pl.coalesce("template", "mask"), bad=_BADNESS)
    )
