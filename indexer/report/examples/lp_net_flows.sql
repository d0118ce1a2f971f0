-- Who has put in more liquidity than they took out, and who the other way?
-- Look at: net_flow_usd of each provider and venue over all that is indexed, the largest first, whichever way.
-- Pitfalls: flows are at the prices of their days: a provider who left with profit has a negative net flow. Flows without
-- a value are counted in unvalued_flows and are in no sum. Providers of GLV also appear as GLV's own GM flows.
SELECT
    protocol,
    venue,
    venue_key,
    provider,
    deposits_usd,
    withdrawals_usd,
    net_flow_usd,
    fees_usd,
    deposits + withdrawals AS flows,
    unvalued_flows,
    first_day,
    last_day
FROM perps.lp_providers
ORDER BY abs(net_flow_usd) DESC NULLS LAST, protocol, venue, provider
LIMIT 20;
