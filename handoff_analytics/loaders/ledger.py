"""What became of each record?

Seen = loaded + rejected + duplicate + skipped, for every file, checked inside the transaction that loads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from ..errors import HandoffError
from ..identity import key
from .frames import framed
from .jsontext import repaired
from .people import hidden
from .readers import Record
from .redact import Redaction
from .settling import NATURAL, insert, schemas, settle, uid_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from concurrent.futures import Future

    import duckdb

BATCH_ROWS = 50_000
UNEXPECTED = (
    TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError, pl.exceptions.PolarsError,
)  # fmt: skip
"""What a value of an unforeseen kind leads to; faults of disk and memory, and interruptions, are none of these."""
_BATCH_REJECTS = 2_000
_RAW_BYTES = 4096
_JSON = ("attributes", "resource", "fields", "definition")
_FREE = frozenset(("attributes", "resource"))
_HASHED = re.compile(r"person-[0-9a-f]{12}")
# The time by which a row of evidence stands in the history, and the unit of those that are numbers.
_WHEN = {
    "started_at": None, "logged_at": None, "opened_at": None, "changed_at": None, "snapshot_at": None,
    "checked_at": None, "start_us": "us", "log_us": "us",
}  # fmt: skip


class Sink:
    """Where the records of one file go.

    Attributes
    ----------
    load_id
        Number of the load.
    timezone
        Zone of times that name none, as the user said; or null.
    mapping
        What the user gave as a mapping; or null.
    counts
        seen, loaded, rejected, duplicate, skipped and redacted.
    skipped, flags
        How many records were skipped for each reason, and how many doubts were raised of each kind.
    notes
        Sentences about the whole file.
    touched
        Tables that the load has changed.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        load_id: int,
        *,
        timezone: str | None = None,
        people: str = "hash",
        mapping: Any = None,
        salt: str = "",
        redact: bool | Collection[str] = True,
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
        self._hashes: dict[str, str] = {}
        self._redaction = Redaction(redact)
        self._first_reasons: list[str] = []
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._rows: dict[tuple[str, bool], list[dict[str, Any]]] = {}
        self._records: list[Record] = []
        self._rejects: list[dict[str, Any]] = []
        self._flags: list[dict[str, Any]] = []
        self._waiting = 0
        self._writer: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None
        self._unsettled: Counter[str] = Counter()
        self._primary: set[str] = set()
        self._added: dict[str, list[pl.DataFrame]] = {}
        self._last_loaded = 0

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The history that is being written, for a loader that derives rows from others: `flush` first."""
        self._wait()
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
        self.counts["seen"] += 1
        record = Record(
            self.counts["seen"], value, document.line, document.offset, (document.pointer or "") + pointer, document.raw
        )
        for flag, detail in document.doubts:
            self.flag("loads", self.load_id, flag, detail, record)
        return record

    def seen(self, records: int) -> int:
        """Count records that go to `load_frame`, and return the number of the first."""
        first = self.counts["seen"] + 1
        self.counts["seen"] += records
        return first

    def load(self, record: Record, table: str, row: dict[str, Any]) -> int:
        """Load the row that a record is about, and return its uid.

        The record counts as loaded, or as duplicate when the history has the same uid with the same content. The uid
        is the one in the row; where it is absent it is made of the table's natural key, or else of all columns.
        """
        if self._waiting >= BATCH_ROWS:
            self._write_rows()
        self._records.append(record)
        self._last_loaded = record.number
        return self._keep(record, table, row, primary=True)

    def add(self, record: Record, table: str, row: dict[str, Any]) -> int:
        """Add a further row that a record brings; a row that is there already is left as it is."""
        return self._keep(record, table, row, primary=False)

    def load_frame(self, table: str, frame: pl.DataFrame, *, primary: bool = True) -> None:
        """Load many rows at once: columns of the table and record_no, one row a record that was counted by `seen`."""
        if frame.is_empty():
            return
        if primary:
            self.counts["loaded"] += frame.height
            self._primary.add(table)
        else:
            uid = uid_of(table)
            known = ["record_no", uid] if uid in frame.columns else ["record_no"]
            self._added.setdefault(table, []).append(frame.select(known).rename({uid: "uid"}, strict=False))
        self._unsettled[table] += frame.height
        frame = self._redaction.applied(self._without_nul(table, frame))
        self._widen(frame)
        # Python reads the next records while the database writes these.
        self._wait()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="history-writer")
        self._writing = self._writer.submit(insert, self._connection, table, frame, load_id=self.load_id)

    def reject(
        self, record: Record, code: str, reason: str, *, column: str | None = None, pointer: str | None = None
    ) -> None:
        """Keep a record that cannot be loaded, with its place and the reason.

        A record has one end: of one that is loaded already, what is wrong with its further parts becomes a doubt.
        """
        if record.number == self._last_loaded:
            self.flag("loads", self.load_id, "part_lost", f"{code}: {reason}"[:1000], record)
            return
        self._refuse(record, code, reason, column=column, pointer=pointer)

    def _refuse(
        self, record: Record, code: str, reason: str, *, column: str | None = None, pointer: str | None = None
    ) -> None:
        self.counts["rejected"] += 1
        if len(self._first_reasons) < 3:
            place = f"line {record.line}" if record.line is not None else f"record {record.number}"
            self._first_reasons.append(f"{place}: {reason}")
        raw = _raw(record)
        text, secrets = self._redaction.masked(raw[:_RAW_BYTES].decode("utf-8", "backslashreplace"))
        self.counts["redacted"] += secrets
        self._rejects.append(
            {
                "record_no": record.number,
                "line": record.line,
                "byte_offset": record.offset,
                "json_pointer": pointer or record.pointer or None,
                "column_name": column,
                "code": code,
                "reason": self._redaction.masked(reason[:1000])[0],
                "raw": text.replace("\0", "\\x00"),
                "raw_sha256": hashlib.sha256(raw).hexdigest(),
            }
        )
        if len(self._rejects) >= _BATCH_REJECTS:
            self._write_ledger()

    @contextmanager
    def attempt(self, record: Record) -> Iterator[None]:
        """Reject a record in which a value is of a kind that nothing is known to do with; others are not touched."""
        try:
            yield
        except HandoffError:
            raise
        except UNEXPECTED as fault:
            self.reject(
                record, "UNKNOWN_SHAPE", f"a value of another kind than was wanted: {type(fault).__name__}: {fault}"
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
            {"record_no": record.number, "table_name": table, "row_uid": uid, "flag": flag, "detail": detail}
        )
        if len(self._flags) >= BATCH_ROWS:
            self._write_ledger()

    def note(self, text: str) -> None:
        """Say something about the whole file, once."""
        if text not in self.notes:
            self.notes.append(text)

    def person(self, name: Any) -> str | None:
        """Return a person's name as it may be stored: hashed with the history's salt unless names were opted in."""
        if name is None:
            return None
        # Where a name was expected there may be any value of JSON.
        told = str(name)
        if self._people == "names" or _HASHED.fullmatch(told):
            return told
        if told not in self._hashes:
            digest = hashlib.blake2b(f"{self._salt}{told}".encode("utf-8", "replace"), digest_size=6)
            self._hashes[told] = f"person-{digest.hexdigest()}"
        return self._hashes[told]

    def redacted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return rows with secrets masked, for a loader that writes them itself."""
        return self._redaction.applied(frame)

    def first_rejects(self) -> str:
        """Say where the first rejects stand and why they are ones."""
        return "; ".join(self._first_reasons) + "." if self._first_reasons else ""

    def span_of_time(self) -> tuple[datetime | None, datetime | None]:
        """Return the earliest and the latest time of the rows that were loaded."""
        return self._first_at, self._last_at

    def dated(self, times: pl.Series) -> None:
        """Widen the span of time that the load reports."""
        first, last = times.min(), times.max()
        if isinstance(first, datetime) and isinstance(last, datetime):
            self._first_at = min(first, self._first_at or first)
            self._last_at = max(last, self._last_at or last)

    def flush(self) -> None:
        """Write what is waiting, and compare it with what the history has."""
        self._write_rows()
        self._write_ledger()
        self._wait()
        for table in sorted(self._unsettled):
            self._settle(table)
        self._write_ledger()
        self._unsettled.clear()
        self._added.clear()
        self._primary.clear()
        self.counts["redacted"] += self._redaction.take_count()
        self._stop()

    def abandon(self) -> None:
        """Stop writing, so that the transaction can be rolled back."""
        if self._writing is not None and not self._writing.done():
            self._connection.interrupt()
        self._writing = None
        self._stop()

    def balance(self) -> None:
        """Check that no record was lost."""
        counts = self.counts
        accounted = counts["loaded"] + counts["rejected"] + counts["duplicate"] + counts["skipped"]
        if counts["seen"] != accounted:
            raise AssertionError(f"{counts['seen']} records were seen, but {accounted} accounted for: {dict(counts)}")

    def _keep(self, record: Record, table: str, row: dict[str, Any], *, primary: bool) -> int:
        name, natural = NATURAL.get(table, ("", ()))
        for column in _JSON:
            if column in _FREE and isinstance(row.get(column), dict):
                row[column] = hidden(row[column], self.person)
            if isinstance(row.get(column), dict | list):
                row[column] = _json(row[column])
        uid = row.get(name)
        if name and uid is None:
            parts = [row.get(part) for part in natural] or [
                f"{column}={row[column]}" for column in sorted(row) if row[column] is not None
            ]
            uid = row[name] = key(table, *(None if part is None else str(part) for part in parts))
        row["record_no"] = record.number
        row.pop("half", None)
        self._rows.setdefault((table, primary), []).append(row)
        self._waiting += 1
        return int(uid or 0)

    def _write_rows(self) -> None:
        """Write the rows that loaders handed over one by one."""
        refused: set[int] = set()
        waiting, records = self._rows, {record.number: record for record in self._records}
        self._rows, self._records, self._waiting = {}, [], 0
        # What records are about comes first: what they bring besides goes with them if they are refused.
        for table, primary in sorted(waiting, key=lambda one: (not one[1], one[0])):
            rows = waiting[table, primary]
            if refused:
                rows = [row for row in rows if row["record_no"] not in refused]
            frame, unfit = framed(rows, schemas()[table])
            for place, column, reason in unfit:
                number = rows[place]["record_no"]
                record = records.get(number, Record(number, rows[place]))
                if primary:
                    refused.add(number)
                    self._refuse(record, "RANGE", f"{column}: {reason}", column=column)
                else:
                    self.flag(table, None, "range", f"{column}: {reason}; the row was left out", record)
            self.load_frame(table, frame, primary=primary)

    def _without_nul(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Remove bytes of value zero from texts, which no database keeps well, and say so."""
        for name, kind in frame.schema.items():
            if kind != pl.String:
                continue
            zero = "\\u0000" if name in _JSON else "\0"
            held = frame[name].str.contains(zero, literal=True).fill_null(value=False)
            if held.any():
                text = pl.col(name).str.replace_all(zero, "\\ufffd" if name in _JSON else "", literal=True)
                for number in frame.filter(held)["record_no"]:
                    self.flag(table, None, "nul_removed", f"bytes of value zero in {name}", Record(number, None))
                frame = frame.with_columns(text)
        return frame

    def _widen(self, frame: pl.DataFrame) -> None:
        for name, unit in _WHEN.items():
            if name in frame.columns:
                times = frame[name]
                # Minimum and maximum first: a column of numbers becomes times only at its ends.
                ends = pl.Series([times.min(), times.max()], dtype=times.dtype).drop_nulls()
                if unit is None and times.dtype == pl.Datetime("us"):
                    self.dated(ends)
                elif unit is not None and times.dtype == pl.Int64:
                    self.dated(ends.cast(pl.Datetime("us")))

    def _write_ledger(self) -> None:
        for name, rows in (("rejects", self._rejects), ("quality_flags", self._flags)):
            if rows:
                schema = {column: kind for column, kind in schemas()[name].items() if column != "load_id"}
                frame = pl.DataFrame(rows, schema=schema, strict=False).with_columns(
                    pl.lit(self.load_id, dtype=pl.Int32).alias("load_id")
                )
                rows.clear()
                self._wait()
                self._connection.register("ledger_rows", frame)
                self._connection.execute(f'INSERT INTO main."{name}" BY NAME SELECT * FROM ledger_rows').fetchall()
                self._connection.unregister("ledger_rows")

    def _settle(self, table: str) -> None:
        written = self._unsettled[table]
        found = settle(self._connection, table, load_id=self.load_id)
        if found is not None:
            repeated = found.repeated
            if table in self._added:
                repeated = _of_records(repeated, pl.concat(self._added[table], how="diagonal"))
            if table in self._primary:
                self.counts["loaded"] -= repeated.height
                self.counts["duplicate"] += repeated.height
                self._forget_flags(repeated)
            written -= found.repeated.height
            for number, uid in found.renamed.rows():
                detail = "another record has this id and other content"
                self.flag(table, uid, "duplicate_id", detail, Record(number, None))
        if written:
            self.touched.add(table)

    def _forget_flags(self, repeated: pl.DataFrame) -> None:
        """Remove the doubts about records that the history had already."""
        if not self.flags or repeated.is_empty():
            return
        self._write_ledger()
        self._connection.register("repeated", repeated)
        gone = self._connection.execute(
            """
            DELETE FROM main.quality_flags
            WHERE load_id = $load_id AND record_no IN (SELECT record_no FROM repeated)
                AND (row_uid IS NULL OR row_uid = load_id OR row_uid IN (SELECT uid FROM repeated))
            RETURNING flag
            """,
            {"load_id": self.load_id},
        ).fetchall()
        self._connection.unregister("repeated")
        self.flags.subtract(flag for (flag,) in gone)
        self.flags += Counter()

    def _wait(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _stop(self) -> None:
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None


def _json(value: Any) -> str:
    """Return a value as JSON text; what the fast writer refuses is repaired."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(repaired(value), default=str, ensure_ascii=False)


def _of_records(repeated: pl.DataFrame, added: pl.DataFrame) -> pl.DataFrame:
    """Return those repeated rows that records are about, without the rows that records brought besides."""
    if "uid" in added.columns:
        return repeated.join(added, on=["record_no", "uid"], how="anti")
    # Rows without a key of their own are told apart by their number: a record with more repeated rows than it brought
    # besides is repeated itself.
    brought = added.group_by("record_no").len("brought")
    counted = repeated.join(brought, on="record_no", how="left").with_columns(pl.col("brought").fill_null(0))
    told = counted.filter(pl.len().over("record_no") > pl.col("brought"))
    return told.unique("record_no", keep="first", maintain_order=True).select(repeated.columns)


def _raw(record: Record) -> bytes:
    """Return the bytes of a record; of a part of a document its own, for the document may be large."""
    if record.raw is not None and not (record.pointer and isinstance(record.value, dict | list)):
        return record.raw
    try:
        return orjson.dumps(record.value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        pass
    try:
        return repr(record.value).encode("utf-8", "backslashreplace")
    except RecursionError:
        return record.raw or b"(nested too deeply)"


def now() -> datetime:
    """Return the time as a history stores it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
