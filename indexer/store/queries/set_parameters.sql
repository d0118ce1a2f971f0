-- Set these parameters ($1 names, $2 values). The statement marks every aggregate, whatever it changes.
UPDATE ledger.parameters AS p SET value = wanted.value
FROM unnest($1::text[], $2::numeric[]) AS wanted (name, value)
WHERE p.protocol = 'all' AND p.name = wanted.name AND p.value <> wanted.value
