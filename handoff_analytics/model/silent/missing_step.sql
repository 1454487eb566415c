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
called AS (
    SELECT trace_key, source, target, channel, min(start_us) AS start_us, bool_and(failed) AS failed
    FROM judgeable
    WHERE source <> 'external'
    GROUP BY ALL
),
made AS (
    SELECT trace_key, source, min(start_us) AS start_us, bool_or(failed) AS failed,
        list_sort(list(concat(target, ' ', channel))) AS calls
    FROM called
    GROUP BY trace_key, source
),
entered AS (
    SELECT trace_key, target AS source, min(start_us) AS start_us, bool_or(failed) AS failed,
        list_sort(list(DISTINCT concat(source, ' ', operation))) AS by_what
    FROM judgeable
    GROUP BY trace_key, target
),
whole AS (
    SELECT
        coalesce(m.trace_key, e.trace_key) AS trace_key,
        coalesce(m.source, e.source) AS source,
        least(m.start_us, e.start_us) AS start_us,
        coalesce(m.failed, FALSE) OR coalesce(e.failed, FALSE) AS failed,
        coalesce(array_to_string(e.by_what, ','), 'itself') AS by_what,
        coalesce(m.calls, []) AS calls
    FROM made AS m
    FULL JOIN entered AS e ON e.trace_key = m.trace_key AND e.source = m.source
),
pairs AS (
    SELECT c.source, c.target, c.channel, max(c.start_us - w.start_us) AS longest_us
    FROM called AS c
    JOIN whole AS w USING (trace_key, source)
    JOIN (SELECT source, count(*) AS transactions FROM whole GROUP BY source) AS n USING (source)
    GROUP BY c.source, c.target, c.channel
    HAVING count(*) >= 30 AND count(*) < any_value(n.transactions)
),
-- Visits are many, their kinds are few: what a visit left out is found for each kind once.
visits AS (
    SELECT trace_key, source, start_us, hash(by_what, calls) AS kind, by_what, calls
    FROM whole
    WHERE NOT failed AND source IN (SELECT source FROM pairs)
),
kinds AS (
    SELECT source, kind, any_value(by_what) AS by_what, any_value(calls) AS calls FROM visits GROUP BY source, kind
),
contexts AS (
    SELECT
        p.source, p.target, p.channel, p.longest_us, k.kind,
        list_contains(k.calls, concat(p.target, ' ', p.channel)) AS seen,
        concat_ws('; ', k.by_what,
            nullif(array_to_string(list_filter(k.calls, LAMBDA call: call <> concat(p.target, ' ', p.channel)), ','), '')
        ) AS others
    FROM pairs AS p
    JOIN kinds AS k USING (source)
),
shares AS (
    SELECT c.source, c.target, c.channel, c.others, avg(c.seen::INTEGER) AS share, count(*) AS alike
    FROM contexts AS c
    JOIN visits AS v ON v.source = c.source AND v.kind = c.kind
    WHERE v.start_us + c.longest_us <= $last_us
    GROUP BY c.source, c.target, c.channel, c.others
),
judged AS (
    SELECT c.source, c.target, c.channel, c.others, c.longest_us, c.seen, v.trace_key, v.start_us, s.share, s.alike,
        -- P(lost | not seen), with a prior of one loss in a hundred; past the longest wait ever seen nothing is late.
        0.01 * s.share / (0.01 * s.share + (1 - s.share)) AS probability
    FROM contexts AS c
    JOIN shares AS s ON s.source = c.source AND s.target = c.target AND s.channel = c.channel AND s.others = c.others
    JOIN visits AS v ON v.source = c.source AND v.kind = c.kind
    WHERE NOT c.seen AND s.alike >= 30 AND v.start_us + c.longest_us <= $last_us
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
