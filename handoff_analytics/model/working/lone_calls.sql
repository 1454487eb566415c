-- Spans of no stated kind that do one thing, a call into another system: they are that call, seen by the caller.
SELECT parents.trace_key, parents.span_key
FROM (
    SELECT DISTINCT trace_key, parent_key AS span_key
    FROM tree
    WHERE place = 'entry' AND parent_kind = 'internal' AND grand_key IS NOT NULL
) AS parents
JOIN tree AS child ON child.trace_key = parents.trace_key AND child.parent_key = parents.span_key
JOIN tree AS itself
    ON itself.trace_key = parents.trace_key AND itself.span_key = parents.span_key AND itself.place = 'inner'
GROUP BY parents.trace_key, parents.span_key
HAVING count(*) = 1
