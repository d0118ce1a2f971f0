-- Synthetic fills $1 up to, but not including, $2: of three protocols with twenty markets each, evenly over 400 days if
-- there are five millions; 2.5 slots a second, about seventeen fills a market and hour.
INSERT INTO ledger.trades (
    protocol, program_id, slot, signature, channel, index, tx_index, block_time, event, part, settled, decoder_version,
    market_kind, market_key, trader, direction, position_side, action, size_usd_e6, size_base, price_usd, fee_usd_e6,
    base_fee_usd_e6, price_impact_fee_usd_e6, borrow_fee_usd_e6, lp_fee_usd_e6, protocol_fee_usd_e6, pnl_usd_e6,
    liquidity_source, execution, is_liquidation, is_adl
)
SELECT
    (ARRAY['drift', 'gmx_solana', 'jupiter_perps'])[1 + n % 3], '\x07', 250000000 + n * 1728 / 100,
    decode(repeat(md5(n::text), 4), 'hex'), 'log', 0, n % 1000, to_timestamp(1704067200 + n * 6.912), 'Fill', 0, true, 1,
    'perp', 'market:' || n / 3 % 20, decode(repeat(md5((n % 3000)::text), 2), 'hex'),
    (ARRAY['buy', 'sell'])[1 + n % 2], 'long', (ARRAY['open', 'close', 'close'])[1 + n % 3],
    1000000 + n % 7919 * 1000003, (n % 977) * 0.001, 100 + (n % 500) * 0.01, 600 + n % 7919 * 600,
    n % 7919 * 500, n % 7919 * 50, n % 7919 * 50, n % 7919 * 400, n % 7919 * 200, n % 7919 * 10000,
    (ARRAY['amm', 'pool', 'pool', 'pool'])[1 + n % 4], 'keeper', n % 100 = 0, false
FROM generate_series($1::bigint, $2::bigint - 1) AS n
