WITH reporting AS (
    SELECT DISTINCT system AS name FROM evidence_spans WHERE system IS NOT NULL
    UNION
    SELECT DISTINCT system FROM evidence_logs WHERE system IS NOT NULL
    UNION
    SELECT name FROM declared_systems WHERE name IS NOT NULL
),
mentioned AS (
    SELECT name FROM reporting
    UNION
    SELECT DISTINCT peer FROM evidence_spans WHERE peer IS NOT NULL
    UNION
    SELECT DISTINCT peer FROM evidence_logs WHERE peer IS NOT NULL
    UNION
    SELECT DISTINCT system FROM ticket_systems WHERE system IS NOT NULL
    UNION
    SELECT DISTINCT business_service FROM tickets WHERE business_service IS NOT NULL
    UNION
    SELECT source FROM declared_handoffs WHERE source IS NOT NULL
    UNION
    SELECT target FROM declared_handoffs WHERE target IS NOT NULL
    UNION
    SELECT DISTINCT platform FROM runs WHERE platform IS NOT NULL
    UNION
    -- A step of a workflow is named after its tool, which many steps share: who knows better names it workflow.step.
    SELECT steps.name
    FROM (
        SELECT DISTINCT concat(workflow, '.', name) AS name
        FROM evidence_spans
        WHERE kind = 'step' AND workflow IS NOT NULL AND name IS NOT NULL
    ) AS steps
    JOIN (SELECT DISTINCT lower(alias) AS written FROM system_aliases) AS said ON said.written = lower(steps.name)
),
aliases AS (
    SELECT written, system
    FROM (
        SELECT
            lower(alias) AS written,
            system,
            row_number() OVER (
                PARTITION BY lower(alias)
                ORDER BY CASE match WHEN 'user' THEN 0 WHEN 'exact' THEN 1 ELSE 2 END, confidence DESC, system
            ) AS place
        FROM system_aliases
    ) AS ranked
    WHERE place = 1
),
known AS (
    SELECT lower(coalesce(aliases.system, reporting.name)) AS written, min(coalesce(aliases.system, reporting.name)) AS system
    FROM reporting
    LEFT JOIN aliases ON aliases.written = lower(reporting.name)
    GROUP BY lower(coalesce(aliases.system, reporting.name))
)
SELECT
    mentioned.name,
    coalesce(
        aliases.system,
        reporting.name,
        whole.system,
        host_alias.system,
        host.system,
        label.system,
        mentioned.name
    ) AS system,
    CASE
        WHEN aliases.system IS NOT NULL THEN 'alias'
        WHEN reporting.name IS NOT NULL THEN 'exact'
        WHEN coalesce(whole.system, host_alias.system, host.system, label.system) IS NOT NULL THEN 'rule'
        ELSE 'unmatched'
    END AS basis
FROM mentioned
LEFT JOIN aliases ON aliases.written = lower(mentioned.name)
LEFT JOIN reporting ON reporting.name = mentioned.name
LEFT JOIN known AS whole ON whole.written = lower(mentioned.name)
-- A port, then the domain, are left off: payment.default.svc:8080 is payment.
LEFT JOIN aliases AS host_alias ON host_alias.written = lower(split_part(mentioned.name, ':', 1))
LEFT JOIN known AS host ON host.written = lower(split_part(mentioned.name, ':', 1))
LEFT JOIN known AS label ON label.written = lower(split_part(split_part(mentioned.name, ':', 1), '.', 1));

COMMENT ON TABLE system_names IS 'One row a name that the evidence writes, and the system that it means.';
COMMENT ON COLUMN system_names.name IS 'As it is written by spans, logs, runs, tickets or the catalogue; workflow.step where an alias names a step.';
COMMENT ON COLUMN system_names.system IS 'The system meant; the name itself where nothing says otherwise.';
COMMENT ON COLUMN system_names.basis IS 'alias (system_aliases says so), exact (a system that reports under it), rule (case, port or domain left off) or unmatched.';
