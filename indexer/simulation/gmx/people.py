"""Owners: traders and liquidity providers who ask for something. What they ask for waits for a keeper."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from indexer.simulation.gmx.assets import Asset
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.positions import Position
from indexer.simulation.gmx.purse import Wish
from indexer.simulation.gmx.requests import DECREASES, INCREASES, SWAPS, Kind, Request, created_in_log, order_updated
from indexer.simulation.gmx.stage import Stage
from indexer.simulation.gmx.swaps import Route
from indexer.simulation.script import Script

USUAL_COLLATERAL, USUAL_FLOW = 150, 1_000  # Dollars.
MAX_WAITING = 64  # Requests; a keeper comes before there are more.


class People:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    # --- orders ---

    def order(self) -> Script | None:
        stage = self._stage
        ask = stage.choice((self._swap, self._increase, self._increase, self._decrease, self._decrease))
        request = ask() if len(stage.waiting) < MAX_WAITING else None
        if request is None:
            return None
        stage.waiting.append(request)
        if stage.chance(stage.rates.older):
            emit = created_in_log(request, stage.store, stage.time)
            return stage.script(stage.instructions.unknown("create_order", emit, accounts=(request.owner, stage.store)))
        emit = order_updated(request, is_create=True, store=stage.store, slot=stage.slot, time=stage.time)
        accounts = {"owner": request.owner, "receiver": request.receiver, "order": request.key}
        return stage.script(stage.invoke("create_order_v2", emit, **accounts))

    def update(self) -> Script | None:
        stage = self._stage
        orders = [request for request in stage.waiting if request.kind == "order"]
        if not orders:
            return None
        request = stage.choice(orders)
        emit = order_updated(request, is_create=False, store=stage.store, slot=stage.slot, time=stage.time)
        return stage.script(stage.invoke("update_order_v2", emit, owner=request.owner, order=request.key))

    def _swap(self) -> Request | None:
        stage = self._stage
        route = stage.route(self._any_token(), stage.rng.choice((1, 1, 2, 3)))
        if route is None:
            return None
        paid = stage.tokens(route.token, USUAL_COLLATERAL * stage.rates.trade_times)
        return self._request("order", route.markets[-1], order_kind=SWAPS, route=route, amounts=(paid, 0))

    def _increase(self) -> Request | None:
        """With collateral in its own token or another, or none at all; size, or collateral alone."""
        stage, position = self._stage, self._any_position()
        market = position.market
        collateral = market.asset(position.is_collateral_long)
        route = self._route_to(collateral) if stage.chance(0.3) else None
        token = route.token if route else collateral
        paid = stage.tokens(token, USUAL_COLLATERAL * stage.rates.trade_times)
        size = 0 if position.size and stage.chance(0.15) else paid * token.price.min * stage.leverage() // 10
        if size and position.size and stage.chance(0.2):
            paid, route = 0, None
            size = position.size // 10
        return self._request(
            "order",
            market,
            owner=position.owner,
            order_kind=INCREASES,
            position=position,
            route=route,
            amounts=(paid, 0),
            size=size,
            impact_parts=stage.impact(-5, 3),
        )

    def _decrease(self) -> Request | None:
        stage = self._stage
        if not stage.positions:
            return None
        position = stage.choice(list(stage.positions.values()))
        kind, part = stage.rng.randrange(20), stage.rng.randint(2, 6)
        size = 0 if kind < 3 else position.size if kind < 12 else position.size // part
        route = stage.route(position.market.asset(position.is_collateral_long), 1) if stage.chance(0.2) else None
        wish = Wish(
            size=size,
            withdrawn=0 if kind >= 17 else position.collateral // part // 2,
            swap=stage.rng.choice((0, 0, 1, 2)),
            impact_parts=stage.impact(-8, 4) if size else 0,
            excess_parts=max(0, stage.impact(-9, 3)) if size else 0,
        )
        return self._request(
            "order",
            position.market,
            owner=position.owner,
            order_kind=DECREASES,
            position=position,
            route=route,
            size=size,
            wish=wish,
        )

    # --- liquidity ---

    def liquidity(self) -> Script | None:
        return self._asked(self._stage.choice((self._deposit, self._deposit, self._withdrawal, self._shift)))

    def glv(self) -> Script | None:
        return self._asked(self._stage.choice((self._glv_deposit, self._glv_deposit, self._glv_withdrawal)))

    def _asked(self, ask: Any) -> Script | None:
        """Deposits and withdrawals tell of their creation in the logs, the others nowhere."""
        stage = self._stage
        request = ask() if len(stage.waiting) < MAX_WAITING else None
        if request is None:
            return None
        stage.waiting.append(request)
        in_log = request.kind in ("deposit", "withdrawal")
        emits = [created_in_log(request, stage.store, stage.time)] if in_log else []
        accounts = (request.owner, stage.store, request.key)
        return stage.script(stage.instructions.unknown(f"create_{request.kind}", *emits, accounts=accounts))

    def _deposit(self) -> Request:
        stage, market = self._stage, self._stage.choice(self._stage.markets)
        return self._request("deposit", market, **self._brought(market), impact_parts=stage.impact(-8, 4))

    def _brought(self, market: Market) -> dict[str, Any]:
        """One token, both, or another one that is swapped on the way."""
        stage, usual = self._stage, self._usual_flow
        long, short = stage.tokens(market.long, usual), stage.tokens(market.short, usual)
        kind = stage.rng.randrange(10)
        if kind < 2 and (route := self._route_to(market.asset(stage.chance(0.5)))):
            paid = stage.tokens(route.token, usual)
            return {"route": route, "amounts": (paid, short if kind else 0)}
        return {"amounts": (long if kind < 7 else 0, short if kind >= 5 else 0)}

    @property
    def _usual_flow(self) -> int:
        return USUAL_FLOW * self._stage.rates.flow_times

    def _withdrawal(self) -> Request | None:
        stage, market = self._stage, self._stage.choice(self._stage.markets)
        amount = self._market_tokens(market)
        route = stage.route(market.long, stage.rng.choice((1, 2))) if stage.chance(0.25) else None
        return self._request("withdrawal", market, route=route, amounts=(amount, 0)) if amount else None

    def _market_tokens(self, market: Market) -> int:
        return min(self._stage.dollars(self._usual_flow) // 10**11, market.supply // 20)

    def _shift(self) -> Request | None:
        stage, source = self._stage, self._stage.choice(self._stage.markets)
        pair = (source.long, source.short)
        targets = [m for m in stage.markets if (m.long, m.short) == pair and m is not source and m.supply]
        amount = self._market_tokens(source)
        if not targets or not amount:
            return None
        return self._request("shift", source, target=stage.choice(targets), amounts=(amount, 0))

    # --- GLV ---

    def _glv_deposit(self) -> Request:
        stage, glv = self._stage, self._stage.choice(self._stage.glvs)
        market = stage.choice(glv.markets)
        market_tokens = self._market_tokens(market) if stage.chance(0.5) else 0
        if market_tokens and stage.chance(0.6):
            return self._request("glv_deposit", market, glv=glv, size=market_tokens)
        return self._request("glv_deposit", market, glv=glv, size=market_tokens, **self._brought(market))

    def _glv_withdrawal(self) -> Request:
        stage, glv = self._stage, self._stage.choice(self._stage.glvs)
        amount = min(stage.dollars(self._usual_flow) // 10**11, glv.supply // 20)
        return self._request("glv_withdrawal", stage.choice(glv.markets), glv=glv, amounts=(amount, 0))

    # --- what requests are about ---

    def _request(
        self,
        kind: Kind,
        market: Market,
        owner: bytes | None = None,
        order_kind: Sequence[int] | None = None,
        **what: Any,
    ) -> Request:
        stage = self._stage
        owner = owner or stage.choice(stage.owners)
        return Request(
            key=stage.rng.randbytes(32),
            kind=kind,
            owner=owner,
            receiver=owner if stage.chance(0.9) else stage.rng.randbytes(32),
            market=market,
            id=stage.new_request_id(),
            order_kind=stage.choice(order_kind) if order_kind else None,
            **what,
        )

    def _any_position(self) -> Position:
        """An open one, or anybody's in any market."""
        stage = self._stage
        if stage.positions and stage.chance(0.3):
            return stage.choice(list(stage.positions.values()))
        owner, market = stage.choice(stage.owners), stage.choice(stage.markets)
        is_long, is_collateral_long = stage.chance(0.55), stage.chance(0.5)
        identity = owner + market.token + bytes([is_long, is_collateral_long and not market.is_pure])
        key = sha256(identity).digest()
        opened = stage.positions.get(key)
        return opened or Position(key, owner, market, is_long, is_collateral_long or market.is_pure)

    def _any_token(self) -> Asset:
        market = self._stage.choice([market for market in self._stage.markets if not market.is_pure])
        return market.asset(self._stage.chance(0.5))

    def _route_to(self, token: Asset) -> Route | None:
        """From somewhere to a token: the way back from it, turned round."""
        stage = self._stage
        back = stage.route(token, stage.rng.choice((1, 2)))
        return Route(back.end, back.markets[::-1], back.impacts) if back else None
