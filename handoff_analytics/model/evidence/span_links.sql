CREATE TABLE IF NOT EXISTS span_links (
    trace_key        BIGINT,
    span_key         BIGINT,
    linked_trace_id  VARCHAR,
    linked_span_id   VARCHAR,
    linked_trace_key BIGINT,
    linked_span_key  BIGINT,
    load_id          INTEGER,
    record_no        BIGINT,
    record_hash      BIGINT
);
COMMENT ON TABLE span_links IS 'One row a link from a span to another, usually from a consumer to the message''s producer.';
COMMENT ON COLUMN span_links.trace_key IS 'trace_key of the linking span.';
COMMENT ON COLUMN span_links.span_key IS 'span_key of the linking span.';
COMMENT ON COLUMN span_links.linked_trace_id IS 'Trace of the span linked to.';
COMMENT ON COLUMN span_links.linked_span_id IS 'Id of the span linked to.';
COMMENT ON COLUMN span_links.linked_trace_key IS 'Integer hash of linked_trace_id.';
COMMENT ON COLUMN span_links.linked_span_key IS 'Integer hash of linked_span_id.';
COMMENT ON COLUMN span_links.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN span_links.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN span_links.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
