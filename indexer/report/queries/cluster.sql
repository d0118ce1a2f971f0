-- The cluster that the ledger is of; no row before the first write.
SELECT name FROM perps.cluster
