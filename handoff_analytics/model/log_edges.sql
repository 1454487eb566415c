SELECT
    f.source,
    f.target,
    f.channel,
    f.rung,
    f.tier,
    f.support,
    f.together,
    f.contain,
    f.dependency,
    f.return_share,
    CASE
        WHEN sender.system IS NULL OR receiver.system IS NULL THEN NULL
        WHEN e.source IS NOT NULL THEN TRUE
        ELSE FALSE
    END AS confirmed
FROM found_edges AS f
LEFT JOIN checked_systems AS sender ON sender.system = f.source AND sender.reports
LEFT JOIN checked_systems AS receiver ON receiver.system = f.target AND (receiver.reports OR receiver.logs)
LEFT JOIN span_edges AS e ON e.source = f.source AND e.target = f.target
ORDER BY f.source, f.target;

COMMENT ON TABLE log_edges IS 'One row a handoff that log lines with a common id show, though they name no parents.';
COMMENT ON COLUMN log_edges.source IS 'System that hands over.';
COMMENT ON COLUMN log_edges.target IS 'System that takes over.';
COMMENT ON COLUMN log_edges.channel IS 'As spans or a catalogue say, where they say one; http where a line names an address; else unknown.';
COMMENT ON COLUMN log_edges.rung IS 'What shows it, best first: log_field (a line names the peer), log_containment (the target''s lines lie inside the source''s, and inside no other''s more closely), log_bracket (the source logs before and after), log_order (the source logs before).';
COMMENT ON COLUMN log_edges.tier IS 'high, medium or low: how far it can be trusted.';
COMMENT ON COLUMN log_edges.support IS 'Times it was seen.';
COMMENT ON COLUMN log_edges.together IS 'Ids in which both systems log.';
COMMENT ON COLUMN log_edges.contain IS 'Share of those ids in which the target''s lines lie within the source''s.';
COMMENT ON COLUMN log_edges.dependency IS 'From -1 to 1: how much more often in this direction than in the other.';
COMMENT ON COLUMN log_edges.return_share IS 'Share of visits after which the caller logs again, over all systems: above .3 brackets can be trusted, below only order is left.';
COMMENT ON COLUMN log_edges.confirmed IS 'Whether spans of ids that have both show it too; null where both ends have no spans in such ids.';
