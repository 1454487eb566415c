CREATE TABLE IF NOT EXISTS tickets (
    ticket_uid       BIGINT,
    ticket_id        VARCHAR,
    platform         VARCHAR,
    kind             VARCHAR,
    title            VARCHAR,
    description      VARCHAR,
    state            VARCHAR,
    state_category   VARCHAR,
    priority         INTEGER,
    severity         VARCHAR,
    impact           VARCHAR,
    urgency          VARCHAR,
    opened_at        TIMESTAMP,
    acknowledged_at  TIMESTAMP,
    resolved_at      TIMESTAMP,
    closed_at        TIMESTAMP,
    updated_at       TIMESTAMP,
    reopened         INTEGER,
    reassignments    INTEGER,
    team             VARCHAR,
    person           VARCHAR,
    category         VARCHAR,
    subcategory      VARCHAR,
    close_code       VARCHAR,
    resolution       VARCHAR,
    cause            VARCHAR,
    caused_by        VARCHAR,
    problem_id       VARCHAR,
    change_id        VARCHAR,
    parent_id        VARCHAR,
    business_service VARCHAR,
    contact_channel  VARCHAR,
    sla_met          BOOLEAN,
    worked_s         DOUBLE,
    correlation_id   VARCHAR,
    trace_id         VARCHAR,
    attributes       JSON,
    load_id          INTEGER,
    record_no        BIGINT,
    record_hash      BIGINT
);
COMMENT ON TABLE tickets IS 'One row a ticket, as last seen.';
COMMENT ON COLUMN tickets.ticket_uid IS 'Hash of platform and ticket id.';
COMMENT ON COLUMN tickets.ticket_id IS 'Number or key, as people say it.';
COMMENT ON COLUMN tickets.platform IS 'servicenow, jira, pagerduty, zendesk, github and the like.';
COMMENT ON COLUMN tickets.kind IS 'incident, request, problem, change, bug or alert.';
COMMENT ON COLUMN tickets.title IS 'Short description, redacted.';
COMMENT ON COLUMN tickets.description IS 'Long description, redacted.';
COMMENT ON COLUMN tickets.state IS 'As the source says it.';
COMMENT ON COLUMN tickets.state_category IS 'open, in_progress, waiting, resolved, closed or cancelled.';
COMMENT ON COLUMN tickets.priority IS '1 is highest, 5 lowest.';
COMMENT ON COLUMN tickets.severity IS 'As the source says it.';
COMMENT ON COLUMN tickets.impact IS 'As the source says it.';
COMMENT ON COLUMN tickets.urgency IS 'As the source says it.';
COMMENT ON COLUMN tickets.opened_at IS 'UTC.';
COMMENT ON COLUMN tickets.acknowledged_at IS 'UTC.';
COMMENT ON COLUMN tickets.resolved_at IS 'UTC; null while open.';
COMMENT ON COLUMN tickets.closed_at IS 'UTC.';
COMMENT ON COLUMN tickets.updated_at IS 'UTC, of the latest record about the ticket.';
COMMENT ON COLUMN tickets.reopened IS 'Times reopened, as reported.';
COMMENT ON COLUMN tickets.reassignments IS 'Reassignments, as reported.';
COMMENT ON COLUMN tickets.team IS 'Group that holds or held it last.';
COMMENT ON COLUMN tickets.person IS 'Assignee (hashed unless opted in).';
COMMENT ON COLUMN tickets.category IS 'Category.';
COMMENT ON COLUMN tickets.subcategory IS 'Subcategory.';
COMMENT ON COLUMN tickets.close_code IS 'Close or resolution code.';
COMMENT ON COLUMN tickets.resolution IS 'Resolution text, redacted.';
COMMENT ON COLUMN tickets.cause IS 'Cause text, redacted.';
COMMENT ON COLUMN tickets.caused_by IS 'Change or ticket named as the cause.';
COMMENT ON COLUMN tickets.problem_id IS 'Problem.';
COMMENT ON COLUMN tickets.change_id IS 'Change.';
COMMENT ON COLUMN tickets.parent_id IS 'Parent ticket.';
COMMENT ON COLUMN tickets.business_service IS 'Service named.';
COMMENT ON COLUMN tickets.contact_channel IS 'How it was reported.';
COMMENT ON COLUMN tickets.sla_met IS 'As reported.';
COMMENT ON COLUMN tickets.worked_s IS 'Work logged on the ticket, seconds; null when the source has no worklog.';
COMMENT ON COLUMN tickets.correlation_id IS 'Business key named in the ticket.';
COMMENT ON COLUMN tickets.trace_id IS 'Trace named in the ticket.';
COMMENT ON COLUMN tickets.attributes IS 'Everything else, flat.';
COMMENT ON COLUMN tickets.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN tickets.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN tickets.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
