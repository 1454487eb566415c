"""How do the traces and logs of two systems with injected faults become histories?

Nezha (MIT): spans without status, logs as JSON inside CSV, a minute a file.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from histories import history_with

from handoff_analytics.identity import key

if TYPE_CHECKING:
    from handoff_analytics.history import History

ROOT = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "nezha_dev"


def faults() -> list[dict[str, Any]]:
    return json.loads((ROOT / "faults_dev.json").read_text())


def spans(day: str, minutes: list[str]) -> pl.DataFrame:
    files = [ROOT / day / "trace" / f"{minute}_trace.csv.gz" for minute in minutes]
    ids = dict.fromkeys(("TraceID", "SpanID", "ParentID"), pl.String)
    frame = pl.concat([pl.read_csv(file, schema_overrides=ids) for file in files if file.exists()]).unique(
        maintain_order=True
    )
    return frame.with_columns(system=pl.col("PodName").str.replace(r"-[^-]+-[^-]+$", ""))


def logs(day: str, minutes: list[str]) -> list[tuple[str, str, str, str]]:
    rows = []
    for minute in minutes:
        file = ROOT / day / "log" / f"{minute}_log.csv.gz"
        if not file.exists():
            continue
        for row in csv.reader(io.StringIO(gzip.decompress(file.read_bytes()).decode())):
            # One record of one file is two that were torn together: it has another number of fields.
            if len(row) == 8 and row[0] != "Timestamp":
                body = json.loads(row[7])["log"] if row[7].startswith('{"log"') else row[7]
                rows.append((row[5], row[6], row[3].rsplit("-", 2)[0], body.partition("SpanID: ")[2][17:] or body))
    return list(dict.fromkeys(rows))


def history(frame: pl.DataFrame, records: list[tuple[str, str, str, str]]) -> History:
    made = history_with()
    rows = frame.select(
        span_uid=pl.struct("TraceID", "SpanID").map_elements(lambda one: key(*one.values()), pl.Int64),
        trace_key=pl.col("TraceID").map_elements(key, pl.Int64),
        span_key=pl.col("SpanID").map_elements(key, pl.Int64),
        parent_key=pl.when(pl.col("ParentID") != "root").then(pl.col("ParentID")).map_elements(key, pl.Int64),
        system="system",
        name="OperationName",
        kind=pl.lit("internal"),
        started_at=pl.from_epoch(pl.col("StartTimeUnixNano") // 1000, time_unit="us"),
        start_us=pl.col("StartTimeUnixNano") // 1000,
        duration_us=(pl.col("EndTimeUnixNano") - pl.col("StartTimeUnixNano")) // 1000,
        status=pl.lit("unset"),
    ).to_arrow()
    lines = pl.DataFrame(
        [
            {"log_uid": place, "trace_key": key(trace), "span_key": key(span), "system": system, "body": body}
            for place, (trace, span, system, body) in enumerate(records)
        ],
        schema={
            "log_uid": pl.Int64,
            "trace_key": pl.Int64,
            "span_key": pl.Int64,
            "system": pl.String,
            "body": pl.String,
        },
    ).to_arrow()
    with made._store.writer() as connection:
        for table, content in (("spans", rows), ("log_records", lines)):
            connection.register("content", content)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM content").fetchall()
            connection.unregister("content")
    return made
