CREATE TABLE IF NOT EXISTS outcomes (
    outcome_uid    BIGINT,
    correlation_id VARCHAR,
    run_id         VARCHAR,
    trace_id       VARCHAR,
    check_name     VARCHAR,
    system         VARCHAR,
    expected       VARCHAR,
    actual         VARCHAR,
    passed         BOOLEAN,
    checked_at     TIMESTAMP,
    amount         DOUBLE,
    load_id        INTEGER,
    record_no      BIGINT,
    record_hash    BIGINT
);
COMMENT ON TABLE outcomes IS 'One row a check of a business outcome that another system recorded.';
COMMENT ON COLUMN outcomes.outcome_uid IS 'Hash of correlation id, check and time.';
COMMENT ON COLUMN outcomes.correlation_id IS 'Business key.';
COMMENT ON COLUMN outcomes.run_id IS 'Run.';
COMMENT ON COLUMN outcomes.trace_id IS 'Trace.';
COMMENT ON COLUMN outcomes.check_name IS 'What was checked.';
COMMENT ON COLUMN outcomes.system IS 'Who checked or holds the outcome.';
COMMENT ON COLUMN outcomes.expected IS 'Wanted.';
COMMENT ON COLUMN outcomes.actual IS 'Found.';
COMMENT ON COLUMN outcomes.passed IS 'Whether they agree.';
COMMENT ON COLUMN outcomes.checked_at IS 'UTC.';
COMMENT ON COLUMN outcomes.amount IS 'Money concerned.';
COMMENT ON COLUMN outcomes.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN outcomes.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN outcomes.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
