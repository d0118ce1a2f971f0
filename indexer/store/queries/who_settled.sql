-- Who settled any of these slots, by what kind of source.
SELECT DISTINCT s.source, s.endpoint FROM ledger.settlements AS s
WHERE s.stream = $1 AND s.slots && int8range($2, $3)
