-- Of these parameters ($1 names, $2 values), those that are not so yet.
SELECT p.name
FROM unnest($1::text[], $2::numeric[]) AS wanted (name, value)
JOIN ledger.parameters AS p ON p.protocol = 'all' AND p.name = wanted.name
WHERE p.value <> wanted.value
