-- The status says success and the content says otherwise: by a declared field, or by a field that says so by its name.
WITH declared AS (
    SELECT rule, source, target, '$."' || replace(definition ->> '$.field', '"', '\"') || '"' AS path,
        definition ->> '$.field' AS field, CAST(definition -> '$.bad' AS VARCHAR[]) AS bad
    FROM outcome_rules
    WHERE kind IN ('body', 'status')
),
sides AS (
    SELECT c.crossing_id, s.attributes, s.business_status
    FROM crossings AS c
    JOIN spans AS s ON s.trace_key = c.trace_key AND s.span_key IN (c.source_span_key, c.target_span_key)
    -- Before a step stands another step with an outcome of its own, not a call whose answer tells of this one.
    WHERE NOT c.failed AND (c.evidence <> 'workflow_step' OR s.span_key = c.target_span_key)
),
by_rule AS (
    SELECT c.crossing_id, d.rule, concat(d.field, ' = ', json_extract_string(sides.attributes, d.path)) AS evidence
    FROM declared AS d
    JOIN crossings AS c
        ON c.source = coalesce(d.source, c.source) AND c.target = coalesce(d.target, c.target) AND NOT c.failed
    JOIN sides USING (crossing_id)
    WHERE list_contains(d.bad, json_extract_string(sides.attributes, d.path))
),
by_name AS (
    SELECT
        crossing_id,
        'content' AS rule,
        CASE
            WHEN business_status = 'failed' THEN 'the content reports a failure under a successful status'
            ELSE concat(says.field, ' = ', says.content)
        END AS evidence
    FROM sides
    LEFT JOIN LATERAL (
        SELECT field, content
        FROM (
            VALUES
                ('success', sides.attributes ->> '$.success'),
                ('ok', sides.attributes ->> '$.ok'),
                ('response.success', sides.attributes ->> '$."response.success"'),
                ('result.success', sides.attributes ->> '$."result.success"'),
                ('errors', sides.attributes ->> '$.errors'),
                ('response.errors', sides.attributes ->> '$."response.errors"'),
                ('graphql.errors', sides.attributes ->> '$."graphql.errors"')
        ) AS named (field, content)
        WHERE (field LIKE '%errors' AND content NOT IN ('', '[]', '{}', '0', 'null', 'false'))
            OR (field NOT LIKE '%errors' AND lower(content) IN ('false', '0', 'no'))
        LIMIT 1
    ) AS says ON TRUE
    WHERE business_status = 'failed' OR says.field IS NOT NULL
),
hits AS (
    SELECT crossing_id, rule, evidence, 1.0 AS probability FROM by_rule
    UNION ALL
    SELECT crossing_id, rule, evidence, 0.9 FROM by_name
)
SELECT
    'contradicting_body'                                       AS detector,
    h.rule,
    c.crossing_id,
    c.correlation_id,
    c.trace_key,
    c.source,
    c.target,
    c.channel,
    c.workflow,
    h.probability,
    c.started_at                                               AS occurred_at,
    make_timestamp(c.start_us + coalesce(c.duration_us, c.callee_us, 0)) AS detectable_at,
    h.evidence,
    c.customer,
    c.amount,
    1                                                          AS transactions
FROM hits AS h
JOIN crossings AS c USING (crossing_id)
QUALIFY row_number() OVER (PARTITION BY h.crossing_id ORDER BY h.probability DESC, h.rule, h.evidence) = 1
