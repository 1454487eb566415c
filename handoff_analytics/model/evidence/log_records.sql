CREATE TABLE IF NOT EXISTS log_records (
    log_uid              BIGINT,
    logged_at            TIMESTAMP,
    log_us               BIGINT,
    severity             INTEGER,
    severity_text        VARCHAR,
    system               VARCHAR,
    host                 VARCHAR,
    trace_id             VARCHAR,
    span_id              VARCHAR,
    trace_key            BIGINT,
    span_key             BIGINT,
    correlation_id       VARCHAR,
    body                 VARCHAR,
    template_id          BIGINT,
    event_name           VARCHAR,
    peer                 VARCHAR,
    http_status          INTEGER,
    exception_type       VARCHAR,
    exception_message    VARCHAR,
    exception_stacktrace VARCHAR,
    case_id              VARCHAR,
    activity             VARCHAR,
    lifecycle            VARCHAR,
    person               VARCHAR,
    team                 VARCHAR,
    attributes           JSON,
    load_id              INTEGER,
    record_no            BIGINT,
    record_hash          BIGINT
);
COMMENT ON TABLE log_records IS 'One row a point in time that a system reported: log lines, span events, state changes.';
COMMENT ON COLUMN log_records.log_uid IS 'Hash of the record''s natural key.';
COMMENT ON COLUMN log_records.logged_at IS 'UTC.';
COMMENT ON COLUMN log_records.log_us IS 'Microseconds since 1970 UTC.';
COMMENT ON COLUMN log_records.severity IS 'OpenTelemetry severity number, 1 to 24; 0 unknown.';
COMMENT ON COLUMN log_records.severity_text IS 'As the source says it.';
COMMENT ON COLUMN log_records.system IS 'Who logged.';
COMMENT ON COLUMN log_records.host IS 'Host, pod or instance.';
COMMENT ON COLUMN log_records.trace_id IS 'Trace, where the record says it.';
COMMENT ON COLUMN log_records.span_id IS 'Span, where the record says it.';
COMMENT ON COLUMN log_records.trace_key IS 'Integer hash of trace_id.';
COMMENT ON COLUMN log_records.span_key IS 'Integer hash of span_id.';
COMMENT ON COLUMN log_records.correlation_id IS 'Business or request key that ties records of one transaction.';
COMMENT ON COLUMN log_records.body IS 'Message text, redacted.';
COMMENT ON COLUMN log_records.template_id IS 'Log template of the body.';
COMMENT ON COLUMN log_records.event_name IS 'Name of the event, if it has one.';
COMMENT ON COLUMN log_records.peer IS 'The other system that the record names in a field of its own.';
COMMENT ON COLUMN log_records.http_status IS 'HTTP status, if the record has one.';
COMMENT ON COLUMN log_records.exception_type IS 'Exception class.';
COMMENT ON COLUMN log_records.exception_message IS 'Exception message.';
COMMENT ON COLUMN log_records.exception_stacktrace IS 'Stack trace.';
COMMENT ON COLUMN log_records.case_id IS 'Case of an event log.';
COMMENT ON COLUMN log_records.activity IS 'Activity of an event log.';
COMMENT ON COLUMN log_records.lifecycle IS 'start, complete and the like.';
COMMENT ON COLUMN log_records.person IS 'Who did it (hashed unless opted in).';
COMMENT ON COLUMN log_records.team IS 'Group that did it.';
COMMENT ON COLUMN log_records.attributes IS 'Everything else, flat.';
COMMENT ON COLUMN log_records.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN log_records.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN log_records.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
