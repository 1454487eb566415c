CREATE TABLE IF NOT EXISTS system_aliases (
    alias      VARCHAR,
    system     VARCHAR,
    match      VARCHAR,
    confidence DOUBLE
);
COMMENT ON TABLE system_aliases IS 'One row another name of a system; tickets, logs and traces name the same thing differently.';
COMMENT ON COLUMN system_aliases.alias IS 'The other name, as it is written.';
COMMENT ON COLUMN system_aliases.system IS 'The canonical name.';
COMMENT ON COLUMN system_aliases.match IS 'exact, rule or user.';
COMMENT ON COLUMN system_aliases.confidence IS 'From 0 to 1.';
