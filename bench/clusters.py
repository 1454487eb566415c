"""How long do the reductions take on an engine beside DuckDB, on the same spans and the same machine?"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import volume
from goals import Pair

import handoff_analytics as ha
from handoff_analytics.engines import reduction
from handoff_analytics.model.attribution import make_crossings, sum_up
from handoff_analytics.model.pairing import leave, make_calls, name_systems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COUNTED = """
    SELECT source, target, channel, count(*) AS n, sum(CASE WHEN failed THEN 1 ELSE 0 END) AS failed
    FROM crossings WHERE rule IS NULL OR rule <> 'A11'
    GROUP BY source, target, channel ORDER BY source, target, channel
"""


@cache
def _url() -> str:
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _kept.append(server)
    return f"sc://127.0.0.1:{server.listening_address[1]}"


_kept: list[Any] = []


def crossings_there(folder: Path, spans: int) -> tuple[Callable[[], object], Callable[[], object], Callable[[], None]]:
    """Time from spans to crossings on Sail, against the same in DuckDB."""
    path = volume.history_of(folder, spans)
    history = ha.open(path)
    published = ha.publish(history, folder / f"published-{spans}")

    def library() -> object:
        with ha.connect(_url()) as engine:
            engine.register_folder(published)
            reduction.make_crossings(engine)
            return engine.sql(_COUNTED)

    def reference() -> object:
        with history._store.writer() as connection:  # noqa: SLF001 - the build is what is timed, and is rolled back
            connection.execute("BEGIN").fetchall()
            connection.execute("CREATE OR REPLACE TEMP MACRO timestamp_micros(us) AS make_timestamp(us)").fetchall()
            try:
                name_systems(connection)
                make_calls(connection)
                sum_up(connection)
                make_crossings(connection)
                return connection.sql(_COUNTED).pl()
            finally:
                leave(connection)
                connection.execute("ROLLBACK").fetchall()

    def same() -> None:
        there, here = library(), reference()
        assert there.cast(dict(here.schema)).equals(here)

    return library, reference, same


GOALS = (
    (
        Pair(
            "8.3",
            "spans to crossings on Sail / in DuckDB",
            crossings_there,
            {"quick": 5_000, "full": 100_000, "goal": 10_000_000},
            3.0,
            "no figure is asked for; the same SQL, the same two cores, start of a session included",
        ),
    )
    if find_spec("pysail") is not None
    else ()
)
