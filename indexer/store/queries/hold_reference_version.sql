-- Whoever writes rows holds the version: a seed that would change it waits, and then sees these rows.
SELECT version FROM ledger.reference_state FOR SHARE
