-- Messages that one consumer took more than once, in the order in which it did: by message id, else by sending span.
WITH messages_taken AS (
    SELECT
        crossing_id,
        start_us,
        coalesce(attempt, 1) AS attempt,
        target,
        coalesce(target_operation, '') AS target_operation,
        coalesce(via, '') AS via,
        coalesce(message_id, '') AS message_id,
        CASE WHEN message_id IS NULL THEN source_trace ELSE 0 END AS sent_trace,
        CASE WHEN message_id IS NULL THEN source_key ELSE 0 END AS sent_key
    FROM calls
    WHERE channel = 'messaging' AND target_key IS NOT NULL AND (message_id IS NOT NULL OR source_key IS NOT NULL)
),
repeated AS (
    SELECT target, target_operation, via, message_id, sent_trace, sent_key
    FROM messages_taken
    GROUP BY target, target_operation, via, message_id, sent_trace, sent_key
    HAVING count(*) > 1
)
SELECT
    t.crossing_id,
    first_value(t.crossing_id) OVER (
        PARTITION BY t.target, t.target_operation, t.via, t.message_id, t.sent_trace, t.sent_key
        ORDER BY t.attempt, t.start_us, t.crossing_id
    ) AS first_id,
    row_number() OVER (
        PARTITION BY t.target, t.target_operation, t.via, t.message_id, t.sent_trace, t.sent_key
        ORDER BY t.attempt, t.start_us, t.crossing_id
    ) AS delivery
FROM messages_taken AS t
JOIN repeated AS r
    ON r.target = t.target
    AND r.target_operation = t.target_operation
    AND r.via = t.via
    AND r.message_id = t.message_id
    AND r.sent_trace = t.sent_trace
    AND r.sent_key = t.sent_key
