"""Keepers: they execute what waits or give it up, and close positions that are no longer covered."""

from __future__ import annotations

from indexer.simulation.jupiter import requests, trades
from indexer.simulation.jupiter.positions import Fill, Position, decreased, increased, liquidated
from indexer.simulation.jupiter.requests import INCREASE, Request
from indexer.simulation.jupiter.stage import Stage
from indexer.simulation.jupiter.swaps import pool_swap
from indexer.simulation.jupiter.traders import Traders
from indexer.simulation.script import Emit, Invoke, Script

MOST_DONE = 48  # Requests that are executed and not closed.
LOOKED_AT = 12  # Positions that one look for liquidations sees.


class Keepers:
    def __init__(self, stage: Stage, traders: Traders) -> None:
        self._stage, self._traders = stage, traders
        self._to_close: list[Request] = []  # Executed, but their account still stands.
        self._seen = 0

    def keeper(self) -> Script | None:
        """Execute a request; its account is closed beside it, or in a later transaction."""
        if self._to_close and self._stage.chance(0.5):
            return self._close(self._to_close.pop(), executed=True)
        request = self._next()
        if request is None:
            return None
        executed = self._increase(request) if request.change == INCREASE else self._decrease(request)
        if executed is None:
            return self._close(request, executed=False)
        if len(self._to_close) < MOST_DONE and self._stage.chance(0.2):
            self._to_close.append(request)
            return self._stage.script(*executed)
        return self._stage.script(*executed, self._closing(request, executed=True))

    def cancel(self) -> Script | None:
        request = self._next()
        return self._close(request, executed=False) if request else None

    def _next(self) -> Request | None:
        waiting = self._traders.waiting
        return waiting.pop(self._stage.rng.randrange(len(waiting))) if waiting else None

    def _close(self, request: Request, *, executed: bool) -> Script:
        return self._stage.script(self._closing(request, executed=executed))

    def _closing(self, request: Request, *, executed: bool) -> Invoke:
        emit = requests.closed(request, executed=executed, age=self._stage.age())
        name = self._stage.choice(("closePositionRequest", "closePositionRequest2", "closePositionRequest3"))
        return self._stage.invoke(name, emit, owner=request.position.owner, positionRequest=request.order.key)

    def _price(self, request: Request) -> int:
        """A trigger is executed at its own price, which is near the market's."""
        price = request.position.market.price_e6
        return price * self._stage.rng.randint(9_990, 10_010) // 10_000 if request.order.type else price

    # --- increase ---

    def _increase(self, request: Request) -> list[Invoke] | None:
        stage, pool, token = self._stage, self._stage.pool, request.token
        position = pool.positions.get(request.position.key, request.position)
        before, amount = [], request.amount
        if token is not position.collateral:
            exchange = stage.exchange(position.owner, token, position.collateral, amount)
            before, amount = [pool_swap(exchange, "position")], exchange.amount_out
        if not amount:
            return None
        fill = increased(position, self._price(request), request.size, amount, 1, stage.time)
        pool.positions[position.key] = position
        emit = trades.increase(fill, request.order, stage.end("IncreasePositionEvent"))
        if before:
            return [self._invoke("increasePositionWithInternalSwap", request, *before, emit)]
        if stage.chance(0.2):
            pre = self._invoke("increasePositionPreSwap", request, requests.pre_swap(request))
            return [pre, self._invoke("increasePosition2", request, emit)]
        return [self._invoke("increasePosition4", request, emit)]

    # --- decrease ---

    def _decrease(self, request: Request) -> list[Invoke] | None:
        """None: the position is gone, or cannot pay for it."""
        stage, pool = self._stage, self._stage.pool
        position = pool.positions.get(request.position.key)
        fill = self._decreased(position, request) if position else None
        if position is None or fill is None:
            return None
        paid, after = position.collateral.tokens(fill.paid_out), []
        if paid and request.token is not position.collateral:
            exchange = stage.exchange(position.owner, position.collateral, request.token, paid)
            paid, after = exchange.amount_out, [pool_swap(exchange, "position")]
        emit = trades.decrease(fill, request.order, paid or None, stage.end("DecreasePositionEvent"))
        if after:
            name = "decreasePositionWithTpslAndInternalSwap" if request.order.type else (
                "decreasePositionWithInternalSwap"
            )  # fmt: skip
            return [self._invoke(name, request, emit, *after)]
        if request.order.type:
            return [self._invoke("decreasePositionWithTpsl", request, emit)]
        return self._plain_decrease(request, emit, paid)

    def _plain_decrease(self, request: Request, emit: Emit, paid: int) -> list[Invoke]:
        name = self._stage.choice(("decreasePosition4", "decreasePosition3", "decreasePosition2"))
        calls = [self._invoke(name, request, emit)]
        if name == "decreasePosition2":
            calls.append(self._invoke("decreasePositionPostSwap", request, requests.post_swap(request, paid)))
        return calls

    def _decreased(self, position: Position, request: Request) -> Fill | None:
        size = position.size if request.is_entire else min(request.size, position.size)
        share = position.collateral_usd * size // position.size
        fill = decreased(position, self._price(request), size, share, 1, self._stage.time)
        if fill is not None and not position.size:
            del self._stage.pool.positions[position.key]
        return fill

    def _invoke(self, name: str, request: Request, *inside: Emit) -> Invoke:
        named = {} if name == "decreasePositionPostSwap" else {"position": request.position.key}
        return self._stage.invoke(name, *inside, positionRequest=request.order.key, **named)

    # --- liquidation ---

    def liquidation(self) -> Script | None:
        """Look at the next few positions; the first that is no longer covered goes."""
        opened = list(self._stage.pool.positions.values())
        for _ in range(min(LOOKED_AT, len(opened))):
            self._seen += 1
            position = opened[self._seen % len(opened)]
            if position.is_liquidatable():
                return self._liquidate(position)
        return None

    def _liquidate(self, position: Position) -> Script:
        stage = self._stage
        fill = liquidated(position, position.market.price_e6, stage.time)
        del stage.pool.positions[position.key]
        is_old = stage.chance(stage.rates.older)
        end = stage.end("LiquidatePositionEvent" if is_old else "LiquidateFullPositionEvent")
        name = stage.choice(("liquidateFullPosition2", "liquidateFullPosition4"))
        emit = trades.liquidation(fill, end, is_old=is_old)
        return stage.script(stage.invoke(name, emit, position=position.key))
