SELECT
    source_host,
    target_host,
    CAST(floor(start_us / 86400000000.0) AS BIGINT) AS day,
    CAST(floor((min(raw_transit_us) - min(duration_us - callee_us - raw_transit_us)) / 2.0) AS BIGINT) AS offset_us,
    count(*) AS n_calls
FROM every_call
WHERE source_status IS NOT NULL
    AND source_host <> target_host
    AND channel <> 'messaging'
    AND duration_us IS NOT NULL
    AND callee_us IS NOT NULL
    AND raw_transit_us IS NOT NULL
GROUP BY source_host, target_host, CAST(floor(start_us / 86400000000.0) AS BIGINT)
-- Fewer calls than these say more of chance than of clocks.
HAVING count(*) >= 20;

COMMENT ON TABLE clock_offsets IS 'One row two hosts and a day: how far their clocks were apart, from the least delays there and back of that day''s calls.';
COMMENT ON COLUMN clock_offsets.source_host IS 'Host of the callers.';
COMMENT ON COLUMN clock_offsets.target_host IS 'Host of the receivers.';
COMMENT ON COLUMN clock_offsets.day IS 'Days since 1970, UTC.';
COMMENT ON COLUMN clock_offsets.offset_us IS 'The receiver''s clock minus the caller''s, microseconds; transit_us of crossings is corrected by it.';
COMMENT ON COLUMN clock_offsets.n_calls IS 'Calls that it rests on.';
