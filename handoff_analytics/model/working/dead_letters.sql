-- Records of a queue for the undeliverable: who sent to the queue that they came from, and who could not take them.
-- They name the queue as their sender; where one system alone sends to it, that is the sender.
WITH letters AS (
    SELECT t.span_uid, t.trace_key, t.span_key, s.destination, coalesce(n.system, s.peer) AS target_system
    FROM spans AS s
    JOIN tree AS t ON t.trace_key = s.trace_key AND t.span_key = s.span_key
    LEFT JOIN system_names AS n ON n.name = s.peer
    WHERE s.channel = 'messaging'
        AND s.status IN ('error', 'timeout')
        AND s.system = s.destination
        AND s.peer IS NOT NULL
),
senders AS (
    SELECT s.destination, min(t.system) AS system, max(t.system) AS other_system
    FROM spans AS s
    JOIN tree AS t ON t.trace_key = s.trace_key AND t.span_key = s.span_key
    JOIN (SELECT DISTINCT destination FROM letters) AS wanted ON wanted.destination = s.destination
    WHERE s.kind = 'producer'
    GROUP BY s.destination
)
SELECT
    letters.span_uid,
    letters.trace_key,
    letters.span_key,
    CASE WHEN senders.system = senders.other_system THEN senders.system ELSE letters.destination END AS source_system,
    letters.target_system
FROM letters
LEFT JOIN senders ON senders.destination = letters.destination
