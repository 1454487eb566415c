"""How long did people work on tickets that book no hours?

What a ticket's history shows is when it was being worked on and by whom. Whoever has three tickets in hand at once
works a third of the time on each: the hours of a person are those of the union of the intervals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .loaders.stages import stage
from .working_time import working_hours

if TYPE_CHECKING:
    from .catalogue import Calendar
    from .history import History


def person_hours(history: History, calendar: Calendar) -> pl.DataFrame:
    """Derive the hours of work on each ticket from its changes of state and of person.

    Parameters
    ----------
    history
        Whose tickets.
    calendar
        Working hours: nobody works outside of them.

    Returns
    -------
    polars.DataFrame
        ticket_uid (Int64) and hours (Float64), one row a ticket that somebody whose name is on record had in hand, by
        ticket.
    """
    words = history.sql("SELECT DISTINCT new_value AS state FROM ticket_events WHERE field = 'state' ORDER BY state")
    active = [word for word in words["state"] if stage(word) == "in_progress"]
    intervals = history.sql(
        """
        WITH changes AS (
            SELECT ticket_uid, field, changed_at, old_value, new_value,
                   row_number() OVER (PARTITION BY ticket_uid, field ORDER BY changed_at, sequence, event_uid) AS place
            FROM ticket_events
            WHERE field IN ('state', 'person')
        ),
        begun AS (
            SELECT ticket_uid, field, place, changed_at AS since, new_value AS value FROM changes
            UNION ALL
            -- Before the first change on record it was as that change found it.
            SELECT c.ticket_uid, c.field, 0, least(t.opened_at, c.changed_at), c.old_value
            FROM changes AS c
            JOIN tickets AS t ON t.ticket_uid = c.ticket_uid
            WHERE c.place = 1
        ),
        stretches AS (
            SELECT b.ticket_uid, b.field, b.value, b.since,
                   coalesce(
                       lead(b.since) OVER (PARTITION BY b.ticket_uid, b.field ORDER BY b.place),
                       greatest(b.since, coalesce(t.resolved_at, t.closed_at, t.updated_at, b.since))
                   ) AS until
            FROM begun AS b
            JOIN tickets AS t ON t.ticket_uid = b.ticket_uid
        ),
        working AS (
            SELECT ticket_uid, since, until
            FROM stretches
            WHERE field = 'state' AND list_contains($active, value) AND until > since
        ),
        held AS (
            SELECT ticket_uid, value AS person, since, until FROM stretches WHERE field = 'person' AND value IS NOT NULL
            UNION ALL
            -- A ticket whose person never changed was that person's all the time.
            SELECT t.ticket_uid, t.person, t.opened_at, TIMESTAMP '9999-01-01'
            FROM tickets AS t
            WHERE t.person IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM changes AS c WHERE c.ticket_uid = t.ticket_uid AND c.field = 'person')
        )
        SELECT w.ticket_uid, h.person, greatest(w.since, h.since) AS since, least(w.until, h.until) AS until
        FROM working AS w
        JOIN held AS h ON h.ticket_uid = w.ticket_uid AND h.since < w.until AND h.until > w.since
        ORDER BY ticket_uid, person, since, until
        """,
        active=active,
    )
    return shared_hours(intervals, calendar)


def shared_hours(intervals: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """Share out the hours of each person over the tickets in hand at the same time.

    Parameters
    ----------
    intervals
        ticket_uid, person, since, until: when each person had each ticket in hand.
    calendar
        Working hours.

    Returns
    -------
    polars.DataFrame
        ticket_uid and hours, by ticket; the hours of a person's tickets sum to those of the union of the intervals.

    Examples
    --------
    >>> from datetime import datetime
    >>> from handoff_analytics.working_time import OFFICE_HOURS
    >>> nine, ten, noon = (datetime(2026, 3, 2, hour) for hour in (9, 10, 12))
    >>> both = pl.DataFrame({"ticket_uid": [1, 2], "person": ["ann"] * 2, "since": [nine, ten], "until": [noon] * 2})
    >>> shared_hours(both, OFFICE_HOURS)["hours"].to_list()
    [2.0, 1.0]
    """
    if intervals.is_empty():
        return pl.DataFrame(schema={"ticket_uid": pl.Int64, "hours": pl.Float64})
    person = intervals["person"].rank("dense").cast(pl.Int64).to_numpy() - 1
    since, until = (intervals[name].dt.epoch("us").to_numpy() for name in ("since", "until"))
    # Every start and end, person by person in order of time: between two of them nothing changes.
    who, when = np.concatenate([person, person]), np.concatenate([since, until])
    step = np.concatenate([np.ones(len(since)), -np.ones(len(until))])
    order = np.lexsort((step, when, who))
    who, when, step = who[order], when[order], step[order]
    in_hand = np.cumsum(step)
    moments = pl.Series(when).cast(pl.Datetime("us"))
    hours = np.zeros(len(when))
    same = who[1:] == who[:-1]
    hours[1:][same] = working_hours(moments[:-1], moments[1:], calendar)[same]
    before = np.concatenate([[0.0], in_hand[:-1]])
    each = np.cumsum(np.divide(hours, before, out=np.zeros(len(hours)), where=before > 0))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    worked = each[place[len(since) :]] - each[place[: len(since)]]
    return (
        intervals.select("ticket_uid", hours=pl.Series(worked))
        .group_by("ticket_uid")
        .agg(pl.col("hours").sum())
        .sort("ticket_uid")
    )
