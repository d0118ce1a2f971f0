-- What a settling page may have to drop: a small partial index finds it, whatever the length of the spans.
SELECT {columns}
FROM unnest($2::int8[], $3::int8[]) AS span (first, behind)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.{table} AS t
    WHERE t.protocol = $1 AND NOT t.settled
        AND t.slot >= span.first AND t.slot < span.behind AND t.slot >= $4 AND t.slot < $5
) AS t
