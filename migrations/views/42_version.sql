-- The version of this schema: patch for repairs, minor for more columns, major where a name changes its meaning.

CREATE VIEW perps.version AS
SELECT
    '0.5.0' AS version,
    (SELECT max(m.version) FROM ledger.migrations AS m) AS migration;

COMMENT ON VIEW perps.version IS 'Version of this schema, one row.';
COMMENT ON COLUMN perps.version.version IS 'Semantic version of schema perps.';
COMMENT ON COLUMN perps.version.migration IS 'Newest migration of the ledger below.';
