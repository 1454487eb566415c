-- Of the calls that succeeded on a handoff, the share whose other side reported too.
SELECT
    source,
    target,
    channel,
    sum(CASE WHEN target_key IS NOT NULL THEN 1.0 ELSE 0.0 END) / count(*) AS pairing_rate,
    count(*) AS n_succeeded
FROM calls
WHERE has_call AND NOT source_failed AND source_key IS NOT NULL
GROUP BY source, target, channel
