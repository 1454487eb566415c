-- Spans that come again under an id that their trace has already. The earliest loaded one counts, except that a client
-- and a server under one id are the two halves of one call (Zipkin): the server's half is kept beside it.
WITH clashing AS (
    SELECT
        s.span_uid,
        s.load_id,
        s.record_no,
        s.trace_key,
        s.span_key,
        CASE WHEN s.kind = 'server' THEN 'server' ELSE 'other' END AS half,
        row_number() OVER (
            PARTITION BY s.trace_key, s.span_key, CASE WHEN s.kind = 'server' THEN 'server' ELSE 'other' END
            ORDER BY s.load_id, s.record_no, s.span_uid, s.start_us, s.duration_us
        ) AS place,
        max(CASE WHEN s.kind = 'client' THEN 1 ELSE 0 END) OVER (PARTITION BY s.trace_key, s.span_key) AS has_client,
        row_number() OVER (
            PARTITION BY s.trace_key, s.span_key
            ORDER BY s.load_id, s.record_no, s.span_uid, s.start_us, s.duration_us
        ) AS place_of_all
    FROM evidence_spans AS s
    JOIN (
        SELECT trace_key, span_key
        FROM evidence_spans
        GROUP BY trace_key, span_key
        HAVING count(*) > 1
    ) AS clash ON clash.trace_key = s.trace_key AND clash.span_key = s.span_key
)
SELECT
    span_uid,
    load_id,
    record_no,
    CASE WHEN half = 'server' AND has_client = 1 AND place = 1 THEN TRUE ELSE FALSE END AS is_half
FROM clashing
WHERE (half = 'server' AND has_client = 1)
    OR (half = 'other' AND has_client = 1 AND place > 1)
    OR (has_client = 0 AND place_of_all > 1)
