-- The UTC day that runs, so far.
SELECT protocol, covered_until, volume_usd, trades, liquidations, trading_fees_usd AS fill_fees_usd,
    external_net_flow_usd AS net_liquidity_usd, tvl_usd
FROM perps.today
ORDER BY array_position(ARRAY['gmx_solana', 'jupiter_perps', 'drift'], protocol)
