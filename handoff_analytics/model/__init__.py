"""Which tables follow from the evidence?

Spans, log records and steps become crossings; failed crossings become failures with one origin each; both are summed
up as handoffs; tickets are laid beside them.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import silent
from .attribution import make_crossings, mark_silent
from .pairing import leave, make_calls
from .statements import count, drop, make_table, make_working, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

# The rest of the machine is the analyst's: past this, DuckDB works on disk.
_MEMORY_GIB = 6.0


def build(connection: duckdb.DuckDBPyConnection) -> None:
    """Rebuild the whole model from the evidence.

    Parameters
    ----------
    connection
        A history open for writing, inside a transaction of the caller.
    """
    with _modest(connection):
        # DuckDB names it make_timestamp, Spark timestamp_micros; the portable files say it in one way.
        run(connection, "CREATE OR REPLACE TEMP MACRO timestamp_micros(us) AS make_timestamp(us)")
        try:
            make_calls(connection)
            make_crossings(connection)
        finally:
            leave(connection)
        make_table(connection, "silent_findings")
        silent.find(connection)
        mark_silent(connection)
        make_working(connection, "faults", "causes", "spread", "blame")
        make_table(connection, "failures", "handoffs", "cascades", "team_handoffs", "recoveries", "attention")
        drop(connection, "faults", "causes", "spread", "blame", "classified")


def is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the tables of the model exist."""
    return bool(count(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'crossings'"))


@contextmanager
def _modest(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep DuckDB within the memory that a build may take."""
    before = str(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])
    amount = re.fullmatch(r"([\d.]+) GiB", before)
    if amount is None or float(amount[1]) <= _MEMORY_GIB:
        yield
        return
    run(connection, f"SET memory_limit = '{_MEMORY_GIB} GiB'")
    try:
        yield
    finally:
        run(connection, f"SET memory_limit = '{before}'")
