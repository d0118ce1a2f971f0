"""Keepers: they execute what waits, remove what is done, and cut positions that must be cut."""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from indexer.simulation.gmx.flows import Flows
from indexer.simulation.gmx.orders import Orders
from indexer.simulation.gmx.positions import Position, costs
from indexer.simulation.gmx.purse import Wish
from indexer.simulation.gmx.requests import ADL, LIQUIDATION, Request, removed
from indexer.simulation.gmx.stage import Stage
from indexer.simulation.script import Emit, Invoke, Script

State = Literal["completed", "cancelled"]
LOOKED_AT = 12  # Positions that one look for liquidations sees.
MOST_DONE = 64  # Requests that are executed and not removed.
MARGIN, GLANCE = 100, 20  # A position must be worth one part in so many of its size; is worth far more, if it is safe.


class Done(msgspec.Struct, frozen=True):
    """Executed in `slot`, to be removed in a later one: the blocks apart, no transaction holds both."""

    request: Request
    state: State
    slot: int


class Keepers:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._orders, self._flows = stage, Orders(stage), Flows(stage)
        self._done: deque[Done] = deque()  # Not removed yet, oldest first.
        self._seen = 0

    def keeper(self) -> Script | None:
        """Execute a request, sometimes two; or remove what an earlier transaction executed."""
        stage = self._stage
        if self._done and self._done[0].slot < stage.slot and (stage.chance(0.5) or not stage.waiting):
            done = self._done.popleft()
            return stage.script(self._remove(done.request, done.state))
        if not stage.waiting:
            return None
        calls = self._executed(self._next())
        if stage.waiting and stage.chance(0.08):
            calls += self._executed(self._next())
        return stage.script(*calls)

    def cancel(self) -> Script | None:
        return self._stage.script(self._remove(self._next(), "cancelled")) if self._stage.waiting else None

    def _next(self) -> Request:
        waiting = self._stage.waiting
        return waiting.pop(self._stage.rng.randrange(len(waiting)))

    def _executed(self, request: Request) -> list[Invoke]:
        """The execution and, often, the removal behind it: only this tells whose deposit or withdrawal it was."""
        at_once = self._at_once()
        if request.kind == "order":
            result = self._orders.execute(request, at_once)
        else:
            result = self._flows.execute(request, self._owner_told(request, at_once))
        if result is None:
            return [self._remove(request, "cancelled")]
        call, succeeded = result
        return [call, *self._removed(request, "completed" if succeeded else "cancelled", at_once)]

    def _at_once(self) -> bool:
        return len(self._done) >= MOST_DONE or self._stage.chance(self._stage.rates.closes_at_once)

    def _removed(self, request: Request, state: State, at_once: bool) -> list[Invoke]:
        if at_once:
            return [self._remove(request, state)]
        self._done.append(Done(request, state, self._stage.slot))
        return []

    def _owner_told(self, request: Request, at_once: bool) -> bytes | None:
        return request.owner if at_once or request.kind == "glv_shift" else None

    def _remove(self, request: Request, state: State) -> Invoke:
        stage, kind = self._stage, request.kind
        emits = [removed(request, state, stage.store, stage.slot, stage.time)]
        accounts: dict[str, bytes] = {kind: request.key}
        if kind != "glv_shift":
            accounts |= {"owner": request.owner, "receiver": request.receiver}
        name = f"close_{kind}"
        if kind == "order":
            name = "close_order" if stage.chance(stage.rates.older) else "close_order_v2"
            emits += self._referral(request, state)
        return stage.invoke(name, *emits, **accounts)

    def _referral(self, request: Request, state: State) -> list[Emit]:
        """Who was referred earns GT for another."""
        stage = self._stage
        if state == "cancelled" or not stage.chance(0.1):
            return []
        return [stage.gt.reward(stage.choice(stage.owners), stage.rng.randrange(10**7))]

    # --- cuts ---

    def liquidation(self) -> Script | None:
        """Look at the next few positions; the first that is no longer covered goes."""
        opened = list(self._stage.positions.values())
        for _ in range(min(LOOKED_AT, len(opened))):
            self._seen += 1
            position = opened[self._seen % len(opened)]
            if _is_liquidatable(position):
                wish = Wish(size=position.size, impact_parts=-2, may_be_insolvent=True)
                request = self._cut_request(position, wish, LIQUIDATION)
                return self._cut(self._orders.liquidate(request), request)
        return None

    def deleverage(self) -> Script | None:
        """A position that gains is made smaller."""
        winners = [position for position in self._stage.positions.values() if position.profit() > 0]
        if not winners:
            return None
        position = self._stage.choice(winners)
        wish = Wish(size=position.size // self._stage.rng.randint(1, 3), impact_parts=0)
        request = self._cut_request(position, wish, ADL)
        return self._cut(self._orders.deleverage(request), request)

    def _cut_request(self, position: Position, wish: Wish, order_kind: int) -> Request:
        stage = self._stage
        return Request(
            key=stage.rng.randbytes(32),
            kind="order",
            owner=position.owner,
            receiver=position.owner,
            market=position.market,
            id=stage.new_request_id(),
            order_kind=order_kind,
            position=position,
            wish=wish,
        )

    def _cut(self, call: Invoke | None, request: Request) -> Script | None:
        if call is None:
            return None
        return self._stage.script(call, *self._removed(request, "completed", self._at_once()))

    # --- GLV ---

    def rebalance(self) -> Script | None:
        """A GLV moves a part of its liquidity from one of its markets to another."""
        stage = self._stage
        glv = stage.choice([glv for glv in stage.glvs if len(glv.markets) > 1])
        source, target = stage.rng.sample(glv.markets, 2)
        amount = glv.balances[source.token] // 20
        request = Request(
            key=stage.rng.randbytes(32),
            kind="glv_shift",
            owner=glv.account,
            receiver=glv.account,
            market=source,
            id=stage.new_request_id(),
            target=target,
            glv=glv,
            amounts=(amount, 0),
        )
        return stage.script(*self._executed(request)) if amount else None


def _is_liquidatable(position: Position) -> bool:
    """A position that looks safe at a glance, before its fees, is not looked at closely."""
    price, profit = position.collateral_price.min, position.profit()
    if position.collateral * price + profit > position.size // GLANCE:
        return False
    fees = costs(position, position.size)
    left = position.collateral - fees.for_receiver - fees.for_pool - fees.funding
    return left * price + profit < position.size // MARGIN
