"""How is what people found, decided or did kept in the history?"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import polars as pl

from .identity import key
from .schema import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .history import History


def keep(history: History, table: str, rows: Sequence[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    """Add rows to a table of entries; what is in it already is not added again.

    Parameters
    ----------
    history
        A history in a file or in memory; it is written to.
    table
        A table of evidence whose first column, entry_uid, is a hash of the others.
    rows, schema
        The entries, and their columns in the order of the table.
    """
    with history._store.writer() as connection:  # noqa: SLF001 - a history has one writer, and this is its door
        connection.execute(EVIDENCE[table]).fetchall()
        for row in rows:
            # The hash makes a repetition harmless, so a half-written batch is mended by entering it again.
            connection.execute(
                f"""
                INSERT INTO {table} (entry_uid, {", ".join(schema)})
                SELECT $entry_uid, {", ".join(f"${name}" for name in schema)}
                WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE entry_uid = $entry_uid)
                """,
                row | {"entry_uid": key(*(str(row[name]) for name in sorted(schema)))},
            ).fetchall()
    return pl.DataFrame(rows, schema=schema)


def kept(history: History, table: str, schema: pl.Schema) -> pl.DataFrame:
    """Return every entry of a table, the latest last: of two of one moment, the one that was made later."""
    known = history.sql("SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = $table", table=table).item()
    if not known:
        return pl.DataFrame(schema=schema)
    return history.sql(f"SELECT {', '.join(schema)} FROM {table} ORDER BY entered_at, rowid")


def utc(moment: datetime) -> datetime:
    """Return a time as a history holds it: UTC, without a zone; one without a zone is taken as UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
