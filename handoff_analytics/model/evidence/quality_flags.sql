CREATE TABLE IF NOT EXISTS quality_flags (
    load_id    INTEGER,
    record_no  BIGINT,
    table_name VARCHAR,
    row_uid    BIGINT,
    flag       VARCHAR,
    detail     VARCHAR
);
COMMENT ON TABLE quality_flags IS 'Loaded, but doubtful: one row a doubt.';
COMMENT ON COLUMN quality_flags.load_id IS 'The load that raised it.';
COMMENT ON COLUMN quality_flags.record_no IS 'The record''s place in its file.';
COMMENT ON COLUMN quality_flags.table_name IS 'Table of the row in doubt.';
COMMENT ON COLUMN quality_flags.row_uid IS 'Its *_uid.';
COMMENT ON COLUMN quality_flags.flag IS 'zone_assumed, dst_ambiguous, dst_gap, date_only, year_assumed, epoch_unit_guessed, negative_duration, clock_skew, orphan_parent, duplicate_id, truncated_text, lossy_number, formula_text, unknown_status, key_clash or another word of the loader.';
COMMENT ON COLUMN quality_flags.detail IS 'What was seen.';
