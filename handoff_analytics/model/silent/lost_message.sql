-- A message was produced and nobody who reads that destination consumed it. Readers take all messages or few: where
-- nine of ten are read, the others were lost. A declared rule needs no share.
WITH produced AS (
    SELECT
        trace_key, span_key, system AS source, coalesce(destination, name) AS context, start_us, started_at, workflow,
        correlation_id, customer, amount
    FROM spans
    WHERE kind = 'producer' AND status NOT IN ('error', 'timeout')
),
consumed AS (
    -- The consumer may be in another trace: the crossing is then in that one, and only its sender is in ours.
    SELECT p.trace_key, p.span_key, p.source, c.target, c.channel, p.context,
        min(greatest(c.transit_us, 0)) AS wait_us
    FROM crossings AS c
    JOIN produced AS p ON p.span_key = c.source_span_key AND p.source = c.source
    WHERE c.target_span_key IS NOT NULL
    GROUP BY ALL
),
readers AS (
    SELECT source, context, target, channel, quantile_cont(wait_us, 0.999) AS usual_us, max(wait_us) AS longest_us
    FROM consumed
    GROUP BY ALL
),
expected AS (
    SELECT
        r.target, r.channel, p.*, d.rule,
        CASE WHEN d.rule IS NULL THEN greatest(r.usual_us, r.longest_us) ELSE d.within_us END AS limit_us,
        s.wait_us IS NOT NULL AS seen
    FROM produced AS p
    JOIN readers AS r USING (source, context)
    LEFT JOIN continuation_rules AS d ON d.source = r.source AND d.target = r.target
    LEFT JOIN consumed AS s ON s.trace_key = p.trace_key AND s.span_key = p.span_key AND s.target = r.target
),
mature AS (
    SELECT *, avg(seen::INTEGER) OVER share AS share, count(*) OVER share AS occasions
    FROM expected
    WHERE start_us + limit_us <= $last_us
    WINDOW share AS (PARTITION BY source, context, target)
)
SELECT
    'missing_continuation'                                     AS detector,
    coalesce(m.rule, concat('message on ', m.context))         AS rule,
    CAST(NULL AS BIGINT)                                       AS crossing_id,
    coalesce(m.correlation_id, t.correlation_id)               AS correlation_id,
    m.trace_key,
    m.source,
    m.target,
    m.channel,
    coalesce(m.workflow, t.workflow)                           AS workflow,
    CASE WHEN m.rule IS NULL THEN 0.95 ELSE 1.0 END            AS probability,
    m.started_at                                               AS occurred_at,
    make_timestamp(m.start_us + CAST(m.limit_us AS BIGINT))    AS detectable_at,
    concat('message on ', m.context, ' not consumed within ', format('{:.0f}', m.limit_us / 1e6), ' s; ',
        format('{:.1f}', 100 * m.share), ' % of ', m.occasions, ' are')         AS evidence,
    coalesce(m.customer, t.customer)                           AS customer,
    coalesce(m.amount, t.amount)                               AS amount,
    1                                                          AS transactions
FROM mature AS m
LEFT JOIN (
    SELECT trace_key, min(correlation_id) AS correlation_id, min(workflow) AS workflow, min(customer) AS customer,
        max(amount) AS amount
    FROM crossings
    GROUP BY trace_key
) AS t USING (trace_key)
WHERE NOT m.seen AND (m.rule IS NOT NULL OR (m.share >= 0.9 AND m.occasions >= 30))
