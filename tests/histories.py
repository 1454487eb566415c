"""What does a small history look like, made by hand?

`history_with` fills model tables directly, so that a measure can be tested apart from the loaders and the model.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from handoff_analytics.history import History

MODEL = {
    "systems": """
        name VARCHAR, namespace VARCHAR, system_type VARCHAR, platform_type VARCHAR, team VARCHAR, criticality VARCHAR,
        observed BOOLEAN, declared BOOLEAN, first_seen_at TIMESTAMP, last_seen_at TIMESTAMP, n_spans BIGINT""",
    "crossings": """
        crossing_id BIGINT, trace_key BIGINT, trace_id VARCHAR, correlation_id VARCHAR, source VARCHAR, target VARCHAR,
        channel VARCHAR, via VARCHAR, operation VARCHAR, workflow VARCHAR, platform VARCHAR, customer VARCHAR,
        amount DOUBLE, call_id BIGINT, attempt INTEGER, is_last_attempt BOOLEAN, started_at TIMESTAMP, start_us BIGINT,
        duration_us BIGINT, callee_us BIGINT, transit_us BIGINT, source_trace_key BIGINT, source_span_key BIGINT,
        target_span_key BIGINT,
        caller_span_key BIGINT, source_status VARCHAR, target_status VARCHAR, http_status INTEGER, error_code VARCHAR,
        error_type VARCHAR, error_text VARCHAR, failed BOOLEAN, origin VARCHAR, rule VARCHAR, side VARCHAR,
        fate VARCHAR, silent BOOLEAN, detector VARCHAR, evidence VARCHAR, confidence DOUBLE, tier VARCHAR,
        weight DOUBLE, is_duplicate BOOLEAN, is_orphan BOOLEAN, in_cycle BOOLEAN""",
    "silent_findings": """
        finding_id BIGINT, detector VARCHAR, crossing_id BIGINT, correlation_id VARCHAR, trace_key BIGINT,
        source VARCHAR, target VARCHAR, channel VARCHAR, workflow VARCHAR, rule VARCHAR, probability DOUBLE,
        occurred_at TIMESTAMP, detectable_at TIMESTAMP, detected_at TIMESTAMP, evidence VARCHAR, customer VARCHAR,
        amount DOUBLE, transactions BIGINT""",
    "failures": """
        failure_id BIGINT, crossing_id BIGINT, trace_key BIGINT, trace_id VARCHAR, correlation_id VARCHAR,
        source VARCHAR, target VARCHAR, channel VARCHAR, operation VARCHAR, workflow VARCHAR, platform VARCHAR,
        customer VARCHAR, amount DOUBLE, failed_at TIMESTAMP, start_us BIGINT, origin VARCHAR, rule VARCHAR,
        side VARCHAR, fate VARCHAR, silent BOOLEAN, detector VARCHAR, origin_weight DOUBLE, root_id BIGINT,
        depth INTEGER, http_status INTEGER, error_code VARCHAR, error_type VARCHAR, error_text VARCHAR, mode VARCHAR,
        handoff_type VARCHAR, type_confidence DOUBLE, type_rule VARCHAR, ambiguous BOOLEAN, detected_at TIMESTAMP,
        recovered_at TIMESTAMP, recovery_kind VARCHAR, weight DOUBLE""",
    "handoffs": """
        source VARCHAR, target VARCHAR, channel VARCHAR, source_team VARCHAR, target_team VARCHAR, multi_team BOOLEAN,
        platform VARCHAR, declared BOOLEAN, observed BOOLEAN, evidence VARCHAR, tier VARCHAR, first_seen_at TIMESTAMP,
        last_seen_at TIMESTAMP, n_crossings BIGINT, n_calls BIGINT, n_failed_attempts BIGINT, n_failures DOUBLE,
        n_masked DOUBLE, n_silent DOUBLE""",
    "cascades": """
        root_id BIGINT, root_source VARCHAR, root_target VARCHAR, root_channel VARCHAR, failure_id BIGINT,
        source VARCHAR, target VARCHAR, channel VARCHAR, depth INTEGER, delay_us BIGINT, failed_at TIMESTAMP,
        workflow VARCHAR, correlation_id VARCHAR, customer VARCHAR, amount DOUBLE""",
    "recoveries": """
        ticket_uid BIGINT, source VARCHAR, target VARCHAR, channel VARCHAR, share DOUBLE, opened_at TIMESTAMP,
        resolved_at TIMESTAMP, touch_hours DOUBLE, elapsed_hours DOUBLE, business_hours DOUBLE, open BOOLEAN,
        reassignments INTEGER, basis VARCHAR""",
    "attention": """
        ticket_uid BIGINT, stretch INTEGER, team VARCHAR, looked_at VARCHAR, failed_source VARCHAR,
        failed_target VARCHAR, right_team BOOLEAN, opened_at TIMESTAMP, from_at TIMESTAMP, until_at TIMESTAMP,
        hours DOUBLE""",
}
NOON = datetime(2026, 3, 2, 12)  # noqa: DTZ001 - times of a history are UTC without a zone; this is a Monday


def history_with(**tables: pl.DataFrame | list[dict[str, Any]]) -> History:
    """Make a history in memory whose named tables hold these rows; columns left out are null, `handoffs` is derived."""
    history = History()
    with history._store.writer() as connection:
        for name, columns in MODEL.items():
            connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})").fetchall()
        for name, content in tables.items():
            rows = content if isinstance(content, pl.DataFrame) else pl.DataFrame(content, infer_schema_length=None)
            if rows.height:
                connection.register("rows_to_insert", rows.to_arrow())
                connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM rows_to_insert").fetchall()
                connection.unregister("rows_to_insert")
        if "handoffs" not in tables:
            connection.execute(
                """
                INSERT INTO handoffs BY NAME
                SELECT source, target, channel, any_value(platform) AS platform, FALSE AS declared, TRUE AS observed,
                       'span_pair' AS evidence, 'high' AS tier, min(started_at) AS first_seen_at,
                       max(started_at) AS last_seen_at, count(*) AS n_crossings, count(DISTINCT call_id) AS n_calls
                FROM crossings GROUP BY source, target, channel ORDER BY ALL
                """
            ).fetchall()
    return history


def crossing(number: int, source: str, target: str, **more: Any) -> dict[str, Any]:
    """One successful crossing of a minute's distance from the one before, unless `more` says otherwise."""
    started_at = more.pop("started_at", NOON + timedelta(minutes=number))
    row: dict[str, Any] = {
        "crossing_id": number,
        "trace_key": number,
        "trace_id": f"{number:032x}",
        "correlation_id": f"order-{number}",
        "source": source,
        "target": target,
        "channel": "http",
        "call_id": number,
        "attempt": 1,
        "is_last_attempt": True,
        "started_at": started_at,
        "start_us": microseconds(started_at),
        "duration_us": 1_000,
        "callee_us": 800,
        "transit_us": 100,
        "failed": False,
        "silent": False,
        "evidence": "span_pair",
        "confidence": 1.0,
        "tier": "high",
        "weight": 1.0,
        "is_duplicate": False,
        "is_orphan": False,
        "in_cycle": False,
    }
    return row | more


def failure(number: int, source: str, target: str, **more: Any) -> dict[str, Any]:
    """One surfaced failure at a boundary, of the crossing with the same number, unless `more` says otherwise."""
    failed_at = more.pop("failed_at", NOON + timedelta(minutes=number))
    row: dict[str, Any] = {
        "failure_id": number,
        "crossing_id": number,
        "trace_key": number,
        "trace_id": f"{number:032x}",
        "correlation_id": f"order-{number}",
        "source": source,
        "target": target,
        "channel": "http",
        "failed_at": failed_at,
        "start_us": microseconds(failed_at),
        "origin": "boundary",
        "side": "boundary",
        "fate": "surfaced",
        "silent": False,
        "origin_weight": 1.0,
        "root_id": number,
        "depth": 0,
        "weight": 1.0,
    }
    return row | more


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - as NOON
