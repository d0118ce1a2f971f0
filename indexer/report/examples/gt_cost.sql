-- What does a GT cost on GMX-Solana?
-- Look at: fees_per_gt, the fees that traders paid for each GT that was minted to them that day; volume_per_gt beside it.
-- Pitfalls: GT is minted for volume, which is why wash volume exists: compare organic_volume_usd. Rewards (gt_reward) are
-- given for other things and are not in it. Days that are not full have both terms in part.
SELECT
    i.day,
    v.coverage,
    i.amount AS gt_minted,
    i.supply_after AS gt_supply,
    v.volume_usd,
    v.organic_volume_usd,
    f.trading_fees_usd,
    perps.ratio(f.trading_fees_usd, i.amount, 6) AS fees_per_gt_usd,
    perps.ratio(v.volume_usd, i.amount, 2) AS volume_per_gt_usd
FROM perps.incentives_daily AS i
LEFT JOIN perps.volume_daily AS v ON v.day = i.day AND v.protocol = i.protocol
LEFT JOIN perps.fees_daily AS f ON f.day = i.day AND f.protocol = i.protocol
WHERE i.protocol = 'gmx_solana' AND i.incentive_kind = 'gt_mint'
ORDER BY i.day DESC
LIMIT 30;
