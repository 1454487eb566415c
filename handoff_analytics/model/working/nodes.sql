-- The tree of spans in integers: who did the work, and under which span.
SELECT
    s.span_uid,
    s.trace_key,
    s.span_key,
    s.parent_key,
    coalesce(step.system, n.system, s.system, 'unknown') AS system,
    coalesce(s.kind, 'internal') AS kind
FROM spans AS s
LEFT JOIN system_names AS n ON n.name = s.system
LEFT JOIN system_names AS step
    ON step.basis = 'alias' AND step.name = CASE WHEN s.kind = 'step' THEN concat(s.workflow, '.', s.name) END
