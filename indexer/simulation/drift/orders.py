"""Orders placed, cancelled, expired: events, and no rows. One that is triggered may cost a flat fee, which is a row."""

from __future__ import annotations

from typing import Any

from indexer.core.record import Fee
from indexer.simulation.drift.books import Traded, User
from indexer.simulation.drift.fills import LONG
from indexer.simulation.drift.stage import Stage
from indexer.simulation.script import NOWHERE, Emit, Part, Script, Text

FLAT_FEE = 3_000  # Micro-dollars, for whoever triggers an order.


class Orders:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def order(self) -> Script:
        """Placed, cancelled or expired: events, and no rows."""
        stage = self._stage
        market, user = stage.choice(stage.books.perps), stage.some_users(1)[0]
        if stage.chance(0.6):
            parts = placed(stage, market, user, stage.raw(market, 400))
            return stage.script(stage.invoke("placePerpOrder", *parts, accounts=(user.account, user.authority)))
        action = stage.choice(("Cancel", "Expire"))
        told = _action(stage, market, user, action, fillerReward=10_000, filler=stage.choice(stage.keepers))
        return stage.script(stage.invoke("cancelOrders", told, Text("cancelled 1"), accounts=(user.account,)))

    def trigger(self) -> Script:
        """Whoever triggers an order is paid a flat fee; for one's own order nothing is paid."""
        stage = self._stage
        market, user = stage.choice(stage.books.perps), stage.some_users(1)[0]
        fee = FLAT_FEE if stage.chance(0.8) else 0
        row = Fee(origin=NOWHERE, payer=user.account, market_key=market.key, fee_kind="trigger", value_usd_e6=FLAT_FEE)
        told: dict[str, Any] = {"filler": stage.choice(stage.keepers), "fillerReward": fee, "takerFee": fee}
        emit = _action(stage, market, user, "Trigger", row if fee else None, **told)
        return stage.script(stage.invoke("triggerOrder", emit, accounts=(user.account,)))


def placed(stage: Stage, market: Traded, user: User, size: int) -> tuple[Part, ...]:
    """What placing an order of this size emits."""
    order = {
        "slot": stage.slot,
        "price": market.price_e6,
        "baseAssetAmount": size,
        "orderId": user.orders + 1,
        "marketIndex": market.index,
        "status": "Open",
        "orderType": "Limit",
        "marketType": "Perp",
    }
    record = stage.event("OrderRecord", style="text", ts=stage.time, user=user.account, order=order)
    return _action(stage, market, user, "Place"), record


def _action(stage: Stage, market: Traded, user: User, action: str, row: Fee | None = None, **told: Any) -> Emit:
    """An action that is no fill. Triggers alone are written the other way."""
    values: dict[str, Any] = {
        "ts": stage.time,
        "action": action,
        "marketIndex": market.index,
        "marketType": "Perp",
        "taker": user.account,
        "takerOrderId": user.orders,
        "takerOrderDirection": LONG,
        "oraclePrice": market.price_e6,
        "end": stage.end("OrderActionRecord"),
    }
    style: Any = "data" if action == "Trigger" else "text"
    return stage.event("OrderActionRecord", [row] if row else (), style=style, **values, **told)
