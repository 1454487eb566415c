-- Who handed to whom, by keys: one row an attempt, with what shows it.
WITH sent AS (
    SELECT source_trace, source_key FROM links
    UNION
    SELECT source_trace, source_key FROM messages
),
answered AS (
    SELECT DISTINCT trace_key, parent_key
    FROM tree
    -- A call that wraps another call of the same system is told by the inner one.
    WHERE parent_kind IN ('client', 'producer') AND (place = 'entry' OR kind IN ('client', 'producer'))
)
SELECT
    t.span_uid AS crossing_id,
    t.trace_key AS source_trace,
    t.parent_key AS source_key,
    CASE
        WHEN t.parent_kind IN ('client', 'producer') OR lone.span_key IS NOT NULL
            THEN coalesce(t.grand_key, t.parent_key)
        ELSE t.parent_key
    END AS attempts_under,
    t.parent_system AS source_system,
    t.parent_kind AS source_kind,
    CASE WHEN t.parent_kind IN ('client', 'producer') OR lone.span_key IS NOT NULL THEN TRUE ELSE FALSE END
        AS has_call,
    t.trace_key AS target_trace,
    t.span_key AS target_key,
    t.system AS target_system,
    t.kind AS target_kind,
    CASE
        WHEN t.parent_kind = 'client' AND t.kind = 'server' THEN 'span_pair'
        WHEN t.parent_kind = 'producer' AND t.kind = 'consumer' THEN 'span_pair'
        WHEN t.parent_kind = 'step' AND t.kind = 'step' THEN 'workflow_step'
        ELSE 'parent_child'
    END AS evidence,
    FALSE AS is_orphan
FROM tree AS t
LEFT JOIN lone_calls AS lone ON lone.trace_key = t.trace_key AND lone.span_key = t.parent_key
LEFT JOIN adoptions AS adopted ON adopted.trace_key = t.trace_key AND adopted.span_key = t.span_key
-- A step that names the step before it was handed the work by that step, not by the run around it.
LEFT JOIN taken ON taken.target_trace = t.trace_key AND taken.target_key = t.span_key AND t.kind = 'step'
WHERE t.place = 'entry' AND adopted.span_key IS NULL AND taken.target_key IS NULL
UNION ALL
SELECT
    source_uid - target_uid,
    source_trace,
    source_key,
    CASE WHEN source_kind IN ('client', 'producer') THEN coalesce(source_parent, source_key) ELSE source_key END,
    source_system,
    source_kind,
    CASE WHEN source_kind IN ('client', 'producer') AND evidence <> 'shared_table' THEN TRUE ELSE FALSE END,
    target_trace,
    target_key,
    target_system,
    target_kind,
    evidence,
    FALSE
FROM (
    SELECT * FROM links
    UNION ALL
    SELECT * FROM messages
    UNION ALL
    SELECT * FROM sequences WHERE source_system <> target_system
    UNION ALL
    SELECT * FROM stores
) AS found
UNION ALL
SELECT
    -t.span_uid,
    t.trace_key,
    t.span_key,
    coalesce(t.parent_key, t.span_key),
    t.system,
    t.kind,
    TRUE,
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    CAST(NULL AS STRING),
    CAST(NULL AS STRING),
    'peer',
    FALSE
FROM tree AS t
LEFT JOIN answered ON answered.trace_key = t.trace_key AND answered.parent_key = t.span_key
LEFT JOIN sent ON sent.source_trace = t.trace_key AND sent.source_key = t.span_key
LEFT JOIN dead_letters AS dead ON dead.trace_key = t.trace_key AND dead.span_key = t.span_key
WHERE t.kind IN ('client', 'producer')
    AND answered.parent_key IS NULL
    AND sent.source_key IS NULL
    AND dead.span_key IS NULL
UNION ALL
SELECT
    span_uid,
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    source_system,
    CAST(NULL AS STRING),
    FALSE,
    trace_key,
    span_key,
    target_system,
    'consumer',
    'dead_letter',
    FALSE
FROM dead_letters
UNION ALL
SELECT
    t.span_uid,
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    CASE WHEN t.kind = 'step' THEN run.platform WHEN t.place = 'orphan' THEN 'unknown' ELSE 'external' END,
    CAST(NULL AS STRING),
    FALSE,
    t.trace_key,
    t.span_key,
    t.system,
    t.kind,
    CASE WHEN t.kind = 'step' THEN 'workflow_step' ELSE 'peer' END,
    CASE WHEN t.place = 'orphan' AND t.kind <> 'step' THEN TRUE ELSE FALSE END
FROM tree AS t
LEFT JOIN first_steps AS run ON run.trace_key = t.trace_key AND run.span_key = t.span_key
LEFT JOIN taken ON taken.target_trace = t.trace_key AND taken.target_key = t.span_key
WHERE taken.target_key IS NULL
    AND (
        (t.place IN ('root', 'orphan') AND t.kind IN ('server', 'consumer'))
        -- The platform that runs a workflow hands over to its first step.
        OR (t.kind = 'step' AND run.platform <> t.system)
    )
