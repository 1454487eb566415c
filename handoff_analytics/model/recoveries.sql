-- Which handoff is a ticket about? One that failed for a transaction that the ticket names, where it names any; else
-- those that failed in the two weeks before, weighed by how lately, and by how many of their ends the ticket names.
-- What speaks for no handoff stays unlinked: the background is as strong as one failure of the day before at a handoff
-- of which the ticket names one end.
WITH words AS (
    SELECT
        ticket_uid, opened_at, trace_id, correlation_id,
        regexp_extract_all(concat_ws(' ', title, description, cause, resolution), '[A-Za-z]+[-_]?[0-9]{3,}') AS tokens
    FROM tickets
),
keys AS (
    SELECT ticket_uid, correlation_id AS named FROM words WHERE correlation_id IS NOT NULL
    UNION
    SELECT ticket_uid, unnest(tokens) FROM words
),
mentioned AS (
    SELECT DISTINCT ts.ticket_uid, coalesce(n.system, ts.system) AS system
    FROM ticket_systems AS ts
    LEFT JOIN system_names AS n ON n.name = ts.system
),
origins AS (
    SELECT source, target, channel, correlation_id, trace_id, failed_at
    FROM failures
    WHERE origin <> 'propagated' AND fate <> 'masked'
),
exact AS (
    SELECT DISTINCT k.ticket_uid, o.source, o.target, o.channel
    FROM keys AS k
    JOIN origins AS o ON o.correlation_id = k.named
    UNION
    SELECT DISTINCT w.ticket_uid, o.source, o.target, o.channel
    FROM words AS w
    JOIN origins AS o ON o.trace_id = w.trace_id
),
likely AS (
    SELECT
        w.ticket_uid, o.source, o.target, o.channel,
        -- In order: sums of fractions depend on it in their last digits, and a history must build the same twice.
        least(1.0, sum(1.0 / (1 + date_diff('second', o.failed_at, w.opened_at) / 86400.0) ORDER BY o.failed_at))
            AS lateness
    FROM words AS w
    JOIN origins AS o ON o.failed_at BETWEEN w.opened_at - INTERVAL 14 DAY AND w.opened_at
    WHERE w.ticket_uid NOT IN (SELECT ticket_uid FROM exact)
    GROUP BY ALL
),
candidates AS (
    SELECT *, 1.0 AS lateness, 0.0 AS background FROM exact
    UNION ALL
    SELECT *, 0.15 FROM likely
),
scored AS (
    SELECT
        c.ticket_uid, c.source, c.target, c.channel, c.background,
        c.lateness * CASE
            WHEN sender.system IS NOT NULL AND receiver.system IS NOT NULL THEN 1.0
            WHEN sender.system IS NOT NULL OR receiver.system IS NOT NULL THEN 0.3
            WHEN c.background = 0 THEN 0.05
            ELSE 0.0
        END AS score
    FROM candidates AS c
    LEFT JOIN mentioned AS sender ON sender.ticket_uid = c.ticket_uid AND sender.system = c.source
    LEFT JOIN mentioned AS receiver ON receiver.ticket_uid = c.ticket_uid AND receiver.system = c.target
),
totals AS (
    SELECT ticket_uid, sum(score ORDER BY score) AS total FROM scored WHERE score > 0 GROUP BY ticket_uid
),
weighed AS (
    SELECT s.*, s.score / (t.total + s.background) AS share
    FROM scored AS s
    JOIN totals AS t USING (ticket_uid)
    WHERE s.score > 0
),
shared AS (
    SELECT ticket_uid, source, target, channel, share FROM weighed
    UNION ALL
    SELECT w.ticket_uid, NULL, NULL, NULL, 1.0 - coalesce(sum(x.share ORDER BY x.share), 0)
    FROM words AS w
    LEFT JOIN weighed AS x ON x.ticket_uid = w.ticket_uid
    GROUP BY w.ticket_uid
    HAVING coalesce(sum(x.share ORDER BY x.share), 0) < 1 - 1e-9
)
SELECT
    s.ticket_uid,
    s.source,
    s.target,
    s.channel,
    s.share,
    t.opened_at,
    coalesce(t.resolved_at, t.closed_at) AS resolved_at,
    t.worked_s / 3600.0 AS touch_hours,
    date_diff('microsecond', t.opened_at, coalesce(t.resolved_at, t.closed_at, t.updated_at)) / 3.6e9 AS elapsed_hours,
    CAST(NULL AS DOUBLE) AS business_hours,
    t.resolved_at IS NULL AND t.closed_at IS NULL AS open,
    coalesce(t.reassignments, (SELECT count(*) FROM team_handoffs AS h WHERE h.ticket_uid = t.ticket_uid))::INTEGER
        AS reassignments,
    CASE WHEN t.worked_s IS NULL THEN 'derived' ELSE 'measured' END AS basis
FROM shared AS s
JOIN tickets AS t USING (ticket_uid);

COMMENT ON TABLE recoveries IS 'One row a ticket and a handoff that it may be about.';
COMMENT ON COLUMN recoveries.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN recoveries.source IS 'Source of the handoff; null for the part of the ticket that no handoff explains.';
COMMENT ON COLUMN recoveries.target IS 'Its target.';
COMMENT ON COLUMN recoveries.channel IS 'Its channel.';
COMMENT ON COLUMN recoveries.share IS 'Part of the ticket that belongs to this handoff; the parts of a ticket sum to 1.';
COMMENT ON COLUMN recoveries.opened_at IS 'UTC.';
COMMENT ON COLUMN recoveries.resolved_at IS 'UTC; null while open.';
COMMENT ON COLUMN recoveries.touch_hours IS 'Work booked on the ticket, hours; null when none is on record.';
COMMENT ON COLUMN recoveries.elapsed_hours IS 'From opened to resolved, hours; for open ones, until the ticket was last seen.';
COMMENT ON COLUMN recoveries.business_hours IS 'The same within business hours, where a calendar is declared.';
COMMENT ON COLUMN recoveries.open IS 'Whether it is not yet resolved.';
COMMENT ON COLUMN recoveries.reassignments IS 'How often it changed teams, as reported, else as counted.';
COMMENT ON COLUMN recoveries.basis IS 'measured where work was booked, derived where it follows from the states.';
