-- One row an attempt with what both sides say of it, before anything is concluded.
WITH callers AS (
    SELECT
        trace_key,
        span_key,
        trace_id,
        start_us,
        duration_us,
        status,
        http_status,
        host,
        name,
        channel,
        destination,
        peer,
        attempt,
        message_id,
        platform,
        run_id,
        weight,
        correlation_id,
        workflow,
        customer,
        amount
    FROM spans
    WHERE kind <> 'server' OR kind IS NULL
),
both_sides AS (
    SELECT
        pairs.crossing_id,
        pairs.evidence,
        pairs.is_orphan,
        pairs.has_call,
        pairs.source_trace,
        pairs.source_key,
        pairs.attempts_under,
        pairs.target_trace,
        pairs.target_key,
        s.trace_id,
        pairs.source_system AS source,
        pairs.target_system AS target,
        pairs.source_kind,
        pairs.target_kind,
        c.start_us AS source_start_us,
        c.duration_us AS source_duration_us,
        c.status AS source_status,
        c.http_status AS source_http,
        c.host AS source_host,
        c.name AS source_name,
        c.channel AS source_channel,
        c.destination AS source_destination,
        c.attempt AS source_attempt,
        c.message_id AS source_message,
        s.start_us AS target_start_us,
        s.duration_us AS target_duration_us,
        s.status AS target_status,
        s.http_status AS target_http,
        s.host AS target_host,
        s.name AS target_name,
        s.channel AS target_channel,
        s.destination AS target_destination,
        s.attempt AS target_attempt,
        s.message_id AS target_message,
        s.platform,
        s.run_id,
        s.weight,
        s.correlation_id,
        s.workflow,
        s.customer,
        s.amount
    FROM pairs
    JOIN spans AS s ON s.trace_key = pairs.target_trace AND s.span_key = pairs.target_key
    LEFT JOIN callers AS c
        ON c.trace_key = pairs.source_trace AND c.span_key = pairs.source_key
    WHERE pairs.target_key IS NOT NULL AND pairs.source_key IS NOT NULL
    UNION ALL
    SELECT
        pairs.crossing_id,
        pairs.evidence,
        pairs.is_orphan,
        FALSE,
        CAST(NULL AS BIGINT),
        CAST(NULL AS BIGINT),
        CAST(NULL AS BIGINT),
        pairs.target_trace,
        pairs.target_key,
        s.trace_id,
        pairs.source_system,
        pairs.target_system,
        CAST(NULL AS STRING),
        pairs.target_kind,
        CAST(NULL AS BIGINT),
        CAST(NULL AS BIGINT),
        CAST(NULL AS STRING),
        CAST(NULL AS INTEGER),
        CAST(NULL AS STRING),
        CAST(NULL AS STRING),
        CAST(NULL AS STRING),
        CAST(NULL AS STRING),
        CAST(NULL AS INTEGER),
        CAST(NULL AS STRING),
        s.start_us,
        s.duration_us,
        s.status,
        s.http_status,
        s.host,
        s.name,
        s.channel,
        s.destination,
        s.attempt,
        s.message_id,
        s.platform,
        s.run_id,
        s.weight,
        s.correlation_id,
        s.workflow,
        s.customer,
        s.amount
    FROM pairs
    JOIN spans AS s ON s.trace_key = pairs.target_trace AND s.span_key = pairs.target_key
    WHERE pairs.source_key IS NULL
    UNION ALL
    SELECT
        pairs.crossing_id,
        pairs.evidence,
        pairs.is_orphan,
        TRUE,
        pairs.source_trace,
        pairs.source_key,
        pairs.attempts_under,
        CAST(NULL AS BIGINT),
        CAST(NULL AS BIGINT),
        c.trace_id,
        pairs.source_system,
        coalesce(
            CASE WHEN n.basis <> 'unmatched' THEN n.system END,
            answering.system,
            CASE WHEN c.kind = 'producer' OR c.channel = 'messaging' THEN consuming.system END,
            CASE WHEN c.kind = 'producer' OR c.channel = 'messaging' THEN c.destination END,
            n.system,
            c.destination,
            answering_alike.system,
            'unknown'
        ),
        pairs.source_kind,
        CAST(NULL AS STRING),
        c.start_us,
        c.duration_us,
        c.status,
        c.http_status,
        c.host,
        c.name,
        c.channel,
        c.destination,
        c.attempt,
        c.message_id,
        CAST(NULL AS BIGINT),
        CAST(NULL AS BIGINT),
        CAST(NULL AS STRING),
        CAST(NULL AS INTEGER),
        CAST(NULL AS STRING),
        CAST(NULL AS STRING),
        CAST(NULL AS STRING),
        CAST(NULL AS STRING),
        CAST(NULL AS INTEGER),
        CAST(NULL AS STRING),
        c.platform,
        c.run_id,
        c.weight,
        c.correlation_id,
        c.workflow,
        c.customer,
        c.amount
    FROM pairs
    JOIN spans AS c ON c.trace_key = pairs.source_trace AND c.span_key = pairs.source_key
    LEFT JOIN system_names AS n ON n.name = c.peer
    LEFT JOIN learnt AS answering
        ON answering.basis = 'peer' AND answering.name = c.peer AND answering.system = answering.other_system
    LEFT JOIN learnt AS consuming
        ON consuming.basis = 'destination'
        AND consuming.name = c.destination
        AND consuming.system = consuming.other_system
    LEFT JOIN learnt AS answering_alike
        ON answering_alike.basis = 'operation'
        AND answering_alike.name = concat(pairs.source_system, ' ', coalesce(c.name, ''))
        AND answering_alike.system = answering_alike.other_system
        AND c.peer IS NULL
        AND c.destination IS NULL
    WHERE pairs.target_key IS NULL
)
SELECT
    b.crossing_id,
    b.evidence,
    b.is_orphan,
    b.has_call,
    b.source_trace,
    b.source_key,
    b.attempts_under,
    b.target_trace,
    b.target_key,
    coalesce(b.target_trace, b.source_trace) AS trace_key,
    b.trace_id,
    coalesce(visits.visit_key, b.source_key) AS caller_key,
    b.source,
    b.target,
    b.source_kind,
    b.target_kind,
    CASE
        WHEN b.evidence = 'workflow_step' THEN 'step'
        WHEN b.has_call AND b.source_channel <> 'unknown' THEN b.source_channel
        WHEN b.target_channel <> 'unknown' THEN b.target_channel
        WHEN b.source_kind = 'producer' OR b.target_kind = 'consumer' THEN 'messaging'
        ELSE 'unknown'
    END AS channel,
    coalesce(b.source_destination, b.target_destination) AS via,
    CASE WHEN b.has_call THEN coalesce(b.source_name, b.target_name) ELSE coalesce(b.target_name, b.source_name) END
        AS operation,
    b.target_name AS target_operation,
    CASE WHEN b.has_call THEN b.source_start_us ELSE b.target_start_us END AS start_us,
    CASE WHEN b.has_call THEN b.source_duration_us END AS duration_us,
    b.target_duration_us AS callee_us,
    CASE
        WHEN b.has_call THEN b.target_start_us - b.source_start_us
        -- What was written or done waits until the other system takes it up.
        WHEN b.evidence IN ('workflow_step', 'shared_table')
            THEN b.target_start_us - b.source_start_us - coalesce(b.source_duration_us, 0)
    END AS raw_transit_us,
    -- Where HTTP says what the status does not, the failure is told all the same.
    CASE
        WHEN NOT b.has_call THEN NULL
        WHEN coalesce(b.source_status, 'unset') = 'unset' AND b.source_http >= 400 THEN 'error'
        ELSE coalesce(b.source_status, 'unset')
    END AS source_status,
    CASE
        WHEN b.target_key IS NULL THEN NULL
        WHEN coalesce(b.target_status, 'unset') = 'unset' AND b.target_http >= 500 THEN 'error'
        ELSE coalesce(b.target_status, 'unset')
    END AS target_status,
    CASE WHEN b.has_call THEN b.source_http END AS source_http,
    b.target_http,
    CASE
        WHEN b.has_call AND b.source_status IN ('error', 'timeout') THEN TRUE
        WHEN b.has_call AND coalesce(b.source_status, 'unset') = 'unset' AND b.source_http >= 400 THEN TRUE
        ELSE FALSE
    END AS source_failed,
    CASE
        WHEN b.target_key IS NULL THEN FALSE
        -- The read of a table is a call to its database: it fails there.
        WHEN b.evidence = 'shared_table' AND b.target_kind IN ('client', 'producer') THEN FALSE
        WHEN b.target_status IN ('error', 'timeout') THEN TRUE
        WHEN coalesce(b.target_status, 'unset') = 'unset' AND b.target_http >= 500 THEN TRUE
        ELSE FALSE
    END AS target_failed,
    b.source_host,
    b.target_host,
    CAST(
        CASE
            WHEN b.target_attempt > 1 OR NOT b.has_call THEN b.target_attempt
            ELSE b.source_attempt
        END AS INTEGER
    ) AS attempt,
    coalesce(b.target_message, b.source_message) AS message_id,
    b.platform,
    b.run_id,
    coalesce(b.weight, 1.0) AS weight,
    b.correlation_id,
    b.workflow,
    b.customer,
    b.amount
FROM both_sides AS b
LEFT JOIN visits ON visits.trace_key = b.source_trace AND visits.span_key = b.source_key
UNION ALL
SELECT * FROM other_calls
