"""What happened between these systems?

A history is one DuckDB file: the evidence that was loaded, the model built from it, and the slice of both under study.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import duckdb

from .errors import ArgumentError, EmptyHistoryError, HandoffError, HistoryFullError, QueryError
from .overview import card
from .scope import Scope, moment
from .store import explained, is_damage, store

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import polars as pl

# What a notebook shows of a history: noun to table and condition.
_SHOWN = {
    "handoffs": ("handoffs", ""),
    "crossings": ("crossings", ""),
    "failures": ("failures", " WHERE origin <> 'propagated' AND fate <> 'masked' AND origin_weight > 0"),
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
            since=moment(since) if since is not None else self._scope.since,
            until=moment(until) if until is not None else self._scope.until,
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
        text, values = self._scope.over(self._one_select(query_text))
        try:
            return _plain(self._store.read(text, values | parameters))
        except duckdb.Error as fault:
            raise self._refused(fault) from fault

    def _one_select(self, text: str) -> str:
        """Return a query as it can stand inside another, if it is one that reads."""
        try:
            statements = self._store.reader().extract_statements(text)
        except duckdb.Error as fault:
            raise QueryError(f"The query does not parse: {fault}") from fault
        reading = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
        if len(statements) != 1 or statements[0].type not in reading:
            raise QueryError("history.sql reads: give it one SELECT. To change a history, load evidence into it.")
        return text.strip().rstrip(";")

    def _refused(self, fault: duckdb.Error) -> HandoffError:
        """Say whether a query is at fault, the file, or the space there is to answer it."""
        text = str(fault)
        if isinstance(fault, duckdb.OutOfMemoryException):
            return HistoryFullError(f"The query needs more memory or disk than there is: {text.splitlines()[0]}")
        if isinstance(fault, duckdb.IOException | duckdb.FatalException) or is_damage(fault):
            return explained(fault, self.path)
        if isinstance(fault, duckdb.CatalogException) and "crossings" not in set(self.tables["table_name"]):
            return EmptyHistoryError(
                'Nothing has been loaded into this history yet. Load evidence with ha.load("folder/", into=...).'
            )
        return QueryError(f"The query failed: {fault}")

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
            said.append(
                f"{doubtful:,} doubt{'s' * (doubtful != 1)} about rows that were loaded; history.quality counts them"
            )
        if counts.get("crossings"):
            low, orphan = self.sql("""
                SELECT avg((tier = 'low')::INTEGER) AS low, avg(coalesce(is_orphan, FALSE)::INTEGER) AS orphan
                FROM crossings
            """).row(0)
            if low:
                said.append(f"{low:.1%} of the crossings are inferred with low confidence")
            if orphan:
                said.append(f"{orphan:.1%} of the crossings name a sender that is not in the evidence")
            said += self._log_doubts()
        return said

    def _log_doubts(self) -> list[str]:
        """Say how far the handoffs that logs show agree with the spans of the same ids."""
        if self.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'log_accuracy'").is_empty():
            return []
        rows = self.sql("SELECT * FROM log_accuracy WHERE rung = 'all' AND checked > 0").to_dicts()
        return [
            f"of {row['checked']} handoffs that logs show, spans of the same ids confirm {row['confirmed']} (precision "
            f"{row['edge_precision']:.2f}); logs show {row['found']} of {row['span_edges']} (recall "
            f"{row['edge_recall'] or 0:.2f})"
            for row in rows
        ]


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
