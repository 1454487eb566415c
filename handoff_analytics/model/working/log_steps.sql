-- Log lines of one id, in order, with repeated lines of one system taken together. DuckDB only.
WITH lines AS (
    SELECT
        coalesce(l.trace_key, (md5_number_lower(l.correlation_id) >> 1)::BIGINT) AS id_key,
        l.trace_key,
        l.trace_id,
        l.correlation_id,
        coalesce(n.system, l.system) AS system,
        l.host,
        l.log_us,
        l.log_uid,
        coalesce(l.severity, 0) AS severity,
        l.exception_type,
        coalesce(l.exception_message, l.body) AS said,
        l.http_status
    FROM log_records AS l
    LEFT JOIN system_names AS n ON n.name = l.system
    WHERE l.system IS NOT NULL
        AND l.system <> 'unknown'
        AND l.log_us IS NOT NULL
        AND (l.trace_key IS NOT NULL OR l.correlation_id IS NOT NULL)
),
several AS (
    SELECT id_key FROM lines GROUP BY id_key HAVING min(system) <> max(system)
),
marked AS (
    SELECT
        lines.*,
        CASE
            WHEN system = lag(system) OVER (PARTITION BY id_key ORDER BY log_us, log_uid) THEN 0
            ELSE 1
        END AS is_new
    FROM lines
    SEMI JOIN several USING (id_key)
),
numbered AS (
    SELECT
        marked.*,
        sum(is_new) OVER (PARTITION BY id_key ORDER BY log_us, log_uid ROWS UNBOUNDED PRECEDING) AS step
    FROM marked
)
SELECT
    id_key,
    step,
    any_value(trace_key) AS trace_key,
    min(trace_id) AS trace_id,
    min(correlation_id) AS correlation_id,
    any_value(system) AS system,
    min(host) AS host,
    min(log_us) AS first_us,
    max(log_us) AS last_us,
    arg_min(log_uid, (log_us, log_uid)) AS first_uid,
    max(CASE WHEN severity >= 17 THEN 1 ELSE 0 END) AS failed,
    arg_max(exception_type, (severity, -log_us, log_uid)) AS error_type,
    arg_max(said, (severity, -log_us, log_uid)) FILTER (WHERE severity >= 17) AS error_text,
    max(http_status) AS http_status
FROM numbered
GROUP BY id_key, step
ORDER BY id_key, step
