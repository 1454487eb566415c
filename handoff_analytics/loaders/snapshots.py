"""What happened to a ticket between two of its states?

Some exports have a row for each state that a ticket was in. The rows are kept as `ticket_snapshots`; tickets and their
events follow from all rows that the history has of a ticket, so that neither the order of files nor where an export was
cut changes what comes out. Rows are ordered by the source's own count, then by time, then by content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ..identity import key_sql
from .columns import Doubt, Typed, json_objects
from .targets import TICKET_KEY, keyed, ticket_columns

if TYPE_CHECKING:
    import duckdb

    from .ledger import Sink

_OWN = ("state", "team", "person", "priority", "system")
"""Columns that a snapshot has of its own; other tracked ones are in its fields."""
# Columns of a ticket that its latest snapshot brings, with their types.
_FIELDS = {
    name: kind
    for kind, names in {
        "VARCHAR": "ticket_id platform kind title description state_category severity impact urgency category "
        "subcategory close_code resolution cause caused_by problem_id change_id parent_id business_service "
        "contact_channel correlation_id trace_id",
        "INTEGER": "reopened reassignments",
        "TIMESTAMP": "opened_at acknowledged_at resolved_at closed_at",
        "BOOLEAN": "sla_met",
        "DOUBLE": "worked_s",
        "JSON": "attributes",
    }.items()
    for name in names.split()
}
_NEEDED = {
    "updated_at": pl.Datetime("us"), "sequence": pl.Int64(), "team": pl.String(), "person": pl.String(),
    "priority": pl.Int32(), "system": pl.String(),
}  # fmt: skip
_LATEST_FIRST = "sequence DESC NULLS LAST, snapshot_at DESC NULLS LAST, snapshot_uid DESC"
_IN_ORDER = "sequence NULLS FIRST, snapshot_at NULLS FIRST, snapshot_uid"


def keep(sink: Sink, read: Typed, *, platform: str, track: tuple[str, ...]) -> tuple[pl.Series, list[Doubt]]:
    """Write a batch of snapshots, and count its records.

    Only the latest row of each ticket keeps every field: whatever comes later, no other row is asked for them.

    Parameters
    ----------
    sink
        The load.
    read
        The rows as columns of a ticket; `updated_at` dates them, `sequence` counts them.
    platform
        Platform of rows that name none.
    track
        Columns whose changes become events.

    Returns
    -------
    tuple
        ticket_uid of each row, and what is doubtful.
    """
    doubts: list[Doubt] = []
    frame = ticket_columns(read.frame, sink, platform, doubts)
    if "affected" in frame.columns:
        frame = frame.with_columns(system=_text_of(frame["affected"])).drop("affected")
    frame = frame.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in _NEEDED.items() if name not in frame.columns
    )
    small = [name for name in track if name not in _OWN and name in frame.columns]
    same = ("platform", "ticket_id", "sequence", "updated_at", *_OWN, *small)
    frame = keyed(sink.connection, frame, {**TICKET_KEY, "snapshot_uid": ("'ticket_snapshots'", *same)})
    is_latest = _latest(frame)
    full = {name: frame[name].filter(is_latest) for name in _FIELDS if name in frame.columns}
    full["attributes"] = read.attributes(sink, is_latest)
    full = sink.redacted(pl.DataFrame(full)).to_dict()
    for name in ("opened_at", "updated_at"):
        if name in frame.columns:
            sink.dated(frame[name])
    fields = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    if small:
        fields = json_objects({name: frame[name] for name in small})
    fields = fields.scatter(is_latest.arg_true(), json_objects(full))
    rows = frame.select("snapshot_uid", "ticket_uid", "sequence", *_OWN, "record_no", snapshot_at="updated_at")
    sink.connection.register(
        "incoming", rows.with_columns(fields=fields).to_arrow(compat_level=pl.CompatLevel.newest())
    )
    sink.connection.execute(
        f"""
        INSERT INTO ticket_snapshots BY NAME
        SELECT *, snapshot_uid AS record_hash, {sink.load_id} AS load_id FROM incoming
        """
    ).fetchall()
    sink.connection.unregister("incoming")
    return frame["ticket_uid"], doubts


def _latest(frame: pl.DataFrame) -> pl.Series:
    """Tell which row is the latest of its ticket."""
    order = ["sequence", "updated_at", "snapshot_uid"]
    ordered = frame.select("ticket_uid", *order).with_row_index("row").sort(order, nulls_last=False)
    latest = ordered.unique("ticket_uid", keep="last", maintain_order=True)["row"]
    return pl.Series([False]).new_from_index(0, frame.height).scatter(latest, values=True)


def _text_of(values: pl.Series) -> pl.Series:
    return values.list.first() if isinstance(values.dtype, pl.List) else values


def settle(sink: Sink) -> None:
    """Count what a load brought, and drop the rows that the history had before, or twice."""
    rows = _count(sink, "SELECT count(*) FROM ticket_snapshots WHERE load_id = $load_id")
    distinct = _count(
        sink,
        """
        SELECT count(DISTINCT snapshot_uid)
        FROM ticket_snapshots AS new
        WHERE load_id = $load_id AND NOT EXISTS (
            SELECT 1 FROM ticket_snapshots AS kept
            WHERE kept.snapshot_uid = new.snapshot_uid AND kept.load_id <> $load_id
        )
        """,
    )
    if distinct < rows:
        sink.connection.execute(
            """
            DELETE FROM ticket_snapshots AS new
            WHERE load_id = $load_id AND EXISTS (
                SELECT 1 FROM ticket_snapshots AS kept
                WHERE kept.snapshot_uid = new.snapshot_uid
                    AND (kept.load_id <> $load_id OR kept.record_no < new.record_no)
            )
            """,
            {"load_id": sink.load_id},
        ).fetchall()
    sink.counts["loaded"] += distinct
    sink.counts["duplicate"] += rows - distinct
    if distinct:
        sink.touched.update(("ticket_snapshots", "tickets", "ticket_events"))


def _count(sink: Sink, text: str) -> int:
    return int(sink.connection.execute(text, {"load_id": sink.load_id}).fetchall()[0][0])


def derive(connection: duckdb.DuckDBPyConnection, load_id: int, *, track: tuple[str, ...]) -> None:
    """Write the tickets and events that follow from the snapshots of every ticket that a load touched.

    Parameters
    ----------
    connection
        The history, in the transaction of the load.
    load_id
        The load.
    track
        Columns whose changes become events. Where nobody is named in between, a change is from the last one named.
    """
    parameters = {"load_id": load_id}
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT DISTINCT ticket_uid FROM ticket_snapshots WHERE load_id = $load_id
        """,
        parameters,
    ).fetchall()
    # The group that holds a ticket or held it last: a closed ticket often lies with nobody.
    newest_first = f"PARTITION BY ticket_uid ORDER BY {_LATEST_FIRST}"
    last = f"OVER ({newest_first} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    known = ", ".join(f"first_value({name} IGNORE NULLS) {last} AS {name}" for name in ("team", "system"))
    shape = ", ".join(f'"{name}": "{kind}"' for name, kind in _FIELDS.items())
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE latest AS
        SELECT s.* EXCLUDE (fields, team, system), {known}, from_json(fields, '{{{shape}}}') AS known
        FROM ticket_snapshots AS s
        SEMI JOIN touched USING (ticket_uid)
        QUALIFY row_number() OVER (PARTITION BY s.ticket_uid ORDER BY {_LATEST_FIRST}) = 1
        """
    ).fetchall()
    connection.execute(
        """
        DELETE FROM tickets USING latest
        WHERE tickets.ticket_uid = latest.ticket_uid
            AND (tickets.updated_at IS NULL OR latest.snapshot_at IS NULL OR tickets.updated_at <= latest.snapshot_at)
        """
    ).fetchall()
    columns = ", ".join(f'known."{name}" AS "{name}"' for name in _FIELDS if name != "attributes")
    connection.execute(
        f"""
        INSERT INTO tickets BY NAME
        SELECT ticket_uid, state, team, person, priority, snapshot_at AS updated_at, load_id, record_no, record_hash,
            (known.attributes->>'$')::JSON AS attributes, {columns}
        FROM latest
        ANTI JOIN tickets USING (ticket_uid)
        """
    ).fetchall()
    connection.execute(
        """
        DELETE FROM ticket_systems USING touched
        WHERE ticket_systems.ticket_uid = touched.ticket_uid AND evidence = 'snapshot'
        """
    ).fetchall()
    connection.execute(
        f"""
        INSERT INTO ticket_systems BY NAME
        SELECT ticket_uid, system, 'affected' AS role, known.opened_at AS named_at,
            'snapshot' AS evidence, 0.9 AS confidence, load_id, record_no,
            {key_sql("ticket_uid::VARCHAR", "system")} AS record_hash
        FROM latest
        WHERE system IS NOT NULL
        """
    ).fetchall()
    _derive_events(connection, track)
    connection.execute("DROP TABLE temp.touched").fetchall()
    connection.execute("DROP TABLE temp.latest").fetchall()


def _derive_events(connection: duckdb.DuckDBPyConnection, track: tuple[str, ...]) -> None:
    connection.execute(
        """
        DELETE FROM ticket_events USING touched
        WHERE ticket_events.ticket_uid = touched.ticket_uid AND basis = 'snapshot'
        """
    ).fetchall()
    values = {name: f"{name}::VARCHAR" if name in _OWN else f"fields->>'{name}'" for name in track}
    window = f"OVER (PARTITION BY ticket_uid ORDER BY {_IN_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    before = ", ".join(
        f'last_value({value} IGNORE NULLS) {window} AS "{name} before"' for name, value in values.items()
    )
    now = ", ".join(f'{value} AS "{name} now"' for name, value in values.items())
    changes = ", ".join(f"{{'field': '{name}', 'old': \"{name} before\", 'new': \"{name} now\"}}" for name in values)
    connection.execute(
        f"""
        INSERT INTO ticket_events BY NAME
        WITH states AS (
            SELECT
                ticket_uid, snapshot_uid, load_id, record_no,
                row_number() OVER (PARTITION BY ticket_uid ORDER BY {_IN_ORDER}) AS sequence,
                -- A row may be dated before the one it follows; its change cannot come before that one's.
                max(snapshot_at) OVER (
                    PARTITION BY ticket_uid ORDER BY {_IN_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS changed_at,
                {now},
                {before}
            FROM ticket_snapshots
            SEMI JOIN touched USING (ticket_uid)
        ),
        changes AS (
            SELECT ticket_uid, snapshot_uid, load_id, record_no, sequence, changed_at, unnest([{changes}]) AS change
            FROM states
            WHERE sequence > 1
        )
        SELECT
            {key_sql("'ticket_events'", "snapshot_uid::VARCHAR", "change.field")} AS event_uid,
            ticket_uid, changed_at, sequence, change.field AS field, change.old AS old_value, change.new AS new_value,
            'snapshot' AS basis, load_id, record_no, snapshot_uid AS record_hash
        FROM changes
        WHERE change.new IS NOT NULL AND change.new IS DISTINCT FROM change.old
        """
    ).fetchall()
    outranked(connection)


def outranked(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what snapshots say of a column whose changes the source itself has on record for that ticket."""
    connection.execute(
        """
        DELETE FROM ticket_events
        WHERE basis = 'snapshot' AND EXISTS (
            SELECT 1 FROM ticket_events AS told
            WHERE told.ticket_uid = ticket_events.ticket_uid AND told.field = ticket_events.field
                AND told.basis <> 'snapshot'
        )
        """
    ).fetchall()
