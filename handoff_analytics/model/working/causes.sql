-- Which failed attempt made which other fail: the receiver of the one had made the other as its last attempt.
SELECT
    up.crossing_id AS failure_id,
    down.crossing_id AS cause_id,
    row_number() OVER (PARTITION BY up.crossing_id ORDER BY down.start_us, down.crossing_id) AS place,
    count(*) OVER (PARTITION BY up.crossing_id) AS n_causes,
    row_number() OVER (PARTITION BY down.crossing_id ORDER BY up.start_us, up.crossing_id) AS consequence
FROM faults AS up
JOIN faults AS down
    ON down.source_trace = up.target_trace AND down.caller_key = up.target_key AND down.goes_up
WHERE up.origin = 'propagated'
