-- What each origin caused, and what part of it. DuckDB only: it climbs by recursion; failures are few.
WITH RECURSIVE climb AS (
    SELECT crossing_id AS root_id, crossing_id AS failure_id, 0 AS depth, 1.0::DOUBLE AS share
    FROM faults
    WHERE origin <> 'propagated'
    UNION ALL
    SELECT climb.root_id, causes.failure_id, climb.depth + 1, climb.share / causes.n_causes
    FROM climb
    JOIN causes ON causes.cause_id = climb.failure_id
    -- No tree of calls is deeper; spans that are their own ancestors would go round for ever.
    WHERE climb.depth < 64
)
SELECT
    climb.root_id,
    climb.failure_id,
    min(climb.depth) AS depth,
    sum(climb.share) AS share,
    any_value(f.failed_us) AS failed_us,
    any_value(r.failed_us) AS root_failed_us
FROM climb
JOIN faults AS f ON f.crossing_id = climb.failure_id
JOIN faults AS r ON r.crossing_id = climb.root_id
WHERE climb.depth > 0
GROUP BY climb.root_id, climb.failure_id
