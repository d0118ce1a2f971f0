-- Which providers moved most liquidity?
-- Look at: the largest single flows of the last thirty days that are known, and their part of all that the venue moved
-- that day.
-- Pitfalls: `internal` flows change no TVL: a vault's deposit is also a deposit of Drift, GLV holds GM. Unknown providers
-- are NULL until a row of the same action names them.
WITH last AS (
    SELECT max(day) AS day FROM perps.coverage_daily WHERE coverage <> 'none'
)
SELECT
    f.block_time,
    f.protocol,
    f.venue,
    f.flow,
    f.provider,
    f.symbol,
    f.amount,
    f.value_usd,
    perps.ratio(f.value_usd, d.deposits_usd + d.withdrawals_usd, 4) AS share_of_day,
    f.internal,
    f.signature
FROM perps.lp_flows AS f
CROSS JOIN last
LEFT JOIN perps.lp_flows_daily AS d
    ON d.day = (f.block_time AT TIME ZONE 'UTC')::date AND d.protocol = f.protocol AND d.venue = f.venue
WHERE f.value_usd IS NOT NULL
    AND f.block_time >= (last.day - 29)::timestamp AT TIME ZONE 'UTC'
    AND f.block_time < (last.day + 1)::timestamp AT TIME ZONE 'UTC'
ORDER BY f.value_usd DESC, f.block_time, f.signature, f.index, f.part
LIMIT 20;
