SELECT
    calls.crossing_id,
    calls.trace_key,
    calls.trace_id,
    coalesce(calls.correlation_id, contexts.correlation_id) AS correlation_id,
    calls.source,
    calls.target,
    calls.channel,
    calls.via,
    calls.operation,
    coalesce(calls.workflow, contexts.workflow) AS workflow,
    coalesce(platform_of_target.platform_type, platform_of_source.platform_type) AS platform,
    coalesce(calls.customer, contexts.customer) AS customer,
    coalesce(calls.amount, contexts.amount) AS amount,
    coalesce(retries.call_id, calls.crossing_id) AS call_id,
    CAST(coalesce(retries.attempt, calls.attempt, 1) AS INTEGER) AS attempt,
    coalesce(retries.is_last_attempt, TRUE) AS is_last_attempt,
    calls.started_at,
    calls.start_us,
    calls.duration_us,
    calls.callee_us,
    calls.raw_transit_us - coalesce(CAST(floor(offsets.twice_offset_us / 2.0) AS BIGINT), 0) AS transit_us,
    calls.source_key AS source_span_key,
    calls.target_key AS target_span_key,
    calls.caller_key AS caller_span_key,
    calls.source_status,
    calls.target_status,
    CASE
        WHEN calls.target_failed THEN coalesce(calls.target_http, calls.source_http)
        ELSE coalesce(calls.source_http, calls.target_http)
    END AS http_status,
    troubled.error_code,
    troubled.error_type,
    troubled.error_text,
    CASE WHEN troubled.crossing_id IS NULL THEN FALSE ELSE TRUE END AS failed,
    labels.origin,
    labels.rule,
    labels.side,
    labels.fate,
    FALSE AS silent,
    CAST(NULL AS VARCHAR) AS detector,
    calls.evidence,
    CASE
        WHEN calls.evidence IN ('span_pair', 'span_link', 'workflow_step') THEN 1.0
        WHEN calls.evidence = 'parent_child' THEN 0.9
        WHEN calls.target = 'unknown' OR calls.source = 'unknown' THEN 0.3
        ELSE 0.8
    END AS confidence,
    CASE
        WHEN calls.evidence IN ('span_pair', 'span_link', 'workflow_step', 'parent_child') THEN 'high'
        WHEN calls.target = 'unknown' OR calls.source = 'unknown' THEN 'low'
        ELSE 'medium'
    END AS tier,
    calls.weight,
    coalesce(retries.is_duplicate, FALSE) AS is_duplicate,
    calls.is_orphan,
    CASE WHEN cycles.crossing_id IS NULL THEN FALSE ELSE TRUE END AS in_cycle
FROM calls
LEFT JOIN contexts ON contexts.trace_key = calls.trace_key
LEFT JOIN systems AS platform_of_target ON platform_of_target.name = calls.target
LEFT JOIN systems AS platform_of_source ON platform_of_source.name = calls.source
LEFT JOIN retries ON retries.crossing_id = calls.crossing_id
LEFT JOIN offsets
    ON offsets.source_host = calls.source_host
    AND offsets.target_host = calls.target_host
    AND offsets.day = floor(calls.start_us / 86400000000.0)
LEFT JOIN troubled ON troubled.crossing_id = calls.crossing_id
LEFT JOIN labels ON labels.crossing_id = calls.crossing_id
LEFT JOIN cycles ON cycles.crossing_id = calls.crossing_id;

COMMENT ON TABLE crossings IS 'One row one attempt of one transaction to pass one handoff.';
COMMENT ON COLUMN crossings.crossing_id IS 'Made of the ids of the spans of both sides: the same evidence gives the same id.';
COMMENT ON COLUMN crossings.trace_key IS 'trace_key of the receiving span, else of the sending one.';
COMMENT ON COLUMN crossings.trace_id IS 'Trace that trace_key stands for.';
COMMENT ON COLUMN crossings.correlation_id IS 'Business key of the transaction: of these spans, else of any span or log record of the trace.';
COMMENT ON COLUMN crossings.source IS 'System that hands over; external when nothing sent it that reports, unknown when the sender''s span is missing.';
COMMENT ON COLUMN crossings.target IS 'System that takes over.';
COMMENT ON COLUMN crossings.channel IS 'http, rpc, messaging, database, file, step or unknown.';
COMMENT ON COLUMN crossings.via IS 'Queue, topic, table, file or route between them.';
COMMENT ON COLUMN crossings.operation IS 'What the caller asked for: the name of its span, else of the receiver''s.';
COMMENT ON COLUMN crossings.workflow IS 'Business workflow.';
COMMENT ON COLUMN crossings.platform IS 'Platform type of the target, else of the source.';
COMMENT ON COLUMN crossings.customer IS 'Customer reference.';
COMMENT ON COLUMN crossings.amount IS 'Money that the transaction moves.';
COMMENT ON COLUMN crossings.call_id IS 'The logical call; its attempts share it.';
COMMENT ON COLUMN crossings.attempt IS '1 for the first attempt of the call.';
COMMENT ON COLUMN crossings.is_last_attempt IS 'Whether the outcome of the call is this attempt''s.';
COMMENT ON COLUMN crossings.started_at IS 'When the caller sent, else when the receiver began; UTC.';
COMMENT ON COLUMN crossings.start_us IS 'The same in microseconds since 1970 UTC.';
COMMENT ON COLUMN crossings.duration_us IS 'As the caller saw it, microseconds.';
COMMENT ON COLUMN crossings.callee_us IS 'As the receiver saw it, microseconds.';
COMMENT ON COLUMN crossings.transit_us IS 'From sent to received, microseconds, corrected by the clock offset of the two hosts where enough calls measure it; a negative one says that the clocks disagree.';
COMMENT ON COLUMN crossings.source_span_key IS 'The caller''s span.';
COMMENT ON COLUMN crossings.target_span_key IS 'The receiver''s span.';
COMMENT ON COLUMN crossings.caller_span_key IS 'The span at which the source system was entered and that encloses the call; the call itself at a root.';
COMMENT ON COLUMN crossings.source_status IS 'Status that the caller reports.';
COMMENT ON COLUMN crossings.target_status IS 'Status that the receiver reports.';
COMMENT ON COLUMN crossings.http_status IS 'HTTP status.';
COMMENT ON COLUMN crossings.error_code IS 'family:code.';
COMMENT ON COLUMN crossings.error_type IS 'Exception class.';
COMMENT ON COLUMN crossings.error_text IS 'Error text of the side nearest to the origin.';
COMMENT ON COLUMN crossings.failed IS 'Whether either side reports a failure.';
COMMENT ON COLUMN crossings.origin IS 'boundary, inside or propagated; null when it did not fail.';
COMMENT ON COLUMN crossings.rule IS 'The rule that says so: A1 never arrived, A2 never arrived or receiver dark, A3 rejected, A4 late, A5 answer lost or unreadable, A6 propagated, A7 inside the receiver, A10 failed after the sender was done, A11 silent.';
COMMENT ON COLUMN crossings.side IS 'Which side has to change: caller, boundary, callee or boundary_or_callee.';
COMMENT ON COLUMN crossings.fate IS 'surfaced, masked, handled or swallowed; null when it did not fail.';
COMMENT ON COLUMN crossings.silent IS 'Failed, yet both systems reported success.';
COMMENT ON COLUMN crossings.detector IS 'Which detector found the silent failure.';
COMMENT ON COLUMN crossings.evidence IS 'span_pair, span_link, parent_child, peer, workflow_step, log_field, log_bracket, log_containment, log_order, shared_table or dead_letter.';
COMMENT ON COLUMN crossings.confidence IS 'How sure it is that source handed to target, from 0 to 1.';
COMMENT ON COLUMN crossings.tier IS 'The same as high, medium or low.';
COMMENT ON COLUMN crossings.weight IS 'Inverse sampling probability.';
COMMENT ON COLUMN crossings.is_duplicate IS 'The same message was taken before, successfully.';
COMMENT ON COLUMN crossings.is_orphan IS 'The receiver names a sender''s span that is not in the evidence.';
COMMENT ON COLUMN crossings.in_cycle IS 'The target is among the systems that led to this call.';
