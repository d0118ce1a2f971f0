"""Traders: what they do themselves, in one transaction, and what they ask a keeper to do."""

from __future__ import annotations

from hashlib import sha256

from indexer.simulation.jupiter import requests, trades
from indexer.simulation.jupiter.positions import LONG, SHORT, Fill, Position, decreased, increased
from indexer.simulation.jupiter.requests import DECREASE, INCREASE, Request
from indexer.simulation.jupiter.stage import Stage
from indexer.simulation.jupiter.swaps import pool_swap
from indexer.simulation.jupiter.trades import Order
from indexer.simulation.script import Invoke, Script

USUAL_COLLATERAL = 400_000_000  # Micro-dollars.
MAX_WAITING = 48  # Requests; a keeper comes before there are more.


class Traders:
    """`waiting`: requests that no keeper has looked at yet."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.waiting: list[Request] = []

    # --- in one transaction ---

    def instant(self) -> Script | None:
        return self._instant_increase() if self._stage.chance(0.55) else self._instant_decrease()

    def _instant_increase(self) -> Script:
        stage, position = self._stage, self._any_position()
        tokens, calls = self._collateral(position), []
        if stage.chance(0.15):
            pre_swap, tokens = self._swap_first(position, tokens)
            calls.append(pre_swap)
        fill = increased(
            position, position.market.price_e6, self._size(position, tokens), tokens, self._impact(), stage.time
        )
        self._keep(position)
        emit = trades.instant_increase(fill, self._referral(), stage.end("InstantIncreasePositionEvent"))
        calls.append(stage.invoke("instantIncreasePosition", emit, owner=position.owner, position=position.key))
        if stage.chance(0.3):
            calls.append(self._tpsl(position))
        return stage.script(*calls)

    def _swap_first(self, position: Position, tokens: int) -> tuple[Invoke, int]:
        """The collateral comes from another token: what it costs, swapped in the pool by the instruction before."""
        stage, given = self._stage, position.collateral
        taken = stage.choice([custody for custody in stage.pool.custodies if custody is not given])
        exchange = stage.exchange(position.owner, taken, given, taken.tokens(given.usd(tokens)) + 1)
        name = "instantIncreasePositionPreSwap"
        return stage.invoke(name, pool_swap(exchange, "position"), owner=position.owner), exchange.amount_out

    def _instant_decrease(self) -> Script | None:
        stage, position = self._stage, self._open_position()
        if position is None:
            return None
        fill = self._decrease(position, position.market.price_e6)
        if fill is None:
            return None
        collateral = position.collateral
        order = Order(stage.new_key(), collateral.mint) if stage.chance(0.5) else None
        paid, end = collateral.tokens(fill.paid_out), stage.end("InstantDecreasePositionEvent")
        emit = trades.instant_decrease(fill, order, collateral.mint, paid, end)
        name = stage.choice(("instantDecreasePosition", "instantDecreasePosition2"))
        return stage.script(stage.invoke(name, emit, owner=position.owner, position=position.key))

    def collateral(self) -> Script | None:
        """Only the collateral changes."""
        stage, position = self._stage, self._open_position()
        if position is None:
            return None
        if stage.chance(0.5):
            tokens = self._collateral(position)
            fill = increased(position, position.market.price_e6, 0, tokens, 0, stage.time)
            emit = trades.instant_increase(fill, self._referral(), stage.end("InstantIncreasePositionEvent"))
            return stage.script(
                stage.invoke("instantIncreasePosition", emit, owner=position.owner, position=position.key)
            )
        taken = decreased(
            position, position.market.price_e6, 0, position.collateral_usd // stage.rng.randint(4, 20), 0, stage.time
        )
        if taken is None:
            return None
        paid = position.collateral.tokens(taken.paid_out)
        end = stage.end("InstantDecreasePositionEvent")
        emit = trades.instant_decrease(taken, None, position.collateral.mint, paid, end)
        name = "instantDecreasePosition2"
        return stage.script(stage.invoke(name, emit, owner=position.owner, position=position.key))

    # --- for a keeper ---

    def request(self) -> Script | None:
        """A market request, to be executed in another transaction."""
        if len(self.waiting) >= MAX_WAITING:
            return None
        request = self._request(trigger=False)
        if request is None:
            return None
        self.waiting.append(request)
        name = "createIncreasePositionMarketRequest" if request.change == INCREASE else (
            "createDecreasePositionMarketRequest"
        )  # fmt: skip
        return self._stage.script(self._stage.invoke(name, requests.created(request), owner=request.position.owner))

    def order(self) -> Script | None:
        """A limit order, or TP/SL on an open position. An update is an event only."""
        stage = self._stage
        request = self._request(trigger=True) if len(self.waiting) < MAX_WAITING else None
        if request is None:
            return None
        owner = request.position.owner
        if request.change == INCREASE:
            self.waiting.append(request)
            return stage.script(stage.invoke("instantCreateLimitOrder", requests.limit_order(request), owner=owner))
        is_update = stage.chance(0.3)
        if not is_update:
            self.waiting.append(request)
        emit = requests.tpsl(request, is_update=is_update, time=stage.time)
        name = "instantUpdateTpsl" if is_update else "instantCreateTpsl"
        return stage.script(stage.invoke(name, emit, owner=owner))

    def _tpsl(self, position: Position) -> Invoke:
        order = Order(self._stage.new_key(), position.collateral.mint, type=1)
        request = Request(
            order=order,
            position=position,
            change=DECREASE,
            token=position.collateral,
            size=position.size,
            is_entire=True,
            made_at=self._stage.time,
        )
        if len(self.waiting) < MAX_WAITING:
            self.waiting.append(request)
        emit = requests.tpsl(request, is_update=False, time=self._stage.time)
        return self._stage.invoke("instantCreateTpsl", emit, owner=position.owner)

    def _request(self, *, trigger: bool) -> Request | None:
        stage = self._stage
        change = stage.choice((INCREASE, DECREASE))
        position = self._any_position() if change == INCREASE else self._open_position()
        if position is None:
            return None
        token = stage.choice(stage.pool.custodies) if stage.chance(0.3) else position.collateral
        slippage = position.market.price_e6 if stage.chance(0.7) else None
        order = Order(stage.new_key(), token.mint, int(trigger), slippage, self._referral())
        is_entire = change == DECREASE and stage.chance(0.4)
        amount = token.tokens(stage.amount(USUAL_COLLATERAL * stage.rates.trade_times)) if change == INCREASE else 0
        size = token.usd(amount) * stage.leverage() // 10
        return Request(
            order=order,
            position=position,
            change=change,
            token=token,
            size=size if change == INCREASE else position.size // stage.rng.randint(1, 4),
            amount=amount,
            is_entire=is_entire,
            made_at=stage.time,
        )

    # --- positions ---

    def _any_position(self) -> Position:
        """An open one, or any trader's in any market, open or not."""
        stage = self._stage
        if stage.pool.positions and stage.chance(0.25):
            return stage.choice(list(stage.pool.positions.values()))
        owner, market = stage.choice(stage.owners), stage.choice(stage.pool.markets)
        side = stage.choice((LONG, SHORT))
        collateral = market if side == LONG else stage.choice(stage.pool.stables)
        key = sha256(owner + market.key + collateral.key + bytes([side])).digest()
        known = stage.pool.positions.get(key)
        return known or Position(key=key, owner=owner, side=side, market=market, collateral=collateral)

    def _open_position(self) -> Position | None:
        opened = self._stage.pool.positions
        return self._stage.choice(list(opened.values())) if opened else None

    def _keep(self, position: Position) -> None:
        self._stage.pool.positions[position.key] = position

    def _decrease(self, position: Position, price: int) -> Fill | None:
        stage = self._stage
        part = 1 if stage.chance(0.5) else stage.rng.randint(2, 5)
        size = position.size // part
        fill = decreased(position, price, size, position.collateral_usd // part, self._impact(), stage.time)
        if fill is not None and not position.size:
            del stage.pool.positions[position.key]
        return fill

    def _collateral(self, position: Position) -> int:
        usual = USUAL_COLLATERAL * self._stage.rates.trade_times
        return position.collateral.tokens(self._stage.amount(usual)) + 1

    def _size(self, position: Position, tokens: int) -> int:
        return position.collateral.usd(tokens) * self._stage.leverage() // 10

    def _impact(self) -> int:
        return self._stage.choice((0, 0, 1, 1, 2, 5))

    def _referral(self) -> bytes | None:
        return self._stage.new_key() if self._stage.chance(0.2) else None
