-- All that only some crossings have, in one place: attempts of a call, failures, cycles.
SELECT
    coalesce(retries.crossing_id, troubled.crossing_id, cycles.crossing_id) AS crossing_id,
    retries.call_id,
    retries.attempt,
    retries.is_last_attempt,
    retries.is_duplicate,
    troubled.crossing_id AS failed_id,
    troubled.http_status,
    troubled.error_code,
    troubled.error_type,
    troubled.error_text,
    labels.origin,
    labels.rule,
    labels.side,
    labels.fate,
    cycles.crossing_id AS cycle_id
FROM retries
FULL OUTER JOIN troubled ON troubled.crossing_id = retries.crossing_id
FULL OUTER JOIN cycles ON cycles.crossing_id = coalesce(retries.crossing_id, troubled.crossing_id)
LEFT JOIN labels ON labels.crossing_id = troubled.crossing_id
