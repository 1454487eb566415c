SELECT source, target, channel, rung, tier, support, together, contain, dependency, return_share
FROM found_edges
ORDER BY source, target;

COMMENT ON TABLE log_edges IS 'One row a handoff that log lines with a common id show, though they name no parents.';
COMMENT ON COLUMN log_edges.source IS 'System that hands over.';
COMMENT ON COLUMN log_edges.target IS 'System that takes over.';
COMMENT ON COLUMN log_edges.channel IS 'http where a line names the address, else unknown.';
COMMENT ON COLUMN log_edges.rung IS 'What shows it, best first: log_field (a line names the peer), log_containment (the target''s lines lie inside the source''s, and inside no other''s more closely), log_bracket (the source logs before and after), log_order (the source logs before).';
COMMENT ON COLUMN log_edges.tier IS 'high, medium or low: how far it can be trusted.';
COMMENT ON COLUMN log_edges.support IS 'Times it was seen.';
COMMENT ON COLUMN log_edges.together IS 'Ids in which both systems log.';
COMMENT ON COLUMN log_edges.contain IS 'Share of those ids in which the target''s lines lie within the source''s.';
COMMENT ON COLUMN log_edges.dependency IS 'From -1 to 1: how much more often in this direction than in the other.';
COMMENT ON COLUMN log_edges.return_share IS 'Share of visits after which the caller logs again, over all systems: above .3 brackets can be trusted, below only order is left.';
