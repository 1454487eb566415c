-- The attempts that failed, with what decides where and how: one row each.
SELECT
    calls.crossing_id,
    calls.source_trace,
    calls.caller_key,
    calls.target_trace,
    calls.target_key,
    calls.source,
    calls.target,
    calls.channel,
    calls.evidence,
    calls.start_us,
    calls.start_us + coalesce(calls.duration_us, calls.callee_us, 0) AS failed_us,
    calls.has_call,
    calls.source_failed,
    calls.target_failed,
    calls.source_status,
    calls.caller_is_root,
    calls.run_id,
    calls.duration_us,
    calls.callee_us,
    CASE
        WHEN offsets.twice_offset_us IS NULL THEN NULL
        ELSE calls.raw_transit_us - CAST(floor(offsets.twice_offset_us / 2.0) AS BIGINT)
    END AS transit_us,
    CASE WHEN calls.target_failed THEN coalesce(calls.target_http, calls.source_http)
        ELSE coalesce(calls.source_http, calls.target_http) END AS http_status,
    CASE WHEN calls.target_failed THEN coalesce(calls.target_code, calls.source_code)
        ELSE coalesce(calls.source_code, calls.target_code) END AS error_code,
    CASE WHEN calls.target_failed THEN coalesce(calls.target_error_type, calls.source_error_type)
        ELSE coalesce(calls.source_error_type, calls.target_error_type) END AS error_type,
    CASE WHEN calls.target_failed THEN coalesce(calls.target_text, calls.source_text)
        ELSE coalesce(calls.source_text, calls.target_text) END AS error_text,
    coalesce(retries.is_last_attempt, TRUE) AS is_last_attempt,
    coalesce(retries.is_masked, FALSE) AS is_masked,
    pairing.pairing_rate,
    -- Whether the caller's own work may have failed because of it.
    CASE
        WHEN NOT coalesce(retries.is_last_attempt, TRUE) THEN FALSE
        WHEN NOT calls.has_call OR calls.source_failed THEN TRUE
        WHEN calls.channel = 'messaging' OR calls.source_status = 'ok' THEN FALSE
        ELSE TRUE
    END AS goes_up
FROM calls
LEFT JOIN retries ON retries.crossing_id = calls.crossing_id
LEFT JOIN pairing
    ON pairing.source = calls.source AND pairing.target = calls.target AND pairing.channel = calls.channel
LEFT JOIN offsets
    ON offsets.source_host = calls.source_host
    AND offsets.target_host = calls.target_host
    AND offsets.day = floor(calls.start_us / 86400000000.0)
WHERE calls.source_failed OR calls.target_failed
