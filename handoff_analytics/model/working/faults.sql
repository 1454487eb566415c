-- The failed attempts as the crossings tell them: what is needed to follow a failure to its origin and back.
SELECT
    crossing_id,
    source_trace_key AS source_trace,
    caller_span_key AS caller_key,
    trace_key AS target_trace,
    target_span_key AS target_key,
    start_us,
    start_us + coalesce(duration_us, callee_us, 0) AS failed_us,
    origin,
    fate,
    is_last_attempt,
    CASE
        WHEN NOT is_last_attempt THEN FALSE
        WHEN evidence IN ('workflow_step', 'shared_table') THEN FALSE
        WHEN source_status IN ('error', 'timeout') THEN TRUE
        WHEN channel = 'messaging' THEN FALSE
        WHEN source_status IS NULL THEN TRUE
        WHEN source_status = 'ok' THEN FALSE
        ELSE TRUE
    END AS goes_up
FROM crossings
WHERE failed
