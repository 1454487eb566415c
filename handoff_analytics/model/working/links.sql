-- Work that a span took over from a span that is not its parent: a message, in whatever trace, at whatever delay,
-- whichever of the two was loaded first; or the step before it in a workflow.
WITH linked AS (
    SELECT DISTINCT
        p.span_uid AS source_uid,
        p.trace_key AS source_trace,
        p.span_key AS source_key,
        p.parent_key AS source_parent,
        p.system AS source_system,
        p.kind AS source_kind,
        k.span_uid AS target_uid,
        k.trace_key AS target_trace,
        k.span_key AS target_key,
        k.parent_key AS target_parent,
        k.system AS target_system,
        k.kind AS target_kind,
        CASE WHEN k.kind = 'step' THEN 'workflow_step' ELSE 'span_link' END AS evidence
    FROM span_links AS l
    JOIN tree AS k ON k.trace_key = l.trace_key AND k.span_key = l.span_key
    JOIN tree AS p ON p.trace_key = l.linked_trace_key AND p.span_key = l.linked_span_key
    WHERE p.system <> k.system
        AND (k.kind = 'consumer' OR p.kind = 'producer' OR (k.kind = 'step' AND p.kind = 'step'))
        -- Where the parent says it already, the link adds nothing.
        AND NOT (k.trace_key = p.trace_key AND coalesce(k.parent_key, 0) = p.span_key)
)
SELECT outer_one.*
FROM linked AS outer_one
-- Receiving and processing may both link to the message: the inner of the two is the one that tells how it went.
LEFT JOIN linked AS inner_one
    ON inner_one.target_trace = outer_one.target_trace
    AND inner_one.target_parent = outer_one.target_key
    AND inner_one.source_trace = outer_one.source_trace
    AND inner_one.source_key = outer_one.source_key
WHERE inner_one.target_key IS NULL
