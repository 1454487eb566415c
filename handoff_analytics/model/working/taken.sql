-- The spans whose sender is found by link, message id or sequence: they need no other.
SELECT target_trace, target_key FROM links
UNION
SELECT target_trace, target_key FROM messages
UNION
SELECT target_trace, target_key FROM sequences
