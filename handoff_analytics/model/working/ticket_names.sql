-- Which systems does a ticket name: as affected or as the cause, and apart from it as a place where somebody looked?
SELECT DISTINCT
    ts.ticket_uid,
    coalesce(n.system, ts.system) AS system,
    coalesce(ts.role = 'looked_at', FALSE) AS looked_at
FROM ticket_systems AS ts
LEFT JOIN system_names AS n ON n.name = ts.system
WHERE ts.system IS NOT NULL
