CREATE TABLE IF NOT EXISTS audit_entries (
    entry_uid  BIGINT,
    entered_at TIMESTAMP,
    source     VARCHAR,
    target     VARCHAR,
    channel    VARCHAR,
    check_name VARCHAR,
    scenario   VARCHAR,
    state      VARCHAR,
    basis      VARCHAR,
    owner      VARCHAR,
    evidence   VARCHAR,
    note       VARCHAR,
    seconds    DOUBLE,
    valid_days DOUBLE
);
COMMENT ON TABLE audit_entries IS 'One row a finding that a person, a test run or a drill added to the audit.';
COMMENT ON COLUMN audit_entries.entry_uid IS 'Hash of the finding; entered twice it is one row.';
COMMENT ON COLUMN audit_entries.entered_at IS 'When it was found, UTC.';
COMMENT ON COLUMN audit_entries.source IS 'System that hands over; null for all handoffs.';
COMMENT ON COLUMN audit_entries.target IS 'System that takes over; null for all handoffs.';
COMMENT ON COLUMN audit_entries.channel IS 'Channel; null for every channel between the two.';
COMMENT ON COLUMN audit_entries.check_name IS 'The check that it answers.';
COMMENT ON COLUMN audit_entries.scenario IS 'The boundary scenario that was played, if any.';
COMMENT ON COLUMN audit_entries.state IS 'pass, fail, not_run or not_applicable.';
COMMENT ON COLUMN audit_entries.basis IS 'attached (a person vouches), test or drill.';
COMMENT ON COLUMN audit_entries.owner IS 'Who answers for it.';
COMMENT ON COLUMN audit_entries.evidence IS 'Link or document.';
COMMENT ON COLUMN audit_entries.note IS 'What was seen.';
COMMENT ON COLUMN audit_entries.seconds IS 'How long it took: of a drill, until the state was consistent again.';
COMMENT ON COLUMN audit_entries.valid_days IS 'Days after which it no longer counts; null if it only ages.';
