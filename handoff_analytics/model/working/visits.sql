-- The span at which the system was entered, for every span inside it: one step up; the builder goes on until the top.
SELECT
    c.trace_key,
    c.span_key,
    p.span_key AS visit_key,
    CASE WHEN p.place = 'inner' THEN FALSE ELSE TRUE END AS is_top
FROM tree AS c
JOIN tree AS p ON p.trace_key = c.trace_key AND p.span_key = c.parent_key
WHERE c.place = 'inner'
