-- The names that calls without an answer in the evidence give, and that nothing explains yet.
SELECT DISTINCT
    CASE WHEN n.basis = 'unmatched' THEN c.peer END AS peer,
    CASE WHEN c.kind = 'producer' OR c.channel = 'messaging' THEN c.destination END AS destination,
    CASE
        WHEN c.peer IS NULL AND c.destination IS NULL THEN concat(pairs.source_system, ' ', coalesce(c.name, ''))
    END AS operation
FROM pairs
JOIN spans AS c ON c.trace_key = pairs.source_trace AND c.span_key = pairs.source_key
LEFT JOIN system_names AS n ON n.name = c.peer
WHERE pairs.target_key IS NULL
