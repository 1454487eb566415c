-- The attempts that failed, with what decides where and how: one row each.
WITH failed AS (
    SELECT * FROM calls WHERE source_failed OR target_failed
),
said AS (
    SELECT
        l.trace_key,
        l.span_key,
        min(l.exception_type) AS error_type,
        min(coalesce(l.exception_message, l.body)) AS error_text
    FROM log_records AS l
    WHERE l.span_key IS NOT NULL AND (l.exception_type IS NOT NULL OR l.severity >= 17)
    GROUP BY l.trace_key, l.span_key
)
SELECT
    failed.crossing_id,
    failed.source_trace,
    failed.source_key,
    failed.caller_key,
    failed.target_trace,
    failed.target_key,
    failed.source,
    failed.target,
    failed.channel,
    failed.evidence,
    failed.start_us,
    failed.start_us + coalesce(failed.duration_us, failed.callee_us, 0) AS failed_us,
    failed.has_call,
    failed.source_failed,
    failed.target_failed,
    failed.source_status,
    failed.target_status,
    failed.run_id,
    failed.duration_us,
    failed.callee_us,
    CASE
        WHEN failed.source_host = failed.target_host THEN failed.raw_transit_us
        ELSE failed.raw_transit_us - offsets.offset_us
    END AS transit_us,
    -- The side nearest to the origin speaks first: the receiver where it failed, else the caller.
    CASE
        WHEN failed.target_failed THEN coalesce(failed.target_http, failed.source_http)
        ELSE coalesce(failed.source_http, failed.target_http)
    END AS http_status,
    CASE
        WHEN failed.target_failed THEN coalesce(s.error_code, other.error_code, c.error_code)
        ELSE coalesce(c.error_code, other.error_code, s.error_code)
    END AS error_code,
    CASE
        WHEN failed.target_failed
            THEN coalesce(
                s.error_type, target_said.error_type, other.error_type, c.error_type, source_said.error_type
            )
        ELSE coalesce(c.error_type, source_said.error_type, other.error_type, s.error_type, target_said.error_type)
    END AS error_type,
    CASE
        WHEN failed.target_failed
            THEN coalesce(
                s.status_message, target_said.error_text, other.error_text, c.status_message, source_said.error_text
            )
        ELSE coalesce(
            c.status_message, source_said.error_text, other.error_text, s.status_message, target_said.error_text
        )
    END AS error_text,
    coalesce(retries.is_last_attempt, TRUE) AS is_last_attempt,
    coalesce(retries.is_masked, FALSE) AS is_masked,
    pairing.pairing_rate,
    -- Whether the caller's own work may have failed because of it.
    CASE
        WHEN NOT coalesce(retries.is_last_attempt, TRUE) THEN FALSE
        WHEN failed.evidence IN ('workflow_step', 'shared_table') THEN FALSE
        WHEN failed.source_failed THEN TRUE
        WHEN failed.channel = 'messaging' THEN FALSE
        WHEN NOT failed.has_call THEN TRUE
        WHEN failed.source_status = 'ok' THEN FALSE
        ELSE TRUE
    END AS goes_up
FROM failed
LEFT JOIN spans AS c
    ON failed.has_call AND c.trace_key = failed.source_trace AND c.span_key = failed.source_key
LEFT JOIN spans AS s ON s.trace_key = failed.target_trace AND s.span_key = failed.target_key
LEFT JOIN said AS source_said
    ON failed.has_call AND source_said.trace_key = failed.source_trace AND source_said.span_key = failed.source_key
LEFT JOIN said AS target_said
    ON target_said.trace_key = failed.target_trace AND target_said.span_key = failed.target_key
LEFT JOIN other_errors AS other ON other.crossing_id = failed.crossing_id
LEFT JOIN retries ON retries.crossing_id = failed.crossing_id
LEFT JOIN pairing
    ON pairing.source = failed.source AND pairing.target = failed.target AND pairing.channel = failed.channel
LEFT JOIN clock_offsets AS offsets
    ON offsets.source_host = failed.source_host
    AND offsets.target_host = failed.target_host
    AND offsets.day = CAST(floor(failed.start_us / 86400000000.0) AS BIGINT)
