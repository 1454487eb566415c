"""Which kind of failure does a code or a text speak of?"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import polars as pl

from ..history import query

if TYPE_CHECKING:
    import duckdb

_FAMILIES = {
    "grpc": "grpc_status",
    "sqlstate": "sqlstate",
    "amqp": "amqp_code",
    "kafka": "kafka_error",
}


@cache
def shipped_rules() -> pl.DataFrame:
    """Return the rules that come with the library."""
    return pl.read_csv(
        files(__package__).joinpath("failure_rules.csv").read_bytes(),
        schema_overrides={"pattern": pl.String, "weight": pl.Int64},
    )


def classify(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `classified`: the mode and type of every attempt in `troubled`."""
    rules = shipped_rules().to_dicts()
    codes = {(r["field"], r["pattern"]): r for r in rules if r["field"] != "message"}
    messages = [(re.compile(r["pattern"], re.IGNORECASE), r) for r in rules if r["field"] == "message"]
    asked = query(
        connection, "SELECT DISTINCT http_status, error_code, error_type, error_text FROM troubled ORDER BY ALL"
    )
    answers = []
    for row in asked.iter_rows(named=True):
        score: dict[str, float] = {}
        by: dict[str, dict[str, Any]] = {}

        def hit(
            rule: dict[str, Any], bonus: float, score: dict[str, float] = score, by: dict[str, dict[str, Any]] = by
        ) -> None:
            points = rule["weight"] + bonus
            if points > score.get(rule["mode"], 0):
                score[rule["mode"]] = points
                by[rule["mode"]] = rule

        if row["http_status"] is not None and (rule := codes.get(("http_status", str(row["http_status"])))):
            hit(rule, 0.4)
        family, _, code = (row["error_code"] or "").partition(":")
        field = _FAMILIES.get(family, family)
        for length in range(len(code), 1, -1):
            if rule := codes.get((field, code[:length])):
                hit(rule, 0.4)
                break
        text = f"{row['error_type'] or ''}: {row['error_text'] or ''}"
        for pattern, rule in messages:
            if pattern.search(text):
                hit(rule, 0.2)
        best = sorted(score.items(), key=lambda item: (-item[1], item[0]))
        if best and not (best[0][1] == 1.4 and row["http_status"] == 400):
            rule = by[best[0][0]]
            answers.append(
                {
                    **row,
                    "rule": rule["rule"],
                    "mode": rule["mode"],
                    "handoff_type": rule["handoff_type"],
                    "side": rule["side"],
                    "confidence": rule["weight"] / 10,
                    "ambiguous": len(best) > 1 and best[0][1] == best[1][1],
                }
            )
    frame = pl.DataFrame(
        answers,
        schema={
            **asked.schema,
            "rule": pl.String,
            "mode": pl.String,
            "handoff_type": pl.String,
            "side": pl.String,
            "confidence": pl.Float64,
            "ambiguous": pl.Boolean,
        },
    )
    connection.register("answers", frame)
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE classified AS
        SELECT t.crossing_id, a.rule, a.mode, a.handoff_type, a.side, a.confidence, a.ambiguous
        FROM troubled AS t
        JOIN answers AS a
            ON a.http_status IS NOT DISTINCT FROM t.http_status
            AND a.error_code IS NOT DISTINCT FROM t.error_code
            AND a.error_type IS NOT DISTINCT FROM t.error_type
            AND a.error_text IS NOT DISTINCT FROM t.error_text
        """
    ).fetchall()
    connection.unregister("answers")
