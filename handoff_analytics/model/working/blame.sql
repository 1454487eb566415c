-- The origin of each failure, and the part of the topmost failure that an origin answers for. DuckDB only: recursive.
WITH RECURSIVE down AS (
    SELECT crossing_id AS failure_id, crossing_id AS at_id, 0 AS depth FROM faults
    UNION ALL
    -- Of several causes the earliest is followed.
    SELECT down.failure_id, causes.cause_id, down.depth + 1
    FROM down
    JOIN causes ON causes.failure_id = down.at_id AND causes.place = 1
    WHERE down.depth < 64
),
up AS (
    SELECT crossing_id AS failure_id, crossing_id AS at_id, 1.0::DOUBLE AS part, 0 AS depth FROM faults
    UNION ALL
    -- A message of a batch has one consequence that counts: else one failure would count for each message.
    SELECT up.failure_id, causes.failure_id, up.part / causes.n_causes, up.depth + 1
    FROM up
    JOIN causes ON causes.cause_id = up.at_id AND causes.consequence = 1
    WHERE up.depth < 64
),
roots AS (
    SELECT failure_id, arg_max(at_id, depth) AS root_id, max(depth) AS depth FROM down GROUP BY failure_id
),
parts AS (
    SELECT failure_id, arg_max(part, depth) AS part FROM up GROUP BY failure_id
)
SELECT roots.failure_id, roots.root_id, roots.depth, parts.part AS origin_weight
FROM roots
JOIN parts USING (failure_id)
