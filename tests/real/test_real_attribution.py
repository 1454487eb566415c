"""On real logs, the edges that lines with a common id show are those that the spans of the same ids show."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from handoff_analytics import model
from handoff_analytics.history import History
from handoff_analytics.identity import key

ROOT = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "nezha_dev"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ROOT.is_dir(), reason=f"the real data is not there: {ROOT}"),
]


def rows(file: Path) -> list[list[str]]:
    text = gzip.decompress(file.read_bytes()).decode(errors="replace")
    return list(csv.reader(io.StringIO(text)))[1:]


def service(pod: str) -> str:
    return pod.rsplit("-", 2)[0]


@pytest.mark.parametrize("day", ["2023-01-29", "2023-01-30"])
def test_log_edges_agree_with_span_edges(day: str) -> None:
    csv.field_size_limit(2**31)
    spans = {
        (row[0], row[1]): (service(row[3]), row[2])
        for file in sorted((ROOT / day / "trace").glob("*.csv.gz"))
        for row in rows(file)
    }
    records: list[dict[str, Any]] = []
    for file in sorted((ROOT / day / "log").glob("*.csv.gz")):
        # One record of one file is two that were torn together: it has another number of fields.
        records += [
            {
                "log_uid": key(row[5], row[1], str(len(records) + place)),
                "log_us": int(row[1]) // 1000,
                "system": service(row[3]),
                "trace_id": row[5],
                "trace_key": key(row[5]),
                "body": row[7],
                "load_id": 1,
            }
            for place, row in enumerate(rows(file))
            if len(row) == 8
        ]
    logging = {record["system"] for record in records}
    true = set()
    for (trace, _), (system, parent) in spans.items():
        above = spans.get((trace, parent))
        if above is not None and above[0] != system and {above[0], system} <= logging:
            true.add((above[0], system))
    history = History()
    with history._store.writer() as connection:
        connection.register("records", pl.DataFrame(records).to_arrow())
        connection.execute("INSERT INTO log_records BY NAME SELECT * FROM records").fetchall()
        connection.unregister("records")
        model.build(connection)
    found = set(history.sql("SELECT source, target FROM log_edges").rows())
    assert len(true) == 46
    assert len(found & true) / len(found) >= 0.85
    assert len(found & true) / len(true) >= 0.9
