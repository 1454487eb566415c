"""Where do failures occur, and where do teams look?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from scipy.stats import beta

if TYPE_CHECKING:
    from .history import History


def attention(history: History) -> pl.DataFrame:
    """Set where teams looked against where the failure was, in tickets and hours.

    A stretch of a ticket with one team is a look at the system that the team owns, or at the system that the ticket
    names while it lies there. It was misdirected when the linked failure is at a handoff neither end of which the
    team owns.

    Parameters
    ----------
    history
        The part of a history to measure; tickets by the time they were opened.

    Returns
    -------
    polars.DataFrame
        One row a system looked at and a handoff that failed, most hours first.

        ================= ======= =========================================================================
        column            dtype   meaning
        ================= ======= =========================================================================
        looked_at         String  system under investigation; null when neither team nor ticket names one
        failed_source     String  source of the handoff that failed; null when the ticket is not linked
        failed_target     String  its target
        tickets           Int64   tickets with such a stretch
        hours             Float64 elapsed hours of those stretches
        hours_misdirected Float64 hours of them with a team that owns neither end
        hours_share       Float64 share of the hours of all tickets linked to this handoff, from 0 to 1
        ping_pong         Int64   of those tickets, the ones that came back to a team they had left
        ================= ======= =========================================================================
    """
    return history.sql("""
        WITH stretches AS (
            SELECT *, row_number() OVER (PARTITION BY ticket_uid, team ORDER BY stretch) AS visit
            FROM attention
        ),
        returned AS (SELECT DISTINCT ticket_uid FROM stretches WHERE visit > 1),
        pairs AS (
            SELECT
                s.looked_at, s.failed_source, s.failed_target,
                count(DISTINCT s.ticket_uid)                                    AS tickets_n,
                sum(s.hours)                                                    AS hours,
                coalesce(sum(s.hours) FILTER (s.right_team = FALSE), 0)         AS hours_misdirected,
                count(DISTINCT r.ticket_uid)                                    AS ping_pong
            FROM stretches AS s
            LEFT JOIN returned AS r USING (ticket_uid)
            GROUP BY s.looked_at, s.failed_source, s.failed_target
        )
        SELECT
            looked_at, failed_source, failed_target, tickets_n, hours, hours_misdirected,
            hours / nullif(sum(hours) OVER (PARTITION BY failed_source, failed_target), 0) AS hours_share,
            ping_pong
        FROM pairs
        ORDER BY hours DESC, looked_at, failed_source, failed_target
    """).rename({"tickets_n": "tickets"})


def routing(history: History) -> pl.DataFrame:
    """Summarise how tickets find the team that can help.

    Parameters
    ----------
    history
        The part of a history to measure; tickets by the time they were opened.

    Returns
    -------
    polars.DataFrame
        One row.

        ===================== ======= ==========================================================================
        column                dtype   meaning
        ===================== ======= ==========================================================================
        tickets               Int64   tickets with a team on record
        handovers             Int64   changes of team
        handovers_mean        Float64 changes a ticket
        single_team_share     Float64 share of tickets that never changed team
        first_is_last_share   Float64 share whose first team is their last
        linked                Int64   tickets linked to a handoff of which an owner is known
        first_right_share     Float64 share of linked tickets whose first team owns an end of the handoff
        first_right_low       Float64 90 % interval of it (Jeffreys)
        first_right_high      Float64 as above
        ping_pong_direct      Float64 share of tickets that went A, B, A
        ping_pong_any         Float64 share that came back to any team they had left
        hours_to_right_team   Float64 median elapsed hours until a team that owns an end had it
        share_before_last     Float64 median share of a reassigned ticket's time before its last team had it
        ===================== ======= ==========================================================================

    Notes
    -----
    These are associations: hard tickets are handed on more often, whoever had them first.

    References
    ----------
    BPI Challenge 2013 for ping-pong; Brown, Cai and DasGupta 2001 for the interval.
    """
    facts = history.sql("""
        WITH stretches AS (
            SELECT *,
                lag(team, 2) OVER steps AS team_two_before,
                row_number() OVER (PARTITION BY ticket_uid, team ORDER BY stretch) AS visit,
                first_value(team) OVER steps AS first_team,
                count(*) OVER (PARTITION BY ticket_uid) AS stretches,
                last_value(team) OVER (PARTITION BY ticket_uid ORDER BY stretch
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_team
            FROM attention
            WINDOW steps AS (PARTITION BY ticket_uid ORDER BY stretch)
        ),
        whole AS (
            SELECT
                ticket_uid,
                any_value(stretches) AS stretches,
                any_value(first_team) = any_value(last_team) AS first_is_last,
                bool_or(team = team_two_before) AS direct,
                bool_or(visit > 1) AS returned,
                bool_or(right_team) FILTER (stretch = 1) AS first_right,
                date_diff('second', min(opened_at), min(from_at) FILTER (right_team)) / 3600.0 AS hours_to_right,
                sum(hours) FILTER (stretch < stretches) / nullif(sum(hours), 0) AS before_last
            FROM stretches
            GROUP BY ticket_uid
        )
        SELECT
            count(*)                                             AS n,
            coalesce(sum(stretches - 1), 0)                      AS handovers,
            avg(stretches - 1)                                   AS handovers_mean,
            avg((stretches = 1)::INTEGER)                        AS single_team_share,
            avg(first_is_last::INTEGER)                          AS first_is_last_share,
            count(first_right)                                   AS linked,
            count(*) FILTER (first_right)                        AS first_right,
            avg(coalesce(direct, FALSE)::INTEGER)                AS ping_pong_direct,
            avg(returned::INTEGER)                               AS ping_pong_any,
            median(hours_to_right)                               AS hours_to_right_team,
            median(before_last) FILTER (stretches > 1)           AS share_before_last
        FROM whole
    """)
    linked, right = facts["linked"][0], facts["first_right"][0]
    low, high = (float(beta.ppf(q, right + 0.5, linked - right + 0.5)) for q in (0.05, 0.95))
    return facts.select(
        pl.col("n").alias("tickets"),
        *("handovers", "handovers_mean", "single_team_share", "first_is_last_share", "linked"),
        pl.lit(right / linked if linked else None, pl.Float64).alias("first_right_share"),
        pl.lit(low if linked else None, pl.Float64).alias("first_right_low"),
        pl.lit(high if linked else None, pl.Float64).alias("first_right_high"),
        *("ping_pong_direct", "ping_pong_any", "hours_to_right_team", "share_before_last"),
    )


def team_network(history: History) -> pl.DataFrame:
    """List who hands tickets to whom: the human handoffs, kept apart from those between systems.

    Parameters
    ----------
    history
        The whole of it; team handoffs are not narrowed by a window.

    Returns
    -------
    polars.DataFrame
        One row a pair of teams, most handovers first.

        ============= ======= ====================================================================
        column        dtype   meaning
        ============= ======= ====================================================================
        source        String  team that gives
        target        String  team that gets
        handovers     Int64   tickets handed over
        tickets       Int64   distinct tickets
        returned      Int64   handovers the other way round
        hours_held    Float64 median hours that the source had held them
        ============= ======= ====================================================================
    """
    return history.sql("""
        WITH pairs AS (
            SELECT source, target, count(*) AS handovers, count(DISTINCT ticket_uid) AS tickets_n,
                median(hours) AS hours_held
            FROM team_handoffs
            GROUP BY source, target
        )
        SELECT p.source, p.target, p.handovers, p.tickets_n, coalesce(b.handovers, 0) AS returned, p.hours_held
        FROM pairs AS p
        LEFT JOIN pairs AS b ON b.source = p.target AND b.target = p.source
        ORDER BY p.handovers DESC, p.source, p.target
    """).rename({"tickets_n": "tickets"})
