CREATE TABLE IF NOT EXISTS history_facts (
    fact    VARCHAR,
    content VARCHAR,
    PRIMARY KEY (fact)
);
COMMENT ON TABLE history_facts IS 'What the history says of itself: schema version, salt of the person hashes, when it was made.';
COMMENT ON COLUMN history_facts.fact IS 'Name of the fact.';
COMMENT ON COLUMN history_facts.content IS 'Its value, as text.';
