-- Messages whose context was lost on the way, found by their id: the receiver names no sender.
WITH received AS (
    SELECT
        t.span_uid,
        t.trace_key,
        t.span_key,
        t.parent_key,
        t.system,
        t.kind,
        s.message_id,
        s.destination,
        s.start_us
    FROM spans AS s
    JOIN tree AS t ON t.trace_key = s.trace_key AND t.span_key = s.span_key
    WHERE s.message_id IS NOT NULL
        AND t.kind = 'consumer'
        AND t.place IN ('root', 'orphan')
        AND NOT EXISTS (
            SELECT 1 FROM links WHERE links.target_trace = t.trace_key AND links.target_key = t.span_key
        )
),
sent AS (
    SELECT
        t.span_uid,
        t.trace_key,
        t.span_key,
        t.parent_key,
        t.system,
        t.kind,
        s.message_id,
        s.destination,
        s.start_us
    FROM spans AS s
    JOIN tree AS t ON t.trace_key = s.trace_key AND t.span_key = s.span_key
    WHERE s.message_id IS NOT NULL AND t.kind IN ('producer', 'client')
),
ranked AS (
    SELECT
        sent.span_uid AS source_uid,
        sent.trace_key AS source_trace,
        sent.span_key AS source_key,
        sent.parent_key AS source_parent,
        sent.system AS source_system,
        sent.kind AS source_kind,
        received.span_uid AS target_uid,
        received.trace_key AS target_trace,
        received.span_key AS target_key,
        received.parent_key AS target_parent,
        received.system AS target_system,
        received.kind AS target_kind,
        'message_id' AS evidence,
        -- Sent again: the last one sent before it was received is the one received.
        row_number() OVER (
            PARTITION BY received.trace_key, received.span_key
            ORDER BY
                CASE WHEN sent.start_us <= received.start_us THEN 0 ELSE 1 END,
                sent.start_us DESC,
                sent.span_uid
        ) AS place
    FROM received
    JOIN sent
        ON sent.message_id = received.message_id
        AND coalesce(sent.destination, received.destination, '') = coalesce(received.destination, sent.destination, '')
        AND sent.system <> received.system
)
SELECT
    source_uid,
    source_trace,
    source_key,
    source_parent,
    source_system,
    source_kind,
    target_uid,
    target_trace,
    target_key,
    target_parent,
    target_system,
    target_kind,
    evidence
FROM ranked
WHERE place = 1
