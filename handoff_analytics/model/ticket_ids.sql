WITH known AS (
    SELECT correlation_id FROM crossings WHERE correlation_id IS NOT NULL
    UNION
    SELECT correlation_id FROM log_records WHERE correlation_id IS NOT NULL
    UNION
    SELECT correlation_id FROM runs WHERE correlation_id IS NOT NULL
    UNION
    SELECT correlation_id FROM outcomes WHERE correlation_id IS NOT NULL
),
traced AS (SELECT trace_id, min(correlation_id) AS correlation_id FROM crossings GROUP BY trace_id),
words AS (
    SELECT
        ticket_uid,
        unnest(list_distinct(regexp_split_to_array(
            concat_ws(' ', title, description, cause, resolution), '[^A-Za-z0-9_-]+'
        ))) AS word
    FROM tickets
),
found AS (
    SELECT ticket_uid, correlation_id, 1 AS place FROM tickets WHERE correlation_id IS NOT NULL
    UNION ALL
    SELECT t.ticket_uid, traced.correlation_id, 2
    FROM tickets AS t
    JOIN traced ON traced.trace_id = t.trace_id AND traced.correlation_id IS NOT NULL
    UNION ALL
    -- A word is an id when it has a digit and some transaction has it for its own.
    SELECT w.ticket_uid, w.word, 3
    FROM words AS w
    JOIN known ON known.correlation_id = w.word
    WHERE regexp_matches(w.word, '[0-9]') AND length(w.word) >= 4
)
SELECT
    found.ticket_uid,
    found.correlation_id,
    CASE min(found.place) WHEN 1 THEN 'field' WHEN 2 THEN 'trace' ELSE 'word' END AS basis,
    any_value(t.opened_at) AS opened_at
FROM found
JOIN tickets AS t ON t.ticket_uid = found.ticket_uid
GROUP BY found.ticket_uid, found.correlation_id
ORDER BY found.ticket_uid, found.correlation_id;

COMMENT ON TABLE ticket_ids IS 'One row a ticket and a transaction that it names.';
COMMENT ON COLUMN ticket_ids.ticket_uid IS 'The ticket.';
COMMENT ON COLUMN ticket_ids.correlation_id IS 'Business key of the transaction.';
COMMENT ON COLUMN ticket_ids.basis IS 'How it names it, the best: field, trace (the trace''s key) or word (of its title, description, cause or resolution).';
COMMENT ON COLUMN ticket_ids.opened_at IS 'When the ticket was opened, UTC.';
