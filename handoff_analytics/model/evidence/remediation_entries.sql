CREATE TABLE IF NOT EXISTS remediation_entries (
    entry_uid      BIGINT,
    entered_at     TIMESTAMP,
    source         VARCHAR,
    target         VARCHAR,
    channel        VARCHAR,
    measure        VARCHAR,
    status         VARCHAR,
    owner          VARCHAR,
    reference      VARCHAR,
    note           VARCHAR,
    predicted      DOUBLE,
    predicted_low  DOUBLE,
    predicted_high DOUBLE,
    currency       VARCHAR
);
COMMENT ON TABLE remediation_entries IS 'One row a change of what is being done about a handoff.';
COMMENT ON COLUMN remediation_entries.entry_uid IS 'Hash of the entry; entered twice it is one row.';
COMMENT ON COLUMN remediation_entries.entered_at IS 'From when the status holds, UTC.';
COMMENT ON COLUMN remediation_entries.source IS 'System that hands over.';
COMMENT ON COLUMN remediation_entries.target IS 'System that takes over.';
COMMENT ON COLUMN remediation_entries.channel IS 'Channel.';
COMMENT ON COLUMN remediation_entries.measure IS 'The measure.';
COMMENT ON COLUMN remediation_entries.status IS 'open, in_progress, done or rejected.';
COMMENT ON COLUMN remediation_entries.owner IS 'Who does it.';
COMMENT ON COLUMN remediation_entries.reference IS 'Ticket or change that does it.';
COMMENT ON COLUMN remediation_entries.note IS 'In words.';
COMMENT ON COLUMN remediation_entries.predicted IS 'Yearly saving that was expected when it was decided.';
COMMENT ON COLUMN remediation_entries.predicted_low IS 'Its 5 % point.';
COMMENT ON COLUMN remediation_entries.predicted_high IS 'Its 95 % point.';
COMMENT ON COLUMN remediation_entries.currency IS 'ISO 4217.';
