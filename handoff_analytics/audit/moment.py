"""When is now?

An audit of the same history gives the same answer tomorrow: its present is the end of the telemetry. Tickets do not
count: one that is resolved in autumn does not make a handoff silent that was last recorded in spring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ..history import History


def latest(history: History, *moments: datetime | None) -> datetime | None:
    """Return the end of the telemetry in scope, or of the moments given where they are later."""
    end: datetime | None = history.sql("SELECT max(started_at) AS end_at FROM crossings").item()
    return max((moment for moment in (end, *moments) if moment is not None), default=None)
