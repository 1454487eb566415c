WITH seen AS (
    SELECT
        coalesce(step.system, n.system, s.system, 'unknown') AS name,
        min(s.namespace) AS namespace,
        -- The platform of a step runs the workflow; it is not the system that the step is about.
        min(CASE WHEN s.kind = 'step' THEN NULL ELSE s.platform END) AS platform_type,
        min(s.started_at) AS first_seen_at,
        max(s.started_at) AS last_seen_at,
        count(*) AS n_spans
    FROM evidence_spans AS s
    LEFT JOIN system_names AS n ON n.name = s.system
    LEFT JOIN system_names AS step
        ON step.basis = 'alias' AND step.name = CASE WHEN s.kind = 'step' THEN concat(s.workflow, '.', s.name) END
    GROUP BY coalesce(step.system, n.system, s.system, 'unknown')
),
logged AS (
    SELECT
        coalesce(n.system, l.system) AS name,
        min(l.logged_at) AS first_seen_at,
        max(l.logged_at) AS last_seen_at
    FROM evidence_logs AS l
    LEFT JOIN system_names AS n ON n.name = l.system
    WHERE l.system IS NOT NULL
    GROUP BY coalesce(n.system, l.system)
),
called AS (
    SELECT
        name,
        timestamp_micros(min(first_us)) AS first_seen_at,
        timestamp_micros(max(last_us)) AS last_seen_at,
        min(channel) AS channel
    FROM (
        SELECT source AS name, min(start_us) AS first_us, max(start_us) AS last_us, CAST(NULL AS STRING) AS channel
        FROM every_call
        GROUP BY source
        UNION ALL
        SELECT target, min(start_us), max(start_us), min(channel)
        FROM every_call
        GROUP BY target
    ) AS ends
    GROUP BY name
),
declared AS (
    SELECT
        coalesce(n.system, d.name) AS name,
        min(d.team) AS team,
        min(d.platform_type) AS platform_type,
        min(d.system_type) AS system_type,
        min(d.criticality) AS criticality,
        min(d.namespace) AS namespace
    FROM declared_systems AS d
    LEFT JOIN system_names AS n ON n.name = d.name
    GROUP BY coalesce(n.system, d.name)
),
promised AS (
    SELECT source AS name FROM declared_handoffs WHERE source IS NOT NULL
    UNION
    SELECT target FROM declared_handoffs WHERE target IS NOT NULL
),
named AS (
    SELECT name FROM seen
    UNION
    SELECT name FROM logged
    UNION
    SELECT name FROM called
    UNION
    SELECT name FROM declared
    UNION
    SELECT coalesce(n.system, promised.name) FROM promised LEFT JOIN system_names AS n ON n.name = promised.name
)
SELECT
    named.name,
    coalesce(declared.namespace, seen.namespace) AS namespace,
    coalesce(
        declared.system_type,
        CASE
            WHEN named.name IN ('external', 'unknown') THEN 'external_api'
            WHEN seen.name IS NOT NULL OR logged.name IS NOT NULL THEN 'service'
            WHEN called.channel = 'database' THEN 'database'
            WHEN called.channel = 'messaging' THEN 'queue'
            WHEN called.channel = 'file' THEN 'file_store'
            WHEN called.name IS NOT NULL THEN 'external_api'
        END
    ) AS system_type,
    coalesce(declared.platform_type, seen.platform_type) AS platform_type,
    declared.team,
    declared.criticality,
    CASE WHEN seen.name IS NOT NULL OR logged.name IS NOT NULL OR called.name IS NOT NULL THEN TRUE ELSE FALSE END
        AS observed,
    CASE WHEN declared.name IS NOT NULL THEN TRUE ELSE FALSE END AS declared,
    least(
        coalesce(seen.first_seen_at, logged.first_seen_at, called.first_seen_at),
        coalesce(logged.first_seen_at, seen.first_seen_at, called.first_seen_at),
        coalesce(called.first_seen_at, seen.first_seen_at, logged.first_seen_at)
    ) AS first_seen_at,
    greatest(
        coalesce(seen.last_seen_at, logged.last_seen_at, called.last_seen_at),
        coalesce(logged.last_seen_at, seen.last_seen_at, called.last_seen_at),
        coalesce(called.last_seen_at, seen.last_seen_at, logged.last_seen_at)
    ) AS last_seen_at,
    coalesce(seen.n_spans, 0) AS n_spans
FROM named
LEFT JOIN seen ON seen.name = named.name
LEFT JOIN logged ON logged.name = named.name
LEFT JOIN called ON called.name = named.name
LEFT JOIN declared ON declared.name = named.name;

COMMENT ON TABLE systems IS 'One row a system: whoever does work in a trace, a log, a run or a ticket, under one name.';
COMMENT ON COLUMN systems.name IS 'Its one name; other names are resolved by system_aliases.';
COMMENT ON COLUMN systems.namespace IS 'Group of systems, as declared or as service.namespace.';
COMMENT ON COLUMN systems.system_type IS 'service, database, queue, external_api, saas_app, workflow_step, human_team or file_store; guessed from the channel where it was not declared.';
COMMENT ON COLUMN systems.platform_type IS 'ipaas, low_code, custom or orchestrator, where known.';
COMMENT ON COLUMN systems.team IS 'Owner, as declared.';
COMMENT ON COLUMN systems.criticality IS 'As declared.';
COMMENT ON COLUMN systems.observed IS 'Whether any evidence names it.';
COMMENT ON COLUMN systems.declared IS 'Whether a catalogue names it.';
COMMENT ON COLUMN systems.first_seen_at IS 'Its first evidence, UTC.';
COMMENT ON COLUMN systems.last_seen_at IS 'Its last evidence, UTC.';
COMMENT ON COLUMN systems.n_spans IS 'Spans that it reported.';
