-- Where each failed attempt began, and what became of it: rules A1 to A10, first match.
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
origins AS (
    SELECT
        troubled.crossing_id,
        troubled.is_masked,
        troubled.has_call,
        troubled.source_failed,
        troubled.channel,
        troubled.caller_is_root,
        troubled.caller_key,
        troubled.evidence,
        classified.side AS stated_side,
        CASE
            WHEN troubled.target_key IS NULL AND troubled.pairing_rate >= 0.9 THEN 'A1'
            WHEN troubled.target_key IS NULL THEN 'A2'
            WHEN NOT troubled.target_failed AND (
                (troubled.http_status BETWEEN 400 AND 499 AND troubled.http_status NOT IN (408, 499))
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
                OR troubled.callee_us > troubled.duration_us
                OR troubled.transit_us + troubled.callee_us > troubled.duration_us
            ) THEN 'A4'
            WHEN NOT troubled.target_failed THEN 'A5'
            WHEN beneath.n_failed > 0 THEN 'A6'
            WHEN troubled.evidence = 'workflow_step'
                AND classified.handoff_type IN ('data_validation', 'authentication') THEN 'A3'
            WHEN troubled.evidence = 'workflow_step' THEN 'A7'
            WHEN troubled.has_call AND NOT troubled.source_failed AND troubled.channel = 'messaging' THEN 'A10'
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
        WHEN origins.rule = 'A3' AND origins.stated_side = 'caller' THEN 'caller'
        ELSE 'boundary'
    END AS side,
    CASE
        WHEN origins.is_masked THEN 'masked'
        WHEN origins.caller_key IS NULL OR origins.caller_is_root OR callers.caller_failed THEN 'surfaced'
        WHEN origins.has_call AND NOT origins.source_failed AND origins.channel = 'messaging' THEN 'surfaced'
        WHEN origins.evidence = 'workflow_step' THEN 'surfaced'
        ELSE 'swallowed'
    END AS fate
FROM origins
LEFT JOIN callers ON callers.crossing_id = origins.crossing_id
