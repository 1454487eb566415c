SELECT
    spread.root_id,
    root.source AS root_source,
    root.target AS root_target,
    root.channel AS root_channel,
    spread.failure_id,
    f.source,
    f.target,
    f.channel,
    CAST(spread.depth AS INTEGER) AS depth,
    spread.failed_us - spread.root_failed_us AS delay_us,
    f.failed_at,
    f.workflow,
    f.correlation_id,
    f.customer,
    f.amount,
    spread.share
FROM spread
JOIN failures AS root ON root.failure_id = spread.root_id
JOIN failures AS f ON f.failure_id = spread.failure_id;

COMMENT ON TABLE cascades IS 'One row a failure that an origin caused further up.';
COMMENT ON COLUMN cascades.root_id IS 'failure_id of the origin.';
COMMENT ON COLUMN cascades.root_source IS 'Source of the origin''s handoff.';
COMMENT ON COLUMN cascades.root_target IS 'Its target.';
COMMENT ON COLUMN cascades.root_channel IS 'Its channel.';
COMMENT ON COLUMN cascades.failure_id IS 'The failure caused.';
COMMENT ON COLUMN cascades.source IS 'Source of the handoff that failed in consequence.';
COMMENT ON COLUMN cascades.target IS 'Its target.';
COMMENT ON COLUMN cascades.channel IS 'Its channel.';
COMMENT ON COLUMN cascades.depth IS 'Handoffs between the two, 1 for the next.';
COMMENT ON COLUMN cascades.delay_us IS 'From the origin''s failure to this one, microseconds.';
COMMENT ON COLUMN cascades.failed_at IS 'When this one failed, UTC.';
COMMENT ON COLUMN cascades.workflow IS 'Its workflow.';
COMMENT ON COLUMN cascades.correlation_id IS 'Its business key.';
COMMENT ON COLUMN cascades.customer IS 'Its customer.';
COMMENT ON COLUMN cascades.amount IS 'Its money.';
COMMENT ON COLUMN cascades.share IS 'The part of this failure that the origin answers for; several origins of one failure sum to 1.';
