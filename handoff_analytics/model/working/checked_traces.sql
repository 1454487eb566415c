-- The traces of ids that log lines and spans share: on them, what logs show can be held against what spans show.
SELECT DISTINCT l.trace_key
FROM log_steps AS l
JOIN evidence_spans AS s ON s.trace_key = l.trace_key
UNION
SELECT DISTINCT s.trace_key
FROM (SELECT DISTINCT correlation_id FROM log_steps WHERE correlation_id IS NOT NULL) AS l
JOIN evidence_spans AS s ON s.correlation_id = l.correlation_id
