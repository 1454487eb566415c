"""Which transactions does new evidence touch?

A trace is touched by records of its own that are new, and by whatever ties it to one that is touched: a link, a message
id, a table that both use, a crossing. What all traces decide together (who answers to a name, how far clocks are apart,
which platform a system runs on, how often both sides report) touches those for which the answer is another one now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from .. import __version__
from .statements import count, home, note, run

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_BY = f"{__version__}, duckdb {duckdb.__version__}"
# Past this share of all spans, building the part costs as much as building the whole.
_PART = 0.5
_STORE = "channel IN ('database', 'file') AND destination IS NOT NULL AND kind IS DISTINCT FROM 'server'"
# What ties two traces together: both ways, until nothing is added.
_TIES = (
    "SELECT l.linked_trace_key FROM span_links AS l SEMI JOIN touched USING (trace_key)",
    "SELECT trace_key FROM span_links WHERE linked_trace_key IN (SELECT trace_key FROM touched)",
    """
    SELECT trace_key FROM {home}.spans WHERE message_id IN (
        SELECT s.message_id FROM {home}.spans AS s SEMI JOIN touched USING (trace_key) WHERE s.message_id IS NOT NULL
    )
    """,
    f"""
    SELECT trace_key FROM {{home}}.spans WHERE {_STORE} AND lower(destination) IN (
        SELECT lower(s.destination) FROM {{home}}.spans AS s SEMI JOIN touched USING (trace_key) WHERE {_STORE}
    )
    """,
    """
    SELECT source_trace_key FROM {home}.crossings
    WHERE source_trace_key <> trace_key AND trace_key IN (SELECT trace_key FROM touched)
    """,
    """
    SELECT trace_key FROM {home}.crossings
    WHERE source_trace_key <> trace_key AND source_trace_key IN (SELECT trace_key FROM touched)
    """,
)
# Traces for which what all decide together has changed.
_DECIDED = (
    """
    WITH changed AS (
        SELECT basis, name
        FROM learnt AS now FULL JOIN answering_before AS before USING (basis, name)
        WHERE CASE WHEN now.system = now.other_system THEN now.system END
            IS DISTINCT FROM CASE WHEN before.system = before.other_system THEN before.system END
    )
    SELECT c.trace_key
    FROM {home}.crossings AS c
    JOIN {home}.spans AS s ON s.trace_key = c.source_trace_key AND s.span_key = c.source_span_key
    JOIN changed ON changed.name = CASE changed.basis
        WHEN 'peer' THEN s.peer WHEN 'destination' THEN s.destination ELSE concat(c.source, ' ', coalesce(s.name, ''))
    END
    WHERE c.target_span_key IS NULL
    """,
    """
    WITH changed AS (
        SELECT source_host, target_host, day
        FROM {home}.clock_offsets AS now
        FULL JOIN offsets_before AS before USING (source_host, target_host, day)
        WHERE now.offset_us IS DISTINCT FROM before.offset_us
    )
    SELECT c.trace_key
    FROM {home}.crossings AS c
    SEMI JOIN changed AS o
        ON o.source_host = c.source_host
        AND o.target_host = c.target_host
        AND o.day = CAST(floor(c.start_us / 86400000000.0) AS BIGINT)
    """,
    """
    WITH changed AS (
        SELECT name
        FROM {home}.systems AS now FULL JOIN platforms_before AS before USING (name)
        WHERE now.platform_type IS DISTINCT FROM before.platform_type
    )
    SELECT trace_key FROM {home}.crossings
    WHERE source IN (SELECT name FROM changed) OR target IN (SELECT name FROM changed)
    """,
    """
    WITH changed AS (
        SELECT source, target, channel
        FROM pairing AS now FULL JOIN pairing_before AS before USING (source, target, channel)
        WHERE coalesce(now.pairing_rate >= 0.9, FALSE) <> coalesce(before.pairing_rate >= 0.9, FALSE)
    )
    SELECT c.trace_key FROM {home}.crossings AS c SEMI JOIN changed USING (source, target, channel)
    WHERE c.failed AND c.target_status IS NULL
    """,
)
_BEFORE = {
    "names_before": "SELECT name, system, basis FROM {home}.system_names",
    "answering_before": "SELECT * FROM {home}.answering",
    "offsets_before": "SELECT source_host, target_host, day, offset_us FROM {home}.clock_offsets",
    "platforms_before": "SELECT name, platform_type FROM {home}.systems",
    "pairing_before": "SELECT source, target, channel, pairing_rate FROM {home}.handoffs",
}
# What ties everything to everything: a new record may change how any old one is read.
_EVERYWHERE = (
    # Whoever declares systems, handoffs or rules speaks of all of them.
    "SELECT 1 FROM loads WHERE load_id > $known AND kind = 'catalogue'",
    # Who calls whom is learnt from all log lines that share an id.
    """
    SELECT 1 FROM log_records
    WHERE system <> 'unknown' AND log_us IS NOT NULL AND (trace_key IS NOT NULL OR correlation_id IS NOT NULL)
    GROUP BY trace_key, CASE WHEN trace_key IS NULL THEN correlation_id END
    HAVING min(system) <> max(system)
    """,
    # An address in a line becomes a handoff when its name is known.
    "SELECT 1 FROM log_records WHERE peer IS NOT NULL OR body ILIKE '%http://%' OR body ILIKE '%https://%'",
    # Who alone sends to a queue is told by all that send to it.
    """
    SELECT 1 FROM spans
    WHERE channel = 'messaging' AND status IN ('error', 'timeout') AND system = destination AND peer IS NOT NULL
    """,
)


def sign(connection: duckdb.DuckDBPyConnection) -> None:
    """Note which loads the model shows, and what made it."""
    newest = count(connection, "SELECT coalesce(max(load_id), 0) FROM loads")
    note(connection, "model_loads", str(newest))
    note(connection, "model_made_by", MADE_BY)


def find(connection: duckdb.DuckDBPyConnection) -> bool:
    """Make the working table `touched`; tell whether a part of the model is enough.

    Parameters
    ----------
    connection
        A history open for writing, inside a transaction of the caller.
    """
    facts = dict(connection.execute("SELECT fact, content FROM history_facts").fetchall())
    if facts.get("model_made_by") != MADE_BY or not facts.get("model_loads", "").isdigit():
        return False
    known = {"known": int(facts["model_loads"])}
    if any(
        connection.execute(f"{query} LIMIT 1", known if "$known" in query else None).fetchall() for query in _EVERYWHERE
    ):
        return False
    run(
        connection,
        """
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT trace_key FROM spans WHERE load_id > $known
        UNION SELECT trace_key FROM log_records WHERE load_id > $known AND trace_key IS NOT NULL
        UNION SELECT trace_key FROM span_links WHERE load_id > $known
        UNION SELECT linked_trace_key FROM span_links WHERE load_id > $known
        UNION SELECT trace_key FROM spans WHERE run_id IN (SELECT run_id FROM runs WHERE load_id > $known)
        """,
        known,
    )
    return _is_part(connection)


def remember(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what all traces had decided together, to be compared with what they decide now."""
    for name, text in _BEFORE.items():
        run(connection, f"CREATE OR REPLACE TEMP TABLE {name} AS {text.format(home=home(connection))}")


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the working tables of this module."""
    for name in (*_BEFORE, "touched", "part_spans"):
        run(connection, f"DROP TABLE IF EXISTS temp.{name}")


def names_stand(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether every name still means the system that it meant, with system_names made anew."""
    return not count(
        connection,
        f"""
        SELECT count(*)
        FROM {home(connection)}.system_names AS now
        FULL JOIN names_before AS before ON before.name = now.name
        WHERE (before.name IS NOT NULL AND (now.system, now.basis) IS DISTINCT FROM (before.system, before.basis))
            -- A step that had the name of its tool has one of its own now.
            OR (before.name IS NULL AND now.basis = 'alias' AND now.name IN (
                SELECT concat(workflow, '.', name) FROM {home(connection)}.spans WHERE kind = 'step'
            ))
        """,
    )


def spread(connection: duckdb.DuckDBPyConnection) -> bool:
    """Add to `touched` what is decided otherwise now, and what is tied to it; tell whether a part is still enough.

    Parameters
    ----------
    connection
        Inside a build of a part, with what all traces decide together made anew.
    """
    for text in _DECIDED:
        run(connection, _added(connection, text))
    return _is_part(connection)


def growing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Yield for as long as more is touched; the caller builds the part with what all decide, and asks `spread`."""
    before = -1
    while before != (now := count(connection, "SELECT count(*) FROM touched")):
        before = now
        yield


def _is_part(connection: duckdb.DuckDBPyConnection) -> bool:
    """Add to `touched` what is tied to it, and make `part_spans`; tell whether it is a part only."""
    before = -1
    while before != (now := count(connection, "SELECT count(*) FROM touched")):
        before = now
        for text in _TIES:
            run(connection, _added(connection, text))
    stored = f"{home(connection)}.spans"
    mine = count(connection, f"SELECT count(*) FROM {stored} AS s SEMI JOIN touched USING (trace_key)")
    if mine > _PART * count(connection, f"SELECT count(*) FROM {stored}"):
        return False
    run(
        connection,
        f"CREATE OR REPLACE TEMP TABLE part_spans AS SELECT s.* FROM {stored} AS s SEMI JOIN touched USING (trace_key)",
    )
    return True


def _added(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    found = text.format(home=home(connection))
    return f"""
        INSERT INTO touched
        SELECT DISTINCT trace_key FROM ({found}) AS found (trace_key)
        WHERE trace_key IS NOT NULL AND trace_key NOT IN (SELECT trace_key FROM touched)
    """
