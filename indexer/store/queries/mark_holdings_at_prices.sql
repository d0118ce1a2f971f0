-- Hours of holdings that are valued by a price told in an hour ($1) of a token ($2): those up to the next hour with a
-- price, or as long as a price counts. Hours that are still to be made take the price by themselves.
INSERT INTO ledger.dirty_holdings (hour, protocol, component, component_key, holding)
SELECT DISTINCT t.hour, t.protocol, t.component, t.component_key, t.holding
FROM unnest($1::timestamptz[], $2::bytea[]) AS changed (hour, mint)
CROSS JOIN LATERAL (
    SELECT min(n.hour) AS hour FROM ledger.hourly_token_prices AS n
    WHERE n.mint = changed.mint AND n.hour > changed.hour
) AS next
JOIN ledger.parameters AS age ON age.protocol = 'all' AND age.name = 'price_max_age_s'
JOIN ledger.tvl_holdings AS h ON h.mint = changed.mint
JOIN ledger.hourly_tvl AS t
    ON t.protocol = h.protocol AND t.component = h.component AND t.component_key = h.component_key
    AND t.holding = h.holding AND t.hour >= changed.hour
    AND t.hour < least(next.hour, changed.hour + age.value * interval '1 second') + interval '1 hour'
ON CONFLICT DO NOTHING
