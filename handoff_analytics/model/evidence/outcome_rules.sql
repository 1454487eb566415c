CREATE TABLE IF NOT EXISTS outcome_rules (
    rule        VARCHAR,
    kind        VARCHAR,
    source      VARCHAR,
    target      VARCHAR,
    definition  JSON,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE outcome_rules IS 'One row a declared rule of what a good outcome is.';
COMMENT ON COLUMN outcome_rules.rule IS 'Name.';
COMMENT ON COLUMN outcome_rules.kind IS 'status, body, fields, reconcile, continuation or deadline.';
COMMENT ON COLUMN outcome_rules.source IS 'From, or null.';
COMMENT ON COLUMN outcome_rules.target IS 'To, or null.';
COMMENT ON COLUMN outcome_rules.definition IS 'The rule as declared.';
COMMENT ON COLUMN outcome_rules.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN outcome_rules.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN outcome_rules.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
