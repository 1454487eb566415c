CREATE TABLE IF NOT EXISTS ticket_links (
    ticket_uid  BIGINT,
    other_id    VARCHAR,
    link_type   VARCHAR,
    outward     BOOLEAN,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE ticket_links IS 'One row a link between tickets.';
COMMENT ON COLUMN ticket_links.ticket_uid IS 'From.';
COMMENT ON COLUMN ticket_links.other_id IS 'To, by id.';
COMMENT ON COLUMN ticket_links.link_type IS 'blocks, blocked_by, caused_by, duplicate, relates or parent.';
COMMENT ON COLUMN ticket_links.outward IS 'Direction as the source says it.';
COMMENT ON COLUMN ticket_links.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN ticket_links.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN ticket_links.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
