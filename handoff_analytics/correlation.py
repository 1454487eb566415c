"""Which handoffs pass the transaction's id on, and where is it lost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from .history import History

_WAYS = ("passed_on", "by_trace", "lost", "nowhere")


def correlation_coverage(history: History, *, matches: pl.DataFrame | None = None) -> pl.DataFrame:
    """Count how each handoff's crossings know their transaction, and where the thread is lost.

    A crossing knows its business key in one of three ways, the best first: the receiver states it itself; something
    else in the receiver's trace does; only the sender's trace does, and the receiver began a trace of its own. The
    last is where the thread is lost: what the receiver hands on in its turn knows no key any more.

    Parameters
    ----------
    history
        The part of a history to measure.
    matches
        What `fallback_matches` returned: its accepted rows count as recovered.

    Returns
    -------
    polars.DataFrame
        One row a handoff, most lost first. crossings = passed_on + by_trace + lost + nowhere.

        ======================= ======= ========================================================================
        column                  dtype   meaning
        ======================= ======= ========================================================================
        source, target, channel String  the handoff
        crossings               Int64   crossings
        coverage                Float64 share of them that carry a business key, from 0 to 1
        passed_on               Int64   the receiver's own spans or log lines state the key
        by_trace                Int64   they do not, but others of the same trace do: a search by key misses them
        lost                    Int64   only the sender's trace states it: the thread is lost at this handoff
        nowhere                 Int64   no evidence states it: it was lost before, or never given
        lost_share              Float64 lost / (passed_on + by_trace + lost), from 0 to 1; null without any
        broken                  Int64   crossings whose sender cannot be told: the span it names is missing, or it names
                                        none though other systems call this one
        recovered               Int64   crossings without a key whose trace a fallback match gives one; 0 without any
        ======================= ======= ========================================================================
    """
    accepted = [] if matches is None else matches.filter("accepted")["fragment"].unique().sort().to_list()
    ways = ",\n".join(f"count(*) FILTER (way = '{way}') AS {way}" for way in _WAYS)
    return history.sql(
        f"""
        WITH told AS (
            SELECT s.trace_key, coalesce(n.system, s.system) AS system
            FROM main.spans AS s
            LEFT JOIN system_names AS n ON n.name = s.system
            WHERE s.correlation_id IS NOT NULL
            UNION
            SELECT l.trace_key, coalesce(n.system, l.system)
            FROM main.log_records AS l
            LEFT JOIN system_names AS n ON n.name = l.system
            WHERE l.correlation_id IS NOT NULL AND l.trace_key IS NOT NULL
        ),
        told_anywhere AS (
            SELECT trace_key FROM told
            UNION
            SELECT s.trace_key
            FROM main.spans AS s
            JOIN main.runs AS r ON r.run_id = s.run_id
            WHERE r.correlation_id IS NOT NULL
        ),
        called AS (SELECT DISTINCT target FROM main.crossings WHERE source NOT IN ('external', 'unknown')),
        judged AS (
            SELECT
                c.source, c.target, c.channel, c.correlation_id, c.trace_id,
                c.is_orphan OR c.source = 'unknown' OR (c.source = 'external' AND called.target IS NOT NULL) AS broken,
                CASE
                    WHEN c.correlation_id IS NULL THEN 'nowhere'
                    WHEN own.trace_key IS NOT NULL THEN 'passed_on'
                    -- Log lines without a trace are joined by the key itself.
                    WHEN c.evidence LIKE 'log%' AND c.trace_id IS NULL THEN 'passed_on'
                    WHEN here.trace_key IS NOT NULL THEN 'by_trace'
                    ELSE 'lost'
                END AS way
            FROM crossings AS c
            LEFT JOIN told AS own ON own.trace_key = c.trace_key AND own.system = c.target
            LEFT JOIN told_anywhere AS here ON here.trace_key = c.trace_key
            LEFT JOIN called ON called.target = c.target
        )
        SELECT
            source, target, channel,
            count(*)                                                              AS crossings,
            count(correlation_id) / count(*)                                      AS coverage,
            {ways},
            count(*) FILTER (way = 'lost') / nullif(count(*) FILTER (way <> 'nowhere'), 0) AS lost_share,
            count(*) FILTER (broken)                                              AS broken,
            count(*) FILTER (way = 'nowhere' AND list_contains($accepted, trace_id)) AS recovered
        FROM judged
        GROUP BY source, target, channel
        ORDER BY lost DESC, nowhere DESC, source, target, channel
        """,
        accepted=accepted or [""],
    )
