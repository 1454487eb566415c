"""When is now?

An audit of the same history gives the same answer tomorrow: its present is the latest moment that the history knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ..history import History


def as_of_sql() -> str:
    """Return the query for the latest moment of the evidence in scope."""
    return """
        SELECT max(moment) AS latest
        FROM (
            SELECT max(started_at) AS moment FROM crossings
            UNION ALL SELECT max(resolved_at) FROM tickets
            UNION ALL SELECT max(opened_at) FROM tickets
        )
    """


def latest(history: History, *moments: datetime | None) -> datetime | None:
    """Return the latest moment of the evidence, or of the moments given where they are later."""
    known: list[datetime | None] = [history.sql(as_of_sql()).item(), *moments]
    return max((moment for moment in known if moment is not None), default=None)
