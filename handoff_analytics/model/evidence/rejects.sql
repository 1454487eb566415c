CREATE TABLE IF NOT EXISTS rejects (
    load_id      INTEGER,
    record_no    BIGINT,
    line         BIGINT,
    byte_offset  BIGINT,
    json_pointer VARCHAR,
    column_name  VARCHAR,
    code         VARCHAR,
    reason       VARCHAR,
    raw          VARCHAR,
    raw_sha256   VARCHAR
);
COMMENT ON TABLE rejects IS 'One row a record that was not loaded: where it stands and why.';
COMMENT ON COLUMN rejects.load_id IS 'The load that read it.';
COMMENT ON COLUMN rejects.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN rejects.line IS 'Physical line, from 1; null for binary formats.';
COMMENT ON COLUMN rejects.byte_offset IS 'First byte of the record in the decompressed file.';
COMMENT ON COLUMN rejects.json_pointer IS 'RFC 6901 pointer inside the record or document.';
COMMENT ON COLUMN rejects.column_name IS 'Column or field at fault.';
COMMENT ON COLUMN rejects.code IS 'DECOMPRESS, ENCODING, SYNTAX, DEPTH, TOO_LARGE, COLUMNS, MISSING, TYPE, TIME, RANGE, ENUM, UNKNOWN_SHAPE or ENCRYPTED.';
COMMENT ON COLUMN rejects.reason IS 'What was found and what was wanted.';
COMMENT ON COLUMN rejects.raw IS 'First 4 KiB of the record, redacted, undecodable bytes escaped.';
COMMENT ON COLUMN rejects.raw_sha256 IS 'Hash of the whole record.';
