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
FROM ticket_shares AS s
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
