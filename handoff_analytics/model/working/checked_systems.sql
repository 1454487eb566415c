-- Who logs and who sends spans in the ids that have both.
WITH ids AS (
    SELECT DISTINCT correlation_id
    FROM evidence_spans
    WHERE correlation_id IS NOT NULL
),
logging AS (
    SELECT DISTINCT l.system
    FROM log_steps AS l
    LEFT JOIN ids ON ids.correlation_id = l.correlation_id
    LEFT JOIN checked_traces AS c ON c.trace_key = l.trace_key
    WHERE ids.correlation_id IS NOT NULL OR c.trace_key IS NOT NULL
),
reporting AS (
    SELECT DISTINCT coalesce(n.system, s.system) AS system
    FROM evidence_spans AS s
    JOIN checked_traces AS c ON c.trace_key = s.trace_key
    LEFT JOIN system_names AS n ON n.name = s.system
)
SELECT
    coalesce(logging.system, reporting.system) AS system,
    CASE WHEN logging.system IS NOT NULL THEN TRUE ELSE FALSE END AS logs,
    CASE WHEN reporting.system IS NOT NULL THEN TRUE ELSE FALSE END AS reports
FROM logging
FULL OUTER JOIN reporting ON reporting.system = logging.system
