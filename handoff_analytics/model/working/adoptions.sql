-- Where both sides of a call share one id (Zipkin), what ran inside the receiver names the caller's half as its
-- parent; it belongs to the receiver's half.
SELECT
    c.trace_key,
    c.span_key,
    min(half.span_key) AS parent_key
FROM tree AS c
JOIN tree AS half
    ON half.trace_key = c.trace_key
    AND half.parent_key = c.parent_key
    AND half.system = c.system
    AND half.kind = 'server'
WHERE c.place = 'entry'
    AND c.parent_kind = 'client'
    AND c.kind IN ('client', 'producer', 'internal')
GROUP BY c.trace_key, c.span_key
