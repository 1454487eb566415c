-- One system writes a table or a file, another reads it: the first read after a write, within seven days.
WITH touches AS (
    SELECT
        t.span_uid,
        t.trace_key,
        t.span_key,
        t.parent_key,
        t.system,
        t.kind,
        s.channel,
        lower(s.destination) AS store,
        s.start_us,
        s.start_us + coalesce(s.duration_us, 0) AS end_us,
        s.status,
        CASE
            WHEN t.kind = 'producer' THEN 'write'
            WHEN t.kind = 'consumer' THEN 'read'
            WHEN lower(s.name) LIKE 'insert%' OR lower(s.name) LIKE 'update%' OR lower(s.name) LIKE 'upsert%'
                OR lower(s.name) LIKE 'merge%' OR lower(s.name) LIKE 'replace%' OR lower(s.name) LIKE 'put%'
                OR lower(s.name) LIKE 'write%' OR lower(s.name) LIKE 'upload%' OR lower(s.name) LIKE 'copy%'
                OR lower(s.name) LIKE 'append%' OR lower(s.name) LIKE 'store%' OR lower(s.name) LIKE 'export%'
                THEN 'write'
            WHEN lower(s.name) LIKE 'select%' OR lower(s.name) LIKE 'read%' OR lower(s.name) LIKE 'get%'
                OR lower(s.name) LIKE 'find%' OR lower(s.name) LIKE 'query%' OR lower(s.name) LIKE 'download%'
                OR lower(s.name) LIKE 'scan%' OR lower(s.name) LIKE 'fetch%' OR lower(s.name) LIKE 'import%'
                OR lower(s.name) LIKE 'load%' OR lower(s.name) LIKE 'list%'
                THEN 'read'
        END AS deed
    FROM spans AS s
    JOIN tree AS t ON t.trace_key = s.trace_key AND t.span_key = s.span_key
    WHERE s.channel IN ('database', 'file') AND s.destination IS NOT NULL AND s.kind <> 'server'
),
shared AS (
    SELECT store, channel
    FROM touches
    GROUP BY store, channel
    HAVING min(CASE WHEN deed = 'write' THEN system END) <> max(CASE WHEN deed = 'read' THEN system END)
        OR max(CASE WHEN deed = 'write' THEN system END) <> min(CASE WHEN deed = 'read' THEN system END)
),
followed AS (
    SELECT
        touches.*,
        max(CASE WHEN deed = 'write' AND coalesce(status, 'unset') NOT IN ('error', 'timeout') THEN end_us END) OVER (
            PARTITION BY touches.store, touches.channel
            ORDER BY touches.start_us, touches.span_uid
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS written_us
    FROM touches
    JOIN shared ON shared.store = touches.store AND shared.channel = touches.channel
    WHERE deed IS NOT NULL
),
ranked AS (
    SELECT
        writes.span_uid AS source_uid,
        writes.trace_key AS source_trace,
        writes.span_key AS source_key,
        writes.parent_key AS source_parent,
        writes.system AS source_system,
        writes.kind AS source_kind,
        reads.span_uid AS target_uid,
        reads.trace_key AS target_trace,
        reads.span_key AS target_key,
        reads.parent_key AS target_parent,
        reads.system AS target_system,
        reads.kind AS target_kind,
        'shared_table' AS evidence,
        row_number() OVER (
            PARTITION BY writes.trace_key, writes.span_key, reads.system
            ORDER BY reads.start_us, reads.span_uid
        ) AS place
    FROM followed AS reads
    JOIN followed AS writes
        ON writes.store = reads.store
        AND writes.channel = reads.channel
        AND writes.deed = 'write'
        AND writes.end_us = reads.written_us
        AND writes.system <> reads.system
    WHERE reads.deed = 'read' AND reads.start_us - reads.written_us BETWEEN 0 AND 604800000000
)
SELECT
    source_uid,
    source_trace,
    source_key,
    source_parent,
    source_system,
    source_kind,
    target_uid,
    target_trace,
    target_key,
    target_parent,
    target_system,
    target_kind,
    evidence
FROM ranked
WHERE place = 1
