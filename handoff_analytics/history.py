"""What happened between these systems?

A history is one DuckDB file: the evidence that was loaded, the model built from it, and the slice of both under study.
This is the only module that opens a database.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from .errors import ArgumentError, HistoryFullError, HistoryLockedError, NotAHistoryError, QueryError
from .overview import card

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

SCHEMA_VERSION = 1
MEMORY = ":memory:"
EVIDENCE = {
    entry.name.removesuffix(".sql"): entry.read_text()
    for entry in sorted(files(__package__).joinpath("model", "evidence").iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".sql")
}
# Set when the connection is made: nothing is fetched, nothing is loaded that was not asked for.
_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
}
# The column of each table that the time window of a scope applies to.
_TIMES = {
    "crossings": "started_at",
    "failures": "failed_at",
    "cascades": "failed_at",
    "silent_findings": "occurred_at",
    "recoveries": "opened_at",
    "attention": "opened_at",
    "tickets": "opened_at",
    "runs": "started_at",
    "spans": "started_at",
    "log_records": "logged_at",
    "outcomes": "checked_at",
}
# The columns by which a scope narrows a table; a table without the column is left whole.
_FILTERS = {
    "crossings": ("source", "target", "channel", "workflow", "platform"),
    "failures": ("source", "target", "channel", "workflow", "platform", "handoff_type"),
    "silent_findings": ("source", "target", "channel", "workflow"),
    "recoveries": ("source", "target", "channel"),
    "handoffs": ("source", "target", "channel"),
    "runs": ("workflow",),
}
# What a notebook shows of a history: noun to table and condition.
_SHOWN = {
    "handoffs": ("handoffs", ""),
    "crossings": ("crossings", ""),
    "failures": ("failures", " WHERE origin <> 'propagated' AND fate <> 'masked'"),
    "tickets": ("tickets", ""),
    "spans": ("spans", ""),
    "log records": ("log_records", ""),
    "runs": ("runs", ""),
}
_CALLS = {
    "ha.rank(history)": "which handoff to fix first",
    'ha.report(history, "handoffs.html")': "one page for everybody",
    'history.between("2026-01-01", "2026-07-01")': "the same, narrowed",
    "history.tables": "every table and column, with its meaning",
}
_OWNED = {"crossings", "failures", "silent_findings", "recoveries", "handoffs"}


def connect(path: str | Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with everything closed that could reach outside of it.

    Parameters
    ----------
    path
        The file, or ``":memory:"``.
    read_only
        Open for reading, so that other processes may read too.

    Returns
    -------
    duckdb.DuckDBPyConnection
        A connection in UTC. Access to other files is still on: `lock` turns it off.

    Raises
    ------
    HistoryLockedError
        If another process is writing the file.
    NotAHistoryError
        If the file is no DuckDB database.
    HistoryFullError
        If the folder cannot be written.
    """
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=dict(_CLOSED))
    except duckdb.IOException as fault:
        raise _explained(fault, path) from fault
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    return connection


def _explained(fault: Exception, path: str | Path) -> Exception:
    """Turn what DuckDB says of a file into a sentence about what to do."""
    text = str(fault)
    if "lock" in text.lower():
        holder = re.search(r"PID (\d+)", text)
        who = f" by process {holder[1]}" if holder else ""
        return HistoryLockedError(
            f"{path} is open{who}. Close the notebook or program that holds it, or load into another file."
        )
    if "not a valid DuckDB" in text or "newer version" in text or "serialization" in text.lower():
        return NotAHistoryError(f"{path} is not a history that this version can read: {text.splitlines()[0]}")
    if "No space left" in text or "Permission denied" in text or "Read-only" in text or "Cannot open file" in text:
        return HistoryFullError(f"{path} cannot be written: {text.splitlines()[0]}")
    return NotAHistoryError(f"{path} cannot be opened: {text.splitlines()[0]}")


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Close a connection to other files, extensions and settings, for as long as it lives."""
    connection.execute("SET enable_external_access = false").fetchall()
    connection.execute("SET lock_configuration = true").fetchall()


def query(connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run one statement and fetch all of its answer; the one way by which frames leave DuckDB."""
    frame: pl.DataFrame = connection.sql(text, params=parameters or {}).pl()
    return frame


class _Store:
    """One history file in this process: many readers share a connection, and step aside for a writer."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.connection: duckdb.DuckDBPyConnection | None = None

    def reader(self) -> duckdb.DuckDBPyConnection:
        """Return the shared connection; for a file it is read-only and locked."""
        if self.connection is None:
            if self.path == MEMORY:
                self.connection = connect(MEMORY)
                prepare(self.connection)
            else:
                if not Path(self.path).is_file():
                    raise NotAHistoryError(f"There is no history at {self.path}. Make one with ha.load(..., into=...).")
                self.connection = connect(self.path, read_only=True)
                _check(self.connection, self.path)
                lock(self.connection)
        return self.connection

    def release(self) -> None:
        """Close the shared connection of a file; the next query opens it again."""
        if self.connection is not None and self.path != MEMORY:
            self.connection.close()
            self.connection = None

    @contextmanager
    def writer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the history for writing; readers of this process see the result afterwards."""
        if self.path == MEMORY:
            yield self.reader()
            return
        self.release()
        connection = connect(self.path)
        try:
            prepare(connection, self.path)
            yield connection
        finally:
            connection.close()


_stores: dict[str, _Store] = {}


def store(path: str | Path | None) -> _Store:
    """Return the one store of a path in this process; every history in memory has a store of its own."""
    if path is None or str(path) == MEMORY:
        return _Store(MEMORY)
    resolved = str(Path(path).expanduser().resolve())
    return _stores.setdefault(resolved, _Store(resolved))


def prepare(connection: duckdb.DuckDBPyConnection, path: str | Path = MEMORY) -> None:
    """Make the evidence tables that are missing, and refuse a file of another kind or a newer version."""
    known = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if known:
        _check(connection, path)
    if known >= set(EVIDENCE):
        return
    connection.execute("BEGIN").fetchall()
    for statements in EVIDENCE.values():
        connection.execute(statements).fetchall()
    connection.execute(
        """
        INSERT INTO history_facts
        SELECT * FROM (VALUES ('schema_version', $version), ('salt', uuid()::VARCHAR), ('made_at', $made_at))
        WHERE NOT EXISTS (SELECT 1 FROM history_facts)
        """,
        {"version": str(SCHEMA_VERSION), "made_at": datetime.now(UTC).isoformat()},
    ).fetchall()
    connection.execute("COMMIT").fetchall()


def _check(connection: duckdb.DuckDBPyConnection, path: str | Path) -> None:
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "history_facts" not in tables:
        raise NotAHistoryError(f"{path} is a DuckDB database, but no history: it has no table history_facts.")
    row = connection.execute("SELECT content FROM history_facts WHERE fact = 'schema_version'").fetchall()
    version = int(row[0][0])
    if version > SCHEMA_VERSION:
        raise NotAHistoryError(
            f"{path} has schema version {version}; this library reads up to {SCHEMA_VERSION}: upgrade it."
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a history a measure may see; null means all."""

    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    target: str | None = None
    channel: str | None = None
    workflow: str | None = None
    platform: str | None = None
    handoff_type: str | None = None
    team: str | None = None

    def condition(self, table: str) -> tuple[str, dict[str, Any]]:
        """Return the scope of one table as an SQL condition and its parameters; an empty one means no limit."""
        terms: list[str] = []
        values: dict[str, Any] = {}
        if (moment := _TIMES.get(table)) is not None:
            if self.since is not None:
                terms.append(f"{moment} >= $scope_since")
                values["scope_since"] = self.since
            if self.until is not None:
                terms.append(f"{moment} < $scope_until")
                values["scope_until"] = self.until
        for column in _FILTERS.get(table, ()):
            if (wanted := getattr(self, column)) is not None:
                terms.append(f"{column} = $scope_{column}")
                values[f"scope_{column}"] = wanted
        if self.team is not None and table in _OWNED:
            owned = "(SELECT name FROM main.systems WHERE team = $scope_team)"
            terms.append(f"(source IN {owned} OR target IN {owned})")
            values["scope_team"] = self.team
        if self.team is not None and table == "tickets":
            terms.append("team = $scope_team")
            values["scope_team"] = self.team
        return " AND ".join(terms), values

    def __str__(self) -> str:
        """Say the scope in words, for titles and footers."""
        parts = [f"{f.name} {getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) is not None]
        return ", ".join(parts) or "all of the history"


class History:
    """Evidence, model and scope: what every measure is asked of.

    A history does not change: `between` and `where` return narrower ones over the same file. `load` and `open` make
    one.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> history = ha.History()
    >>> history.sql("SELECT count(*) AS n FROM spans").item()
    0
    """

    def __init__(self, path: str | Path | None = None, *, scope: Scope | None = None) -> None:
        self._store = store(path)
        self._scope = scope or Scope()

    @property
    def path(self) -> str:
        """Where the history lies; ``":memory:"`` when it lies in no file."""
        return self._store.path

    @property
    def scope(self) -> Scope:
        """The slice under study."""
        return self._scope

    def between(self, since: str | date | None = None, until: str | date | None = None) -> Self:
        """Return the same history seen through a window of time.

        Parameters
        ----------
        since
            Start, included: a datetime, a date or ISO text; UTC unless it says otherwise.
        until
            End, excluded.

        Returns
        -------
        History
            A narrower history; this one stays as it is.

        Raises
        ------
        ArgumentError
            If a bound is no time, or the window is empty.
        """
        scope = replace(
            self._scope,
            since=_moment(since) if since is not None else self._scope.since,
            until=_moment(until) if until is not None else self._scope.until,
        )
        if scope.since is not None and scope.until is not None and scope.since >= scope.until:
            raise ArgumentError(f"The window from {scope.since} to {scope.until} is empty: since must be before until.")
        return self._narrowed(scope)

    def where(
        self,
        *,
        source: str | None = None,
        target: str | None = None,
        channel: str | None = None,
        workflow: str | None = None,
        platform: str | None = None,
        handoff_type: str | None = None,
        team: str | None = None,
    ) -> Self:
        """Return the same history, limited to some handoffs.

        Parameters
        ----------
        source, target
            System on either side.
        channel
            http, rpc, messaging, database, file, step or human.
        workflow
            Business workflow that the crossing belongs to.
        platform
            Platform type: ipaas, low_code, custom or orchestrator.
        handoff_type
            One of the five types, or unclassified; limits failures.
        team
            Owner of either side.

        Returns
        -------
        History
            A narrower history; this one stays as it is.
        """
        wanted: dict[str, Any] = {
            "source": source,
            "target": target,
            "channel": channel,
            "workflow": workflow,
            "platform": platform,
            "handoff_type": handoff_type,
            "team": team,
        }
        return self._narrowed(
            replace(self._scope, **{name: value for name, value in wanted.items() if value is not None})
        )

    def _narrowed(self, scope: Scope) -> Self:
        narrowed = object.__new__(type(self))
        narrowed._store = self._store
        narrowed._scope = scope
        return narrowed

    def sql(self, query_text: str, **parameters: Any) -> pl.DataFrame:
        """Answer a query about the part of the history in scope.

        Parameters
        ----------
        query_text
            One SELECT. Every table of `tables` may be named; those with a time show only the window.
        **parameters
            Values of the query's ``$name`` parameters.

        Returns
        -------
        polars.DataFrame
            The rows; no Decimal, no interval and no time zone among the types.

        Raises
        ------
        QueryError
            If the query writes, does not parse, or names what is not there.
        """
        connection = self._store.reader()
        try:
            statements = connection.extract_statements(query_text)
        except duckdb.Error as fault:
            raise QueryError(f"The query does not parse: {fault}") from fault
        if len(statements) != 1 or statements[0].type not in {
            duckdb.StatementType.SELECT,
            duckdb.StatementType.EXPLAIN,
        }:
            raise QueryError("history.sql reads: give it one SELECT. To change a history, load evidence into it.")
        text, values = self._scoped(query_text.strip().rstrip(";"))
        try:
            return _plain(query(connection, text, values | parameters))
        except duckdb.Error as fault:
            raise QueryError(f"The query failed: {fault}") from fault

    def _scoped(self, text: str) -> tuple[str, dict[str, Any]]:
        overlays: list[str] = []
        values: dict[str, Any] = {}
        for table in sorted(set(_TIMES) | set(_FILTERS)):
            if not re.search(rf"\b{table}\b", text):
                continue
            condition, wanted = self._scope.condition(table)
            if condition:
                overlays.append(f"{table} AS (SELECT * FROM main.{table} WHERE {condition})")
                values |= wanted
        if not overlays:
            return text, values
        return f"WITH {', '.join(overlays)} SELECT * FROM ({text}\n)", values

    @property
    def tables(self) -> pl.DataFrame:
        """Every table and column of the history, with its type and what it means."""
        return self.sql("""
            SELECT c.table_name, t.comment AS table_meaning, c.column_name, c.data_type, c.comment AS column_meaning
            FROM duckdb_columns() AS c
            JOIN duckdb_tables() AS t USING (table_oid)
            ORDER BY c.table_name, c.column_index
        """)

    @property
    def loads(self) -> pl.DataFrame:
        """One row a file that was read: seen = loaded + rejected + duplicate + skipped."""
        return self.sql("SELECT * FROM loads ORDER BY load_id")

    @property
    def rejects(self) -> pl.DataFrame:
        """One row a record that was not loaded, with file, place and reason."""
        return self.sql("""
            SELECT l.file_name, r.*
            FROM rejects AS r
            JOIN loads AS l USING (load_id)
            ORDER BY r.load_id, r.record_no
        """)

    @property
    def quality(self) -> pl.DataFrame:
        """How many rows are loaded but doubtful, by table and doubt."""
        return self.sql("""
            SELECT table_name, flag, count(*) AS doubtful, min(detail) AS example
            FROM quality_flags
            GROUP BY ALL
            ORDER BY doubtful DESC, table_name, flag
        """)

    def __repr__(self) -> str:
        """Say where the history lies and which part is under study."""
        return f"<History {self.path}: {self._scope}>"

    def _repr_html_(self) -> str:
        """Say in a notebook what is in the history, from when to when, how good it is and what to call next."""
        known = set(self.tables["table_name"])
        counts = {
            noun: int(self.sql(f"SELECT count(*) AS n FROM {table}{condition}").item())
            for noun, (table, condition) in _SHOWN.items()
            if table in known
        }
        window = self.sql("SELECT min(first_at) AS since, max(last_at) AS until FROM loads").row(0)
        if "crossings" in known and counts["crossings"]:
            window = self.sql("SELECT min(started_at) AS since, max(started_at) AS until FROM crossings").row(0)
        return card(
            self.path,
            str(self._scope),
            counts=counts,
            window=window if window[0] is not None else None,
            doubts=self._doubts(counts),
            calls=_CALLS if any(counts.values()) else {'ha.load("folder/", into="mine.duckdb")': "load evidence"},
        )

    def _doubts(self, counts: dict[str, int]) -> list[str]:
        """Say what a reader should know before trusting the history, a sentence each."""
        said = []
        seen, rejected = self.sql("SELECT sum(seen) AS seen, sum(rejected) AS rejected FROM loads").row(0)
        if rejected:
            said.append(f"{rejected:,} of {seen:,} records were rejected; history.rejects says where and why")
        if doubtful := self.sql("SELECT count(*) AS n FROM quality_flags").item():
            said.append(f"{doubtful:,} doubts about rows that were loaded; history.quality counts them")
        if counts.get("crossings"):
            low, orphan = self.sql("""
                SELECT avg((tier = 'low')::INTEGER) AS low, avg(coalesce(is_orphan, FALSE)::INTEGER) AS orphan
                FROM crossings
            """).row(0)
            if low:
                said.append(f"{low:.1%} of the crossings are inferred with low confidence")
            if orphan:
                said.append(f"{orphan:.1%} of the crossings name a sender that is not in the evidence")
        return said


def open_history(path: str | Path) -> History:
    """Open a history for reading; others may read it at the same time.

    Parameters
    ----------
    path
        A file that `load` made.

    Returns
    -------
    History
        All of it; narrow it with `History.between` and `History.where`.

    Raises
    ------
    NotAHistoryError
        If there is no such file, or it is no history.
    HistoryLockedError
        If another process is writing it.
    """
    history = History(path)
    history._store.reader()  # noqa: SLF001 - fail here rather than at the first query
    return history


def _moment(value: str | date) -> datetime:
    """Read a bound of a window: UTC unless it says otherwise, and stored without a zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as fault:
            raise ArgumentError(f"{value!r} is no time. Write it like 2026-01-31 or 2026-01-31T09:00.") from fault
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - times of a history are UTC without a zone
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Cast what charts and spreadsheets cannot take: sums of integers arrive as Decimal, spans of time as Duration."""
    import polars as pl  # noqa: PLC0415 - a bare import of the package stays light

    casts = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Decimal):
            casts.append(pl.col(name).cast(pl.Int64 if kind.scale == 0 else pl.Float64))
        elif isinstance(kind, pl.Duration):
            casts.append(pl.col(name).dt.total_microseconds())
        elif isinstance(kind, pl.Datetime) and kind.time_zone is not None:
            casts.append(pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    return frame.with_columns(casts) if casts else frame
