-- What the sender sent is not what the receiver stored. The pairs of fields are declared, or learned (see silent.py).
WITH carried AS (
    SELECT
        p.rule, p.source, p.target, s.trace_key,
        bool_or(s.system = p.source AND json_extract_string(s.attributes, p.sent_path) <> '')   AS sent,
        bool_or(s.system = p.target AND json_extract_string(s.attributes, p.stored_path) <> '') AS stored
    FROM field_pairs AS p
    JOIN spans AS s ON s.system IN (p.source, p.target)
    GROUP BY ALL
)
SELECT
    'field_drop'                                               AS detector,
    d.rule,
    c.crossing_id,
    c.correlation_id,
    c.trace_key,
    c.source,
    c.target,
    c.channel,
    c.workflow,
    p.probability,
    c.started_at                                               AS occurred_at,
    make_timestamp(c.start_us + coalesce(c.duration_us, c.callee_us, 0)) AS detectable_at,
    concat(p.sent, ' was sent, ', p.stored, ' was not stored') AS evidence,
    c.customer,
    c.amount,
    1                                                          AS transactions
FROM carried AS d
JOIN field_pairs AS p USING (rule, source, target)
JOIN crossings AS c ON c.trace_key = d.trace_key AND c.source = d.source AND c.target = d.target
WHERE d.sent AND NOT coalesce(d.stored, FALSE)
QUALIFY row_number() OVER (PARTITION BY d.rule, d.trace_key ORDER BY c.start_us DESC, c.crossing_id) = 1
    AND NOT c.failed
