"""Which names did a person accept as names of a system?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..declarations import suggestion
from ..errors import ArgumentError
from ..history import History
from ..store import MEMORY, transaction
from .aliases import canonical
from .filing import mark, refresh

if TYPE_CHECKING:
    from collections.abc import Mapping


def accept_aliases(history: History, accepted: Mapping[str, str]) -> History:
    """Say that names mean systems; what a person says comes before every rule, and stays when files are loaded again.

    Parameters
    ----------
    history
        The history; a file is written.
    accepted
        The system that each name means. A name that was accepted before gets its new system.

    Returns
    -------
    History
        The history with its model rebuilt, so that tickets, logs and calls under these names count for their systems.

    Raises
    ------
    ArgumentError
        If a system is none that the history knows.
    HistoryLockedError
        If another process holds the history.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> history = ha.samples.three_systems()
    >>> accepted = ha.accept_aliases(history, {"The tills": "shop"})
    Traceback (most recent call last):
    ...
    handoff_analytics.errors.ArgumentError: 'shop' is no system of this history. Its systems: a, b, c.
    """
    with history._store.writer() as connection:  # noqa: SLF001 - a person's word is evidence too
        systems = canonical(connection)
        for system in accepted.values():
            if system not in systems:
                hint = suggestion(system, systems) or f" Its systems: {', '.join(systems[:20])}."
                raise ArgumentError(f"{system!r} is no system of this history.{hint}")
        with transaction(connection):
            for alias, system in accepted.items():
                connection.execute(
                    "DELETE FROM system_aliases WHERE lower(alias) = lower($alias)", {"alias": alias}
                ).fetchall()
                connection.execute(
                    "INSERT INTO system_aliases BY NAME "
                    "SELECT $alias AS alias, $system AS system, 'user' AS match, 1.0 AS confidence",
                    {"alias": alias, "system": system},
                ).fetchall()
            mark(connection, stale=True)
        refresh(connection)
    return History(history.path) if history.path != MEMORY else history
