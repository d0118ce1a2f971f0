-- $1 last day, $2 days, $3 protocols. By venue: only the external columns may be added up.
SELECT
    f.protocol,
    f.venue,
    count(*) FILTER (WHERE f.coverage = 'full') AS days,
    CASE WHEN count(f.deposits_usd) = count(*) THEN trim_scale(sum(f.deposits_usd)) END AS deposits_usd,
    CASE WHEN count(f.withdrawals_usd) = count(*) THEN trim_scale(sum(f.withdrawals_usd)) END AS withdrawals_usd,
    CASE WHEN count(f.net_flow_usd) = count(*) THEN trim_scale(sum(f.net_flow_usd)) END AS net_flow_usd,
    CASE WHEN count(f.external_net_flow_usd) = count(*) THEN trim_scale(sum(f.external_net_flow_usd)) END AS external_net_flow_usd,
    CASE WHEN count(f.fees_usd) = count(*) THEN trim_scale(sum(f.fees_usd)) END AS fees_usd,
    sum(f.deposits)::bigint AS deposits,
    sum(f.withdrawals)::bigint AS withdrawals,
    sum(f.unvalued_flows)::bigint AS unvalued_flows
FROM perps.lp_flows_daily AS f
WHERE f.protocol = ANY ($3::text[]) AND f.day > $1::date - $2::int AND f.day <= $1::date
    AND f.coverage <> 'none'
GROUP BY f.protocol, f.venue
ORDER BY f.protocol, f.venue
