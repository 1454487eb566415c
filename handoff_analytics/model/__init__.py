"""Which tables follow from the evidence?

Spans, log records and steps become crossings; failed crossings become failures with one origin each; both are summed
up as handoffs; tickets are laid beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ArgumentError
from . import allocation, renewal, silent
from .attribution import make_crossings, mark_silent, sum_up
from .inference import make_edges
from .pairing import leave, make_calls, name_systems
from .statements import count, drop, make_table, make_working, note, run

if TYPE_CHECKING:
    import duckdb


def require_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a history whose evidence lies on an engine: built from what is here, its crossings would be lost.

    Parameters
    ----------
    connection
        A history open for writing.

    Raises
    ------
    ArgumentError
        If an engine made it.
    """
    made = connection.execute("SELECT content FROM history_facts WHERE fact = 'built_on'").fetchall()
    if made:
        raise ArgumentError(
            "This history was made by an engine, on which its evidence lies: it takes no more of it here, and its "
            "model is not built here. Register the evidence there and ask for engine.history() again, or load into "
            "another file."
        )


def build(connection: duckdb.DuckDBPyConnection) -> None:
    """Rebuild the whole model from the evidence.

    Parameters
    ----------
    connection
        A history open for writing, inside a transaction of the caller.

    Raises
    ------
    ArgumentError
        If the evidence lies on an engine.
    """
    require_evidence(connection)
    note(connection, "model_repeats", "none")
    _speak_alike(connection)
    name_systems(connection)
    make_calls(connection)
    sum_up(connection)
    make_crossings(connection)
    make_edges(connection)
    _finish(connection)


def renew(connection: duckdb.DuckDBPyConnection) -> bool:
    """Make the model show evidence that came in since it was built; only transactions that it touches are read again.

    The outcome is that of `build`, row by row.

    Parameters
    ----------
    connection
        A history open for writing, inside a transaction of the caller.

    Returns
    -------
    bool
        Whether a part was enough.

    Raises
    ------
    ArgumentError
        If the evidence lies on an engine.
    """
    require_evidence(connection)
    done = is_built(connection) and renewal.find(connection) and _build_part(connection)
    leave(connection)
    renewal.forget(connection)
    if not done:
        build(connection)
    return done


def _build_part(connection: duckdb.DuckDBPyConnection) -> bool:
    """Build the crossings of what is touched, and all that follows; tell whether that is enough."""
    _speak_alike(connection)
    renewal.remember(connection)
    name_systems(connection)
    if not renewal.names_stand(connection):
        return False
    for _ in renewal.growing(connection):
        make_calls(connection, part=True)
        sum_up(connection, part=True)
        if not renewal.spread(connection):
            return False
    make_crossings(connection, part=True)
    make_edges(connection)
    _finish(connection)
    return True


def _speak_alike(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the portable files say a time in one way: DuckDB names it make_timestamp, Spark timestamp_micros."""
    run(connection, "CREATE OR REPLACE TEMP MACRO timestamp_micros(us) AS make_timestamp(us)")


def _finish(connection: duckdb.DuckDBPyConnection) -> None:
    """Build what follows from all crossings."""
    # What a fault leaves behind goes with the caller's transaction; cleaning up in it would hide the fault.
    leave(connection)
    make_table(connection, "ticket_ids", "silent_findings")
    silent.find(connection)
    mark_silent(connection)
    conclude(connection)
    renewal.sign(connection)


def conclude(connection: duckdb.DuckDBPyConnection) -> None:
    """Build what follows from crossings, silent findings and tickets: failures, handoffs, cascades and recoveries.

    Parameters
    ----------
    connection
        As for `build`, with those tables and the working table `classified` made.
    """
    make_working(connection, "faults", "causes", "spread", "blame")
    make_table(connection, "failures", "handoffs", "cascades", "team_handoffs")
    allocation.share_out(connection)
    make_table(connection, "recoveries", "attention")
    drop(connection, "faults", "causes", "spread", "blame", "classified")
    drop(connection, "ticket_words", "ticket_names", "ticket_certain", "ticket_shares")


def is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the tables of the model exist."""
    return bool(count(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'crossings'"))
