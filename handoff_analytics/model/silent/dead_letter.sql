-- The receiver reports success, and put what it had received into a queue for the undeliverable.
WITH letters AS (
    SELECT s.trace_key, coalesce(n.system, s.system) AS system, s.start_us, s.destination
    FROM spans AS s
    LEFT JOIN system_names AS n ON n.name = s.system
    WHERE s.kind IN ('producer', 'client')
        AND s.channel = 'messaging'
        AND (
            s.destination ILIKE '%dlq%' OR s.destination ILIKE '%dead%letter%' OR s.destination ILIKE '%.dlt'
            OR s.destination ILIKE '%poison%'
        )
)
SELECT
    'dead_letter'                                              AS detector,
    concat('dead letter on ', l.destination)                   AS rule,
    c.crossing_id,
    c.correlation_id,
    c.trace_key,
    c.source,
    c.target,
    c.channel,
    c.workflow,
    0.95                                                       AS probability,
    c.started_at                                               AS occurred_at,
    make_timestamp(l.start_us)                                 AS detectable_at,
    concat('taken from ', coalesce(c.via, 'a queue'), ' with success, then put on ', l.destination) AS evidence,
    c.customer,
    c.amount,
    1                                                          AS transactions
FROM crossings AS c
JOIN letters AS l ON l.trace_key = c.trace_key AND l.system = c.target
WHERE c.channel = 'messaging' AND NOT c.failed AND c.target_span_key IS NOT NULL
    AND l.start_us >= c.start_us AND l.destination IS DISTINCT FROM c.via
QUALIFY row_number() OVER (PARTITION BY c.crossing_id ORDER BY l.start_us, l.destination) = 1
