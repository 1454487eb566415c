CREATE TABLE IF NOT EXISTS spans (
    span_uid        BIGINT,
    trace_id        VARCHAR,
    span_id         VARCHAR,
    parent_span_id  VARCHAR,
    trace_key       BIGINT,
    span_key        BIGINT,
    parent_key      BIGINT,
    run_id          VARCHAR,
    system          VARCHAR,
    namespace       VARCHAR,
    host            VARCHAR,
    platform        VARCHAR,
    name            VARCHAR,
    kind            VARCHAR,
    channel         VARCHAR,
    peer            VARCHAR,
    destination     VARCHAR,
    started_at      TIMESTAMP,
    start_us        BIGINT,
    duration_us     BIGINT,
    start_ns        BIGINT,
    duration_ns     BIGINT,
    status          VARCHAR,
    business_status VARCHAR,
    status_message  VARCHAR,
    error_type      VARCHAR,
    http_status     INTEGER,
    error_code      VARCHAR,
    attempt         INTEGER,
    message_id      VARCHAR,
    correlation_id  VARCHAR,
    workflow        VARCHAR,
    customer        VARCHAR,
    amount          DOUBLE,
    weight          DOUBLE,
    attributes      JSON,
    resource        JSON,
    load_id         INTEGER,
    record_no       BIGINT,
    record_hash     BIGINT
);
COMMENT ON TABLE spans IS 'One row an interval of work that a system reported: trace spans and workflow steps.';
COMMENT ON COLUMN spans.span_uid IS 'Hash of trace id, span id and half; a span loaded twice is one row.';
COMMENT ON COLUMN spans.trace_id IS '32 lower-case hex digits where the source has them, else its own text.';
COMMENT ON COLUMN spans.span_id IS 'Id inside the trace, lower case.';
COMMENT ON COLUMN spans.parent_span_id IS 'Id of the enclosing span, or null at a root.';
COMMENT ON COLUMN spans.trace_key IS 'Integer hash of trace_id, for joins.';
COMMENT ON COLUMN spans.span_key IS 'Integer hash of span_id and half; unique only within a trace.';
COMMENT ON COLUMN spans.parent_key IS 'span_key of the parent, or null.';
COMMENT ON COLUMN spans.run_id IS 'The workflow run it belongs to, if any.';
COMMENT ON COLUMN spans.system IS 'Who did the work: service.name, the app of a workflow step.';
COMMENT ON COLUMN spans.namespace IS 'service.namespace.';
COMMENT ON COLUMN spans.host IS 'Host, pod or instance.';
COMMENT ON COLUMN spans.platform IS 'Platform type: ipaas, low_code, custom or orchestrator, where known.';
COMMENT ON COLUMN spans.name IS 'Operation: span, step, activity or task name.';
COMMENT ON COLUMN spans.kind IS 'internal, server, client, producer, consumer, step or human.';
COMMENT ON COLUMN spans.channel IS 'http, rpc, messaging, database, file, step, human or unknown.';
COMMENT ON COLUMN spans.peer IS 'The other side by name, as far as this span alone says: peer service, address, database, broker.';
COMMENT ON COLUMN spans.destination IS 'Queue, topic, table, file or route.';
COMMENT ON COLUMN spans.started_at IS 'UTC, microseconds.';
COMMENT ON COLUMN spans.start_us IS 'Start, microseconds since 1970 UTC.';
COMMENT ON COLUMN spans.duration_us IS 'Duration, microseconds; negative ones are kept and flagged; null while running.';
COMMENT ON COLUMN spans.start_ns IS 'Start as given, nanoseconds since 1970 UTC.';
COMMENT ON COLUMN spans.duration_ns IS 'Duration as given, nanoseconds.';
COMMENT ON COLUMN spans.status IS 'ok, error, timeout, cancelled, skipped, running or unset.';
COMMENT ON COLUMN spans.business_status IS 'ok or failed where the content says so; null when nothing was checked.';
COMMENT ON COLUMN spans.status_message IS 'Error text.';
COMMENT ON COLUMN spans.error_type IS 'Exception class or error.type.';
COMMENT ON COLUMN spans.http_status IS 'HTTP response status.';
COMMENT ON COLUMN spans.error_code IS 'family:code, such as grpc:UNAVAILABLE, sqlstate:23505, amqp:312, kafka:REBALANCE_IN_PROGRESS.';
COMMENT ON COLUMN spans.attempt IS '1 for the first attempt of a logical call.';
COMMENT ON COLUMN spans.message_id IS 'Message id or idempotency key.';
COMMENT ON COLUMN spans.correlation_id IS 'Business key of the transaction, if the span carries one.';
COMMENT ON COLUMN spans.workflow IS 'Business workflow or pipeline name.';
COMMENT ON COLUMN spans.customer IS 'Customer reference (hashed unless opted in).';
COMMENT ON COLUMN spans.amount IS 'Money that the transaction moves.';
COMMENT ON COLUMN spans.weight IS 'Inverse sampling probability; 1 when unsampled or unknown.';
COMMENT ON COLUMN spans.attributes IS 'Everything else, flat.';
COMMENT ON COLUMN spans.resource IS 'Resource attributes, flat.';
COMMENT ON COLUMN spans.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN spans.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN spans.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
