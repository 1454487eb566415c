"""What became of each record?

Seen = loaded + rejected + duplicate + skipped, for every file, checked inside the transaction that loads it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from ..identity import key, key_sql
from .readers import Record
from .redact import SUSPECT, masked

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 50_000
# The natural key of each table's rows. The integer key of it is the table's uid.
NATURAL = {
    "spans": ("span_uid", ("trace_id", "span_id", "half")),
    "log_records": ("log_uid", ()),
    "runs": ("run_uid", ("platform", "run_id")),
    "tickets": ("ticket_uid", ("platform", "ticket_id")),
    "ticket_events": ("event_uid", ()),
    "ticket_snapshots": ("snapshot_uid", ()),
    "outcomes": ("outcome_uid", ("correlation_id", "check_name", "checked_at")),
}
# The time by which a row of evidence stands in the history.
_WHEN = ("started_at", "logged_at", "opened_at", "changed_at", "snapshot_at", "checked_at")
# Words of the model and names of systems hold no secrets.
_PLAIN = frozenset(("system", "host", "kind", "channel", "status", "platform", "state", "team", "person"))
# Tables with one row a thing, and the column that says which row of several is the latest.
_NEWEST = {"tickets": "updated_at", "runs": "ended_at"}
_LINEAGE = ("load_id", "record_no", "record_hash")
_TYPES = {
    "BIGINT": pl.Int64,
    "INTEGER": pl.Int32,
    "DOUBLE": pl.Float64,
    "VARCHAR": pl.String,
    "JSON": pl.String,
    "BOOLEAN": pl.Boolean,
    "TIMESTAMP": pl.Datetime("us"),
}


class Sink:
    """Where the records of one file go."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        load_id: int,
        *,
        timezone: str | None = None,
        people: str = "hash",
        mapping: Any = None,
        salt: str = "",
        redact: bool = True,
    ) -> None:
        self.load_id = load_id
        self.timezone = timezone
        self.mapping = mapping
        self.notes: list[str] = []
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.touched: set[str] = set()
        self._connection = connection
        self._people = people
        self._salt = salt
        self._redact = redact
        self._first_reasons: list[str] = []
        self._times: list[datetime] = []
        self._rows: dict[tuple[str, bool], list[dict[str, Any]]] = {}
        self._rejects: list[dict[str, Any]] = []
        self._flags: list[dict[str, Any]] = []
        self._schemas: dict[str, dict[str, Any]] = {}
        self._waiting = 0

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The history that is being written, for a loader that derives rows from others: `flush` first."""
        return self._connection

    def record(
        self,
        value: Any,
        *,
        line: int | None = None,
        offset: int | None = None,
        pointer: str | None = None,
        raw: bytes | None = None,
    ) -> Record:
        """Count one more record of the file as seen, and return it."""
        self.counts["seen"] += 1
        return Record(self.counts["seen"], value, line, offset, pointer, raw)

    def part(self, document: Record, value: Any, pointer: str) -> Record:
        """Count a record that stands inside a document, and return it with the document's place."""
        return self.record(
            value,
            line=document.line,
            offset=document.offset,
            pointer=f"{document.pointer or ''}{pointer}",
            raw=document.raw,
        )

    def load(self, record: Record, table: str, row: dict[str, Any]) -> int:
        """Load the row that a record is about, and return its uid.

        The record counts as loaded, or as duplicate when the history has the same uid with the same content. The uid
        is the one in the row; where it is absent it is made of the table's natural key, or else of all columns.
        """
        uid = self._keep(record, table, row, primary=True)
        if self._waiting >= BATCH_ROWS:
            self.flush()
        return uid

    def add(self, record: Record, table: str, row: dict[str, Any]) -> int:
        """Add a further row that a record brings; a row that is there already is left as it is."""
        return self._keep(record, table, row, primary=False)

    def _keep(self, record: Record, table: str, row: dict[str, Any], *, primary: bool) -> int:
        name, natural = NATURAL.get(table, ("", ()))
        for column in ("attributes", "resource", "fields", "definition"):
            if isinstance(row.get(column), dict | list):
                row[column] = orjson.dumps(row[column], default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        uid = row.get(name)
        if name and uid is None:
            parts = [row.get(part) for part in natural] or [
                f"{column}={row[column]}" for column in sorted(row) if row[column] is not None
            ]
            uid = row[name] = key(table, *(None if part is None else str(part) for part in parts))
        row["record_no"] = record.number
        self._rows.setdefault((table, primary), []).append(row)
        self._waiting += 1
        return int(uid or 0)

    def reject(
        self, record: Record, code: str, reason: str, *, column: str | None = None, pointer: str | None = None
    ) -> None:
        """Keep a record that cannot be loaded, with its place and the reason."""
        self.counts["rejected"] += 1
        if len(self._first_reasons) < 3:
            place = f"line {record.line}" if record.line is not None else f"record {record.number}"
            self._first_reasons.append(f"{place}: {reason}")
        raw = record.raw if record.raw is not None else repr(record.value).encode("utf-8", "backslashreplace")
        self._rejects.append(
            {
                "load_id": self.load_id,
                "record_no": record.number,
                "line": record.line,
                "byte_offset": record.offset,
                "json_pointer": pointer or record.pointer,
                "column_name": column,
                "code": code,
                "reason": reason,
                "raw": masked(raw[:4096].decode("utf-8", "backslashreplace").replace("\0", "\\x00"))[0],
                "raw_sha256": hashlib.sha256(raw).hexdigest(),
            }
        )

    def skip(self, record: Record, why: str) -> None:
        """Leave out a record that this format does not use; the reasons are counted in the notes."""
        del record
        self.counts["skipped"] += 1
        self.skipped[why] += 1

    def flag(self, table: str, uid: int | None, flag: str, detail: str, record: Record) -> None:
        """Say that a row is loaded, but doubtful."""
        self.flags[flag] += 1
        self._flags.append(
            {
                "load_id": self.load_id,
                "record_no": record.number,
                "table_name": table,
                "row_uid": uid,
                "flag": flag,
                "detail": detail,
            }
        )

    def note(self, text: str) -> None:
        """Say something about the whole file, once."""
        if text not in self.notes:
            self.notes.append(text)

    def person(self, name: str | None) -> str | None:
        """Return a person's name as it may be stored: hashed with the history's salt unless names were opted in."""
        if name is None or self._people == "names":
            return name
        return "person-" + hashlib.blake2b(f"{self._salt}{name}".encode(), digest_size=6).hexdigest()

    def load_frame(self, table: str, frame: pl.DataFrame, *, primary: bool = True) -> None:
        """Load many rows at once: columns of the table and record_no, one row a record that was counted by `seen`."""
        self._merge(table, frame, primary=primary)

    def first_rejects(self) -> str:
        """Say where the first rejects stand and why they are ones."""
        return "; ".join(self._first_reasons) + "." if self._first_reasons else ""

    def span_of_time(self) -> tuple[datetime | None, datetime | None]:
        """Return the earliest and the latest time of the rows that were loaded."""
        return (min(self._times), max(self._times)) if self._times else (None, None)

    def seen(self, records: int) -> int:
        """Count records that go to `load_frame`, and return the number of the first."""
        first = self.counts["seen"] + 1
        self.counts["seen"] += records
        return first

    def flush(self) -> None:
        """Write what is waiting."""
        for (table, primary), rows in self._rows.items():
            schema = self._schema(table)
            unknown = {name for row in rows for name in row} - schema.keys() - {"half"}
            if unknown:
                raise KeyError(f"{table} has no columns {sorted(unknown)}")
            self._merge(table, pl.DataFrame(rows, schema=schema, strict=False), primary=primary)
        self._rows.clear()
        self._waiting = 0
        for name, rejects in (("rejects", self._rejects), ("quality_flags", self._flags)):
            if rejects:
                self._insert(name, pl.DataFrame(rejects, schema=self._schema(name), strict=False))
                rejects.clear()

    def _schema(self, table: str) -> dict[str, Any]:
        if table not in self._schemas:
            columns = self._connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $table ORDER BY column_index",
                {"table": table},
            ).fetchall()
            self._schemas[table] = {name: _TYPES[kind] for name, kind in columns}
        return self._schemas[table]

    def _insert(self, table: str, frame: pl.DataFrame) -> None:
        self._connection.register("incoming", frame)
        self._connection.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM incoming').fetchall()
        self._connection.unregister("incoming")

    def _merge(self, table: str, frame: pl.DataFrame, *, primary: bool) -> None:
        """Insert the rows that are new; the same uid with other content is a second row, or the newer one wins."""
        frame = self.redacted(frame)
        for name in _WHEN:
            if primary and name in frame.columns and frame[name].dtype == pl.Datetime("us"):
                self.dated(frame[name])
        uid = NATURAL.get(table, ("record_hash", ()))[0]
        payload = [
            name for name in self._schema(table) if name not in _LINEAGE and name != uid and name in frame.columns
        ]
        self._connection.register(
            "incoming", frame.select("record_no", *payload, *([uid] if uid in frame.columns else []))
        )
        content = key_sql(*(f'"{name}"::VARCHAR' for name in payload), "''")
        named = ", ".join(f'"{name}"' for name in payload)
        uid_column = "" if uid == "record_hash" else f'"{uid}", '
        fresh = self._connection.execute(
            f"""
            INSERT INTO "{table}" BY NAME
            WITH hashed AS (SELECT {uid_column}{named}, record_no, {content} AS record_hash FROM incoming),
            ranked AS (
                SELECT *, row_number() OVER (PARTITION BY "{uid}", record_hash ORDER BY record_no) AS copy FROM hashed
            )
            SELECT {uid_column}{named}, record_no, record_hash, {self.load_id} AS load_id
            FROM ranked
            WHERE copy = 1
                AND NOT EXISTS (
                    SELECT 1 FROM "{table}" AS kept
                    WHERE kept."{uid}" = ranked."{uid}" AND kept.record_hash = ranked.record_hash
                )
            """
        ).fetchall()[0][0]
        if fresh and table in _NEWEST:
            self._keep_newest(table, uid, _NEWEST[table])
        self._connection.unregister("incoming")
        if fresh:
            self.touched.add(table)
        if primary:
            self.counts["loaded"] += fresh
            self.counts["duplicate"] += frame.height - fresh

    def _keep_newest(self, table: str, uid: str, when: str) -> None:
        """Of rows about one thing keep the one that says the latest, whichever file came first."""
        self._connection.execute(
            f"""
            DELETE FROM "{table}" AS older
            WHERE "{uid}" IN (SELECT "{uid}" FROM incoming) AND EXISTS (
                SELECT 1 FROM "{table}" AS newer
                WHERE newer."{uid}" = older."{uid}"
                    AND (coalesce(newer."{when}", TIMESTAMP '0001-01-01'), newer.record_hash)
                        > (coalesce(older."{when}", TIMESTAMP '0001-01-01'), older.record_hash)
            )
            """
        ).fetchall()

    def dated(self, times: pl.Series) -> None:
        """Widen the span of time that the load reports."""
        self._times += [time for time in (times.min(), times.max()) if isinstance(time, datetime)]

    def redacted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Mask secrets in every text that people write; ids are left alone, or joins would break."""
        if not self._redact:
            return frame
        changed = []
        for name, kind in frame.schema.items():
            if kind != pl.String or name.endswith(("_id", "_status", "_kind")) or name in _PLAIN:
                continue
            suspects = frame[name].str.contains(SUSPECT).fill_null(value=False).arg_true()
            if suspects.is_empty():
                continue
            texts = frame[name].to_list()
            for place in suspects:
                texts[place], secrets = masked(texts[place])
                self.counts["redacted"] += secrets
            changed.append(pl.Series(name, texts, dtype=pl.String))
        return frame.with_columns(changed) if changed else frame

    def balance(self) -> None:
        """Check that no record was lost."""
        counts = self.counts
        accounted = counts["loaded"] + counts["rejected"] + counts["duplicate"] + counts["skipped"]
        if counts["seen"] != accounted:
            raise AssertionError(f"{counts['seen']} records were seen, but {accounted} accounted for: {dict(counts)}")


def now() -> datetime:
    """Return the time as a history stores it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
