CREATE TABLE IF NOT EXISTS cost_rates (
    item        VARCHAR,
    category    VARCHAR,
    low         DOUBLE,
    likely      DOUBLE,
    high        DOUBLE,
    unit        VARCHAR,
    currency    VARCHAR,
    basis       VARCHAR,
    reference   VARCHAR,
    load_id     INTEGER,
    record_no   BIGINT,
    record_hash BIGINT
);
COMMENT ON TABLE cost_rates IS 'One row a price or a time that recovery costs are computed with.';
COMMENT ON COLUMN cost_rates.item IS 'Name, such as role:engineer, support_contact, churned_customer.';
COMMENT ON COLUMN cost_rates.category IS 'debugging, manual_intervention, data_cleanup, customer_support, opportunity, customer_impact, regulatory or productivity.';
COMMENT ON COLUMN cost_rates.low IS 'Low end (5 %), or the value itself.';
COMMENT ON COLUMN cost_rates.likely IS 'Most likely value.';
COMMENT ON COLUMN cost_rates.high IS 'High end (95 %).';
COMMENT ON COLUMN cost_rates.unit IS 'Such as EUR/hour.';
COMMENT ON COLUMN cost_rates.currency IS 'ISO 4217.';
COMMENT ON COLUMN cost_rates.basis IS 'measured, derived or assumed.';
COMMENT ON COLUMN cost_rates.reference IS 'Where the number comes from.';
COMMENT ON COLUMN cost_rates.load_id IS 'The load that brought the record.';
COMMENT ON COLUMN cost_rates.record_no IS 'The record''s place in its file, from 1.';
COMMENT ON COLUMN cost_rates.record_hash IS 'Hash of the record''s content; tells a repetition from another record under the same id.';
