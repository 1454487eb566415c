-- Attempts that belong to one logical call, and messages that came again. Calls that stand alone are left out.
WITH doubtful AS (
    -- Only where something failed, or says that it is a repetition, can one call have several attempts.
    SELECT DISTINCT source_trace, attempts_under, source, target
    FROM calls
    WHERE attempts_under IS NOT NULL
        AND (source_failed OR attempt > 1 OR (target_failed AND channel <> 'messaging'))
),
sends AS (
    SELECT
        calls.crossing_id,
        calls.source_trace,
        calls.attempts_under,
        calls.source,
        calls.target,
        calls.channel,
        coalesce(calls.operation, '') AS operation,
        calls.start_us,
        calls.start_us + coalesce(calls.duration_us, calls.callee_us, 0) AS end_us,
        coalesce(calls.attempt, 1) AS attempt,
        CASE WHEN calls.source_failed OR (calls.target_failed AND calls.channel <> 'messaging') THEN 1 ELSE 0 END
            AS failed
    FROM calls
    JOIN doubtful
        ON doubtful.source_trace = calls.source_trace
        AND doubtful.attempts_under = calls.attempts_under
        AND doubtful.source = calls.source
        AND doubtful.target = calls.target
    LEFT JOIN deliveries ON deliveries.crossing_id = calls.crossing_id AND deliveries.delivery > 1
    WHERE deliveries.crossing_id IS NULL
),
followed AS (
    SELECT
        sends.*,
        lag(end_us) OVER (
            PARTITION BY source_trace, attempts_under, source, target, channel, operation
            ORDER BY start_us, attempt, crossing_id
        ) AS previous_end_us,
        lag(failed) OVER (
            PARTITION BY source_trace, attempts_under, source, target, channel, operation
            ORDER BY start_us, attempt, crossing_id
        ) AS previous_failed
    FROM sends
),
counted AS (
    SELECT
        followed.*,
        sum(
            CASE
                WHEN previous_end_us IS NULL THEN 1
                WHEN attempt > 1 THEN 0
                WHEN previous_failed = 1 AND previous_end_us <= start_us THEN 0
                ELSE 1
            END
        ) OVER (
            PARTITION BY source_trace, attempts_under, source, target, channel, operation
            ORDER BY start_us, attempt, crossing_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS call_number
    FROM followed
),
called AS (
    SELECT
        crossing_id,
        first_value(crossing_id) OVER (
            PARTITION BY source_trace, attempts_under, source, target, channel, operation, call_number
            ORDER BY start_us, attempt, crossing_id
        ) AS call_id
    FROM counted
),
members AS (
    SELECT crossing_id, call_id, 1 AS delivery
    FROM called
    UNION
    SELECT
        deliveries.crossing_id,
        coalesce(called.call_id, deliveries.first_id),
        deliveries.delivery
    FROM deliveries
    LEFT JOIN called ON called.crossing_id = deliveries.first_id
),
placed AS (
    SELECT
        members.crossing_id,
        members.call_id,
        members.delivery,
        coalesce(calls.attempt, 1) AS stated_attempt,
        CASE WHEN calls.source_failed OR calls.target_failed THEN 1 ELSE 0 END AS failed,
        row_number() OVER (
            PARTITION BY members.call_id
            ORDER BY members.delivery, calls.start_us, coalesce(calls.attempt, 1), members.crossing_id
        ) AS place,
        count(*) OVER (PARTITION BY members.call_id) AS n_attempts,
        sum(CASE WHEN calls.source_failed OR calls.target_failed THEN 0 ELSE 1 END) OVER (
            PARTITION BY members.call_id
            ORDER BY members.delivery, calls.start_us, coalesce(calls.attempt, 1), members.crossing_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS successes_so_far,
        sum(CASE WHEN calls.source_failed OR calls.target_failed THEN 0 ELSE 1 END) OVER (
            PARTITION BY members.call_id
        ) AS successes
    FROM members
    JOIN calls ON calls.crossing_id = members.crossing_id
)
SELECT
    crossing_id,
    call_id,
    CASE WHEN place < stated_attempt THEN stated_attempt ELSE place END AS attempt,
    CASE WHEN place = n_attempts THEN TRUE ELSE FALSE END AS is_last_attempt,
    CASE WHEN failed = 1 AND successes > successes_so_far THEN TRUE ELSE FALSE END AS is_masked,
    CASE WHEN delivery > 1 AND successes_so_far - (1 - failed) > 0 THEN TRUE ELSE FALSE END AS is_duplicate
FROM placed
