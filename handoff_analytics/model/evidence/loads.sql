CREATE TABLE IF NOT EXISTS loads (
    load_id           INTEGER,
    file_name         VARCHAR,
    file_sha256       VARCHAR,
    file_bytes        BIGINT,
    container         VARCHAR,
    format            VARCHAR,
    kind              VARCHAR,
    format_confidence DOUBLE,
    format_evidence   VARCHAR,
    encoding          VARCHAR,
    mapping           VARCHAR,
    loader_version    VARCHAR,
    started_at        TIMESTAMP,
    finished_at       TIMESTAMP,
    seen              BIGINT,
    loaded            BIGINT,
    rejected          BIGINT,
    duplicate         BIGINT,
    skipped           BIGINT,
    redacted          BIGINT,
    first_at          TIMESTAMP,
    last_at           TIMESTAMP,
    notes             JSON,
    PRIMARY KEY (load_id)
);
COMMENT ON TABLE loads IS 'One row a file that was read: what it was, and what became of each of its records.';
COMMENT ON COLUMN loads.load_id IS 'Number of the load, from 1.';
COMMENT ON COLUMN loads.file_name IS 'Path as given, with the member''s name for an archive.';
COMMENT ON COLUMN loads.file_sha256 IS 'Hash of the bytes as they lie on disk.';
COMMENT ON COLUMN loads.file_bytes IS 'Size on disk, bytes.';
COMMENT ON COLUMN loads.container IS 'gz, bz2, xz, zstd, zip and the member, or null.';
COMMENT ON COLUMN loads.format IS 'The format that was recognised or given.';
COMMENT ON COLUMN loads.kind IS 'traces, logs, runs, tickets, eventlog or catalogue.';
COMMENT ON COLUMN loads.format_confidence IS 'From 0 to 1: share of the fingerprint that matched; 1 when given.';
COMMENT ON COLUMN loads.format_evidence IS 'The keys or the pattern that decided.';
COMMENT ON COLUMN loads.encoding IS 'Text encoding that was used.';
COMMENT ON COLUMN loads.mapping IS 'Name and hash of the mapping file, or null.';
COMMENT ON COLUMN loads.loader_version IS 'Version of this library.';
COMMENT ON COLUMN loads.started_at IS 'UTC.';
COMMENT ON COLUMN loads.finished_at IS 'UTC.';
COMMENT ON COLUMN loads.seen IS 'Records in the file: seen = loaded + rejected + duplicate + skipped.';
COMMENT ON COLUMN loads.loaded IS 'Records that became evidence.';
COMMENT ON COLUMN loads.rejected IS 'Records that did not, each in rejects.';
COMMENT ON COLUMN loads.duplicate IS 'Records that were in the history already.';
COMMENT ON COLUMN loads.skipped IS 'Records that this format does not use, by kind in notes.';
COMMENT ON COLUMN loads.redacted IS 'Secrets masked before storage.';
COMMENT ON COLUMN loads.first_at IS 'Earliest time in the file, UTC.';
COMMENT ON COLUMN loads.last_at IS 'Latest time in the file, UTC.';
COMMENT ON COLUMN loads.notes IS 'Warnings and counts worth reading.';
