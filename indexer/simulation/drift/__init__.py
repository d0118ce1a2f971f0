"""Activity on Drift: who trades what with whom, as payloads and as the rows that must come of them."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from indexer.core.record import PriceObservation, Trade
from indexer.core.reference import Reference
from indexer.simulation.encoder import encode_event
from indexer.simulation.script import NOWHERE, Emit, Invoke, Script, Text
from indexer.simulation.streams import DRIFT

PERPS = 20
FILL = bytes.fromhex("0d6a5f1c3a8e2b47")


class DriftActivity:
    def __init__(self, rng: Random, reference: Reference) -> None:
        self.rng = rng
        self.reference = reference
        self.users = [rng.randbytes(32) for _ in range(50)]
        self.prices = [rng.randint(10**6, 10**11) for _ in range(PERPS)]
        self.fill_ids = [0] * PERPS

    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]:
        self.prices = [max(1, price + round(self.rng.gauss(0, 0.0005) * price)) for price in self.prices]
        return [self._fill(block_time) for _ in range(count)]

    def _fill(self, time: int) -> Script:
        rng = self.rng
        market = rng.randrange(PERPS)
        self.fill_ids[market] += 1
        taker, maker, filler = rng.sample(self.users, 3)
        base = rng.randint(10**6, 10**12)
        quote = base * self.prices[market] // 10**9
        fee = quote // 2000
        side = rng.randrange(2)
        payload = encode_event(
            "drift.json",
            "OrderActionRecord",
            ts=time,
            action="Fill",
            actionExplanation="OrderFilledWithMatch",
            marketIndex=market,
            marketType="Perp",
            filler=filler,
            fillerReward=fee // 10,
            fillRecordId=self.fill_ids[market],
            baseAssetAmountFilled=base,
            quoteAssetAmountFilled=quote,
            takerFee=fee,
            makerFee=-(fee // 4),
            taker=taker,
            takerOrderId=7,
            takerOrderDirection=side,
            maker=maker,
            makerOrderId=9,
            makerOrderDirection=1 - side,
            oraclePrice=self.prices[market],
        )
        price = Decimal(self.prices[market]).scaleb(-6)
        trade = Trade(
            origin=NOWHERE,
            market_kind="perp",
            market_key=f"perp:{market}",
            trader=taker,
            counterparty=maker,
            direction=("buy", "sell")[side],
            size_usd_e6=quote,
            size_base=Decimal(base).scaleb(-9),
            price_usd=(Decimal(quote) * 1000 / Decimal(base)).quantize(Decimal("1e-12")),
            fee_usd_e6=fee,
            maker_fee_usd_e6=-(fee // 4),
            filler_reward_usd_e6=fee // 10,
            liquidity_source="order_book",
            execution="keeper",
            is_liquidation=False,
            is_adl=False,
            explanation="OrderFilledWithMatch",
            sequence=self.fill_ids[market],
            taker_order_id=7,
            maker_order_id=9,
            oracle_price_usd=price,
        )
        observed = PriceObservation(origin=NOWHERE, market_key=f"perp:{market}", price_usd=price, value_origin="event")
        emit = Emit(payload, "OrderActionRecord", "log", True, (trade, observed))
        return Script((Invoke(DRIFT, FILL, (filler, taker, maker), (Text("filling"), emit)),), rng.random() < 0.6)
