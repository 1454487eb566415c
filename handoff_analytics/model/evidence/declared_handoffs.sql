CREATE TABLE IF NOT EXISTS declared_handoffs (
    source             VARCHAR,
    target             VARCHAR,
    channel            VARCHAR,
    mechanism          VARCHAR,
    data_format        VARCHAR,
    timing_s           DOUBLE,
    timeout_s          DOUBLE,
    error_conditions   VARCHAR,
    rollback_procedure VARCHAR,
    transaction_model  VARCHAR,
    authority          VARCHAR,
    owner_team         VARCHAR,
    expected_per_day   DOUBLE,
    workflow           VARCHAR,
    business_value     DOUBLE,
    load_id            INTEGER,
    record_no          BIGINT,
    record_hash        BIGINT
);
COMMENT ON TABLE declared_handoffs IS 'One row a handoff that people declared.';
COMMENT ON COLUMN declared_handoffs.source IS 'From.';
COMMENT ON COLUMN declared_handoffs.target IS 'To.';
COMMENT ON COLUMN declared_handoffs.channel IS 'Channel.';
COMMENT ON COLUMN declared_handoffs.mechanism IS 'api, transfer, shared_database, file or asynchronous.';
COMMENT ON COLUMN declared_handoffs.data_format IS 'Format and schema of what is handed over.';
COMMENT ON COLUMN declared_handoffs.timing_s IS 'Expected time to complete, seconds.';
COMMENT ON COLUMN declared_handoffs.timeout_s IS 'Time limit, seconds.';
COMMENT ON COLUMN declared_handoffs.error_conditions IS 'Errors that can come back.';
COMMENT ON COLUMN declared_handoffs.rollback_procedure IS 'How it is undone.';
COMMENT ON COLUMN declared_handoffs.transaction_model IS 'acid, saga, compensation, idempotent or none.';
COMMENT ON COLUMN declared_handoffs.authority IS 'System whose state counts.';
COMMENT ON COLUMN declared_handoffs.owner_team IS 'Who answers for it.';
COMMENT ON COLUMN declared_handoffs.expected_per_day IS 'Crossings a day.';
COMMENT ON COLUMN declared_handoffs.workflow IS 'Workflow it serves.';
COMMENT ON COLUMN declared_handoffs.business_value IS 'Value of one transaction.';
COMMENT ON COLUMN declared_handoffs.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN declared_handoffs.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN declared_handoffs.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
