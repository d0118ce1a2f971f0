-- The newest liquidations, whatever the window: settled or not.
SELECT l.block_time, l.protocol, l.market, l.market_key, l.liquidation_kind, l.value_usd, l.socialised_loss_usd, l.trader, l.signature, l.settled
FROM perps.liquidations AS l
ORDER BY l.slot DESC, l.tx_index DESC NULLS FIRST, l.index DESC, l.part DESC
LIMIT 20
