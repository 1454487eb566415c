CREATE TABLE IF NOT EXISTS prevention_measures (
    measure     VARCHAR,
    title       VARCHAR,
    category    VARCHAR,
    definition  JSON,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE prevention_measures IS 'One row a measure that would prevent failures.';
COMMENT ON COLUMN prevention_measures.measure IS 'Name.';
COMMENT ON COLUMN prevention_measures.title IS 'In words.';
COMMENT ON COLUMN prevention_measures.category IS 'auditing, error_handling, monitoring or training.';
COMMENT ON COLUMN prevention_measures.definition IS 'Costs, life, ramp-up, targets, effects with ranges, overlap group, prerequisites, exclusions, team and days, as declared.';
COMMENT ON COLUMN prevention_measures.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN prevention_measures.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN prevention_measures.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
