-- The steps with which a run began, and the platform that ran them.
SELECT
    t.trace_key,
    t.span_key,
    min(coalesce(n.system, r.platform)) AS platform
FROM tree AS t
JOIN spans AS s ON s.trace_key = t.trace_key AND s.span_key = t.span_key
JOIN runs AS r ON r.run_id = s.run_id
LEFT JOIN system_names AS n ON n.name = r.platform
WHERE t.kind = 'step' AND t.place <> 'entry' AND r.platform IS NOT NULL
GROUP BY t.trace_key, t.span_key
