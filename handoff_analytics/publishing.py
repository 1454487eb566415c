"""How do others read a history while it is being written?

As Parquet files, one a table, in a folder of their own for each publication, and a file of SQL that makes DuckDB views
of them. The views and the name of the current publication are replaced at once, last: a reader sees the old
publication or the new one.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import ArgumentError, HistoryFullError, NotAHistoryError
from .history import History
from .schema import EVIDENCE

if TYPE_CHECKING:
    import duckdb

    from .store import Store

_ROWS = 200_000
_KEPT = 2
CURRENT = "current"
VIEWS = "views.sql"


def publish(history: History, folder: str | Path) -> Path:
    """Write a history as Parquet, for colleagues to read while it goes on being written, and for engines.

    Parameters
    ----------
    history
        What to publish, as a whole: its scope is not looked at.
    folder
        Where to; it is made if it does not exist. The publication before is kept for those who are reading it, older
        ones are removed.

    Returns
    -------
    pathlib.Path
        The folder. ``current`` names the folder of this publication in it, which holds one ``.parquet`` a table;
        ``views.sql`` makes a DuckDB view of each (``duckdb -init views.sql``), and `open_published` reads them.

    Raises
    ------
    HistoryFullError
        If the folder cannot be written; what was published before stays as it is.

    Examples
    --------
    >>> import tempfile
    >>> import handoff_analytics as ha
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = ha.publish(ha.samples.three_systems(), folder)
    ...     len(ha.open_published(place).sql("SELECT * FROM handoffs"))
    2
    """
    home = Path(folder)
    # Two publications of one microsecond would be the same folder: there is one writer of a folder.
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    place = home / stamp
    try:
        home.mkdir(parents=True, exist_ok=True)
        place.mkdir()
        tables = _written(history._store, place)  # noqa: SLF001 - whole tables, in one moment
        _replaced(home / VIEWS, _views(place, tables))
        _replaced(home / CURRENT, stamp + "\n")
    except OSError as fault:
        shutil.rmtree(place, ignore_errors=True)
        raise HistoryFullError(f"{home} cannot be published to: {fault}") from fault
    older = sorted(path for path in home.iterdir() if path.is_dir() and path.name.startswith("20"))
    for path in older[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    return home


def open_published(folder: str | Path) -> History:
    """Read what `publish` has written, into memory.

    Parameters
    ----------
    folder
        The folder that was published to.

    Returns
    -------
    History
        As it was when it was published.

    Raises
    ------
    NotAHistoryError
        If nothing was published there.
    """
    home = Path(folder)
    if not (home / CURRENT).is_file():
        raise NotAHistoryError(f"{home} holds no published history: there is no file named {CURRENT} in it.")
    place = home / (home / CURRENT).read_text(encoding="utf-8").strip()
    history = History()
    with history._store.writer() as connection:  # noqa: SLF001 - a history has one writer, and this is its door
        for path in sorted(place.glob("*.parquet")):
            name = path.stem
            if not name.isidentifier():
                raise ArgumentError(f"{path} is not named after a table.")
            connection.register("published", pq.read_table(path))
            if name in EVIDENCE:
                connection.execute(f"DELETE FROM {name}").fetchall()
                connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM published").fetchall()
            else:
                connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM published").fetchall()
                for statement in _retold(name, pq.read_schema(path)):
                    connection.execute(statement).fetchall()
            connection.unregister("published")
    return history


def _written(store: Store, place: Path) -> list[str]:
    """Write every table, all as of one moment."""
    tables = []
    # No thread of this process writes meanwhile, and no other process can.
    with store.turn:
        connection = store.reader()
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary ORDER BY table_name"
        ).fetchall()
        for (name,) in names:
            about, columns = _comments(connection, name)
            reader = connection.sql(f'SELECT * FROM "{name}"').to_arrow_reader(_ROWS)
            told = _told(reader.schema, about, columns)
            with pq.ParquetWriter(place / f"{name}.parquet", told, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch.cast(told))
            tables.append(str(name))
    return tables


def _comments(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str | None, dict[str, str | None]]:
    """Return what a table means, and what its columns do."""
    which = "WHERE table_name = $name AND schema_name = 'main'"
    columns = connection.execute(
        f"SELECT column_name, comment FROM duckdb_columns() {which}", {"name": name}
    ).fetchall()
    about = connection.execute(f"SELECT comment FROM duckdb_tables() {which}", {"name": name}).fetchall()
    return about[0][0] if about else None, dict(columns)


def _told(schema: pa.Schema, about: str | None, columns: dict[str, str | None]) -> pa.Schema:
    """Return a schema that says what the table and its columns mean."""
    fields = [
        field.with_metadata({"comment": columns[field.name]}) if columns.get(field.name) else field for field in schema
    ]
    return pa.schema(fields, metadata={"comment": about} if about else None)


def _retold(name: str, schema: pa.Schema) -> list[str]:
    """Return the statements that say again what a table and its columns mean."""
    said = [(f'TABLE "{name}"', (schema.metadata or {}).get(b"comment"))]
    said += [(f'COLUMN "{name}"."{field.name}"', (field.metadata or {}).get(b"comment")) for field in schema]
    return [f"COMMENT ON {what} IS '{text.decode().replace(chr(39), chr(39) * 2)}'" for what, text in said if text]


def _views(place: Path, tables: list[str]) -> str:
    home = str(place.resolve()).replace("'", "''")
    lines = [
        f"CREATE OR REPLACE VIEW \"{name}\" AS SELECT * FROM read_parquet('{home}/{name}.parquet');" for name in tables
    ]
    return "\n".join([f"-- Written by handoff_analytics; {len(tables)} tables.", *lines, ""])


def _replaced(path: Path, text: str) -> None:
    """Write a file aside and put it in place at once."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)  # noqa: PTH105 - the two are the same, and this one says that it is atomic
