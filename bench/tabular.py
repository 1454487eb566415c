"""How much longer does a load take than reading the same file does?

Each function returns the library's call, a reference and a check that both saw the same; `run.py` times them in turns.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
from goals import Pair

import handoff_analytics as ha

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Calls = tuple[Callable[[], object], Callable[[], object], Callable[[], None]]


def _ticket_log(path: Path, rows: int) -> None:
    """Write an audit log of tickets, five states a ticket."""
    draw = random.Random(7)
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - the log names no zone
    names = (
        "number,incident_state,sys_mod_count,made_sla,caller_id,opened_at,sys_updated_at,category,cmdb_ci,priority,"
        "assignment_group,assigned_to,reassignment_count,resolved_at,short_description"
    )
    states = ("New", "Active", "Awaiting User Info", "Resolved", "Closed")
    with path.open("w", encoding="utf-8") as out:
        out.write(names + "\n")
        for row in range(rows):
            number, state = divmod(row, 5)
            opened = start + timedelta(minutes=number)
            out.write(
                f"INC{number:07},{states[state]},{state},true,Caller {number % 2000},{opened},"
                f"{opened + timedelta(hours=state)},"
                f"Category {number % 50},erp,3 - Moderate,Group {draw.randrange(80)},Resolver {number % 150},{state},"
                f'{opened + timedelta(hours=3)},"Order {number} failed, again"\n'
            )


def servicenow_log(folder: Path, rows: int) -> Calls:
    """Time an audit log of ServiceNow into a database file, against a bare typed read of it into one."""
    source = folder / f"servicenow-{rows}.csv"
    if not source.exists():
        _ticket_log(source, rows)
    ours, bare = folder / "servicenow-ours.duckdb", folder / "servicenow-bare.duckdb"

    def library() -> object:
        ours.unlink(missing_ok=True)
        return ha.load(source, into=ours, timezone="UTC", quiet=True)

    def reference() -> object:
        return _bare(source, bare)

    def same() -> None:
        counted = (
            ha.open(ours).sql("SELECT (SELECT count(*) FROM ticket_snapshots), (SELECT count(*) FROM tickets)").row(0)
        )
        with duckdb.connect(str(bare)) as connection:
            assert counted == connection.execute("SELECT count(*), count(DISTINCT number) FROM t").fetchall()[0]

    return library, reference, same


def _bare(source: Path, target: Path) -> object:
    target.unlink(missing_ok=True)
    with duckdb.connect(str(target)) as connection:
        return connection.execute("CREATE TABLE t AS SELECT * FROM read_csv($path)", {"path": str(source)}).fetchall()


def mapped_csv(folder: Path, rows: int) -> Calls:
    """Time a CSV of outcomes by a mapping into a database file, against a bare typed read of it into one."""
    source = folder / f"outcomes-{rows}.csv"
    if not source.exists():
        with source.open("w", encoding="utf-8") as out:
            out.write("Order,Expected,Actual,At,Amount\n")
            for row in range(rows):
                paid = "paid" if row % 50 else "declined"
                out.write(f"SO-{row},paid,{paid},2026-01-05T10:00:{row % 60:02}Z,{row % 900}.5\n")
    ours, bare = folder / "outcomes-ours.duckdb", folder / "outcomes-bare.duckdb"
    mapping = {
        "mapping": {"format": 1, "name": "outcomes", "target": "outcomes", "reader": "csv"},
        "column": {
            "correlation_id": {"from": "Order"},
            "check_name": {"const": "payment"},
            "expected": {"from": "Expected"},
            "actual": {"from": "Actual"},
            "checked_at": {"from": "At", "type": "time"},
            "amount": {"from": "Amount", "type": "float"},
        },
    }

    def library() -> object:
        ours.unlink(missing_ok=True)
        return ha.load(source, into=ours, mapping=mapping, quiet=True)

    def reference() -> object:
        return _bare(source, bare)

    def same() -> None:
        counted = (
            ha.open(ours).sql("SELECT count(*), sum(amount), count(*) FILTER (WHERE NOT passed) FROM outcomes").row(0)
        )
        with duckdb.connect(str(bare)) as connection:
            query = "SELECT count(*), sum(Amount), count(*) FILTER (WHERE Actual <> Expected) FROM t"
            assert counted == connection.execute(query).fetchall()[0]

    return library, reference, same


GOALS = (
    Pair(
        "3.8",
        "CSV by a mapping into a database file / bare typed read of it into one",
        mapped_csv,
        {"quick": 3_000, "full": 60_000, "goal": 1_000_000},
        1.5,
    ),
    Pair(
        "3.8",
        "ServiceNow audit log into a database file / bare read of it into one",
        servicenow_log,
        {"quick": 3_000, "full": 60_000, "goal": 1_000_000},
        2.0,
    ),
)
