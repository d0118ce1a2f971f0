INSERT INTO ledger.claims (stream, slots, holder, claimed_at, lease_until)
SELECT stream, $2, $3, statement_timestamp(), statement_timestamp() + make_interval(secs => $4)
FROM unnest($1::text[]) AS stream
