SELECT
    c.crossing_id AS failure_id,
    c.crossing_id,
    c.trace_key,
    c.trace_id,
    c.correlation_id,
    c.source,
    c.target,
    c.channel,
    c.operation,
    c.workflow,
    c.platform,
    c.customer,
    c.amount,
    timestamp_micros(c.start_us + coalesce(c.duration_us, c.callee_us, 0)) AS failed_at,
    c.start_us,
    c.origin,
    c.rule,
    c.side,
    c.fate,
    FALSE AS silent,
    c.detector,
    CASE
        WHEN c.origin = 'propagated' THEN 0.0
        WHEN NOT c.is_last_attempt AND c.fate <> 'masked' THEN 0.0
        ELSE coalesce(blame.origin_weight, 1.0)
    END AS origin_weight,
    coalesce(blame.root_id, c.crossing_id) AS root_id,
    CAST(coalesce(blame.depth, 0) AS INTEGER) AS depth,
    c.http_status,
    c.error_code,
    c.error_type,
    c.error_text,
    CASE
        WHEN c.in_cycle THEN 'circular_dependency'
        WHEN c.origin = 'propagated' THEN 'upstream_propagation'
        ELSE classified.mode
    END AS mode,
    CASE
        WHEN c.in_cycle OR c.origin = 'propagated' THEN 'error_propagation'
        ELSE coalesce(classified.handoff_type, 'unclassified')
    END AS handoff_type,
    CASE WHEN c.in_cycle OR c.origin = 'propagated' THEN 1.0 ELSE classified.confidence END AS type_confidence,
    CASE
        WHEN c.in_cycle THEN 'structure:cycle'
        WHEN c.origin = 'propagated' THEN 'structure:A6'
        ELSE classified.rule
    END AS type_rule,
    CASE
        WHEN c.in_cycle OR c.origin = 'propagated' THEN FALSE
        ELSE coalesce(classified.ambiguous, FALSE)
    END AS ambiguous,
    timestamp_micros(c.start_us + coalesce(c.duration_us, c.callee_us, 0)) AS detected_at,
    timestamp_micros(recovered.recovered_us) AS recovered_at,
    CASE WHEN recovered.recovered_us IS NOT NULL THEN 'auto_retry' ELSE 'none' END AS recovery_kind,
    c.weight
FROM crossings AS c
LEFT JOIN blame ON blame.failure_id = c.crossing_id
LEFT JOIN classified ON classified.crossing_id = c.crossing_id
LEFT JOIN (
    SELECT won.call_id, min(won.start_us + coalesce(won.duration_us, won.callee_us, 0)) AS recovered_us
    FROM crossings AS won
    JOIN (SELECT DISTINCT call_id FROM crossings WHERE fate = 'masked') AS masked ON masked.call_id = won.call_id
    WHERE NOT won.failed
    GROUP BY won.call_id
) AS recovered ON recovered.call_id = c.call_id AND c.fate = 'masked'
WHERE c.failed
UNION ALL
SELECT
    coalesce(f.crossing_id, f.finding_id),
    f.crossing_id,
    f.trace_key,
    c.trace_id,
    coalesce(f.correlation_id, c.correlation_id),
    f.source,
    f.target,
    f.channel,
    c.operation,
    coalesce(f.workflow, c.workflow),
    coalesce(c.platform, s.platform_type),
    coalesce(f.customer, c.customer),
    coalesce(f.amount, c.amount),
    f.occurred_at,
    c.start_us,
    'boundary',
    'A11',
    'boundary',
    'swallowed',
    TRUE,
    f.detector,
    1.0,
    coalesce(f.crossing_id, f.finding_id),
    0,
    c.http_status,
    CAST(NULL AS STRING),
    CAST(NULL AS STRING),
    f.evidence,
    CASE f.detector
        WHEN 'missing_continuation' THEN 'lost_message'
        WHEN 'volume_ratio' THEN 'lost_message'
        WHEN 'field_drop' THEN 'schema_mismatch'
        WHEN 'reconciliation' THEN 'partial_commit'
        WHEN 'dead_letter' THEN 'dead_letter'
        ELSE 'swallowed_error'
    END,
    CASE f.detector
        WHEN 'missing_continuation' THEN 'state_sync'
        WHEN 'volume_ratio' THEN 'state_sync'
        WHEN 'field_drop' THEN 'data_validation'
        WHEN 'reconciliation' THEN 'state_sync'
        WHEN 'dead_letter' THEN 'rollback_recovery'
        ELSE 'error_propagation'
    END,
    f.probability,
    concat('silent:', f.detector),
    FALSE,
    f.detected_at,
    CAST(NULL AS TIMESTAMP),
    'none',
    coalesce(c.weight, 1.0)
FROM (
    SELECT
        silent_findings.*,
        row_number() OVER (
            PARTITION BY coalesce(crossing_id, finding_id)
            ORDER BY probability DESC, occurred_at, detector, finding_id
        ) AS place
    FROM silent_findings
) AS f
LEFT JOIN crossings AS c ON c.crossing_id = f.crossing_id
LEFT JOIN systems AS s ON s.name = f.target
WHERE f.place = 1 AND NOT coalesce(c.failed, FALSE);

COMMENT ON TABLE failures IS 'One row a crossing that did not deliver its outcome, told by a status or found by a detector. A handoff''s failures are the sum of origin_weight times weight where origin is not propagated and fate is not masked.';
COMMENT ON COLUMN failures.failure_id IS 'The crossing''s id, or the finding''s for a crossing that never happened.';
COMMENT ON COLUMN failures.crossing_id IS 'The crossing; null for one that never happened.';
COMMENT ON COLUMN failures.trace_key IS 'Trace.';
COMMENT ON COLUMN failures.trace_id IS 'Trace.';
COMMENT ON COLUMN failures.correlation_id IS 'Business key.';
COMMENT ON COLUMN failures.source IS 'System that handed over.';
COMMENT ON COLUMN failures.target IS 'System that should have taken over.';
COMMENT ON COLUMN failures.channel IS 'Channel.';
COMMENT ON COLUMN failures.operation IS 'What was asked for.';
COMMENT ON COLUMN failures.workflow IS 'Business workflow.';
COMMENT ON COLUMN failures.platform IS 'Platform type.';
COMMENT ON COLUMN failures.customer IS 'Customer reference.';
COMMENT ON COLUMN failures.amount IS 'Money that the transaction moves.';
COMMENT ON COLUMN failures.failed_at IS 'End of the attempt, UTC; for silent ones, when it happened.';
COMMENT ON COLUMN failures.start_us IS 'Start of the attempt, microseconds since 1970 UTC.';
COMMENT ON COLUMN failures.origin IS 'boundary, inside or propagated.';
COMMENT ON COLUMN failures.rule IS 'A1 to A7, A10 or A11: the rule that says where it began.';
COMMENT ON COLUMN failures.side IS 'Which side has to change; null for propagated ones.';
COMMENT ON COLUMN failures.fate IS 'surfaced, masked, handled or swallowed.';
COMMENT ON COLUMN failures.silent IS 'Whether both systems reported success.';
COMMENT ON COLUMN failures.detector IS 'Which detector found a silent one.';
COMMENT ON COLUMN failures.origin_weight IS 'Part of one failure that began here: 0 for propagated ones and for attempts that a further attempt replaced; origins that share one consequence sum to 1.';
COMMENT ON COLUMN failures.root_id IS 'failure_id of the origin that caused it, the earliest of several; its own at an origin.';
COMMENT ON COLUMN failures.depth IS 'Handoffs between it and its origin.';
COMMENT ON COLUMN failures.http_status IS 'HTTP status.';
COMMENT ON COLUMN failures.error_code IS 'family:code.';
COMMENT ON COLUMN failures.error_type IS 'Exception class.';
COMMENT ON COLUMN failures.error_text IS 'Error text, or what the detector saw.';
COMMENT ON COLUMN failures.mode IS 'Failure mode: the finer word under a type.';
COMMENT ON COLUMN failures.handoff_type IS 'data_validation, authentication, error_propagation, state_sync, rollback_recovery or unclassified.';
COMMENT ON COLUMN failures.type_confidence IS 'From 0 to 1.';
COMMENT ON COLUMN failures.type_rule IS 'Row of failure_rules, or the structure, that decided.';
COMMENT ON COLUMN failures.ambiguous IS 'Whether another mode scored the same.';
COMMENT ON COLUMN failures.detected_at IS 'When somebody could know: at once for a status, when found for a silent one; null while nobody has.';
COMMENT ON COLUMN failures.recovered_at IS 'When a later attempt succeeded, UTC.';
COMMENT ON COLUMN failures.recovery_kind IS 'auto_retry, manual, compensation or none.';
COMMENT ON COLUMN failures.weight IS 'Inverse sampling probability.';
