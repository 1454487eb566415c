-- A system that did all it usually does in such a transaction left out one call. "Such" is: the same other calls, none
-- of which failed, openly or silently. Where a left-out call is more likely a legitimate ending than a loss, it is no
-- finding.
WITH made AS (
    SELECT trace_key, source, target, channel, min(start_us) AS start_us,
        bool_and(failed OR crossing_id IN (SELECT crossing_id FROM silent_findings WHERE crossing_id IS NOT NULL)) AS failed
    FROM crossings
    WHERE source <> 'external'
    GROUP BY ALL
),
whole AS (
    SELECT trace_key, source, min(start_us) AS start_us, bool_or(failed) AS failed
    FROM made
    GROUP BY ALL
),
pairs AS (
    SELECT m.source, m.target, m.channel, count(*) AS made, any_value(w.transactions) AS transactions,
        max(m.start_us - s.start_us) AS longest_us
    FROM made AS m
    JOIN whole AS s USING (trace_key, source)
    JOIN (SELECT source, count(*) AS transactions FROM whole GROUP BY source) AS w USING (source)
    GROUP BY m.source, m.target, m.channel
    HAVING count(*) >= 30 AND count(*) >= 0.5 * any_value(w.transactions) AND count(*) < any_value(w.transactions)
),
occasions AS (
    SELECT
        p.source, p.target, p.channel, p.longest_us, w.trace_key, w.start_us,
        bool_or(m.target = p.target AND m.channel = p.channel) AS seen,
        string_agg(concat(m.target, m.failed), ',' ORDER BY m.target, m.channel)
            FILTER (m.target <> p.target OR m.channel <> p.channel) AS others
    FROM pairs AS p
    JOIN whole AS w USING (source)
    JOIN made AS m ON m.trace_key = w.trace_key AND m.source = p.source
    WHERE NOT w.failed AND w.start_us + p.longest_us <= $last_us
    GROUP BY ALL
),
judged AS (
    SELECT *, avg(seen::INTEGER) OVER alike AS share, count(*) OVER alike AS alike,
        -- P(lost | not seen), with a prior of one loss in a hundred; past the longest wait ever seen nothing is late.
        0.01 * share / (0.01 * share + (1 - share)) AS probability
    FROM occasions
    WINDOW alike AS (PARTITION BY source, target, channel, others)
)
SELECT
    'missing_continuation'                                     AS detector,
    coalesce(d.rule, concat('after ', coalesce(j.others, 'nothing else')))     AS rule,
    CAST(NULL AS BIGINT)                                       AS crossing_id,
    t.correlation_id,
    j.trace_key,
    j.source,
    j.target,
    j.channel,
    t.workflow,
    CASE WHEN d.rule IS NULL THEN j.probability ELSE 1.0 END   AS probability,
    make_timestamp(j.start_us)                                 AS occurred_at,
    make_timestamp(j.start_us + coalesce(d.within_us, j.longest_us)) AS detectable_at,
    concat('no call to ', j.target, ', which ', format('{:.1f}', 100 * j.share), ' % of ', j.alike,
        ' transactions with the same other calls make')        AS evidence,
    t.customer,
    t.amount,
    1                                                          AS transactions
FROM judged AS j
LEFT JOIN continuation_rules AS d ON d.source = j.source AND d.target = j.target
LEFT JOIN (
    SELECT trace_key, min(correlation_id) AS correlation_id, min(workflow) AS workflow, min(customer) AS customer,
        max(amount) AS amount
    FROM crossings
    GROUP BY trace_key
) AS t USING (trace_key)
WHERE NOT j.seen AND j.alike >= 30 AND (j.probability >= 0.5 OR (d.rule IS NOT NULL AND j.share >= 0.5))
