"""Does a history hold what it says it holds?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from . import model
from .loaders import aliases, filing
from .schema import EVIDENCE, columns
from .store import explained, is_damage

if TYPE_CHECKING:
    from .history import History

# Whose rows stay as they were loaded: a later export neither replaces nor rewrites them.
_LASTING = ("traces", "logs", "eventlog", "outcomes")
# Whose rows point where: table, columns, table that is pointed to, its columns.
_REFERENCES = (
    ("ticket_events", "ticket_uid", "tickets", "ticket_uid"),
    ("ticket_links", "ticket_uid", "tickets", "ticket_uid"),
    ("ticket_systems", "ticket_uid", "tickets", "ticket_uid"),
    ("ticket_snapshots", "ticket_uid", "tickets", "ticket_uid"),
    ("span_links", "trace_key, span_key", "spans", "trace_key, span_key"),
    ("event_objects", "event_uid", "log_records", "log_uid"),
    ("crossings", "source", "systems", "name"),
    ("crossings", "target", "systems", "name"),
    ("crossings", "source, target, channel", "handoffs", "source, target, channel"),
    ("failures", "crossing_id", "crossings", "crossing_id"),
    ("failures", "root_id", "failures", "failure_id"),
    ("failures", "source, target, channel", "handoffs", "source, target, channel"),
    ("cascades", "failure_id", "failures", "failure_id"),
    ("cascades", "root_id", "failures", "failure_id"),
    ("silent_findings", "crossing_id", "crossings", "crossing_id"),
    ("recoveries", "ticket_uid", "tickets", "ticket_uid"),
    ("attention", "ticket_uid", "tickets", "ticket_uid"),
)
_KEYS = {
    "loads": "load_id",
    "spans": "span_uid",
    "log_records": "log_uid",
    "runs": "run_uid",
    "tickets": "ticket_uid",
    "ticket_events": "event_uid",
    "ticket_snapshots": "snapshot_uid",
    "outcomes": "outcome_uid",
    "systems": "name",
    "handoffs": "source, target, channel",
    "crossings": "crossing_id",
    "failures": "failure_id",
}
# What accounts for records, beside the rows that they became.
_LEDGER = ("loads", "rejects", "quality_flags")
# Evidence of which a part is found anew with the model.
_DERIVED = ("system_aliases", "ticket_systems")
_BUILT = """
    SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary ORDER BY ALL
"""
_COLUMNS = """
    SELECT column_name FROM duckdb_columns()
    WHERE database_name = current_database() AND table_name = $table ORDER BY column_index
"""
_SCHEMA = {
    "check": pl.String,
    "subject": pl.String,
    "found": pl.Int64,
    "wanted": pl.Int64,
    "passed": pl.Boolean,
    "detail": pl.String,
}


def check(history: History, *, rebuild: bool = True, repair: bool = False) -> pl.DataFrame:
    """Check that a history is whole: nothing was lost, nothing points nowhere, and the model follows from the evidence.

    Parameters
    ----------
    history
        The history; all of it is checked, whatever its scope.
    rebuild
        Whether to build the model anew beside the one that is stored, and compare the two; this takes as long as the
        last part of a load, and as much room as the history.
    repair
        Lift a history of an older version to this one and build its model anew, before it is checked. What was loaded
        is left as it is.

    Returns
    -------
    polars.DataFrame
        One row a check, in the order of the checks:

        - check (String): conservation, key, reference, model or readable.
        - subject (String): what was checked: a table, or the columns that point to another.
        - found (Int64), wanted (Int64): counts; they are equal where nothing is wrong.
        - passed (Boolean): whether nothing is wrong.
        - detail (String): the first thing that is wrong, and what to do; null where nothing is.

    Raises
    ------
    NotAHistoryError
        If the file is no history, or too damaged to be opened.
    HistoryLockedError
        If another process is writing it; or reading it, when it is to be repaired.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> checks = ha.check(ha.samples.three_systems())
    >>> bool(checks["passed"].all())
    True
    """
    store = history._store  # noqa: SLF001 - what is checked is the record itself, not the part in scope
    if repair:
        store.require()
        with store.writer() as connection:
            filing.refresh(connection, always=True)
    made: list[dict[str, Any]] = []
    try:
        with store.beside() as (connection, stored):
            examined = _Stored(connection, stored)
            made += _conservation(examined)
            made += _keys(examined)
            made += _references(examined)
            made += _model(examined, rebuild=rebuild)
    except duckdb.Error as fault:
        if not is_damage(fault):
            raise
        made.append(_row("readable", "every block", 0, 1, str(explained(fault, store.path))))
    return pl.DataFrame(made, schema=_SCHEMA)


def _row(check: str, subject: str, found: int, wanted: int, detail: str | None) -> dict[str, Any]:
    """Make one line of the answer: it passes if it has nothing to say."""
    return {
        "check": check,
        "subject": subject,
        "found": found,
        "wanted": wanted,
        "passed": detail is None and found == wanted,
        "detail": detail,
    }


class _Stored:
    """The history that is checked, seen from a database beside it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.tables: dict[str, list[str]] = {
            table: []
            for (table,) in self.all(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = $name AND NOT temporary ORDER BY ALL",
                name=name,
            )
        }
        for table, column in self.all(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = $name ORDER BY ALL", name=name
        ):
            self.tables.get(table, []).append(column)

    def all(self, text: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.connection.execute(text, parameters or None).fetchall()

    def at(self, table: str) -> str:
        """Return the name of a table of the history, for a query."""
        return f'"{self.name}".main."{table}"'


def _conservation(stored: _Stored) -> list[dict[str, Any]]:
    """Check that every record of every file is accounted for, in the ledger and in the tables."""
    loads = stored.at("loads")
    seen, accounted = stored.all(
        f"SELECT coalesce(sum(seen), 0), coalesce(sum(loaded + rejected + duplicate + skipped), 0) FROM {loads}"
    )[0]
    uneven = stored.all(
        f"""
        SELECT load_id, file_name, seen, loaded + rejected + duplicate + skipped AS accounted
        FROM {loads} WHERE seen IS DISTINCT FROM accounted ORDER BY load_id
        """
    )
    made = [
        _row(
            "conservation",
            "seen = loaded + rejected + duplicate + skipped",
            int(accounted),
            int(seen),
            "; ".join(f"load {number} of {name}: {n} seen, {m} accounted for" for number, name, n, m in uneven[:3])
            or None,
        )
    ]
    said, kept, wrong = stored.all(
        f"""
        WITH kept AS (
            SELECT load_id, count(DISTINCT record_no) AS n FROM {stored.at("rejects")} GROUP BY load_id
        )
        SELECT coalesce(sum(rejected), 0), coalesce(sum(n), 0),
            min(load_id) FILTER (WHERE rejected IS DISTINCT FROM coalesce(n, 0))
        FROM {loads} FULL JOIN kept USING (load_id)
        """
    )[0]
    made.append(
        _row(
            "conservation",
            "each rejected record is in rejects",
            int(kept),
            int(said),
            None if wrong is None else f"load {wrong} says another number of rejects than there are",
        )
    )
    return [*made, _loaded(stored)]


def _loaded(stored: _Stored) -> dict[str, Any]:
    """Check that what was loaded is there, where no later export may replace it."""
    homes = [table for table in EVIDENCE if {"load_id", "record_no"} <= set(stored.tables.get(table, ()))]
    rows = " UNION ALL ".join(
        f"SELECT load_id, record_no FROM {stored.at(table)}" for table in homes if table not in _LEDGER
    )
    counted = stored.all(
        f"""
        WITH there AS (SELECT load_id, count(DISTINCT record_no) AS n FROM ({rows}) GROUP BY load_id)
        SELECT load_id, file_name, loaded, duplicate, coalesce(n, 0) AS n, kind = ANY ($lasting) AS lasting
        FROM {stored.at("loads")} LEFT JOIN there USING (load_id)
        ORDER BY load_id
        """,
        lasting=list(_LASTING),
    )
    wrong = [
        f"load {number} of {name}: {loaded} loaded, {n} there"
        for number, name, loaded, duplicate, n, lasting in counted
        if (lasting and n < loaded) or n > loaded + duplicate
    ]
    # A record that the history had already may still bring a row that it had not.
    wanted = sum(loaded for *_, loaded, _, _, lasting in counted if lasting)
    found = sum(min(loaded, n) for *_, loaded, _, n, lasting in counted if lasting)
    return _row("conservation", "each loaded record is in the evidence", found, wanted, "; ".join(wrong[:3]) or None)


def _keys(stored: _Stored) -> list[dict[str, Any]]:
    """Check that what identifies a row does so."""
    made = []
    for table, key in _KEYS.items():
        if table in stored.tables:
            rows, distinct = stored.all(f"SELECT count(*), count(DISTINCT ({key})) FROM {stored.at(table)}")[0]
            detail = None if rows == distinct else f"{rows - distinct:,} rows have the {key} of another"
            made.append(_row("key", f"{table}: {key}", int(distinct), int(rows), detail))
    return made


def _references(stored: _Stored) -> list[dict[str, Any]]:
    """Check that no row points to one that is not there."""
    lineage = tuple(
        (table, "load_id", "loads", "load_id") for table in sorted(EVIDENCE) if "load_id" in columns()[table]
    )
    made = []
    for table, given, other, wanted in (*lineage, *_REFERENCES):
        if not {table, other} <= set(stored.tables):
            continue
        pairs = list(zip(given.split(", "), wanted.split(", "), strict=True))
        pointing = " AND ".join(f"here.{name} IS NOT NULL" for name, _ in pairs)
        same = " AND ".join(f"here.{name} = there.{twin}" for name, twin in pairs)
        rows, lost = stored.all(
            f"""
            SELECT count(*), count(*) FILTER (NOT EXISTS (SELECT 1 FROM {stored.at(other)} AS there WHERE {same}))
            FROM {stored.at(table)} AS here WHERE {pointing}
            """
        )[0]
        detail = None if not lost else f"{lost:,} rows of {table} point to rows that {other} does not have"
        made.append(_row("reference", f"{table}.{given} in {other}", int(rows - lost), int(rows), detail))
    return made


def _model(stored: _Stored, *, rebuild: bool) -> list[dict[str, Any]]:
    """Check that the model shows all of the evidence, and nothing else."""
    state = stored.all(f"SELECT content FROM {stored.at('history_facts')} WHERE fact = 'model'")
    current = state == [("current",)]
    evidence = stored.all(f"SELECT count(*) FROM {stored.at('loads')}")[0][0]
    again = "build the model with: handoffs check --repair"
    made = []
    if evidence:
        detail = None if current else f"a load was ended before the model was built; {again}"
        made.append(_row("model", "shows all evidence", int(current), 1, detail))
    # What an engine made cannot be made anew here: its evidence lies there.
    elsewhere = stored.all(f"SELECT count(*) FROM {stored.at('history_facts')} WHERE fact = 'built_on'")[0][0]
    if not rebuild or not evidence or elsewhere:
        return made
    for table in sorted(set(stored.tables) & {*EVIDENCE, "failure_rules"}):
        stored.all(f'CREATE TABLE main."{table}" AS FROM {stored.at(table)}')
    aliases.meet(stored.connection)
    model.build(stored.connection)
    for table in [name for (name,) in stored.all(_BUILT)]:
        if table in EVIDENCE and table not in _DERIVED:
            continue
        if table not in stored.tables:
            made.append(_row("model", table, 0, 1, f"the table is not there; {again}"))
            continue
        names = [name for (name,) in stored.all(_COLUMNS, table=table)]
        if set(names) != set(stored.tables[table]):
            made.append(_row("model", table, 0, 1, f"the columns are those of another version; {again}"))
            continue
        told = ", ".join(f'"{name}"' for name in names)
        fresh, there = f'SELECT {told} FROM main."{table}"', f"SELECT {told} FROM {stored.at(table)}"
        rows, lacking, more = stored.all(
            f"""
            SELECT (SELECT count(*) FROM main."{table}"), (SELECT count(*) FROM ({fresh} EXCEPT ALL {there})),
                (SELECT count(*) FROM ({there} EXCEPT ALL {fresh}))
            """
        )[0]
        detail = None
        if lacking or more:
            detail = (
                f"{lacking:,} rows of a new build are not stored, {more:,} stored rows are in no new build; {again}"
            )
        made.append(_row("model", f"{table}, built anew", int(rows - lacking), int(rows), detail))
    return made
