WITH judged AS (
    SELECT e.rung, e.confirmed, CASE WHEN s.source IS NULL THEN FALSE ELSE TRUE END AS found
    FROM log_edges AS e
    LEFT JOIN (
        SELECT span_edges.source, span_edges.target
        FROM span_edges
        JOIN checked_systems AS a ON a.system = span_edges.source AND a.logs
        JOIN checked_systems AS b ON b.system = span_edges.target AND b.logs
    ) AS s ON s.source = e.source AND s.target = e.target
),
counted AS (
    SELECT
        coalesce(rung, 'all') AS rung,
        count(*) AS edges,
        count(confirmed) AS checked,
        sum(CASE WHEN confirmed THEN 1 ELSE 0 END) AS confirmed,
        sum(CASE WHEN found THEN 1 ELSE 0 END) AS found
    FROM judged
    GROUP BY GROUPING SETS ((rung), ())
),
shown AS (
    SELECT count(*) AS span_edges
    FROM span_edges
    JOIN checked_systems AS a ON a.system = span_edges.source AND a.logs
    JOIN checked_systems AS b ON b.system = span_edges.target AND b.logs
)
SELECT
    counted.rung,
    CAST(counted.edges AS BIGINT) AS edges,
    CAST(counted.checked AS BIGINT) AS checked,
    CAST(coalesce(counted.confirmed, 0) AS BIGINT) AS confirmed,
    CAST(CASE WHEN counted.checked > 0 THEN counted.confirmed * 1.0 / counted.checked END AS DOUBLE) AS edge_precision,
    CAST(shown.span_edges AS BIGINT) AS span_edges,
    CAST(coalesce(counted.found, 0) AS BIGINT) AS found,
    CAST(CASE WHEN shown.span_edges > 0 THEN counted.found * 1.0 / shown.span_edges END AS DOUBLE) AS edge_recall
FROM counted
CROSS JOIN shown
ORDER BY CASE WHEN counted.rung = 'all' THEN 0 ELSE 1 END, counted.rung;

COMMENT ON TABLE log_accuracy IS 'One row a rung of log_edges, and one of all: how far what logs show agrees with what spans show, measured on the ids that have both.';
COMMENT ON COLUMN log_accuracy.rung IS 'As in log_edges; all for all of them together.';
COMMENT ON COLUMN log_accuracy.edges IS 'Handoffs that logs show.';
COMMENT ON COLUMN log_accuracy.checked IS 'Of them, those whose source sends spans and whose target reports anything in such ids.';
COMMENT ON COLUMN log_accuracy.confirmed IS 'Of those, the ones that spans show too.';
COMMENT ON COLUMN log_accuracy.edge_precision IS 'confirmed / checked, from 0 to 1; null where nothing can be checked.';
COMMENT ON COLUMN log_accuracy.span_edges IS 'Handoffs that spans of those ids show between systems that log in them.';
COMMENT ON COLUMN log_accuracy.found IS 'Of them, those that logs show by this rung.';
COMMENT ON COLUMN log_accuracy.edge_recall IS 'found / span_edges, from 0 to 1; null without any.';
