SELECT
    CAST(NULL AS BIGINT) AS finding_id,
    CAST(NULL AS STRING) AS detector,
    CAST(NULL AS BIGINT) AS crossing_id,
    CAST(NULL AS STRING) AS correlation_id,
    CAST(NULL AS BIGINT) AS trace_key,
    CAST(NULL AS STRING) AS source,
    CAST(NULL AS STRING) AS target,
    CAST(NULL AS STRING) AS channel,
    CAST(NULL AS STRING) AS workflow,
    CAST(NULL AS STRING) AS rule,
    CAST(NULL AS DOUBLE) AS probability,
    CAST(NULL AS TIMESTAMP) AS occurred_at,
    CAST(NULL AS TIMESTAMP) AS detectable_at,
    CAST(NULL AS TIMESTAMP) AS detected_at,
    CAST(NULL AS STRING) AS evidence,
    CAST(NULL AS STRING) AS customer,
    CAST(NULL AS DOUBLE) AS amount,
    CAST(NULL AS BIGINT) AS transactions
FROM crossings
WHERE 1 = 0;

COMMENT ON TABLE silent_findings IS 'One row a failure that no status tells: found by a detector.';
COMMENT ON COLUMN silent_findings.finding_id IS 'Hash of detector, rule and what it is about.';
COMMENT ON COLUMN silent_findings.detector IS 'missing_continuation, outcome, contradicting_body, swallowed_error, field_drop, dead_letter, volume_ratio or reconciliation.';
COMMENT ON COLUMN silent_findings.crossing_id IS 'The crossing that failed silently; null for one that never happened.';
COMMENT ON COLUMN silent_findings.correlation_id IS 'Business key.';
COMMENT ON COLUMN silent_findings.trace_key IS 'Trace.';
COMMENT ON COLUMN silent_findings.source IS 'System that handed over, or should have.';
COMMENT ON COLUMN silent_findings.target IS 'System that took over, or should have.';
COMMENT ON COLUMN silent_findings.channel IS 'Channel.';
COMMENT ON COLUMN silent_findings.workflow IS 'Workflow.';
COMMENT ON COLUMN silent_findings.rule IS 'Name of the declared or learned rule.';
COMMENT ON COLUMN silent_findings.probability IS 'That it is a failure, from 0 to 1.';
COMMENT ON COLUMN silent_findings.occurred_at IS 'When it happened, UTC.';
COMMENT ON COLUMN silent_findings.detectable_at IS 'When it could first be told from success, UTC.';
COMMENT ON COLUMN silent_findings.detected_at IS 'When somebody is on record as having seen it, UTC.';
COMMENT ON COLUMN silent_findings.evidence IS 'What was seen, in words.';
COMMENT ON COLUMN silent_findings.customer IS 'Customer reference.';
COMMENT ON COLUMN silent_findings.amount IS 'Money concerned.';
COMMENT ON COLUMN silent_findings.transactions IS 'Transactions exposed.';
