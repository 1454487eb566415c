-- Failures after which the caller, or a queue for the undeliverable, is on record as having dealt with them.
WITH remedies AS (
    SELECT s.trace_key, coalesce(step.system, n.system, s.system) AS system, s.start_us AS at_us
    FROM spans AS s
    LEFT JOIN system_names AS n ON n.name = s.system
    LEFT JOIN system_names AS step
        ON step.basis = 'alias' AND step.name = CASE WHEN s.kind = 'step' THEN concat(s.workflow, '.', s.name) END
    WHERE lower(s.name) LIKE '%fallback%'
        OR lower(s.name) LIKE '%compensat%'
        OR lower(s.name) LIKE '%rollback%'
        OR lower(s.name) LIKE '%roll back%'
        OR lower(s.name) LIKE '%circuit%'
        OR lower(s.name) LIKE '%undo%'
        OR lower(s.name) LIKE '%dead%letter%'
        OR lower(s.destination) LIKE '%dlq%'
        OR lower(s.destination) LIKE '%dead%letter%'
        OR lower(s.destination) LIKE '%.dlt'
    UNION ALL
    SELECT l.trace_key, coalesce(n.system, l.system), l.log_us
    FROM log_records AS l
    LEFT JOIN system_names AS n ON n.name = l.system
    WHERE l.trace_key IS NOT NULL
        AND (
            lower(coalesce(l.event_name, l.body)) LIKE '%fallback%'
            OR lower(coalesce(l.event_name, l.body)) LIKE '%fall back%'
            OR lower(coalesce(l.event_name, l.body)) LIKE '%falling back%'
            OR lower(coalesce(l.event_name, l.body)) LIKE '%compensat%'
            OR lower(coalesce(l.event_name, l.body)) LIKE '%rolled back%'
            OR lower(coalesce(l.event_name, l.body)) LIKE '%circuit%open%'
            OR lower(coalesce(l.event_name, l.body)) LIKE '%dead%letter%'
        )
)
SELECT troubled.crossing_id
FROM troubled
JOIN remedies
    ON remedies.trace_key = troubled.source_trace
    AND remedies.system = troubled.source
    AND remedies.at_us >= troubled.start_us
UNION
SELECT troubled.crossing_id
FROM troubled
JOIN remedies
    ON remedies.trace_key = troubled.target_trace
    AND remedies.system IN (troubled.source, troubled.target)
    AND remedies.at_us >= troubled.start_us
WHERE remedies.system = troubled.source OR troubled.channel = 'messaging'
