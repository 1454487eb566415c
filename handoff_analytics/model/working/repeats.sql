-- Spans that come again under an id that the trace has already: of each id the earliest loaded one counts.
SELECT
    ranked.span_uid,
    ranked.load_id,
    ranked.record_no
FROM (
    SELECT
        s.span_uid,
        s.load_id,
        s.record_no,
        row_number() OVER (
            PARTITION BY s.trace_key, s.span_key
            ORDER BY s.load_id, s.record_no, s.span_uid, s.start_us, s.duration_us
        ) AS place
    FROM evidence_spans AS s
    JOIN (
        SELECT trace_key, span_key
        FROM evidence_spans
        GROUP BY trace_key, span_key
        HAVING count(*) > 1
    ) AS clash ON clash.trace_key = s.trace_key AND clash.span_key = s.span_key
) AS ranked
WHERE ranked.place > 1
