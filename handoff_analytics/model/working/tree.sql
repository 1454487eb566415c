-- Where each span stands: at the root, without its parent (orphan), entering a system (entry) or inside it (inner).
SELECT
    c.span_uid,
    c.trace_key,
    c.span_key,
    c.parent_key,
    c.system,
    c.kind,
    p.kind AS parent_kind,
    p.system AS parent_system,
    p.parent_key AS grand_key,
    CASE
        WHEN c.parent_key IS NULL THEN 'root'
        WHEN p.span_key IS NULL THEN 'orphan'
        WHEN p.system <> c.system THEN 'entry'
        ELSE 'inner'
    END AS place
FROM nodes AS c
LEFT JOIN nodes AS p ON p.trace_key = c.trace_key AND p.span_key = c.parent_key
