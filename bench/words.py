"""How much longer do templates and rules take than the plainest way to the same words?"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import duckdb
import polars as pl
from goals import Pair

from handoff_analytics.model.rules import classified, shipped_rules
from handoff_analytics.templates import masked, templates_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Calls = tuple[Callable[[], object], Callable[[], object], Callable[[], None]]

_VERBS = ("started", "refused", "retried", "paid", "lost", "sent")


def bodies(lines: int) -> pl.DataFrame:
    """Return log lines of six templates."""
    draw = random.Random(5)
    return pl.Series(
        [
            f"order {draw.randrange(10**6)} {_VERBS[n % 6]} by erp-{n % 9} after {draw.random():.3f} s"
            for n in range(lines)
        ]
    ).to_frame("body")


def log_templates(folder: Path, lines: int) -> Calls:
    """Time the templates of log lines, against masking digits and grouping in polars."""
    del folder
    logged = bodies(lines)

    def library() -> object:
        masks = logged.select(mask=masked(pl.col("body")))["mask"]
        return templates_of(masks).height

    def reference() -> object:
        return logged.select(mask=pl.col("body").str.replace_all(r"\d+", "#")).group_by("mask").len().height

    def same() -> None:
        # The plain way takes each host for a word of its own unless its number is masked: it has as many templates.
        assert library() == len(_VERBS), library()

    return library, reference, same


_SAID = (
    "400: invalid_grant",
    "422 Unprocessable Entity: schema mismatch in lines[0].unit",
    "connection refused: orders-db:5432",
    "timeout: no answer within 4000 ms",
    "java.lang.OutOfMemoryError: Java heap space",
    "deadlock detected",
)


def classification(folder: Path, texts: int) -> Calls:
    """Time the classification of error texts, against every pattern asked of every text in turn, as a CASE does."""
    del folder
    draw = random.Random(9)
    said = [
        # Two in a hundred say something that a rule knows.
        f"{_SAID[n % len(_SAID)]} ({draw.randrange(10**6)})"
        if n % 50 == 0
        else f"order {draw.randrange(10**9)} step {n % 97} of run {draw.randrange(10**6)} done"
        for n in range(texts)
    ]
    asked = pl.DataFrame(
        {
            "place": range(texts),
            "http_status": pl.Series([None] * texts, dtype=pl.Int64),
            "error_code": pl.Series([None] * texts, dtype=pl.String),
            "error_type": pl.Series([None] * texts, dtype=pl.String),
            "error_text": said,
        }
    )
    known = shipped_rules()
    rules = known.filter(pl.col("field") == "message", pl.col("weight") > 0).sort(
        "weight", "rule", descending=[True, False]
    )
    branches = " ".join(f"WHEN regexp_matches(error_text, '(?i)' || ${n}) THEN ${n}r" for n in range(rules.height))
    branches = branches.replace("$", "$p")
    bound = {f"p{n}": pattern for n, pattern in enumerate(rules["pattern"])}
    bound |= {f"p{n}r": rule for n, rule in enumerate(rules["rule"])}
    connection = duckdb.connect()
    connection.register("asked", asked.to_arrow())

    def library() -> pl.DataFrame:
        return classified(asked, known).select("place", "rule")

    def reference() -> pl.DataFrame:
        query = f"SELECT * FROM (SELECT place, CASE {branches} END AS rule FROM asked) WHERE rule IS NOT NULL"
        return connection.sql(query, params=bound).pl()

    def same() -> None:
        assert library().sort("place").equals(reference().sort("place"))
        assert library().height >= texts // 50

    return library, reference, same


GOALS = (
    Pair(
        "4.8",
        "log templates / polars mask and group",
        log_templates,
        {"quick": 50_000, "full": 1_000_000},
        3.0,
    ),
    Pair(
        "5.7",
        "rule classification / a plain CASE over every rule: three times as fast, the same labels",
        classification,
        {"quick": 2_000, "full": 100_000},
        1 / 3,
    ),
)
