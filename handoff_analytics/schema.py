"""Which tables does a history begin with, and how does one of an older version get them?

A history says its schema version. A newer one is refused, an older one is lifted version by version when it is opened
for writing; what a version added needs no step of its own, for a table or a column that is missing is made.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from .errors import NotAHistoryError

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

SCHEMA_VERSION = 1
EVIDENCE = {
    entry.name.removesuffix(".sql"): entry.read_text(encoding="utf-8")
    for entry in sorted(files(__package__).joinpath("model", "evidence").iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".sql")
}
# What a version changed beside added tables and columns: version -> the statements that lift the one before.
STEPS: dict[int, str] = {}


def prepare(connection: duckdb.DuckDBPyConnection, path: str | Path) -> None:
    """Make the evidence tables that are missing, and lift a history of an older version to this one.

    Parameters
    ----------
    connection
        Open for writing, in no transaction.
    path
        Where it lies, for the reader of an error.

    Raises
    ------
    NotAHistoryError
        If the file is of another kind or of a newer version.
    """
    tables = _tables(connection)
    version = _version(connection, path) if tables else SCHEMA_VERSION
    if version == SCHEMA_VERSION and not _lacking(tables):
        return
    connection.execute("BEGIN").fetchall()
    try:
        for number in range(version + 1, SCHEMA_VERSION + 1):
            connection.execute(STEPS.get(number, "SELECT 1")).fetchall()
        for statements in EVIDENCE.values():
            # The comments of a table name columns that an older file may lack: they come last.
            connection.execute(statements.partition(";")[0]).fetchall()
        for table, column, kind in _lacking(_tables(connection)):
            connection.execute(f'ALTER TABLE main."{table}" ADD COLUMN "{column}" {kind}').fetchall()
        for statements in EVIDENCE.values():
            connection.execute(statements).fetchall()
        facts = {"schema_version": str(SCHEMA_VERSION)}
        if tables:
            facts["model"] = "stale"
        for fact, content in facts.items():
            connection.execute(
                "INSERT OR REPLACE INTO history_facts VALUES ($fact, $content)", {"fact": fact, "content": content}
            ).fetchall()
        connection.execute(
            """
            INSERT INTO history_facts
            SELECT * FROM (VALUES ('salt', uuid()::VARCHAR), ('made_at', $made_at)) AS made (fact, content)
            WHERE fact NOT IN (SELECT fact FROM history_facts)
            """,
            {"made_at": datetime.now(UTC).isoformat()},
        ).fetchall()
        connection.execute("COMMIT").fetchall()
    except BaseException:
        connection.execute("ROLLBACK").fetchall()
        raise


def require_current(connection: duckdb.DuckDBPyConnection, path: str | Path) -> None:
    """Refuse to read a history of another version: reading cannot lift it.

    Parameters
    ----------
    connection
        A DuckDB file.
    path
        Where it lies.

    Raises
    ------
    NotAHistoryError
        If the file is of another kind, of a newer version, or of an older one that was not lifted yet.
    """
    version = _version(connection, path)
    if version < SCHEMA_VERSION or _lacking(_tables(connection)):
        raise NotAHistoryError(
            f"{path} was made by an older version of this library (schema version {version}, this one has "
            f"{SCHEMA_VERSION}). Lift it once with: handoffs check --repair {path}"
        )


def _version(connection: duckdb.DuckDBPyConnection, path: str | Path) -> int:
    tables = _tables(connection)
    if not tables:
        raise NotAHistoryError(f"{path} is empty: the load that began it was ended. Load the evidence again.")
    if "history_facts" not in tables:
        raise NotAHistoryError(f"{path} is a DuckDB database, but no history: it has no table history_facts.")
    row = connection.execute("SELECT content FROM history_facts WHERE fact = 'schema_version'").fetchall()
    if not row or not re.fullmatch(r"\d{1,9}", str(row[0][0])):
        raise NotAHistoryError(f"{path} is a DuckDB database, but no history: it says no schema version.")
    version = int(row[0][0])
    if version > SCHEMA_VERSION:
        raise NotAHistoryError(
            f"{path} has schema version {version}; this library reads up to {SCHEMA_VERSION}: upgrade it."
        )
    return version


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Return the columns of each table that lies in the history."""
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()"
    ).fetchall():
        found.setdefault(table, set()).add(column)
    return found


@cache
def columns() -> dict[str, dict[str, str]]:
    """Return the columns of each evidence table, and their types, as the files of its name say."""
    return {
        table: dict(re.findall(r"^    ([a-z_0-9]+) +([A-Z].*?),?$", text.partition(";")[0], flags=re.MULTILINE))
        for table, text in EVIDENCE.items()
    }


def _lacking(tables: dict[str, set[str]]) -> list[tuple[str, str, str]]:
    return [
        (table, column, kind)
        for table, wanted in columns().items()
        for column, kind in wanted.items()
        if column not in tables.get(table, ())
    ]
