WITH passed AS (
    SELECT
        source,
        target,
        channel,
        min(started_at) AS first_seen_at,
        max(started_at) AS last_seen_at,
        min(platform) AS platform,
        count(*) AS n_crossings,
        sum(CASE WHEN is_last_attempt AND NOT is_duplicate THEN 1 ELSE 0 END) AS n_calls,
        sum(CASE WHEN failed THEN 1 ELSE 0 END) AS n_failed_attempts,
        min(CASE tier WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END) AS best_tier,
        sum(CASE WHEN is_duplicate THEN 1 ELSE 0 END) AS n_duplicates,
        -- Calls whose caller reports, by outcome and by whether the receiver reports too.
        sum(CASE WHEN source_status NOT IN ('error', 'timeout') THEN 1.0 ELSE 0.0 END) AS passed_calls,
        sum(CASE WHEN source_status NOT IN ('error', 'timeout') AND target_status IS NOT NULL THEN 1.0 ELSE 0.0 END)
            AS passed_paired,
        sum(CASE WHEN source_status IN ('error', 'timeout') AND target_status IS NULL THEN 1.0 ELSE 0.0 END)
            AS failed_unpaired,
        sum(CASE WHEN source_status IN ('error', 'timeout') AND target_status IS NOT NULL THEN 1.0 ELSE 0.0 END)
            AS failed_paired
    FROM crossings
    GROUP BY source, target, channel
),
best AS (
    SELECT source, target, channel, evidence
    FROM (
        SELECT
            source,
            target,
            channel,
            evidence,
            row_number() OVER (
                PARTITION BY source, target, channel
                ORDER BY max(confidence) DESC, count(*) DESC, evidence
            ) AS place
        FROM crossings
        GROUP BY source, target, channel, evidence
    ) AS ranked
    WHERE place = 1
),
failed AS (
    SELECT
        source,
        target,
        channel,
        sum(CASE WHEN origin <> 'propagated' AND fate <> 'masked' THEN origin_weight ELSE 0.0 END) AS n_failures,
        sum(CASE WHEN origin <> 'propagated' AND fate = 'masked' THEN 1 ELSE 0 END) AS n_masked,
        sum(CASE WHEN silent THEN 1 ELSE 0 END) AS n_silent
    FROM failures
    GROUP BY source, target, channel
),
declared AS (
    SELECT
        coalesce(a.system, d.source) AS source,
        coalesce(b.system, d.target) AS target,
        coalesce(d.channel, 'unknown') AS channel
    FROM declared_handoffs AS d
    LEFT JOIN system_names AS a ON a.name = d.source
    LEFT JOIN system_names AS b ON b.name = d.target
    WHERE d.source IS NOT NULL AND d.target IS NOT NULL
    GROUP BY coalesce(a.system, d.source), coalesce(b.system, d.target), coalesce(d.channel, 'unknown')
),
named AS (
    SELECT source, target, channel FROM passed
    UNION
    SELECT source, target, channel FROM failed
    UNION
    SELECT source, target, channel FROM declared
)
SELECT
    named.source,
    named.target,
    named.channel,
    sender.team AS source_team,
    receiver.team AS target_team,
    CASE WHEN sender.team <> receiver.team THEN TRUE ELSE FALSE END AS multi_team,
    coalesce(passed.platform, receiver.platform_type, sender.platform_type) AS platform,
    CASE WHEN declared.source IS NULL THEN FALSE ELSE TRUE END AS declared,
    CASE WHEN passed.source IS NULL AND failed.source IS NULL THEN FALSE ELSE TRUE END AS observed,
    best.evidence,
    CASE passed.best_tier WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low' END AS tier,
    passed.first_seen_at,
    passed.last_seen_at,
    coalesce(passed.n_crossings, 0) AS n_crossings,
    CAST(coalesce(passed.n_calls, 0) AS BIGINT) AS n_calls,
    CAST(coalesce(passed.n_failed_attempts, 0) AS BIGINT) AS n_failed_attempts,
    CAST(coalesce(failed.n_failures, 0) AS DOUBLE) AS n_failures,
    CAST(coalesce(failed.n_masked, 0) AS BIGINT) AS n_masked,
    CAST(coalesce(failed.n_silent, 0) AS BIGINT) AS n_silent,
    CAST(coalesce(passed.n_duplicates, 0) AS BIGINT) AS n_duplicates,
    CAST(CASE WHEN passed.passed_calls > 0 THEN passed.passed_paired / passed.passed_calls END AS DOUBLE) AS pairing_rate,
    -- Of the failed calls without an answer, those that no lost span explains: (1 - q) / q of the answered ones are lost.
    CAST(
        CASE
            WHEN passed.passed_paired > 0
                THEN greatest(
                    passed.failed_unpaired
                    - passed.failed_paired * (passed.passed_calls - passed.passed_paired) / passed.passed_paired,
                    0.0
                )
        END AS DOUBLE
    ) AS n_never_arrived
FROM named
LEFT JOIN passed
    ON passed.source = named.source AND passed.target = named.target AND passed.channel = named.channel
LEFT JOIN best ON best.source = named.source AND best.target = named.target AND best.channel = named.channel
LEFT JOIN failed
    ON failed.source = named.source AND failed.target = named.target AND failed.channel = named.channel
LEFT JOIN declared
    ON declared.source = named.source AND declared.target = named.target AND declared.channel = named.channel
LEFT JOIN systems AS sender ON sender.name = named.source
LEFT JOIN systems AS receiver ON receiver.name = named.target;

COMMENT ON TABLE handoffs IS 'One row a boundary, source to target over a channel: what is ranked, audited and priced.';
COMMENT ON COLUMN handoffs.source IS 'System that hands over.';
COMMENT ON COLUMN handoffs.target IS 'System that takes over.';
COMMENT ON COLUMN handoffs.channel IS 'Channel.';
COMMENT ON COLUMN handoffs.source_team IS 'Owner of the source.';
COMMENT ON COLUMN handoffs.target_team IS 'Owner of the target.';
COMMENT ON COLUMN handoffs.multi_team IS 'Whether two teams own its ends.';
COMMENT ON COLUMN handoffs.platform IS 'Platform type.';
COMMENT ON COLUMN handoffs.declared IS 'Whether a catalogue names it.';
COMMENT ON COLUMN handoffs.observed IS 'Whether any crossing or silent failure shows it.';
COMMENT ON COLUMN handoffs.evidence IS 'Best evidence for it.';
COMMENT ON COLUMN handoffs.tier IS 'high, medium or low: how far it can be trusted.';
COMMENT ON COLUMN handoffs.first_seen_at IS 'First crossing, UTC.';
COMMENT ON COLUMN handoffs.last_seen_at IS 'Last crossing, UTC.';
COMMENT ON COLUMN handoffs.n_crossings IS 'Attempts, unweighted.';
COMMENT ON COLUMN handoffs.n_calls IS 'Logical calls, without duplicate deliveries.';
COMMENT ON COLUMN handoffs.n_failed_attempts IS 'Attempts that failed, wherever the failure began.';
COMMENT ON COLUMN handoffs.n_failures IS 'Failures that began here and were not masked by a retry; shared origins count in part.';
COMMENT ON COLUMN handoffs.n_masked IS 'Failures that began here and that a retry made good.';
COMMENT ON COLUMN handoffs.n_silent IS 'Failures that both systems reported as success.';
COMMENT ON COLUMN handoffs.n_duplicates IS 'Messages taken again that had been taken successfully before.';
COMMENT ON COLUMN handoffs.pairing_rate IS 'Of the calls that succeeded, the share whose receiver reports too: 1 means fully instrumented.';
COMMENT ON COLUMN handoffs.n_never_arrived IS 'Failed attempts that never reached the receiver, corrected for receivers'' spans that were lost; null when no receiver reports.';
