"""What is no trade between parties: profit settled, positions that end with their market, or move between accounts."""

from __future__ import annotations

from typing import Any

from indexer.simulation.drift.fills import EXPIRY, LONG, SHORT, TRANSFER, Fill, Side, fill_event
from indexer.simulation.drift.stage import Stage
from indexer.simulation.script import Script


class Settlements:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def act(self) -> Script:
        """Profit settled; a position that ends with its market; a position that moves to another account."""
        return self._stage.choice((self._settled, self._expired, self._transferred))()

    def _settled(self) -> Script:
        stage = self._stage
        market, user = stage.choice(stage.books.perps), stage.some_users(1)[0]
        told: dict[str, Any] = {
            "ts": stage.time,
            "user": user.account,
            "marketIndex": market.index,
            "settlePrice": market.price_e6,
        }
        emit = stage.event("SettlePnlRecord", pnl=-stage.raw(stage.books.quote, 20), **told)
        paid: dict[str, Any] = {"userAuthority": user.authority, "user": user.account, "marketIndex": market.index}
        funding = stage.event("FundingPaymentRecord", ts=stage.time, fundingPayment=-77, **paid)
        return stage.script(stage.invoke("settlePnl", funding, emit, accounts=(user.account,)))

    def _expired(self) -> Script:
        stage = self._stage
        market, user = stage.choice(stage.books.perps), stage.some_users(1)[0]
        base = stage.raw(market, 300)
        quote = max(1, base * market.price_e6 // market.unit)
        side = Side(user, user.next_order(), stage.choice((LONG, SHORT)), base, base, quote)
        facts: dict[str, Any] = {"base": base, "quote": quote, "taker": side, "maker": None, "taker_fee": quote // 1000}
        fill = Fill(market=market, explanation=EXPIRY, sequence=market.next_fill(), oracle_e6=market.price_e6, **facts)
        told: dict[str, Any] = {"ts": stage.time, "user": user.account, "marketIndex": market.index}
        settled = stage.event("SettlePnlRecord", explanation="ExpiredPosition", **told)
        emit = fill_event(stage, fill, "data", stage.end("OrderActionRecord"))
        return stage.script(stage.invoke("settlePnl", emit, settled, accounts=(user.account,)))

    def _transferred(self) -> Script:
        stage = self._stage
        market = stage.choice(stage.books.perps)
        giver, taker = stage.some_users(2)
        base = stage.raw(market, 300)
        quote = max(1, base * market.price_e6 // market.unit)
        fill = Fill(
            market=market,
            explanation=TRANSFER,
            sequence=market.next_fill(),
            base=base,
            quote=quote,
            taker=Side(taker, taker.next_order(), LONG, base, base, quote),
            maker=Side(giver, giver.next_order(), SHORT, base, base, quote),
            taker_fee=0,
            maker_fee=0,
            oracle_e6=market.price_e6,
        )
        emit = fill_event(stage, fill, "text", None)
        return stage.script(stage.invoke("transferPerpPosition", emit, accounts=(giver.account, taker.account)))
