-- What a trace says of its transaction anywhere, for the crossings that do not say it themselves.
SELECT
    trace_key,
    min(correlation_id) AS correlation_id,
    min(workflow) AS workflow,
    min(customer) AS customer,
    max(amount) AS amount
FROM (
    SELECT trace_key, correlation_id, workflow, customer, amount
    FROM spans
    WHERE correlation_id IS NOT NULL OR workflow IS NOT NULL OR customer IS NOT NULL OR amount IS NOT NULL
    UNION ALL
    SELECT trace_key, correlation_id, NULL, NULL, NULL
    FROM log_records
    WHERE trace_key IS NOT NULL AND correlation_id IS NOT NULL
    UNION ALL
    SELECT s.trace_key, r.correlation_id, r.workflow, r.customer, r.amount
    FROM (SELECT DISTINCT trace_key, run_id FROM spans WHERE run_id IS NOT NULL) AS s
    JOIN runs AS r ON r.run_id = s.run_id
) AS told
GROUP BY trace_key
