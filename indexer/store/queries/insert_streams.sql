INSERT INTO ledger.coverage (stream)
SELECT stream FROM unnest($1::text[]) AS stream ORDER BY stream
ON CONFLICT DO NOTHING
