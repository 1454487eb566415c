"""Where does a history lie, and who may open it?

This is the only module that opens a database: with everything closed that could reach outside of it, for one writer or
for readers, never for both at once.
"""

from __future__ import annotations

import re
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from . import schema
from .errors import HandoffError, HistoryFullError, HistoryLockedError, NotAHistoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

MEMORY = ":memory:"
# Set when the connection is made: nothing is fetched, nothing is loaded that was not asked for.
_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
}
# The rest of the machine is the analyst's: past this, DuckDB works on disk.
_MEMORY_GIB = 6.0
_FULL = ("No space left", "Permission denied", "Read-only", "read-only", "Cannot open file", "File too large")
_DAMAGED = ("Could not read", "Corrupt database", "checksum", "deserialize", "Serialization", "could not be read")


def connect(path: str | Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file that reaches nothing outside of itself.

    Parameters
    ----------
    path
        The file, or ``":memory:"``.
    read_only
        Open for reading, so that other processes may read too.

    Returns
    -------
    duckdb.DuckDBPyConnection
        A connection in UTC, without other files, extensions or a way to change its settings.

    Raises
    ------
    HistoryLockedError
        If another process is writing the file.
    NotAHistoryError
        If the file is no DuckDB database, or a damaged one.
    HistoryFullError
        If the folder cannot be written.
    """
    connection = _open(path, read_only=read_only)
    _close(connection)
    return connection


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done inside, or leave the database as it was."""
    connection.execute("BEGIN").fetchall()
    try:
        yield
        connection.execute("COMMIT").fetchall()
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave the database as it was before; the fault that ended the transaction stays the one that is told."""
    # After some faults DuckDB has rolled back already; an interrupt may meet the first try.
    for _ in range(2):
        with suppress(duckdb.Error, RuntimeError):
            connection.execute("ROLLBACK").fetchall()


def _open(path: str | Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=dict(_CLOSED))
    except duckdb.Error as fault:
        raise explained(fault, path) from fault
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    # Its own bar would stay in a notebook, and goes to stdout elsewhere, which is for answers.
    connection.execute("SET enable_progress_bar = false").fetchall()
    _keep_modest(connection)
    return connection


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """Shut a connection off from other files, extensions and changes of its settings, for as long as it lives."""
    connection.execute("SET enable_external_access = false").fetchall()
    connection.execute("SET lock_configuration = true").fetchall()


def _keep_modest(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep DuckDB within the memory that a history may take."""
    usual = str(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])
    amount = re.fullmatch(r"([\d.]+) (GiB|TiB)", usual)
    if amount is not None and (amount[2] == "TiB" or float(amount[1]) > _MEMORY_GIB):
        connection.execute(f"SET memory_limit = '{_MEMORY_GIB} GiB'").fetchall()


def explained(fault: Exception, path: str | Path) -> HandoffError:
    """Turn what DuckDB says of a file into a sentence about what to do."""
    text = str(fault)
    first = text.splitlines()[0]
    if "set lock" in text or "different configuration" in text:
        holder = re.search(r"\(PID (\d+)\)", text)
        who = f"process {holder[1]}" if holder else "another part of this process"
        what = "reading" if "read-only mode" in text else "writing"
        return HistoryLockedError(
            f"{path} is open for {what} in {who}. Close the notebook or program that holds it (in JupyterLab: Kernel, "
            "Shut Down Kernel), or load into another file."
        )
    if "not a valid DuckDB" in text or "newer version" in text or "serialization version" in text.lower():
        return NotAHistoryError(f"{path} is not a history that this version can read: {first}")
    if is_damage(fault):
        return NotAHistoryError(
            f"{path} is damaged: {first} Put back a copy of it, or load the evidence again into another file."
        )
    if any(sign in text for sign in _FULL):
        return HistoryFullError(f"{path} cannot be written: {first}")
    return NotAHistoryError(f"{path} cannot be opened: {first}")


def is_damage(fault: Exception) -> bool:
    """Tell whether a fault means that the bytes of the file are not those that were written."""
    return isinstance(fault, duckdb.Error) and any(sign in str(fault) for sign in _DAMAGED)


def query(connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run one statement and fetch all of its answer; the one way by which frames leave DuckDB."""
    frame: pl.DataFrame = connection.sql(text, params=parameters or {}).pl()
    return frame


class Store:
    """One history in this process: its readers share a connection, and wait while there is a writer.

    Attributes
    ----------
    path
        The file, or ``":memory:"``.
    turn
        Held by whoever uses the history, so that no thread sees what another has written half.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.turn = threading.RLock()
        self._shared: duckdb.DuckDBPyConnection | None = None
        self._written: duckdb.DuckDBPyConnection | None = None

    def reader(self) -> duckdb.DuckDBPyConnection:
        """Return the shared connection; that of a file cannot write."""
        with self.turn:
            if self._written is not None:
                return self._written
            if self._shared is None:
                if self.path == MEMORY:
                    self._shared = connect(MEMORY)
                    schema.prepare(self._shared, MEMORY)
                else:
                    self._shared = self._opened()
            return self._shared

    def require(self) -> None:
        """Refuse a path at which there is no file."""
        try:
            absent = self.path != MEMORY and not Path(self.path).is_file()
        except OSError:  # a name that no file can have
            absent = True
        if absent:
            raise NotAHistoryError(f"There is no history at {self.path}. Make one with ha.load(..., into=...).")

    def _opened(self) -> duckdb.DuckDBPyConnection:
        self.require()
        connection = connect(self.path, read_only=True)
        try:
            schema.require_current(connection, self.path)
        except duckdb.Error as fault:
            connection.close()
            raise explained(fault, self.path) from fault
        except NotAHistoryError:
            connection.close()
            raise
        return connection

    def read(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Answer a query that cannot write, whatever it says.

        A statement that reads may hold one that writes (``WITH x AS (INSERT ...)``, ``EXPLAIN ANALYZE DELETE``), and a
        history in memory is open for writing: so each query gets a transaction that is not.
        """
        with self.turn:
            connection = self.reader()
            if connection is self._written or self.path != MEMORY:
                return query(connection, text, parameters)
            connection.execute("BEGIN TRANSACTION READ ONLY").fetchall()
            try:
                return query(connection, text, parameters)
            finally:
                connection.execute("ROLLBACK").fetchall()

    def release(self) -> None:
        """Close the shared connection of a file; the next query opens it again."""
        with self.turn:
            if self._shared is not None and self.path != MEMORY:
                self._shared.close()
                self._shared = None

    @contextmanager
    def beside(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """Give a connection that works in an empty database, and the name under which it may read the history."""
        with self.turn, tempfile.TemporaryDirectory(prefix="handoffs-") as folder:
            if self.path == MEMORY:
                connection, name = self.reader().cursor(), "memory"
                connection.execute("ATTACH ':memory:' AS beside").fetchall()
            else:
                self.reader()
                self.release()
                connection, name = _open(Path(folder, "beside.duckdb"), read_only=False), "stored"
                quoted = self.path.replace("'", "''")
                try:
                    connection.execute(f"ATTACH '{quoted}' AS stored (READ_ONLY)").fetchall()
                except duckdb.Error as fault:
                    connection.close()
                    raise explained(fault, self.path) from fault
                _close(connection)
            try:
                connection.execute("USE beside").fetchall()
                yield connection, name
            finally:
                if self.path == MEMORY:
                    connection.execute("USE memory").fetchall()
                    connection.execute("DETACH beside").fetchall()
                connection.close()

    @contextmanager
    def writer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the history for writing; the other threads of this process wait, and see the result afterwards."""
        with self.turn:
            if self.path == MEMORY or self._written is not None:
                yield self.reader()
                return
            self.release()
            connection = connect(self.path)
            try:
                schema.prepare(connection, self.path)
                self._written = connection
                yield connection
            except duckdb.Error as fault:
                if is_damage(fault):
                    raise explained(fault, self.path) from fault
                raise
            finally:
                self._written = None
                connection.close()


_stores: dict[str, Store] = {}


def store(path: str | Path | None) -> Store:
    """Return the one store of a path in this process; every history in memory has a store of its own."""
    if path is None or str(path) == MEMORY:
        return Store(MEMORY)
    resolved = str(Path(path).expanduser().resolve())
    return _stores.setdefault(resolved, Store(resolved))
