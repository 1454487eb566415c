-- The handoffs that spans show in the ids that have log lines too.
SELECT DISTINCT c.source, c.target
FROM crossings AS c
JOIN checked_traces AS t ON t.trace_key = c.trace_key OR t.trace_key = c.source_trace_key
WHERE c.evidence IN ('span_pair', 'parent_child', 'span_link', 'message_id', 'peer', 'workflow_step')
    AND c.source NOT IN ('external', 'unknown')
    AND c.target <> 'unknown'
