-- What does it cost to hold a position?
-- Look at: the mean hourly rate of each market over the last seven days with rates, and the same for a year. Positive:
-- longs pay.
-- Pitfalls: the mean weighs each rate that was told alike. Funding goes between traders; borrowing goes to the pool. Where
-- both sides differ, the rates of longs and shorts are beside.
WITH last AS (
    SELECT protocol, max(day) AS day FROM perps.funding_daily GROUP BY protocol
)
SELECT
    f.protocol,
    f.market,
    f.rate_kind,
    perps.ratio(sum(f.mean_rate * f.rates), sum(f.rates), 12) AS hourly_rate,
    perps.ratio(100 * 8760 * sum(f.mean_rate * f.rates), sum(f.rates), 4) AS yearly_percent,
    perps.ratio(sum(f.mean_rate_long * f.rates), sum(f.rates), 12) AS hourly_rate_long,
    perps.ratio(sum(f.mean_rate_short * f.rates), sum(f.rates), 12) AS hourly_rate_short,
    sum(f.rates)::bigint AS rates,
    max(f.day) AS last_day
FROM perps.funding_daily AS f
JOIN last ON last.protocol = f.protocol AND f.day > last.day - 7
GROUP BY f.protocol, f.market_key, f.market, f.rate_kind
ORDER BY abs(sum(f.mean_rate * f.rates) / sum(f.rates)) DESC NULLS LAST, f.protocol, f.market
LIMIT 60;
