SELECT
    e.ticket_uid,
    coalesce(
        e.old_value,
        lag(e.new_value) OVER (PARTITION BY e.ticket_uid ORDER BY e.changed_at, e.sequence, e.event_uid)
    ) AS source,
    e.new_value AS target,
    e.changed_at AS at,
    date_diff(
        'microsecond',
        coalesce(
            lag(e.changed_at) OVER (PARTITION BY e.ticket_uid ORDER BY e.changed_at, e.sequence, e.event_uid),
            t.opened_at
        ),
        e.changed_at
    ) / 3.6e9 AS hours
FROM ticket_events AS e
LEFT JOIN tickets AS t ON t.ticket_uid = e.ticket_uid
WHERE e.field = 'team' AND e.new_value IS NOT NULL
QUALIFY source IS NOT NULL AND source <> target;

COMMENT ON TABLE team_handoffs IS 'One row a ticket that one team handed to another: the human graph, kept apart from crossings.';
COMMENT ON COLUMN team_handoffs.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN team_handoffs.source IS 'Team that gave it away.';
COMMENT ON COLUMN team_handoffs.target IS 'Team that got it.';
COMMENT ON COLUMN team_handoffs.at IS 'When, UTC.';
COMMENT ON COLUMN team_handoffs.hours IS 'How long the source had held it, hours.';
