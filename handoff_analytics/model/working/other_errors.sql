-- What is told of those attempts' errors; empty at first.
SELECT
    CAST(NULL AS BIGINT) AS crossing_id,
    CAST(NULL AS STRING) AS error_code,
    CAST(NULL AS STRING) AS error_type,
    CAST(NULL AS STRING) AS error_text
FROM system_names
WHERE 1 = 0
