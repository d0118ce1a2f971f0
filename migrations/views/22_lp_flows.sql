-- Flows in dollars. Two things an event may not tell are filled in: whose action it was, and what vaults and insurance
-- moved, in dollars.

CREATE VIEW ledger.valued_flows AS
SELECT t.*,
    coalesce(t.provider, (
        SELECT a.owner FROM ledger.actions AS a
        WHERE a.action_key = t.action_key AND a.protocol = t.protocol AND a.owner IS NOT NULL
            AND a.action_kind NOT IN ('order', 'position_request')
        ORDER BY abs(a.slot - t.slot), a.slot DESC, a.signature DESC, a.channel DESC, a.index DESC, a.part DESC
        LIMIT 1
    )) AS owner,
    coalesce(t.value_usd_e6, CASE WHEN t.venue IN ('drift_vault', 'drift_insurance') THEN perps.half_even(1000000 * t.amount * (
        SELECT p.price_usd FROM ledger.price_observations AS p
        WHERE p.mint = t.mint AND p.block_time <= t.block_time
            AND p.block_time > t.block_time - age.value * interval '1 second'
        ORDER BY p.block_time DESC, p.slot DESC, p.tx_index DESC NULLS LAST, p.index DESC, p.signature DESC, p.channel DESC,
            p.part DESC
        LIMIT 1
    ), 0) END) AS valued_e6,
    t.fee_usd_e6 - perps.half_even(t.fee_usd_e6 * share.value * 0.0001, 0) AS lp_share_e6,
    perps.half_even(t.fee_usd_e6 * share.value * 0.0001, 0) AS protocol_share_e6
FROM ledger.lp_flows AS t
LEFT JOIN ledger.parameters AS age ON age.protocol = 'all' AND age.name = 'price_max_age_s'
LEFT JOIN ledger.parameters AS share
    ON share.protocol = t.protocol AND share.name = 'protocol_share_bps' AND t.protocol = 'jupiter_perps';
COMMENT ON VIEW ledger.valued_flows IS 'Flows, each with its owner, its value and how its fee was shared, where anything tells.';

CREATE VIEW perps.lp_flows AS
SELECT
    'lp_flow' AS record,
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
    t.venue,
    t.venue_key,
    t.flow,
    perps.base58(t.owner) AS provider,
    perps.base58(t.mint) AS mint,
    token.symbol AS symbol,
    trim_scale(t.amount) AS amount,
    trim_scale(t.valued_e6 * 0.000001) AS value_usd,
    perps.base58(t.lp_mint) AS lp_mint,
    trim_scale(t.lp_amount) AS lp_amount,
    trim_scale(t.lp_price_usd) AS lp_price_usd,
    trim_scale(t.fee_usd_e6 * 0.000001) AS fee_usd,
    perps.base58(t.action_key) AS action_key,
    t.explanation,
    perps.base58(t.via) AS via,
    t.internal,
    trim_scale(t.sequence) AS sequence
FROM ledger.valued_flows AS t
LEFT JOIN ledger.tokens AS token ON token.mint = t.mint;

COMMENT ON VIEW perps.lp_flows IS 'Movements of liquidity.';
COMMENT ON COLUMN perps.lp_flows.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.lp_flows.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.lp_flows.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.lp_flows.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.lp_flows.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.lp_flows.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.lp_flows.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.lp_flows.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.lp_flows.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.lp_flows.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.lp_flows.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.lp_flows.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.lp_flows.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.lp_flows.venue IS 'jlp, gm, glv, drift_lending, drift_insurance, drift_bal, drift_dlp or drift_vault.';
COMMENT ON COLUMN perps.lp_flows.venue_key IS 'Pool, market token, GLV token, vault, spot:N, perp:N or LP pool.';
COMMENT ON COLUMN perps.lp_flows.flow IS 'deposit or withdraw.';
COMMENT ON COLUMN perps.lp_flows.provider IS 'Whose liquidity it is, base58; where the event does not tell, the owner of the action, from whenever it is told.';
COMMENT ON COLUMN perps.lp_flows.mint IS 'The token, base58.';
COMMENT ON COLUMN perps.lp_flows.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.lp_flows.amount IS 'Tokens: deposits gross, withdrawals after fee.';
COMMENT ON COLUMN perps.lp_flows.value_usd IS 'At the event''s own price, USD; vault and insurance flows, which have none, at the token''s last price of the 24 hours before.';
COMMENT ON COLUMN perps.lp_flows.lp_mint IS 'The LP token, base58.';
COMMENT ON COLUMN perps.lp_flows.lp_amount IS 'LP tokens made or burned.';
COMMENT ON COLUMN perps.lp_flows.lp_price_usd IS 'Price of the LP token in USD.';
COMMENT ON COLUMN perps.lp_flows.fee_usd IS 'Fee of this movement, USD, beside the amounts.';
COMMENT ON COLUMN perps.lp_flows.action_key IS 'The request that a keeper executed, base58.';
COMMENT ON COLUMN perps.lp_flows.explanation IS 'The program''s own word for it; NULL for its None.';
COMMENT ON COLUMN perps.lp_flows.via IS 'The vault that acts for the provider, base58.';
COMMENT ON COLUMN perps.lp_flows.internal IS 'True: does not change the protocol''s TVL. A venue''s sums use all its rows, a protocol''s sums only the others.';
COMMENT ON COLUMN perps.lp_flows.sequence IS 'The protocol''s own counter.';
