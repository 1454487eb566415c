-- Two systems that should hold the same transactions do not, by count or by sum, in the window where those began.
WITH declared AS (
    SELECT rule, definition ->> '$.left' AS left_system, definition ->> '$.right' AS right_system,
        coalesce(definition ->> '$.what', 'count') AS what,
        coalesce(CAST(definition ->> '$.tolerance' AS DOUBLE), 0) AS tolerance,
        coalesce(definition ->> '$.window', 'day') AS width
    FROM outcome_rules
    WHERE kind = 'reconcile'
),
transactions AS (
    SELECT coalesce(correlation_id, trace_id) AS transaction, target AS system, min(started_at) AS reached_at,
        max(amount) AS amount, bool_and(failed) AS failed
    FROM crossings
    GROUP BY ALL
),
began AS (SELECT transaction, min(reached_at) AS began_at FROM transactions GROUP BY transaction),
held AS (
    SELECT
        d.rule, d.what, d.tolerance, d.left_system, d.right_system, date_trunc(d.width, b.began_at) AS window_start,
        count(*) FILTER (t.system = d.left_system)                          AS left_count,
        count(*) FILTER (t.system = d.right_system)                         AS right_count,
        coalesce(sum(t.amount) FILTER (t.system = d.left_system), 0)        AS left_sum,
        coalesce(sum(t.amount) FILTER (t.system = d.right_system), 0)       AS right_sum,
        max(t.reached_at)                                                   AS last_at
    FROM declared AS d
    JOIN transactions AS t ON t.system IN (d.left_system, d.right_system) AND NOT t.failed
    JOIN began AS b USING (transaction)
    GROUP BY ALL
)
SELECT
    'reconciliation'                                           AS detector,
    rule,
    CAST(NULL AS BIGINT)                                       AS crossing_id,
    CAST(NULL AS VARCHAR)                                      AS correlation_id,
    CAST(NULL AS BIGINT)                                       AS trace_key,
    left_system                                                AS source,
    right_system                                               AS target,
    'unknown'                                                  AS channel,
    CAST(NULL AS VARCHAR)                                      AS workflow,
    1.0                                                        AS probability,
    window_start                                               AS occurred_at,
    last_at                                                    AS detectable_at,
    CASE what
        WHEN 'sum' THEN concat('sums differ: ', format('{:.2f}', left_sum), ' in ', left_system, ', ',
            format('{:.2f}', right_sum), ' in ', right_system)
        ELSE concat('counts differ: ', left_count, ' in ', left_system, ', ', right_count, ' in ', right_system)
    END                                                        AS evidence,
    CAST(NULL AS VARCHAR)                                      AS customer,
    abs(left_sum - right_sum)                                  AS amount,
    abs(left_count - right_count)                              AS transactions
FROM held
WHERE CASE what WHEN 'sum' THEN abs(left_sum - right_sum) ELSE abs(left_count - right_count) END
    > tolerance * CASE what WHEN 'sum' THEN greatest(left_sum, right_sum) ELSE greatest(left_count, right_count) END
