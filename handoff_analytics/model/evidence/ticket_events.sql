CREATE TABLE IF NOT EXISTS ticket_events (
    event_uid   BIGINT,
    ticket_uid  BIGINT,
    changed_at  TIMESTAMP,
    sequence    BIGINT,
    field       VARCHAR,
    old_value   VARCHAR,
    new_value   VARCHAR,
    actor       VARCHAR,
    actor_kind  VARCHAR,
    worked_s    DOUBLE,
    basis       VARCHAR,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE ticket_events IS 'One row a change of a ticket.';
COMMENT ON COLUMN ticket_events.event_uid IS 'Hash of ticket, time, field and values.';
COMMENT ON COLUMN ticket_events.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN ticket_events.changed_at IS 'UTC.';
COMMENT ON COLUMN ticket_events.sequence IS 'Breaks ties of time.';
COMMENT ON COLUMN ticket_events.field IS 'state, team, person, priority, system, link, comment, escalation, acknowledgement, notification or worklog.';
COMMENT ON COLUMN ticket_events.old_value IS 'Before.';
COMMENT ON COLUMN ticket_events.new_value IS 'After.';
COMMENT ON COLUMN ticket_events.actor IS 'Who changed it (hashed unless opted in).';
COMMENT ON COLUMN ticket_events.actor_kind IS 'human or automation.';
COMMENT ON COLUMN ticket_events.worked_s IS 'Seconds of work that a worklog entry books.';
COMMENT ON COLUMN ticket_events.basis IS 'changelog, snapshot, log_entry, webhook, audit or current.';
COMMENT ON COLUMN ticket_events.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN ticket_events.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN ticket_events.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
