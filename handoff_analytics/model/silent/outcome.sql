-- Another system recorded that the outcome was not reached, while the crossing reported success.
WITH declared AS (
    SELECT rule, source, target, definition ->> '$.check' AS check_name
    FROM outcome_rules
    WHERE kind = 'outcome'
),
unmet AS (
    SELECT
        o.*,
        coalesce(d.rule, o.check_name)   AS rule,
        d.source                         AS rule_source,
        coalesce(d.target, o.system)     AS rule_target
    FROM outcomes AS o
    LEFT JOIN declared AS d USING (check_name)
    WHERE NOT o.passed
)
SELECT
    'outcome'                                                  AS detector,
    u.rule,
    c.crossing_id,
    u.correlation_id,
    c.trace_key,
    c.source,
    c.target,
    c.channel,
    c.workflow,
    1.0                                                        AS probability,
    c.started_at                                               AS occurred_at,
    u.checked_at                                               AS detectable_at,
    concat(u.check_name, ': wanted ', coalesce(u.expected, 'another result'), ', found ', coalesce(u.actual, 'none'))
                                                               AS evidence,
    c.customer,
    coalesce(u.amount, c.amount)                               AS amount,
    1                                                          AS transactions
FROM unmet AS u
JOIN crossings AS c
    ON c.correlation_id = u.correlation_id
    AND c.target = u.rule_target
    AND c.source = coalesce(u.rule_source, c.source)
    AND c.started_at <= u.checked_at
QUALIFY row_number() OVER (PARTITION BY u.outcome_uid ORDER BY c.start_us DESC, c.crossing_id) = 1
    AND NOT c.failed
