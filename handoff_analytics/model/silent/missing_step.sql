-- A system that was entered as usual, and did all it usually does then, left out one call. "As usual" is: by the same
-- operations, with the same other calls, none of which failed, openly or silently. Where a left-out call is more likely
-- a legitimate ending than a loss, it is no finding.
WITH silent AS (SELECT DISTINCT crossing_id FROM silent_findings WHERE crossing_id IS NOT NULL),
judgeable AS (
    SELECT c.trace_key, c.source, c.target, c.channel, c.start_us,
        -- Numbers in an operation are ids of what it is about.
        regexp_replace(coalesce(c.operation, ''), '[0-9]+', '0', 'g') AS operation,
        c.failed OR silent.crossing_id IS NOT NULL AS failed
    FROM crossings AS c
    LEFT JOIN silent ON silent.crossing_id = c.crossing_id
),
made AS (
    SELECT trace_key, source, target, channel, min(start_us) AS start_us, bool_and(failed) AS failed
    FROM judgeable
    WHERE source <> 'external'
    GROUP BY ALL
),
entered AS (
    SELECT trace_key, target AS source, min(start_us) AS start_us, bool_or(failed) AS failed,
        string_agg(DISTINCT concat(source, ' ', operation), ',' ORDER BY concat(source, ' ', operation)) AS by_what
    FROM judgeable
    GROUP BY ALL
),
whole AS (
    SELECT
        coalesce(m.trace_key, e.trace_key) AS trace_key,
        coalesce(m.source, e.source) AS source,
        least(m.start_us, e.start_us) AS start_us,
        coalesce(m.failed, FALSE) OR coalesce(e.failed, FALSE) AS failed,
        coalesce(e.by_what, 'itself') AS by_what
    FROM (SELECT trace_key, source, min(start_us) AS start_us, bool_or(failed) AS failed FROM made GROUP BY ALL) AS m
    FULL JOIN entered AS e ON e.trace_key = m.trace_key AND e.source = m.source
),
pairs AS (
    SELECT m.source, m.target, m.channel, max(m.start_us - s.start_us) AS longest_us
    FROM made AS m
    JOIN whole AS s USING (trace_key, source)
    JOIN (SELECT source, count(*) AS transactions FROM whole GROUP BY source) AS w USING (source)
    GROUP BY m.source, m.target, m.channel
    HAVING count(*) >= 30 AND count(*) < any_value(w.transactions)
),
occasions AS (
    SELECT
        p.source, p.target, p.channel, p.longest_us, w.trace_key, w.start_us,
        coalesce(bool_or(m.target = p.target AND m.channel = p.channel), FALSE) AS seen,
        concat_ws('; ', w.by_what, string_agg(concat(m.target, m.failed), ',' ORDER BY m.target, m.channel)
            FILTER (m.target <> p.target OR m.channel <> p.channel)) AS others
    FROM pairs AS p
    JOIN whole AS w USING (source)
    LEFT JOIN made AS m ON m.trace_key = w.trace_key AND m.source = p.source
    WHERE NOT w.failed AND w.start_us + p.longest_us <= $last_us
    GROUP BY p.source, p.target, p.channel, p.longest_us, w.trace_key, w.start_us, w.by_what
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
    coalesce(d.rule, concat('after ', j.others))     AS rule,
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
        ' transactions that enter it in the same way and make the same other calls do')        AS evidence,
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
