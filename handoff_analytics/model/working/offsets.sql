-- How far the clock of the receiving host is ahead, twice: the two least delays there and back, pooled over a day.
SELECT
    source_host,
    target_host,
    floor(start_us / 86400000000.0) AS day,
    min(raw_transit_us) - min(duration_us - callee_us - raw_transit_us) AS twice_offset_us,
    count(*) AS n_calls
FROM calls
WHERE has_call
    AND source_host <> target_host
    AND source_kind = 'client'
    AND duration_us IS NOT NULL
    AND callee_us IS NOT NULL
GROUP BY source_host, target_host, floor(start_us / 86400000000.0)
HAVING count(*) >= 20
