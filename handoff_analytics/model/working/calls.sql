-- One row an attempt with what both sides say of it, before anything is concluded.
WITH sides AS (
    SELECT
        pairs.crossing_id,
        pairs.evidence,
        pairs.is_orphan,
        pairs.source_trace,
        pairs.source_key,
        pairs.target_trace,
        pairs.target_key,
        source_tree.system AS source_system,
        source_tree.kind AS source_kind,
        source_tree.place AS source_place,
        source_tree.parent_key AS source_parent,
        target_tree.system AS target_system,
        target_tree.kind AS target_kind
    FROM pairs
    LEFT JOIN tree AS source_tree
        ON source_tree.trace_key = pairs.source_trace AND source_tree.span_key = pairs.source_key
    LEFT JOIN tree AS target_tree
        ON target_tree.trace_key = pairs.target_trace AND target_tree.span_key = pairs.target_key
),
told AS (
    SELECT
        sides.*,
        -- A parent that is no call is the work that made the call: it says nothing of the attempt itself.
        CASE
            WHEN sides.source_key IS NULL THEN FALSE
            WHEN sides.source_kind IN ('client', 'producer', 'step') THEN TRUE
            ELSE FALSE
        END AS has_call,
        c.span_uid AS source_uid,
        c.start_us AS source_start_us,
        c.duration_us AS source_duration_us,
        c.started_at AS source_started_at,
        c.status AS source_status,
        c.http_status AS source_http,
        c.host AS source_host,
        c.name AS source_name,
        c.channel AS source_channel,
        c.destination AS source_destination,
        c.peer AS source_peer,
        c.attempt AS source_attempt,
        c.message_id AS source_message,
        c.error_code AS source_code,
        c.error_type AS source_error_type,
        c.status_message AS source_text,
        c.correlation_id AS source_correlation,
        c.workflow AS source_workflow,
        c.customer AS source_customer,
        c.amount AS source_amount,
        c.weight AS source_weight,
        c.run_id AS source_run,
        s.start_us AS target_start_us,
        s.duration_us AS target_duration_us,
        s.started_at AS target_started_at,
        s.status AS target_status,
        s.http_status AS target_http,
        s.host AS target_host,
        s.name AS target_name,
        s.channel AS target_channel,
        s.destination AS target_destination,
        s.peer AS target_peer,
        s.attempt AS target_attempt,
        s.message_id AS target_message,
        s.error_code AS target_code,
        s.error_type AS target_error_type,
        s.status_message AS target_text,
        s.correlation_id AS target_correlation,
        s.workflow AS target_workflow,
        s.customer AS target_customer,
        s.amount AS target_amount,
        s.weight AS target_weight,
        s.trace_id AS target_trace_id,
        c.trace_id AS source_trace_id,
        s.run_id AS target_run
    FROM sides
    LEFT JOIN spans AS c ON c.trace_key = sides.source_trace AND c.span_key = sides.source_key
    LEFT JOIN spans AS s ON s.trace_key = sides.target_trace AND s.span_key = sides.target_key
)
SELECT
    told.crossing_id,
    told.evidence,
    told.is_orphan,
    told.source_trace,
    told.source_key,
    told.target_trace,
    told.target_key,
    coalesce(told.target_trace, told.source_trace) AS trace_key,
    coalesce(told.target_trace_id, told.source_trace_id) AS trace_id,
    told.has_call,
    CASE
        WHEN told.source_key IS NULL THEN NULL
        WHEN told.source_place = 'inner' THEN coalesce(visits.visit_key, told.source_parent)
        ELSE told.source_key
    END AS caller_key,
    CASE WHEN told.source_place = 'root' AND told.has_call THEN TRUE ELSE FALSE END AS caller_is_root,
    coalesce(told.source_parent, told.source_key) AS attempts_under,
    coalesce(told.source_system, CASE WHEN told.is_orphan THEN 'unknown' ELSE 'external' END) AS source,
    coalesce(told.target_system, peer.system, told.source_peer, told.source_destination, 'unknown') AS target,
    coalesce(
        CASE WHEN told.evidence = 'workflow_step' OR told.target_kind = 'step' THEN 'step' END,
        CASE WHEN told.source_channel <> 'unknown' AND told.has_call THEN told.source_channel END,
        CASE WHEN told.target_channel <> 'unknown' THEN told.target_channel END,
        CASE WHEN told.source_kind = 'producer' OR told.target_kind = 'consumer' THEN 'messaging' END,
        'unknown'
    ) AS channel,
    coalesce(told.source_destination, told.target_destination) AS via,
    coalesce(CASE WHEN told.has_call THEN told.source_name END, told.target_name) AS operation,
    told.target_name AS target_operation,
    CASE WHEN told.has_call THEN told.source_kind END AS source_kind,
    told.target_kind,
    CASE
        WHEN told.has_call THEN told.source_start_us
        ELSE told.target_start_us
    END AS start_us,
    CASE
        WHEN told.has_call THEN told.source_started_at
        ELSE told.target_started_at
    END AS started_at,
    CASE WHEN told.has_call THEN told.source_duration_us END AS duration_us,
    told.target_duration_us AS callee_us,
    CASE WHEN told.has_call THEN told.target_start_us - told.source_start_us END AS raw_transit_us,
    CASE WHEN told.has_call THEN told.source_status END AS source_status,
    told.target_status,
    CASE WHEN told.has_call THEN told.source_http END AS source_http,
    told.target_http,
    CASE
        WHEN NOT told.has_call THEN FALSE
        WHEN told.source_status IN ('error', 'timeout') THEN TRUE
        WHEN coalesce(told.source_status, 'unset') = 'unset' AND told.source_http >= 400 THEN TRUE
        ELSE FALSE
    END AS source_failed,
    CASE
        WHEN told.target_key IS NULL THEN FALSE
        WHEN told.target_status IN ('error', 'timeout') THEN TRUE
        WHEN coalesce(told.target_status, 'unset') = 'unset' AND told.target_http >= 500 THEN TRUE
        ELSE FALSE
    END AS target_failed,
    told.source_host,
    told.target_host,
    CASE WHEN told.has_call THEN told.source_code END AS source_code,
    CASE WHEN told.has_call THEN told.source_error_type END AS source_error_type,
    CASE WHEN told.has_call THEN told.source_text END AS source_text,
    told.target_code,
    told.target_error_type,
    told.target_text,
    CASE
        WHEN told.target_attempt > 1 THEN told.target_attempt
        WHEN told.has_call THEN told.source_attempt
        ELSE told.target_attempt
    END AS attempt,
    coalesce(told.target_message, told.source_message) AS message_id,
    coalesce(told.target_correlation, told.source_correlation) AS correlation_id,
    coalesce(told.target_workflow, told.source_workflow) AS workflow,
    coalesce(told.target_customer, told.source_customer) AS customer,
    coalesce(told.target_amount, told.source_amount) AS amount,
    coalesce(told.target_weight, told.source_weight, 1) AS weight,
    coalesce(told.target_run, told.source_run) AS run_id
FROM told
LEFT JOIN visits ON visits.trace_key = told.source_trace AND visits.span_key = told.source_key
LEFT JOIN names AS peer ON peer.name = told.source_peer
