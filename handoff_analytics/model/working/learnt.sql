-- Who answers to a name that a dark call gives, where it was always the same system that answered: the peer, the queue,
-- or, for callers that name nobody, the operation.
SELECT
    'peer' AS basis,
    c.peer AS name,
    min(pairs.target_system) AS system,
    max(pairs.target_system) AS other_system
FROM (SELECT DISTINCT peer FROM dark WHERE peer IS NOT NULL) AS wanted
JOIN spans AS c ON c.peer = wanted.peer AND c.kind = 'client'
JOIN pairs ON pairs.source_trace = c.trace_key AND pairs.source_key = c.span_key
WHERE pairs.target_key IS NOT NULL
GROUP BY c.peer
UNION ALL
SELECT
    'destination',
    c.destination,
    min(pairs.target_system),
    max(pairs.target_system)
FROM (SELECT DISTINCT destination FROM dark WHERE destination IS NOT NULL) AS wanted
JOIN spans AS c ON c.destination = wanted.destination AND c.kind IN ('producer', 'client')
JOIN pairs ON pairs.source_trace = c.trace_key AND pairs.source_key = c.span_key
WHERE pairs.target_key IS NOT NULL AND pairs.evidence IN ('span_pair', 'span_link', 'message_id')
GROUP BY c.destination
UNION ALL
SELECT
    'operation',
    wanted.operation,
    min(pairs.target_system),
    max(pairs.target_system)
FROM (SELECT DISTINCT operation FROM dark WHERE operation IS NOT NULL) AS wanted
JOIN (
    SELECT
        trace_key,
        span_key,
        concat(system, ' ', coalesce(name, '')) AS operation
    FROM spans
    WHERE kind = 'client' AND peer IS NULL AND destination IS NULL
) AS c ON c.operation = wanted.operation
JOIN pairs ON pairs.source_trace = c.trace_key AND pairs.source_key = c.span_key
WHERE pairs.target_key IS NOT NULL
GROUP BY wanted.operation
