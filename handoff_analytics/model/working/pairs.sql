-- Who handed to whom, by keys: one row an attempt, with the rule of pairing that found it.
WITH unpaired AS (
    SELECT c.span_uid, c.trace_key, c.span_key
    FROM tree AS c
    WHERE c.kind IN ('client', 'producer')
        AND NOT EXISTS (
            SELECT 1
            FROM tree AS child
            WHERE child.trace_key = c.trace_key
                AND child.parent_key = c.span_key
                -- A call that wraps another call of the same system is told by the inner one.
                AND (child.place = 'entry' OR child.kind IN ('client', 'producer'))
        )
        AND NOT EXISTS (
            SELECT 1
            FROM links
            WHERE links.source_trace = c.trace_key AND links.source_key = c.span_key
        )
)
SELECT
    t.span_uid AS crossing_id,
    t.trace_key AS source_trace,
    t.parent_key AS source_key,
    t.trace_key AS target_trace,
    t.span_key AS target_key,
    CASE
        WHEN t.parent_kind = 'client' AND t.kind = 'server' THEN 'span_pair'
        WHEN t.parent_kind = 'producer' AND t.kind = 'consumer' THEN 'span_pair'
        WHEN t.parent_kind = 'step' AND t.kind = 'step' THEN 'workflow_step'
        ELSE 'parent_child'
    END AS evidence,
    FALSE AS is_orphan
FROM tree AS t
WHERE t.place = 'entry'
UNION ALL
SELECT
    source_uid - target_uid,
    source_trace,
    source_key,
    target_trace,
    target_key,
    evidence,
    FALSE
FROM links
UNION ALL
SELECT
    -span_uid,
    trace_key,
    span_key,
    NULL,
    NULL,
    'peer',
    FALSE
FROM unpaired
UNION ALL
SELECT
    t.span_uid,
    NULL,
    NULL,
    t.trace_key,
    t.span_key,
    'peer',
    CASE WHEN t.place = 'orphan' THEN TRUE ELSE FALSE END
FROM tree AS t
WHERE t.place IN ('root', 'orphan')
    AND t.kind IN ('server', 'consumer')
    AND NOT EXISTS (
        SELECT 1
        FROM links
        WHERE links.target_trace = t.trace_key AND links.target_key = t.span_key
    )
