-- Fills in dollars, with the names of their markets. Jupiter tells its fee as one: it is split by the protocol's share.

CREATE VIEW ledger.split_trades AS
SELECT t.*,
    coalesce(t.lp_fee_usd_e6, t.fee_usd_e6 - perps.half_even(t.fee_usd_e6 * share.value * 0.0001, 0)) AS lp_share_e6,
    coalesce(t.protocol_fee_usd_e6, perps.half_even(t.fee_usd_e6 * share.value * 0.0001, 0)) AS protocol_share_e6,
    -- What both sides paid and what they received: a fee below 0 is a rebate.
    CASE WHEN num_nonnulls(t.fee_usd_e6, t.maker_fee_usd_e6) > 0
        THEN greatest(t.fee_usd_e6, 0) + greatest(t.maker_fee_usd_e6, 0) END AS paid_e6,
    CASE WHEN num_nonnulls(t.fee_usd_e6, t.maker_fee_usd_e6) > 0
        THEN least(t.fee_usd_e6, 0) + least(t.maker_fee_usd_e6, 0) END AS received_e6,
    CASE WHEN num_nonnulls(t.filler_reward_usd_e6, t.referrer_reward_usd_e6, t.builder_fee_usd_e6) > 0
        THEN coalesce(t.filler_reward_usd_e6, 0) + coalesce(t.referrer_reward_usd_e6, 0) + coalesce(t.builder_fee_usd_e6, 0)
        END AS rewards_e6
FROM ledger.trades AS t
LEFT JOIN ledger.parameters AS share
    ON share.protocol = t.protocol AND share.name = 'protocol_share_bps' AND t.protocol = 'jupiter_perps';
COMMENT ON VIEW ledger.split_trades IS 'Fills, each with who got what of its fees.';

CREATE VIEW perps.trades AS
SELECT
    'trade' AS record,
    t.protocol,
    perps.base58(t.program_id) AS program_id,
    t.slot,
    perps.base58(t.signature) AS signature,
    t.channel,
    t.index,
    t.part,
    t.tx_index,
    t.block_time,
    t.event,
    t.settled,
    t.decoder_version,
    t.market_kind,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    m.market_key IS NOT NULL AS market_known,
    perps.base58(t.trader) AS trader,
    t.trader AS trader_bytes,
    perps.base58(t.counterparty) AS counterparty,
    t.direction,
    t.position_side,
    t.action,
    trim_scale(t.size_usd_e6 * 0.000001) AS size_usd,
    trim_scale(t.size_base) AS size_base,
    trim_scale(t.price_usd) AS price_usd,
    trim_scale(t.fee_usd_e6 * 0.000001) AS fee_usd,
    trim_scale(t.base_fee_usd_e6 * 0.000001) AS base_fee_usd,
    trim_scale(t.price_impact_fee_usd_e6 * 0.000001) AS price_impact_fee_usd,
    trim_scale(t.borrow_fee_usd_e6 * 0.000001) AS borrow_fee_usd,
    trim_scale(t.liquidation_fee_usd_e6 * 0.000001) AS liquidation_fee_usd,
    trim_scale(t.maker_fee_usd_e6 * 0.000001) AS maker_fee_usd,
    trim_scale(t.filler_reward_usd_e6 * 0.000001) AS filler_reward_usd,
    trim_scale(t.referrer_reward_usd_e6 * 0.000001) AS referrer_reward_usd,
    trim_scale(t.builder_fee_usd_e6 * 0.000001) AS builder_fee_usd,
    trim_scale(t.venue_fee_usd_e6 * 0.000001) AS venue_fee_usd,
    trim_scale(t.lp_share_e6 * 0.000001) AS lp_fee_usd,
    trim_scale(t.protocol_share_e6 * 0.000001) AS protocol_fee_usd,
    trim_scale(t.funding_usd_e6 * 0.000001) AS funding_usd,
    trim_scale(t.price_impact_usd_e6 * 0.000001) AS price_impact_usd,
    trim_scale(t.pnl_usd_e6 * 0.000001) AS pnl_usd,
    trim_scale(t.collateral_delta_usd_e6 * 0.000001) AS collateral_delta_usd,
    t.liquidity_source,
    t.execution,
    t.is_liquidation,
    t.is_adl,
    t.excluded,
    t.explanation,
    perps.base58(t.position_key) AS position_key,
    perps.base58(t.order_key) AS order_key,
    trim_scale(t.sequence) AS sequence,
    t.taker_order_id,
    t.maker_order_id,
    trim_scale(t.oracle_price_usd) AS oracle_price_usd,
    trim_scale(t.position_size_usd_e6 * 0.000001) AS position_size_usd,
    trim_scale(t.entry_price_usd) AS entry_price_usd,
    trim_scale(t.collateral_usd_e6 * 0.000001) AS collateral_usd
FROM ledger.split_trades AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.trades IS 'Fills. Volume counts each fill once, never once per side; net volume leaves the excluded ones out.';
COMMENT ON COLUMN perps.trades.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.trades.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.trades.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.trades.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.trades.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.trades.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.trades.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.trades.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.trades.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.trades.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.trades.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.trades.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.trades.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.trades.market_kind IS 'perp or spot.';
COMMENT ON COLUMN perps.trades.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.trades.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.trades.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.trades.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.trades.trader IS 'Taker or owner of the position; the maker where an AMM fills a post-only order. Base58.';
COMMENT ON COLUMN perps.trades.trader_bytes IS 'The same as 32 bytes: compare it with perps.key(''...'') to use the index.';
COMMENT ON COLUMN perps.trades.counterparty IS 'The maker, base58; NULL where a pool or AMM stands opposite.';
COMMENT ON COLUMN perps.trades.direction IS 'buy or sell of the base asset, by the trader.';
COMMENT ON COLUMN perps.trades.position_side IS 'long or short; NULL where the fill does not say.';
COMMENT ON COLUMN perps.trades.action IS 'open, increase, decrease or close; NULL where the fill does not say.';
COMMENT ON COLUMN perps.trades.size_usd IS 'Notional in USD.';
COMMENT ON COLUMN perps.trades.size_base IS 'Base amount.';
COMMENT ON COLUMN perps.trades.price_usd IS 'Execution price in USD.';
COMMENT ON COLUMN perps.trades.fee_usd IS 'What the trader paid for this fill to anyone, USD; negative: a rebate received. NULL where a layout does not tell.';
COMMENT ON COLUMN perps.trades.base_fee_usd IS 'Part of fee_usd: for opening or closing.';
COMMENT ON COLUMN perps.trades.price_impact_fee_usd IS 'Part of fee_usd: charged price impact.';
COMMENT ON COLUMN perps.trades.borrow_fee_usd IS 'Part of fee_usd: for borrowing.';
COMMENT ON COLUMN perps.trades.liquidation_fee_usd IS 'Part of fee_usd: for being liquidated; NULL on fills that are no liquidation.';
COMMENT ON COLUMN perps.trades.maker_fee_usd IS 'Fee of the counterparty, USD; negative: a rebate. Not in fee_usd.';
COMMENT ON COLUMN perps.trades.filler_reward_usd IS 'Out of the fees: to whoever filled the order, USD.';
COMMENT ON COLUMN perps.trades.referrer_reward_usd IS 'Out of the fees: to the referrer, USD.';
COMMENT ON COLUMN perps.trades.builder_fee_usd IS 'Fee for the front end, USD.';
COMMENT ON COLUMN perps.trades.venue_fee_usd IS 'Fee of an external venue, USD.';
COMMENT ON COLUMN perps.trades.lp_fee_usd IS 'The liquidity providers'' share of fee_usd; for Jupiter split by its protocol share.';
COMMENT ON COLUMN perps.trades.protocol_fee_usd IS 'The protocol''s share of fee_usd; for Jupiter split by its protocol share.';
COMMENT ON COLUMN perps.trades.funding_usd IS 'Funding settled with the fill, USD; positive: the trader paid. Between traders, in no fee.';
COMMENT ON COLUMN perps.trades.price_impact_usd IS 'Price impact that is no fee, USD; positive: in the trader''s favour.';
COMMENT ON COLUMN perps.trades.pnl_usd IS 'Realised profit, gross of fees, USD; NULL on open and increase.';
COMMENT ON COLUMN perps.trades.collateral_delta_usd IS 'Collateral put in (+) or taken out (-), USD.';
COMMENT ON COLUMN perps.trades.liquidity_source IS 'pool, amm, amm_jit, amm_jit_lp, lp_jit, order_book, jit_auction, external or takeover (a liquidator takes the position).';
COMMENT ON COLUMN perps.trades.execution IS 'keeper, instant, trigger or taker.';
COMMENT ON COLUMN perps.trades.is_liquidation IS 'True for the fill of a liquidation; NULL where nothing tells.';
COMMENT ON COLUMN perps.trades.is_adl IS 'True for automatic deleveraging; false where a protocol has none; NULL where nothing tells.';
COMMENT ON COLUMN perps.trades.excluded IS 'NULL: a trade between parties. Else expiry, transfer or collateral_only (a row without volume).';
COMMENT ON COLUMN perps.trades.explanation IS 'The program''s own word for it; NULL for its None.';
COMMENT ON COLUMN perps.trades.position_key IS 'The protocol''s key of the position, base58.';
COMMENT ON COLUMN perps.trades.order_key IS 'The protocol''s key of the order, base58.';
COMMENT ON COLUMN perps.trades.sequence IS 'The protocol''s own counter.';
COMMENT ON COLUMN perps.trades.taker_order_id IS 'The taker''s number of the order.';
COMMENT ON COLUMN perps.trades.maker_order_id IS 'The maker''s number of the order.';
COMMENT ON COLUMN perps.trades.oracle_price_usd IS 'Oracle price in USD.';
COMMENT ON COLUMN perps.trades.position_size_usd IS 'Size of the position after the fill, USD.';
COMMENT ON COLUMN perps.trades.entry_price_usd IS 'Entry price of the position, USD.';
COMMENT ON COLUMN perps.trades.collateral_usd IS 'Collateral of the position before or after the fill, whichever is more, USD.';
