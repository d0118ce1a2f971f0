-- How much is open, and on which side?
-- Look at: open interest by market at the end of the last day that knows it; skew, from -1 (all short) to 1 (all long).
-- Pitfalls: GMX-Solana tells every change; the others are readings of accounts, NULL when older than a day. A side that
-- was never told makes the sum NULL.
WITH last AS (
    SELECT protocol, max(day) AS day FROM perps.open_interest_daily WHERE open_interest_usd IS NOT NULL GROUP BY protocol
)
SELECT o.day, o.protocol, o.market, o.base_asset, o.long_usd, o.short_usd, o.open_interest_usd, o.skew
FROM perps.open_interest_daily AS o
JOIN last USING (protocol, day)
ORDER BY o.open_interest_usd DESC NULLS LAST, o.protocol, o.market
LIMIT 60;
