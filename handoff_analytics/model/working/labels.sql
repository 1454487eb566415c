-- Where each failed attempt began, and what became of it: rules A1 to A10, the first that fits.
WITH beneath AS (
    SELECT source_trace AS trace_key, caller_key AS span_key, count(*) AS n_failed
    FROM troubled
    WHERE goes_up AND caller_key IS NOT NULL
    GROUP BY source_trace, caller_key
),
callers AS (
    SELECT
        troubled.crossing_id,
        CASE
            WHEN s.status IN ('error', 'timeout') THEN TRUE
            WHEN coalesce(s.status, 'unset') = 'unset' AND s.http_status >= 500 THEN TRUE
            ELSE FALSE
        END AS caller_failed
    FROM troubled
    JOIN spans AS s ON s.trace_key = troubled.source_trace AND s.span_key = troubled.caller_key
),
failing_runs AS (
    SELECT DISTINCT run_id FROM runs WHERE technical_status IN ('error', 'timeout')
),
known_runs AS (
    SELECT DISTINCT run_id FROM runs
),
origins AS (
    SELECT
        troubled.crossing_id,
        troubled.is_masked,
        troubled.has_call,
        troubled.source_failed,
        troubled.channel,
        troubled.caller_key,
        troubled.run_id,
        troubled.evidence,
        troubled.http_status,
        classified.side AS stated_side,
        CASE
            WHEN troubled.target_status IS NULL AND troubled.pairing_rate >= 0.9 THEN 'A1'
            WHEN troubled.target_status IS NULL THEN 'A2'
            WHEN NOT troubled.target_failed AND (
                (troubled.http_status BETWEEN 400 AND 499 AND troubled.http_status NOT IN (408, 499))
                OR troubled.error_code IN (
                    'grpc:INVALID_ARGUMENT', 'grpc:NOT_FOUND', 'grpc:ALREADY_EXISTS', 'grpc:PERMISSION_DENIED',
                    'grpc:RESOURCE_EXHAUSTED', 'grpc:FAILED_PRECONDITION', 'grpc:OUT_OF_RANGE', 'grpc:UNIMPLEMENTED',
                    'grpc:UNAUTHENTICATED', 'grpc:ABORTED'
                )
                OR classified.handoff_type = 'authentication'
                OR (
                    coalesce(troubled.http_status, 0) < 500
                    AND classified.mode IN (
                        'validation_rejected', 'rate_limit', 'quota_limit', 'payload_limit', 'media_type',
                        'contract_version', 'write_conflict', 'duplicate', 'stale_or_missing_reference'
                    )
                )
            ) THEN 'A3'
            WHEN NOT troubled.target_failed AND (
                classified.mode = 'timeout'
                OR troubled.source_status = 'timeout'
                OR troubled.http_status IN (408, 504)
                OR (
                    troubled.channel <> 'messaging'
                    AND (
                        troubled.callee_us > troubled.duration_us
                        OR troubled.transit_us + troubled.callee_us > troubled.duration_us
                    )
                )
            ) THEN 'A4'
            WHEN NOT troubled.target_failed THEN 'A5'
            WHEN beneath.n_failed > 0 THEN 'A6'
            -- A step that could not take its input, or was not let in, failed at the handoff; another failed inside.
            WHEN troubled.evidence = 'workflow_step'
                AND classified.handoff_type IN ('data_validation', 'authentication') THEN 'A3'
            WHEN troubled.evidence = 'workflow_step' THEN 'A7'
            WHEN NOT troubled.source_failed
                AND (troubled.channel = 'messaging' OR troubled.evidence = 'shared_table') THEN 'A10'
            ELSE 'A7'
        END AS rule
    FROM troubled
    LEFT JOIN classified ON classified.crossing_id = troubled.crossing_id
    LEFT JOIN beneath
        ON beneath.trace_key = troubled.target_trace AND beneath.span_key = troubled.target_key
)
SELECT
    origins.crossing_id,
    origins.rule,
    CASE
        WHEN origins.rule = 'A6' THEN 'propagated'
        WHEN origins.rule = 'A7' THEN 'inside'
        ELSE 'boundary'
    END AS origin,
    CASE
        WHEN origins.rule = 'A6' THEN NULL
        WHEN origins.rule = 'A7' THEN 'callee'
        WHEN origins.rule = 'A2' THEN 'boundary_or_callee'
        WHEN origins.rule = 'A3' AND (origins.http_status IN (400, 415, 422) OR origins.stated_side = 'caller')
            THEN 'caller'
        ELSE 'boundary'
    END AS side,
    CASE
        WHEN origins.is_masked THEN 'masked'
        WHEN origins.evidence = 'workflow_step' AND (known.run_id IS NULL OR failing.run_id IS NOT NULL) THEN 'surfaced'
        WHEN origins.evidence <> 'workflow_step' AND (origins.caller_key IS NULL OR callers.caller_failed)
            THEN 'surfaced'
        WHEN fallbacks.crossing_id IS NOT NULL THEN 'handled'
        -- Who sends a message does not wait for it: the receiver is the one that reports.
        WHEN origins.channel = 'messaging' AND NOT origins.source_failed THEN 'surfaced'
        WHEN origins.evidence IN ('log_field', 'log_bracket', 'log_containment', 'log_order') THEN 'surfaced'
        ELSE 'swallowed'
    END AS fate
FROM origins
LEFT JOIN callers ON callers.crossing_id = origins.crossing_id
LEFT JOIN fallbacks ON fallbacks.crossing_id = origins.crossing_id
LEFT JOIN known_runs AS known ON known.run_id = origins.run_id
LEFT JOIN failing_runs AS failing ON failing.run_id = origins.run_id
