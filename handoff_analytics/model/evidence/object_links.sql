CREATE TABLE IF NOT EXISTS object_links (
    source_id   VARCHAR,
    target_id   VARCHAR,
    qualifier   VARCHAR,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE object_links IS 'One row a relation between objects.';
COMMENT ON COLUMN object_links.source_id IS 'From.';
COMMENT ON COLUMN object_links.target_id IS 'To.';
COMMENT ON COLUMN object_links.qualifier IS 'What the relation means.';
COMMENT ON COLUMN object_links.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN object_links.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN object_links.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
