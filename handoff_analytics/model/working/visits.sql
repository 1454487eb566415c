-- The span at which a system was entered, for every span inside it: one step up; the builder climbs on to the top.
-- A message is a visit of its own, also where one span received many.
SELECT
    c.trace_key,
    c.span_key,
    p.span_key AS visit_key,
    CASE WHEN p.place = 'inner' AND taken.target_key IS NULL THEN FALSE ELSE TRUE END AS is_top
FROM tree AS c
JOIN tree AS p ON p.trace_key = c.trace_key AND p.span_key = c.parent_key
LEFT JOIN (SELECT DISTINCT target_trace, target_key FROM links) AS taken
    ON taken.target_trace = p.trace_key AND taken.target_key = p.span_key
LEFT JOIN (SELECT DISTINCT target_trace, target_key FROM links) AS itself
    ON itself.target_trace = c.trace_key AND itself.target_key = c.span_key
WHERE c.place = 'inner' AND itself.target_key IS NULL
UNION ALL
SELECT trace_key, span_key, parent_key, TRUE
FROM adoptions
