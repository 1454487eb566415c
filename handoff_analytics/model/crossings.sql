SELECT
    calls.crossing_id,
    calls.trace_key,
    calls.trace_id,
    coalesce(calls.correlation_id, contexts.correlation_id, contexts_of_sender.correlation_id) AS correlation_id,
    calls.source,
    calls.target,
    calls.channel,
    calls.via,
    calls.operation,
    coalesce(calls.workflow, contexts.workflow, contexts_of_sender.workflow) AS workflow,
    coalesce(calls.platform, platform_of_target.platform_type, platform_of_source.platform_type) AS platform,
    coalesce(calls.customer, contexts.customer, contexts_of_sender.customer) AS customer,
    coalesce(calls.amount, contexts.amount, contexts_of_sender.amount) AS amount,
    coalesce(verdicts.call_id, calls.crossing_id) AS call_id,
    CAST(coalesce(verdicts.attempt, calls.attempt, 1) AS INTEGER) AS attempt,
    coalesce(verdicts.is_last_attempt, TRUE) AS is_last_attempt,
    timestamp_micros(calls.start_us) AS started_at,
    calls.start_us,
    calls.duration_us,
    calls.callee_us,
    calls.raw_transit_us - coalesce(offsets.offset_us, 0) AS transit_us,
    calls.source_trace AS source_trace_key,
    calls.source_key AS source_span_key,
    calls.target_key AS target_span_key,
    calls.caller_key AS caller_span_key,
    calls.source_host,
    calls.target_host,
    calls.source_status,
    calls.target_status,
    coalesce(verdicts.http_status, calls.source_http, calls.target_http) AS http_status,
    verdicts.error_code,
    verdicts.error_type,
    verdicts.error_text,
    CASE WHEN verdicts.failed_id IS NULL THEN FALSE ELSE TRUE END AS failed,
    verdicts.origin,
    verdicts.rule,
    verdicts.side,
    verdicts.fate,
    FALSE AS silent,
    CAST(NULL AS STRING) AS detector,
    calls.evidence,
    CAST(
        CASE
            WHEN calls.evidence IN ('span_pair', 'span_link', 'workflow_step') THEN 1.0
            WHEN calls.evidence IN ('parent_child', 'message_id', 'log_field') THEN 0.9
            WHEN calls.target = 'unknown' OR calls.source = 'unknown' THEN 0.3
            WHEN calls.evidence IN ('peer', 'log_containment', 'dead_letter') THEN 0.8
            WHEN calls.evidence = 'log_bracket' THEN 0.6
            WHEN calls.evidence = 'shared_table' THEN 0.5
            ELSE 0.3
        END AS DOUBLE
    ) AS confidence,
    CASE
        WHEN calls.target = 'unknown' OR calls.source = 'unknown' THEN 'low'
        WHEN calls.evidence IN (
            'span_pair', 'span_link', 'workflow_step', 'parent_child', 'message_id', 'log_field', 'log_containment'
        ) THEN 'high'
        WHEN calls.evidence IN ('peer', 'log_bracket', 'dead_letter') THEN 'medium'
        ELSE 'low'
    END AS tier,
    calls.weight,
    coalesce(verdicts.is_duplicate, FALSE) AS is_duplicate,
    calls.is_orphan,
    CASE WHEN verdicts.cycle_id IS NULL THEN FALSE ELSE TRUE END AS in_cycle
FROM calls
LEFT JOIN verdicts ON verdicts.crossing_id = calls.crossing_id
LEFT JOIN contexts ON contexts.trace_key = calls.trace_key
LEFT JOIN contexts AS contexts_of_sender
    ON contexts_of_sender.trace_key = calls.source_trace AND calls.source_trace <> calls.trace_key
LEFT JOIN systems AS platform_of_target ON platform_of_target.name = calls.target
LEFT JOIN systems AS platform_of_source ON platform_of_source.name = calls.source
LEFT JOIN clock_offsets AS offsets
    ON offsets.source_host = calls.source_host
    AND offsets.target_host = calls.target_host
    AND offsets.day = CAST(floor(calls.start_us / 86400000000.0) AS BIGINT);

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
COMMENT ON COLUMN crossings.source_trace_key IS 'trace_key of the caller''s span: another trace than trace_key where a link joins the two.';
COMMENT ON COLUMN crossings.source_span_key IS 'The caller''s span.';
COMMENT ON COLUMN crossings.target_span_key IS 'The receiver''s span; where only logs tell, its first log record.';
COMMENT ON COLUMN crossings.caller_span_key IS 'The span at which the source system was entered and that encloses the call; the call itself at a root.';
COMMENT ON COLUMN crossings.source_host IS 'Host, pod or instance of the caller.';
COMMENT ON COLUMN crossings.target_host IS 'Host, pod or instance of the receiver.';
COMMENT ON COLUMN crossings.source_status IS 'Status that the caller reports of this attempt, error where only the HTTP status tells it; null when its spans say nothing of it.';
COMMENT ON COLUMN crossings.target_status IS 'Status that the receiver reports, likewise; null when it sends no telemetry.';
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
COMMENT ON COLUMN crossings.evidence IS 'span_pair, span_link, message_id, parent_child, peer (one side only), workflow_step, log_field, log_bracket, log_containment, log_order, shared_table or dead_letter.';
COMMENT ON COLUMN crossings.confidence IS 'How sure it is that source handed to target, from 0 to 1.';
COMMENT ON COLUMN crossings.tier IS 'The same as high, medium or low.';
COMMENT ON COLUMN crossings.weight IS 'Inverse sampling probability.';
COMMENT ON COLUMN crossings.is_duplicate IS 'The same message was taken before, successfully.';
COMMENT ON COLUMN crossings.is_orphan IS 'The receiver names a sender''s span that is not in the evidence.';
COMMENT ON COLUMN crossings.in_cycle IS 'The target is among the systems that led to this call.';
