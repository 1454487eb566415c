-- A call failed, and the caller went on as if it had not.
SELECT
    'swallowed_error'                                          AS detector,
    'fate'                                                     AS rule,
    c.crossing_id,
    c.correlation_id,
    c.trace_key,
    c.source,
    c.target,
    c.channel,
    c.workflow,
    0.7                                                        AS probability,
    c.started_at                                               AS occurred_at,
    make_timestamp(c.start_us + coalesce(c.duration_us, c.callee_us, 0)) AS detectable_at,
    concat('failed with ', coalesce(c.error_text, c.error_type, c.error_code, 'no text'), '; the caller reports success')
                                                               AS evidence,
    c.customer,
    c.amount,
    1                                                          AS transactions
FROM crossings AS c
WHERE c.failed AND c.fate = 'swallowed' AND c.is_last_attempt AND NOT c.is_duplicate
