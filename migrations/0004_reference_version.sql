-- Which reference rows a page was made with, so that one made with old decimals is not taken for a true one.

-- Writers hold this row while they write and compare it with what they computed with; a seed that changes decimals,
-- mints or kinds of markets raises it.
CREATE TABLE ledger.reference_state (
    singleton  boolean  PRIMARY KEY DEFAULT true CHECK (singleton),
    version    bigint   NOT NULL DEFAULT 0
);
COMMENT ON TABLE ledger.reference_state IS 'How often the reference rows changed in a way that gives other records.';
INSERT INTO ledger.reference_state DEFAULT VALUES;
