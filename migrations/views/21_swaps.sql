-- Swaps in dollars. Old events carry absurd values: a swap whose value does not fit the price of that hour is suspect.
-- The price is the median of the last nine told within the hour before, by other transactions. Value and price are
-- compared by products, so that nothing is rounded.

CREATE VIEW ledger.judged_swaps AS
SELECT t.*,
    coalesce(t.amount_in <> 0 AND (
        SELECT near.price_usd <> 0
            AND abs(t.value_usd_e6 - 1000000 * t.amount_in * near.price_usd) > 500000 * abs(t.amount_in * near.price_usd)
        FROM (
            SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY last.price_usd) AS price_usd
            FROM (
                SELECT p.price_usd FROM ledger.price_observations AS p
                WHERE p.mint = t.mint_in
                    AND p.block_time <= t.block_time AND p.block_time > t.block_time - interval '1 hour'
                    AND (p.slot, p.signature) <> (t.slot, t.signature)
                ORDER BY p.block_time DESC, p.slot DESC, p.tx_index DESC NULLS LAST, p.index DESC, p.signature DESC,
                    p.channel DESC, p.part DESC
                LIMIT 9
            ) AS last
        ) AS near
    ), false) AS suspect,
    t.fee_usd_e6 - perps.half_even(t.fee_usd_e6 * share.value * 0.0001, 0) AS lp_share_e6,
    perps.half_even(t.fee_usd_e6 * share.value * 0.0001, 0) AS protocol_share_e6
FROM ledger.swaps AS t
LEFT JOIN ledger.parameters AS share
    ON share.protocol = t.protocol AND share.name = 'protocol_share_bps' AND t.protocol = 'jupiter_perps';
COMMENT ON VIEW ledger.judged_swaps IS 'Swaps, each with whether its value fits the price, and how its fee was shared.';

CREATE VIEW perps.swaps AS
SELECT
    'swap' AS record,
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
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    CASE WHEN t.market_key IS NOT NULL THEN m.market_key IS NOT NULL END AS market_known,
    perps.base58(t.trader) AS trader,
    perps.base58(t.mint_in) AS mint_in,
    token_in.symbol AS symbol_in,
    perps.base58(t.mint_out) AS mint_out,
    token_out.symbol AS symbol_out,
    trim_scale(t.amount_in) AS amount_in,
    trim_scale(t.amount_out) AS amount_out,
    trim_scale(t.value_usd_e6 * 0.000001) AS value_usd,
    trim_scale(t.fee_usd_e6 * 0.000001) AS fee_usd,
    trim_scale(t.price_impact_usd_e6 * 0.000001) AS price_impact_usd,
    t.venue,
    t.purpose,
    t.hop,
    perps.base58(t.order_key) AS order_key,
    t.suspect
FROM ledger.judged_swaps AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key
LEFT JOIN ledger.tokens AS token_in ON token_in.mint = t.mint_in
LEFT JOIN ledger.tokens AS token_out ON token_out.mint = t.mint_out;

COMMENT ON VIEW perps.swaps IS 'Exchanges of two tokens; suspect ones stay out of rollups.';
COMMENT ON COLUMN perps.swaps.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.swaps.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.swaps.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.swaps.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.swaps.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.swaps.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.swaps.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.swaps.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.swaps.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.swaps.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.swaps.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.swaps.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.swaps.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.swaps.market IS 'Symbol of the market of the hop; its key where the market is unknown.';
COMMENT ON COLUMN perps.swaps.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.swaps.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.swaps.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.swaps.trader IS 'Who swapped, base58.';
COMMENT ON COLUMN perps.swaps.mint_in IS 'Token given, base58.';
COMMENT ON COLUMN perps.swaps.symbol_in IS 'Symbol of the token given; NULL where unknown.';
COMMENT ON COLUMN perps.swaps.mint_out IS 'Token received, base58.';
COMMENT ON COLUMN perps.swaps.symbol_out IS 'Symbol of the token received; NULL where unknown.';
COMMENT ON COLUMN perps.swaps.amount_in IS 'Tokens given.';
COMMENT ON COLUMN perps.swaps.amount_out IS 'Tokens received, after fees.';
COMMENT ON COLUMN perps.swaps.value_usd IS 'The event''s own value, USD.';
COMMENT ON COLUMN perps.swaps.fee_usd IS 'Fee of this hop, USD.';
COMMENT ON COLUMN perps.swaps.price_impact_usd IS 'Price impact that is no fee, USD; positive: in the trader''s favour.';
COMMENT ON COLUMN perps.swaps.venue IS 'Where: jlp, gm or drift.';
COMMENT ON COLUMN perps.swaps.purpose IS 'What the swap was for: swap, position or lp. Swap volume counts purpose swap, hop 0.';
COMMENT ON COLUMN perps.swaps.hop IS 'Position in a path of swaps, from 0.';
COMMENT ON COLUMN perps.swaps.order_key IS 'The protocol''s key of the order, base58.';
COMMENT ON COLUMN perps.swaps.suspect IS 'True where the value lies more than half off the amount times the token''s price of that hour; without a price false.';
