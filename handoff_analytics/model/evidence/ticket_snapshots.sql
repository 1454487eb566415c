CREATE TABLE IF NOT EXISTS ticket_snapshots (
    snapshot_uid BIGINT,
    ticket_uid   BIGINT,
    snapshot_at  TIMESTAMP,
    sequence     BIGINT,
    state        VARCHAR,
    team         VARCHAR,
    person       VARCHAR,
    priority     INTEGER,
    system       VARCHAR,
    fields       JSON,
    load_id      INTEGER,
    record_no    BIGINT,
    record_hash  BIGINT
);
COMMENT ON TABLE ticket_snapshots IS 'One row a dated state of a ticket, where the export has several; tickets and ticket_events are derived from these.';
COMMENT ON COLUMN ticket_snapshots.snapshot_uid IS 'Hash of ticket, count, time and the fields that are followed.';
COMMENT ON COLUMN ticket_snapshots.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN ticket_snapshots.snapshot_at IS 'UTC.';
COMMENT ON COLUMN ticket_snapshots.sequence IS 'Order within the ticket, as the source counts.';
COMMENT ON COLUMN ticket_snapshots.state IS 'State then.';
COMMENT ON COLUMN ticket_snapshots.team IS 'Group then.';
COMMENT ON COLUMN ticket_snapshots.person IS 'Assignee then.';
COMMENT ON COLUMN ticket_snapshots.priority IS 'Priority then.';
COMMENT ON COLUMN ticket_snapshots.system IS 'Configuration item then.';
COMMENT ON COLUMN ticket_snapshots.fields IS 'Every canonical field, on the latest row that a batch of a file has of the ticket; else only those whose changes are followed and that have no column here.';
COMMENT ON COLUMN ticket_snapshots.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN ticket_snapshots.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN ticket_snapshots.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
