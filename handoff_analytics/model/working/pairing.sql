-- Of the calls that succeeded on a handoff, the share whose other side reported too.
SELECT
    source,
    target,
    channel,
    sum(CASE WHEN target_status IS NOT NULL THEN 1.0 ELSE 0.0 END) / count(*) AS pairing_rate
FROM every_call
WHERE source_status IS NOT NULL AND source_status NOT IN ('error', 'timeout')
GROUP BY source, target, channel
