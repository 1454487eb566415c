-- Messages: a span that links to the span that sent it, in whatever trace, whichever of the two was loaded first.
SELECT DISTINCT
    p.span_uid AS source_uid,
    p.trace_key AS source_trace,
    p.span_key AS source_key,
    k.span_uid AS target_uid,
    k.trace_key AS target_trace,
    k.span_key AS target_key,
    CASE WHEN k.kind = 'step' THEN 'workflow_step' ELSE 'span_link' END AS evidence
FROM span_links AS l
JOIN tree AS k ON k.trace_key = l.trace_key AND k.span_key = l.span_key
JOIN tree AS p ON p.trace_key = l.linked_trace_key AND p.span_key = l.linked_span_key
WHERE p.system <> k.system
    AND (k.kind = 'consumer' OR p.kind = 'producer' OR (k.kind = 'step' AND p.kind = 'step'))
    -- The parent says it already.
    AND NOT (k.trace_key = p.trace_key AND k.parent_key IS NOT NULL AND k.parent_key = p.span_key)
