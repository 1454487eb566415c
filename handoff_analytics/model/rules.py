"""Which kind of failure does a code or a text speak of?

Classification is a table that anyone can edit: `failure_rules.csv` here, and beside it the rows of an analyst's own
file. Every rule that fits scores its weight; codes score a little more than texts, so that at the same weight the code
wins, and a weak code (500) loses to a text that says more. What no rule knows stays unclassified.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ..errors import MappingError
from ..store import query
from ..vocabulary import HandoffType, Side
from .statements import run

if TYPE_CHECKING:
    import duckdb

COLUMNS = ("rule", "field", "pattern", "mode", "handoff_type", "side", "weight", "reason")
# The family before the colon of an error_code, and the field of the rules that know its codes.
FAMILIES = {"grpc": "grpc_status", "sqlstate": "sqlstate", "amqp": "amqp_code", "kafka": "kafka_error"}
FIELDS = ("http_status", *FAMILIES.values(), "message")
# At the same weight a code beats a text; a rule of the analyst's own beats every shipped one.
_BONUS = {"message": 0.2}
_CODE_BONUS, _OWN_BONUS = 0.4, 10.0
_ASKED = ("http_status", "error_code", "error_type", "error_text")
_ANSWERS = {
    **dict.fromkeys(("rule", "mode", "handoff_type", "side"), pl.String),
    "confidence": pl.Float64,
    "ambiguous": pl.Boolean,
}


@cache
def shipped_rules() -> pl.DataFrame:
    """Return the rules that come with the library, with the column own = false."""
    return _read(files(__package__).joinpath("failure_rules.csv").read_bytes()).with_columns(own=pl.lit(value=False))


def _read(content: bytes | Path) -> pl.DataFrame:
    return pl.read_csv(content, schema_overrides={"pattern": pl.String, "weight": pl.Float64})


def rules(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return the rules of a history: the shipped ones, those of the same name replaced by the analyst's own.

    Parameters
    ----------
    connection
        A history.

    Returns
    -------
    polars.DataFrame
        One row a rule, by name: rule, field, pattern, mode, handoff_type, side, reason (String), weight (Float64, 1
        weak to 9 certain), own (Boolean).
    """
    known = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'failure_rules'").fetchall()
    if not known:
        return shipped_rules()
    own = query(connection, f"SELECT {', '.join(COLUMNS)}, TRUE AS own FROM failure_rules WHERE own")
    return pl.concat([shipped_rules().join(own, on="rule", how="anti"), own.select(shipped_rules().columns)]).sort(
        "rule"
    )


def load_rules(connection: duckdb.DuckDBPyConnection, path: str | Path) -> int:
    """Take an analyst's own rules into a history; rebuild the model to apply them.

    Parameters
    ----------
    connection
        A history open for writing.
    path
        CSV with the columns of `failure_rules.csv`. A rule of a shipped name replaces that rule; weight 0 silences it.

    Returns
    -------
    int
        Rules loaded.

    Raises
    ------
    MappingError
        If a column is missing, a word is unknown, or a pattern is no regular expression that runs in linear time.
    """
    own = _checked(Path(path))
    run(
        connection,
        """
        CREATE TABLE IF NOT EXISTS failure_rules (
            rule VARCHAR, field VARCHAR, pattern VARCHAR, mode VARCHAR, handoff_type VARCHAR, side VARCHAR,
            weight DOUBLE, reason VARCHAR, own BOOLEAN
        )
        """,
    )
    connection.register("own_rules", own.to_arrow())
    run(connection, "DELETE FROM failure_rules WHERE rule IN (SELECT rule FROM own_rules)")
    run(connection, "INSERT INTO failure_rules BY NAME SELECT *, TRUE AS own FROM own_rules")
    connection.unregister("own_rules")
    return own.height


def _checked(path: Path) -> pl.DataFrame:
    try:
        found = _read(path)
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise MappingError(f"{path} is no rules file: {fault}. Wanted a CSV with {', '.join(COLUMNS)}.") from fault
    missing = [column for column in COLUMNS if column not in found.columns]
    if missing:
        raise MappingError(f"{path} lacks the columns {', '.join(missing)}. Wanted {', '.join(COLUMNS)}.")
    words = {"field": FIELDS, "handoff_type": tuple(HandoffType), "side": tuple(Side)}
    for column, allowed in words.items():
        for row in found.filter(~pl.col(column).is_in(list(allowed)) | pl.col(column).is_null()).iter_rows(named=True):
            raise MappingError(f"{path}, rule {row['rule']}: {column} is {row[column]!r}. Use {', '.join(allowed)}.")
    for row in found.filter(pl.col("field") == "message").iter_rows(named=True):
        try:
            pl.Series([""]).str.contains(f"(?i){row['pattern']}")
        except pl.exceptions.ComputeError as fault:
            raise MappingError(
                f"{path}, rule {row['rule']}: the pattern {row['pattern']!r} is not understood: {fault}. "
                "Look-around and back-references are not supported: they could take for ever."
            ) from fault
    return found.select(COLUMNS)


def hits(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return every rule that fits.

    Parameters
    ----------
    asked
        Columns place (Int64, a row's number), http_status, error_code, error_type, error_text.
    known
        As `rules` returns them.

    Returns
    -------
    polars.DataFrame
        One row a question and a rule that fits: place, rule, field, mode, handoff_type, side, weight, reason, score
        (weight and tier), at (Int64, where in the text it was found; 0 for codes).
    """
    known = known.filter(pl.col("weight") > 0).with_columns(
        score=pl.col("weight")
        + pl.col("field").replace_strict(_BONUS, default=_CODE_BONUS)
        + pl.when("own").then(_OWN_BONUS).otherwise(0.0)
    )
    frames = [_code_hits(asked, known), _text_hits(asked, known)]
    columns = ["place", "rule", "field", "mode", "handoff_type", "side", "weight", "reason", "score", "at"]
    return pl.concat([frame.select(columns) for frame in frames]).sort("place", "score", "at", "rule")


def _code_hits(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    codes = known.filter(pl.col("field") != "message").rename({"pattern": "code"})
    family = pl.col("error_code").str.split_exact(":", 1)
    stated = pl.concat(
        [
            asked.filter(pl.col("http_status").is_not_null()).select(
                "place", field=pl.lit("http_status"), stated=pl.col("http_status").cast(pl.String)
            ),
            asked.filter(pl.col("error_code").is_not_null()).select(
                "place",
                field=family.struct.field("field_0").replace(FAMILIES),
                stated=pl.col("error_code").str.splitn(":", 2).struct.field("field_1"),
            ),
        ]
    ).filter(pl.col("stated").is_not_null())
    # A class of SQL states is known by its first two digits; the longest code that is known says most.
    prefixes = [stated.with_columns(code=pl.col("stated"), length=pl.lit(99))]
    prefixes.append(
        stated.filter(pl.col("field") == "sqlstate").with_columns(
            code=pl.col("stated").str.slice(0, 2), length=pl.lit(2)
        )
    )
    found = pl.concat(prefixes).join(codes, on=["field", "code"])
    longest = found.group_by("place", "field").agg(pl.col("length").max())
    return (
        found.join(longest, on=["place", "field", "length"])
        .unique(["place", "rule"])
        .with_columns(at=pl.lit(0, dtype=pl.Int64))
    )


def _text_hits(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    texts = known.filter(pl.col("field") == "message")
    # ResourceNotFoundException is read as it stands and as words.
    words = pl.col("error_type").str.replace_all(r"([a-z])([A-Z])", "$1 $2")
    said = asked.select(
        "place",
        text=pl.concat_str(["error_type", words, "error_text"], separator=". ", ignore_nulls=True).str.slice(0, 4000),
    )
    # Each text once, each rule by itself: a pattern alone is found by its letters, many in one are walked through.
    distinct = said.select("text").unique().drop_nulls().sort("text").lazy()
    found = [
        distinct.select("text", at=pl.col("text").str.find(f"(?i){row['pattern']}").cast(pl.Int64))
        .drop_nulls("at")
        .with_columns(**{name: pl.lit(value) for name, value in row.items() if name not in {"pattern", "own"}})
        for row in texts.iter_rows(named=True)
    ]
    if not found:
        return said.clear().join(texts, how="cross").with_columns(at=pl.lit(0, dtype=pl.Int64))
    return said.join(pl.concat(pl.collect_all(found)), on="text")


def classified(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the mode and type of every question that a rule can answer.

    Parameters
    ----------
    asked, known
        As for `hits`.

    Returns
    -------
    polars.DataFrame
        One row an answered question, by place: place, rule, mode, handoff_type, side, confidence (0 to 1), ambiguous
        (another mode scored the same). Questions without an answer are left out: unclassified, never a guess.
    """
    best = (
        hits(asked, known)
        .sort(["place", "score", "at", "rule"], descending=[False, True, False, False])
        .unique(["place", "mode"], keep="first", maintain_order=True)
    )
    # HTTP 400 is answered to everything: alone it decides nothing.
    alone = pl.len().over("place") == 1
    only_400 = alone & (pl.col("field") == "http_status") & (pl.col("rule") == "R001")
    best = best.filter(~only_400)
    top = best.with_columns(
        tied=(pl.col("score") == pl.col("score").max().over("place")).sum().over("place") > 1
    ).unique("place", keep="first", maintain_order=True)
    return top.select(
        "place",
        "rule",
        "mode",
        "handoff_type",
        "side",
        # Prior of a rule's precision by its weight: what labelled samples have not yet corrected.
        # Rounded: dividing a long column and a short one differs in the last digit.
        confidence=(pl.col("weight") / 10).clip(0.0, 1.0).round(6),
        ambiguous="tied",
    )


def classify(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the working table `classified`: the mode and type of every attempt in `troubled` that a rule knows."""
    asked = (
        query(connection, f"SELECT DISTINCT {', '.join(_ASKED)} FROM troubled ORDER BY ALL")
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )
    answers = asked.join(classified(asked, rules(connection)), on="place")
    connection.register("answers", answers.to_arrow())
    same = " AND ".join(f"a.{column} IS NOT DISTINCT FROM t.{column}" for column in _ASKED)
    run(
        connection,
        f"""
        CREATE OR REPLACE TEMP TABLE classified AS
        SELECT t.crossing_id, {", ".join(f"a.{column}" for column in _ANSWERS)}
        FROM troubled AS t
        JOIN answers AS a ON {same}
        """,
    )
    connection.unregister("answers")
