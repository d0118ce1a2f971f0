-- Swaps that a price told in an hour ($1) of a token ($2) may make suspect: those of it within the hour behind it. In
-- whatever protocol; each that ever wrote has a stream.
SELECT DISTINCT date_trunc('hour', s.block_time, 'UTC') AS hour, s.protocol, coalesce(s.market_key, '') AS market_key
FROM unnest($1::timestamptz[], $2::bytea[]) AS changed (hour, mint)
CROSS JOIN ledger.coverage AS c
CROSS JOIN LATERAL (
    SELECT s.block_time, s.protocol, s.market_key FROM ledger.swaps AS s
    WHERE s.protocol = c.stream AND s.block_time >= changed.hour AND s.block_time < changed.hour + interval '2 hours'
        AND s.mint_in = changed.mint
    OFFSET 0
) AS s
