"""Which of the rows that a load brought did the history have already?

Rows are written as they come, and compared when the file has ended: the same uid with the same content is a repetition
and goes; the same uid with other content stays under a uid of its own, or the newer of the two wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from ..identity import key_sql
from ..schema import EVIDENCE
from ..store import MEMORY, connect

if TYPE_CHECKING:
    import duckdb

# The natural key of each table's rows. The integer key of it is the table's uid.
NATURAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "spans": ("span_uid", ("trace_id", "span_id", "half")),
    "log_records": ("log_uid", ()),
    "runs": ("run_uid", ("platform", "run_id")),
    "tickets": ("ticket_uid", ("platform", "ticket_id")),
    "ticket_events": ("event_uid", ()),
    "ticket_snapshots": ("snapshot_uid", ()),
    "outcomes": ("outcome_uid", ("correlation_id", "check_name", "checked_at")),
}
# Tables with one row a thing, and the column that says which row of several is the latest.
NEWEST = {"tickets": "updated_at", "runs": "ended_at"}
_TYPES = {
    "BIGINT": pl.Int64(),
    "INTEGER": pl.Int32(),
    "DOUBLE": pl.Float64(),
    "VARCHAR": pl.String(),
    "JSON": pl.String(),
    "BOOLEAN": pl.Boolean(),
    "TIMESTAMP": pl.Datetime("us"),
}
# Columns that follow from others of the same row; they are computed where a frame leaves them out.
_DERIVED = {
    "trace_key": ("trace_id", f"CASE WHEN trace_id IS NOT NULL THEN {key_sql('trace_id')} END"),
    "span_key": ("span_id", f"CASE WHEN span_id IS NOT NULL THEN {key_sql('span_id')} END"),
    "parent_key": ("parent_span_id", f"CASE WHEN parent_span_id IS NOT NULL THEN {key_sql('parent_span_id')} END"),
    "linked_trace_key": ("linked_trace_id", key_sql("linked_trace_id")),
    "linked_span_key": ("linked_span_id", key_sql("linked_span_id")),
    "started_at": ("start_us", "make_timestamp(start_us)"),
    "logged_at": ("log_us", "make_timestamp(log_us)"),
    "span_uid": ("span_id", key_sql("trace_id", "span_id", "NULL", "'1'")),
}
# Keys, and the ids that they follow from.
_IDS = {
    "trace_key": "trace_id",
    "span_key": "span_id",
    "parent_key": "parent_span_id",
    "linked_trace_key": "linked_trace_id",
    "linked_span_key": "linked_span_id",
}
# Columns that say the same as another, rounded.
_EXACTER = {
    "started_at": ("start_ns", "start_us"),
    "start_us": ("start_ns",),
    "duration_us": ("duration_ns",),
    "logged_at": ("log_us",),
}


@dataclass(frozen=True)
class Settled:
    """What became of the rows of one table."""

    repeated: pl.DataFrame
    """Rows that were there already: their record_no and uid."""
    renamed: pl.DataFrame
    """Rows kept beside another of the same id: their record_no and new uid."""


@cache
def schemas() -> dict[str, dict[str, pl.DataType]]:
    """Return the columns of each evidence table as types of frames."""
    connection = connect(MEMORY)
    for statements in EVIDENCE.values():
        connection.execute(statements).fetchall()
    columns = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
        "ORDER BY table_name, column_index"
    ).fetchall()
    connection.close()
    found: dict[str, dict[str, pl.DataType]] = {}
    for table, name, kind in columns:
        found.setdefault(table, {})[name] = _TYPES[kind]
    return found


def uid_of(table: str) -> str:
    """Return the column that identifies a row; without one of its own, its content does."""
    return NATURAL.get(table, ("record_hash", ()))[0]


def insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame, *, load_id: int) -> None:
    """Append rows, each with the hash of its content and the columns that follow from others.

    Parameters
    ----------
    connection
        The history, in a transaction.
    table
        An evidence table.
    frame
        Columns of it, and record_no.
    load_id
        The load that brings them.
    """
    # Handed over as they lie in memory: a conversion of texts would cost more than the rest.
    given = [name for name in schemas()[table] if name in frame.columns and name not in {"load_id", "record_hash"}]
    connection.register("incoming", frame.select(given).to_arrow(compat_level=pl.CompatLevel.newest()))
    nulls = {name: frame[name].null_count() / max(frame.height, 1) for name in given}
    connection.execute(
        f'INSERT INTO main."{table}" BY NAME {selected(table, nulls, "incoming", load_id=load_id)}'
    ).fetchall()
    connection.unregister("incoming")


def selected(table: str, nulls: dict[str, float], relation: str, *, load_id: int) -> str:
    """Return the SELECT that makes rows of a table from a relation with some of its columns.

    Parameters
    ----------
    table
        An evidence table.
    nulls
        The columns that the relation has, each with the share of its nulls, from 0 to 1.
    relation
        Name of the relation.
    load_id
        The load.
    """
    uid = uid_of(table)
    derived = {
        name: sql
        for name, (needed, sql) in _DERIVED.items()
        if name in schemas()[table] and name not in nulls and needed in nulls
    }
    content = _content({name: share for name, share in nulls.items() if name not in {uid, "record_no"}})
    if uid not in {*nulls, *derived, "record_hash"}:
        # Rows without a natural key are what they say.
        derived[uid] = content
    named = ", ".join((*(f'"{name}"' for name in nulls), *(f'{sql} AS "{name}"' for name, sql in derived.items())))
    return f"SELECT {named}, {content} AS record_hash, {load_id} AS load_id FROM {relation}"


def _content(nulls: dict[str, float]) -> str:
    """Return the hash of a row's content as SQL.

    Only what is not null counts, and nothing that follows from other columns of the row: the hash must not depend on
    the rows around it, nor on the columns that a loader cares to give.
    """
    parts = []
    for name in sorted(nulls):
        if _IDS.get(name) in nulls or nulls[name] == 1:
            continue
        told = f"'{name}=' || \"{name}\""
        exacter = [other for other in _EXACTER.get(name, ()) if other in nulls]
        if any(nulls[other] == 0 for other in exacter):
            continue
        if exacter:
            told = f"CASE WHEN coalesce({', '.join(exacter)}) IS NULL THEN {told} END"
        parts.append(told)
    return f"(md5_number(concat_ws(chr(31), {', '.join(parts)})) >> 65)::BIGINT" if parts else "0"


def settle(connection: duckdb.DuckDBPyConnection, table: str, *, load_id: int) -> Settled | None:
    """Compare the rows of a load with all others of a table.

    Parameters
    ----------
    connection
        The history, in the transaction of the load.
    table
        An evidence table.
    load_id
        The load.

    Returns
    -------
    Settled or None
        What was found; null when no row met another.
    """
    uid = uid_of(table)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE meeting AS
        WITH fresh AS (SELECT "{uid}" AS uid FROM main."{table}" WHERE load_id = {load_id}),
        met AS (
            SELECT uid FROM fresh GROUP BY uid HAVING count(*) > 1
            UNION
            SELECT "{uid}" FROM main."{table}" AS old
            WHERE load_id IS DISTINCT FROM {load_id} AND "{uid}" IN (SELECT uid FROM fresh)
        )
        SELECT rowid AS place, "{uid}" AS uid, record_hash, record_no, load_id IS NOT DISTINCT FROM {load_id} AS fresh
        FROM main."{table}"
        WHERE "{uid}" IN (SELECT uid FROM met)
        """
    ).fetchall()
    if not connection.execute("SELECT count(*) FROM meeting").fetchall()[0][0]:
        connection.execute("DROP TABLE temp.meeting").fetchall()
        return None
    older = _older_steps(connection) if table == "spans" else None
    if table in NEWEST:
        ranked = f"""
            SELECT m.*, row_number() OVER (
                PARTITION BY m.uid
                ORDER BY t."{NEWEST[table]}" DESC NULLS LAST, m.record_hash DESC, m.fresh, m.record_no, m.place
            ) AS copy
            FROM meeting AS m
            JOIN main."{table}" AS t ON t.rowid = m.place
        """
        gone = "copy > 1"
    else:
        ranked = """
            SELECT *,
                row_number() OVER (PARTITION BY uid, record_hash ORDER BY fresh, record_no, place) AS copy,
                row_number() OVER (PARTITION BY uid ORDER BY fresh, record_no, place) AS version
            FROM meeting
        """
        gone = "copy > 1 AND fresh"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE ranked AS {ranked}").fetchall()
    renamed = pl.DataFrame(schema={"record_no": pl.Int64, "uid": pl.Int64})
    if table not in NEWEST and uid != "record_hash":
        renamed = _renamed(connection, table, uid, load_id=load_id)
    repeated = connection.sql(f"SELECT record_no, uid FROM ranked WHERE {gone} AND fresh ORDER BY ALL").pl()
    connection.execute(f'DELETE FROM main."{table}" WHERE rowid IN (SELECT place FROM ranked WHERE {gone})').fetchall()
    for name in ("meeting", "ranked"):
        connection.execute(f"DROP TABLE temp.{name}").fetchall()
    return Settled(repeated if older is None else pl.concat([repeated, older]).sort("record_no", "uid"), renamed)


def _older_steps(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Take out what was said of a step of a workflow before it ended: a platform tells of it again and again."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE older AS
        SELECT m.place, m.uid, m.record_no, m.fresh
        FROM meeting AS m
        JOIN main.spans AS t ON t.rowid = m.place
        WHERE t.platform = 'orchestrator'
        QUALIFY t.duration_us IS NULL AND row_number() OVER (
            PARTITION BY m.uid
            ORDER BY t.duration_us IS NULL, t.start_us DESC, m.record_hash DESC, m.fresh, m.record_no, m.place
        ) > 1
        """
    ).fetchall()
    found: pl.DataFrame = connection.sql("SELECT record_no, uid FROM older WHERE fresh ORDER BY ALL").pl()
    connection.execute("DELETE FROM main.spans WHERE rowid IN (SELECT place FROM older)").fetchall()
    connection.execute("DELETE FROM meeting WHERE place IN (SELECT place FROM older)").fetchall()
    connection.execute("DROP TABLE temp.older").fetchall()
    return found


def _renamed(connection: duckdb.DuckDBPyConnection, table: str, uid: str, *, load_id: int) -> pl.DataFrame:
    """Give rows with the id of another the key of id and content, under which they meet themselves again later."""
    own = key_sql("uid::VARCHAR", "record_hash::VARCHAR")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE renamed AS
        SELECT place, record_no, {own} AS own_uid FROM ranked WHERE copy = 1 AND version > 1 AND fresh
        """
    ).fetchall()
    connection.execute(
        f"""
        UPDATE ranked SET copy = 2
        WHERE place IN (
            SELECT place FROM renamed WHERE own_uid IN (
                SELECT "{uid}" FROM main."{table}" WHERE load_id IS DISTINCT FROM {load_id}
            )
        )
        """
    ).fetchall()
    connection.execute("DELETE FROM renamed WHERE place IN (SELECT place FROM ranked WHERE copy > 1)").fetchall()
    connection.execute(
        f'UPDATE main."{table}" AS t SET "{uid}" = r.own_uid FROM renamed AS r WHERE t.rowid = r.place'
    ).fetchall()
    made: pl.DataFrame = connection.sql("SELECT record_no, own_uid AS uid FROM renamed ORDER BY ALL").pl()
    connection.execute("DROP TABLE temp.renamed").fetchall()
    return made
