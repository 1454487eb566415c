CREATE TABLE IF NOT EXISTS event_objects (
    event_uid   BIGINT,
    object_id   VARCHAR,
    object_type VARCHAR,
    qualifier   VARCHAR,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE event_objects IS 'One row an object that an event of an object-centric log touches.';
COMMENT ON COLUMN event_objects.event_uid IS 'log_uid of the event.';
COMMENT ON COLUMN event_objects.object_id IS 'Object.';
COMMENT ON COLUMN event_objects.object_type IS 'Its type.';
COMMENT ON COLUMN event_objects.qualifier IS 'Role of the object in the event.';
COMMENT ON COLUMN event_objects.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN event_objects.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN event_objects.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
