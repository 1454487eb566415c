CREATE TABLE IF NOT EXISTS declared_systems (
    name          VARCHAR,
    team          VARCHAR,
    platform_type VARCHAR,
    system_type   VARCHAR,
    criticality   VARCHAR,
    namespace     VARCHAR,
    load_id       INTEGER,
    record_no     BIGINT,
    record_hash   BIGINT
);
COMMENT ON TABLE declared_systems IS 'One row a system that people declared, or that an alias was given for.';
COMMENT ON COLUMN declared_systems.name IS 'Canonical name: the service.name of its telemetry.';
COMMENT ON COLUMN declared_systems.team IS 'Owner.';
COMMENT ON COLUMN declared_systems.platform_type IS 'ipaas, low_code, custom or orchestrator.';
COMMENT ON COLUMN declared_systems.system_type IS 'service, database, queue, external_api, saas_app, workflow_step, human_team or file_store.';
COMMENT ON COLUMN declared_systems.criticality IS 'low, medium, high or critical.';
COMMENT ON COLUMN declared_systems.namespace IS 'Group of systems.';
COMMENT ON COLUMN declared_systems.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN declared_systems.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN declared_systems.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
