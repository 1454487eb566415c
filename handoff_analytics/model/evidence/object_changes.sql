CREATE TABLE IF NOT EXISTS object_changes (
    object_id   VARCHAR,
    object_type VARCHAR,
    changed_at  TIMESTAMP,
    field       VARCHAR,
    new_value   VARCHAR,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE object_changes IS 'One row a change of an object''s field.';
COMMENT ON COLUMN object_changes.object_id IS 'Object.';
COMMENT ON COLUMN object_changes.object_type IS 'Its type.';
COMMENT ON COLUMN object_changes.changed_at IS 'UTC; null for the initial value.';
COMMENT ON COLUMN object_changes.field IS 'Field.';
COMMENT ON COLUMN object_changes.new_value IS 'Value from then on.';
COMMENT ON COLUMN object_changes.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN object_changes.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN object_changes.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
