-- $1 last day, $2 days, $3 protocols. The largest liquidations of the window.
SELECT l.block_time, l.protocol, l.market, l.market_key, l.liquidation_kind, l.value_usd, l.socialised_loss_usd, l.trader, l.signature, l.settled
FROM perps.liquidations AS l
WHERE l.protocol = ANY ($3::text[])
    AND l.block_time >= ($1::date - $2::int + 1)::timestamp AT TIME ZONE 'UTC'
    AND l.block_time < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'
    AND l.value_usd IS NOT NULL
ORDER BY l.value_usd DESC, l.slot, l.signature, l.index, l.part
LIMIT 20
