-- Of one table: buckets of $1 slots that hold rows of these markets ($2 protocols, $3 keys) or tokens ($4).
SELECT DISTINCT t.slot / $1::bigint AS bucket
FROM ledger.{table} AS t
WHERE ($2::text[], $3::text[], $4::bytea[]) IS NOT NULL AND ({condition})
