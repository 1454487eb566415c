-- Attempts that belong to one logical call, and messages that were delivered again. Calls that stand alone are left out.
WITH numbered AS (
    SELECT
        calls.crossing_id,
        calls.source_trace,
        calls.source_key,
        calls.attempts_under,
        calls.source,
        calls.target,
        calls.operation,
        calls.channel,
        calls.start_us,
        calls.start_us + coalesce(calls.duration_us, calls.callee_us, 0) AS end_us,
        calls.source_failed,
        calls.target_failed,
        coalesce(calls.attempt, 1) AS attempt,
        CASE
            WHEN calls.channel = 'messaging' AND calls.source_key IS NOT NULL AND calls.target_key IS NOT NULL
                THEN row_number() OVER (
                    PARTITION BY calls.source_trace, calls.source_key, calls.target, calls.target_operation
                    ORDER BY coalesce(calls.attempt, 1), calls.start_us, calls.crossing_id
                )
            ELSE 1
        END AS delivery,
        calls.target_operation
    FROM calls
    JOIN (
        -- Only where something failed or came again can one call have several attempts.
        SELECT DISTINCT source_trace, attempts_under, source, target
        FROM calls
        WHERE attempts_under IS NOT NULL AND (source_failed OR target_failed OR attempt > 1)
        UNION
        SELECT source_trace, attempts_under, source, target
        FROM calls
        WHERE attempts_under IS NOT NULL AND channel = 'messaging' AND target_key IS NOT NULL
        GROUP BY source_trace, attempts_under, source, target, source_key, target_operation
        HAVING count(*) > 1
    ) AS doubtful
        ON doubtful.source_trace = calls.source_trace
        AND doubtful.attempts_under = calls.attempts_under
        AND doubtful.source = calls.source
        AND doubtful.target = calls.target
),
followed AS (
    SELECT
        numbered.*,
        lag(end_us) OVER sequence_of AS previous_end_us,
        lag(CASE WHEN source_failed OR (target_failed AND channel <> 'messaging') THEN 1 ELSE 0 END)
            OVER sequence_of AS previous_failed
    FROM numbered
    WHERE delivery = 1
    WINDOW sequence_of AS (
        PARTITION BY source_trace, attempts_under, source, target, operation, channel
        ORDER BY start_us, attempt, crossing_id
    )
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
            PARTITION BY source_trace, attempts_under, source, target, operation, channel
            ORDER BY start_us, attempt, crossing_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS call_number
    FROM followed
),
called AS (
    SELECT
        counted.source_trace,
        counted.source_key,
        counted.target,
        counted.target_operation,
        counted.crossing_id AS first_delivery_id,
        first_value(counted.crossing_id) OVER (
            PARTITION BY source_trace, attempts_under, source, target, operation, channel, call_number
            ORDER BY start_us, attempt, crossing_id
        ) AS call_id
    FROM counted
),
attempts AS (
    SELECT
        numbered.crossing_id,
        called.call_id,
        numbered.start_us,
        numbered.attempt AS stated_attempt,
        CASE WHEN numbered.source_failed OR numbered.target_failed THEN 1 ELSE 0 END AS failed,
        numbered.delivery
    FROM numbered
    JOIN called
        ON called.source_trace = numbered.source_trace
        AND called.source_key = numbered.source_key
        AND called.target = numbered.target
        AND coalesce(called.target_operation, '') = coalesce(numbered.target_operation, '')
    WHERE numbered.delivery > 1
    UNION ALL
    SELECT
        numbered.crossing_id,
        called.call_id,
        numbered.start_us,
        numbered.attempt,
        CASE WHEN numbered.source_failed OR numbered.target_failed THEN 1 ELSE 0 END,
        numbered.delivery
    FROM numbered
    JOIN called ON called.first_delivery_id = numbered.crossing_id
    WHERE numbered.delivery = 1
),
placed AS (
    SELECT
        attempts.*,
        row_number() OVER (PARTITION BY call_id ORDER BY start_us, stated_attempt, crossing_id) AS attempt,
        count(*) OVER (PARTITION BY call_id) AS n_attempts,
        max(CASE WHEN failed = 0 THEN start_us END) OVER (PARTITION BY call_id) AS last_success_us,
        coalesce(
            sum(CASE WHEN failed = 0 THEN 1 ELSE 0 END) OVER (
                PARTITION BY call_id
                ORDER BY start_us, stated_attempt, crossing_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) AS successes_before,
        sum(CASE WHEN failed = 0 THEN 1 ELSE 0 END) OVER (
            PARTITION BY call_id
            ORDER BY start_us, stated_attempt, crossing_id
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS successes_from_here
    FROM attempts
)
SELECT
    crossing_id,
    call_id,
    CASE WHEN attempt < stated_attempt THEN stated_attempt ELSE attempt END AS attempt,
    CASE WHEN attempt = n_attempts THEN TRUE ELSE FALSE END AS is_last_attempt,
    CASE WHEN failed = 1 AND successes_from_here > 0 THEN TRUE ELSE FALSE END AS is_masked,
    CASE WHEN delivery > 1 AND successes_before > 0 THEN TRUE ELSE FALSE END AS is_duplicate
FROM placed
