CREATE TABLE IF NOT EXISTS ticket_systems (
    ticket_uid  BIGINT,
    system      VARCHAR,
    role        VARCHAR,
    named_at    TIMESTAMP,
    evidence    VARCHAR,
    confidence  DOUBLE,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE ticket_systems IS 'One row a system named by a ticket.';
COMMENT ON COLUMN ticket_systems.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN ticket_systems.system IS 'The name used; joined by system_aliases.';
COMMENT ON COLUMN ticket_systems.role IS 'affected, caused or looked_at.';
COMMENT ON COLUMN ticket_systems.named_at IS 'When it was named, UTC.';
COMMENT ON COLUMN ticket_systems.evidence IS 'Field or text that names it.';
COMMENT ON COLUMN ticket_systems.confidence IS 'From 0 to 1.';
COMMENT ON COLUMN ticket_systems.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN ticket_systems.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN ticket_systems.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
