CREATE TABLE IF NOT EXISTS runs (
    run_uid          BIGINT,
    run_id           VARCHAR,
    workflow         VARCHAR,
    platform         VARCHAR,
    platform_type    VARCHAR,
    version          VARCHAR,
    attempt          INTEGER,
    parent_run_id    VARCHAR,
    root_run_id      VARCHAR,
    retry_of         VARCHAR,
    replay_of        VARCHAR,
    trigger_kind     VARCHAR,
    triggered_by     VARCHAR,
    queued_at        TIMESTAMP,
    started_at       TIMESTAMP,
    ended_at         TIMESTAMP,
    duration_us      BIGINT,
    technical_status VARCHAR,
    business_status  VARCHAR,
    error_type       VARCHAR,
    error_message    VARCHAR,
    failed_step      VARCHAR,
    last_step        VARCHAR,
    correlation_id   VARCHAR,
    customer         VARCHAR,
    amount           DOUBLE,
    operations       BIGINT,
    attributes       JSON,
    load_id          INTEGER,
    record_no        BIGINT,
    record_hash      BIGINT
);
COMMENT ON TABLE runs IS 'One row an execution of a workflow.';
COMMENT ON COLUMN runs.run_uid IS 'Hash of platform and run id.';
COMMENT ON COLUMN runs.run_id IS 'Id on its platform.';
COMMENT ON COLUMN runs.workflow IS 'Workflow, scenario, pipeline or DAG.';
COMMENT ON COLUMN runs.platform IS 'Product name, such as n8n.';
COMMENT ON COLUMN runs.platform_type IS 'ipaas, low_code, custom or orchestrator.';
COMMENT ON COLUMN runs.version IS 'Version of the workflow.';
COMMENT ON COLUMN runs.attempt IS '1 for the first.';
COMMENT ON COLUMN runs.parent_run_id IS 'The run that started this one.';
COMMENT ON COLUMN runs.root_run_id IS 'The first run of the chain.';
COMMENT ON COLUMN runs.retry_of IS 'Run that this one repeats.';
COMMENT ON COLUMN runs.replay_of IS 'Run that this one replays.';
COMMENT ON COLUMN runs.trigger_kind IS 'schedule, webhook, manual, event or retry.';
COMMENT ON COLUMN runs.triggered_by IS 'Who or what started it.';
COMMENT ON COLUMN runs.queued_at IS 'UTC.';
COMMENT ON COLUMN runs.started_at IS 'UTC.';
COMMENT ON COLUMN runs.ended_at IS 'UTC; null while running.';
COMMENT ON COLUMN runs.duration_us IS 'Microseconds.';
COMMENT ON COLUMN runs.technical_status IS 'What the platform reports: ok, error, timeout, cancelled, skipped, running or unset.';
COMMENT ON COLUMN runs.business_status IS 'ok or failed where the content says so; null when nothing was checked.';
COMMENT ON COLUMN runs.error_type IS 'Exception class.';
COMMENT ON COLUMN runs.error_message IS 'Error text, redacted.';
COMMENT ON COLUMN runs.failed_step IS 'Step that failed.';
COMMENT ON COLUMN runs.last_step IS 'Last step that ran.';
COMMENT ON COLUMN runs.correlation_id IS 'Business key.';
COMMENT ON COLUMN runs.customer IS 'Customer reference.';
COMMENT ON COLUMN runs.amount IS 'Money that the transaction moves.';
COMMENT ON COLUMN runs.operations IS 'Units billed.';
COMMENT ON COLUMN runs.attributes IS 'Everything else, flat.';
COMMENT ON COLUMN runs.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN runs.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN runs.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
