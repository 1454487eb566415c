WITH changes AS (
    SELECT
        e.ticket_uid,
        e.changed_at,
        e.sequence,
        e.event_uid,
        e.old_value,
        e.new_value,
        row_number() OVER (PARTITION BY e.ticket_uid ORDER BY e.changed_at, e.sequence, e.event_uid) AS place
    FROM ticket_events AS e
    WHERE e.field = 'team'
),
holders AS (
    SELECT ticket_uid, changed_at AS from_at, place, new_value AS team FROM changes
    UNION ALL
    -- Before the first change on record the ticket lay where that change took it from.
    SELECT c.ticket_uid, least(t.opened_at, c.changed_at), 0, c.old_value
    FROM changes AS c
    JOIN tickets AS t ON t.ticket_uid = c.ticket_uid
    WHERE c.place = 1 AND c.old_value IS NOT NULL
    UNION ALL
    SELECT t.ticket_uid, t.opened_at, 0, t.team
    FROM tickets AS t
    WHERE t.team IS NOT NULL AND NOT EXISTS (SELECT 1 FROM changes WHERE changes.ticket_uid = t.ticket_uid)
),
runs_of_one AS (
    SELECT
        holders.*,
        lag(team) OVER (PARTITION BY ticket_uid ORDER BY place) AS team_before
    FROM holders
    WHERE team IS NOT NULL
),
stretches AS (
    SELECT
        ticket_uid,
        row_number() OVER (PARTITION BY ticket_uid ORDER BY place) AS stretch,
        team,
        from_at,
        lead(from_at) OVER (PARTITION BY ticket_uid ORDER BY place) AS next_at
    FROM runs_of_one
    WHERE team_before IS NULL OR team_before <> team
),
owned AS (
    SELECT team, min(name) AS system FROM systems WHERE team IS NOT NULL GROUP BY team
),
looked AS (
    SELECT
        ts.ticket_uid,
        coalesce(n.system, ts.system) AS system,
        row_number() OVER (PARTITION BY ts.ticket_uid ORDER BY ts.named_at, coalesce(n.system, ts.system)) AS place
    FROM ticket_systems AS ts
    LEFT JOIN system_names AS n ON n.name = ts.system
    WHERE ts.role IN ('looked_at', 'affected')
),
failed AS (
    SELECT
        ticket_uid,
        source,
        target,
        row_number() OVER (PARTITION BY ticket_uid ORDER BY share DESC, source, target, channel) AS place
    FROM recoveries
    WHERE source IS NOT NULL AND share >= 0.5
)
SELECT
    s.ticket_uid,
    CAST(s.stretch AS INTEGER) AS stretch,
    s.team,
    -- A team with several systems looks at the one that failed, if that is one of its own.
    coalesce(
        CASE WHEN s.team = receiver.team THEN failed.target WHEN s.team = sender.team THEN failed.source END,
        owned.system,
        looked.system
    ) AS looked_at,
    failed.source AS failed_source,
    failed.target AS failed_target,
    CASE
        WHEN failed.source IS NULL OR (sender.team IS NULL AND receiver.team IS NULL) THEN NULL
        ELSE coalesce(s.team = sender.team, FALSE) OR coalesce(s.team = receiver.team, FALSE)
    END AS right_team,
    t.opened_at,
    s.from_at,
    coalesce(s.next_at, t.resolved_at, t.closed_at) AS until_at,
    date_diff('microsecond', s.from_at, greatest(coalesce(s.next_at, t.resolved_at, t.closed_at, t.updated_at), s.from_at))
        / 3.6e9 AS hours
FROM stretches AS s
JOIN tickets AS t ON t.ticket_uid = s.ticket_uid
LEFT JOIN owned ON owned.team = s.team
LEFT JOIN looked ON looked.ticket_uid = s.ticket_uid AND looked.place = 1
LEFT JOIN failed ON failed.ticket_uid = s.ticket_uid AND failed.place = 1
LEFT JOIN systems AS sender ON sender.name = failed.source
LEFT JOIN systems AS receiver ON receiver.name = failed.target;

COMMENT ON TABLE attention IS 'One row a stretch of a ticket with one team: where people looked, beside where it failed.';
COMMENT ON COLUMN attention.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN attention.stretch IS '1 for the first team.';
COMMENT ON COLUMN attention.team IS 'Team that held it.';
COMMENT ON COLUMN attention.looked_at IS 'System that the team owns, else the system that the ticket names.';
COMMENT ON COLUMN attention.failed_source IS 'Source of the handoff that the ticket is most probably about; null when no handoff has half of it.';
COMMENT ON COLUMN attention.failed_target IS 'Its target.';
COMMENT ON COLUMN attention.right_team IS 'Whether the team owns either end of that handoff; null when that cannot be said.';
COMMENT ON COLUMN attention.opened_at IS 'When the ticket was opened, UTC.';
COMMENT ON COLUMN attention.from_at IS 'When the team got it, UTC.';
COMMENT ON COLUMN attention.until_at IS 'When the team gave it away or resolved it, UTC; null while it holds it.';
COMMENT ON COLUMN attention.hours IS 'How long it lay there, hours; for open ones, until the ticket was last seen.';
