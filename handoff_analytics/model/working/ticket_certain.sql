-- Handoffs that failed for a transaction which a ticket names, before it was opened (clocks may differ by an hour).
WITH words AS (
    SELECT
        ticket_uid, opened_at, trace_id, correlation_id,
        regexp_extract_all(concat_ws(' ', title, description, cause, resolution), '[A-Za-z]+[-_]?[0-9]{3,}') AS tokens
    FROM tickets
),
keys AS (
    SELECT ticket_uid, opened_at, correlation_id AS named FROM words WHERE correlation_id IS NOT NULL
    UNION
    SELECT ticket_uid, opened_at, unnest(tokens) FROM words
),
origins AS (
    SELECT source, target, channel, correlation_id, trace_id, failed_at
    FROM failures
    WHERE origin <> 'propagated' AND fate <> 'masked'
)
SELECT DISTINCT k.ticket_uid, o.source, o.target, o.channel
FROM keys AS k
JOIN origins AS o ON o.correlation_id = k.named AND o.failed_at <= k.opened_at + INTERVAL 1 HOUR
UNION
SELECT DISTINCT w.ticket_uid, o.source, o.target, o.channel
FROM words AS w
JOIN origins AS o ON o.trace_id = w.trace_id AND o.failed_at <= w.opened_at + INTERVAL 1 HOUR
