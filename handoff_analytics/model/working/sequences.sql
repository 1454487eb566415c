-- Steps of a workflow run that name no step before them: the one that ended last before they began.
WITH steps AS (
    SELECT
        t.span_uid,
        t.trace_key,
        t.span_key,
        t.parent_key,
        t.system,
        t.kind,
        t.parent_kind,
        s.name,
        s.start_us,
        s.start_us + coalesce(s.duration_us, 0) AS end_us
    FROM tree AS t
    JOIN spans AS s ON s.trace_key = t.trace_key AND s.span_key = t.span_key
    WHERE t.kind = 'step'
),
declared AS (
    -- A run whose steps say their order anywhere says it everywhere: the others are its first steps.
    SELECT steps.trace_key
    FROM steps
    JOIN span_links AS l ON l.trace_key = steps.trace_key AND l.span_key = steps.span_key
    UNION
    SELECT trace_key FROM steps WHERE parent_kind = 'step'
),
ranked AS (
    SELECT
        earlier.span_uid AS source_uid,
        earlier.trace_key AS source_trace,
        earlier.span_key AS source_key,
        earlier.parent_key AS source_parent,
        earlier.system AS source_system,
        earlier.kind AS source_kind,
        later.span_uid AS target_uid,
        later.trace_key AS target_trace,
        later.span_key AS target_key,
        later.parent_key AS target_parent,
        later.system AS target_system,
        later.kind AS target_kind,
        'workflow_step' AS evidence,
        row_number() OVER (
            PARTITION BY later.trace_key, later.span_key
            ORDER BY earlier.end_us DESC, earlier.start_us DESC, earlier.span_uid
        ) AS place
    FROM steps AS later
    JOIN steps AS earlier
        ON earlier.trace_key = later.trace_key
        AND earlier.end_us <= later.start_us
        AND earlier.span_key <> later.span_key
        -- A step that runs again does not hand to itself.
        AND NOT (coalesce(earlier.name, '') = coalesce(later.name, '') AND earlier.system = later.system)
    WHERE NOT EXISTS (SELECT 1 FROM declared WHERE declared.trace_key = later.trace_key)
)
SELECT
    source_uid,
    source_trace,
    source_key,
    source_parent,
    source_system,
    source_kind,
    target_uid,
    target_trace,
    target_key,
    target_parent,
    target_system,
    target_kind,
    evidence
FROM ranked
WHERE place = 1
