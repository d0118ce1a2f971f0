"""Orders as a keeper executes them: swaps, increases, decreases; liquidation and auto-deleveraging.

Tokens come into a vault before, and leave one after: each is an operation of its own. An order that fails leaves its
events behind as ghosts, and what was paid goes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from indexer.simulation.gmx.accrual import update_fees
from indexer.simulation.gmx.assets import Asset
from indexer.simulation.gmx.decrease import decreased, pay_out
from indexer.simulation.gmx.increase import increased
from indexer.simulation.gmx.market import CannotBePaid, Market
from indexer.simulation.gmx.operation import Operation, Told, transferred
from indexer.simulation.gmx.positions import Position
from indexer.simulation.gmx.purse import Wish
from indexer.simulation.gmx.requests import INCREASES, SWAPS, Request
from indexer.simulation.gmx.stage import Stage
from indexer.simulation.gmx.swaps import along, move
from indexer.simulation.gmx.trades import Fill, report_decrease, trade_event
from indexer.simulation.script import Emit, Invoke

UNTOLD = Told(owner=None, action=None, purpose=None)
_Result = TypeVar("_Result")


class Orders:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def execute(self, request: Request, at_once: bool) -> tuple[Invoke, bool] | None:
        """The instruction, and whether it succeeded. None: there is nothing left that it could be about.

        `at_once`: the same transaction removes the order.
        """
        is_known = not self._stage.chance(self._stage.rates.unknown)
        if request.order_kind in SWAPS:
            told = Told(owner=request.owner, action=request.key) if is_known else UNTOLD
            emits, succeeded = self._swap(request, told)
            return self._invoke("increase_or_swap", request, emits, is_known), succeeded
        told = _told(request, is_known, at_once)
        if request.order_kind in INCREASES:
            emits, succeeded = self._increase(request, told)
            return self._invoke("increase_or_swap", request, emits, is_known), succeeded
        position, wish = self._position(request), request.wish
        if not position.size or wish is None or wish.size > position.size:
            return None
        emits, fill = self._decreased(request, told, position, wish)
        return self._invoke("decrease", request, emits, is_known), fill is not None

    # --- swap ---

    def _swap(self, request: Request, told: Told) -> tuple[list[Emit], bool]:
        stage, route, paid = self._stage, request.route, request.amounts[0]
        assert route is not None, "a swap order has a route"
        first, last = route.markets[0], route.markets[-1]
        before = self._moved(first, route.token, paid)
        operation = stage.operation(told, request.key)

        def body() -> int:
            self._begin(operation, request.market)
            return along(operation, route, paid)

        out = attempt(stage, operation, body)
        if out is None:
            after = self._moved(first, route.token, -paid)
        else:
            operation.commit()
            after = self._moved(last, route.end, -out)
        return before + operation.emits + after, out is not None

    # --- increase ---

    def _increase(self, request: Request, told: Told) -> tuple[list[Emit], bool]:
        stage, market, paid = self._stage, request.market, request.amounts[0]
        position = self._position(request)
        collateral = market.asset(position.is_collateral_long)
        first, token = (request.route.markets[0], request.route.token) if request.route else (market, collateral)
        before = self._moved(first, token, paid)
        operation = stage.operation(told, request.key)

        def body() -> Fill:
            self._begin(operation, market)
            operation.take(position)
            amount = paid
            if request.route:
                amount = along(operation, request.route, paid)
                move(request.route.markets[-1], market, collateral, amount)
                last_check(stage, stage.rates.ghost)
            return increased(operation, position, amount, request.size, request.impact_parts)

        fill = attempt(stage, operation, body)
        if fill is None:
            after = self._moved(first, token, -paid)
        else:
            stage.positions[position.key] = position
            after = self._completed(operation, fill, (None, 0))
        return before + operation.emits + after, fill is not None

    def _position(self, request: Request) -> Position:
        """As it is now: after a close the account is new."""
        asked = request.position
        assert asked is not None, "an order of a position names it"
        opened = self._stage.positions.get(asked.key)
        return opened or Position(asked.key, asked.owner, asked.market, asked.is_long, asked.is_collateral_long)

    # --- decrease ---

    def liquidate(self, request: Request) -> Invoke | None:
        """All of the position; there may be too little to pay for it."""
        return self._cut(request, "liquidate", is_adl=False)

    def deleverage(self, request: Request) -> Invoke | None:
        """A part of a position that gains too much."""
        return self._cut(request, "auto_deleverage", is_adl=True)

    def _cut(self, request: Request, instruction: str, *, is_adl: bool) -> Invoke | None:
        position, wish = request.position, request.wish
        assert position is not None, f"{instruction} is about a position"
        assert wish is not None, f"{instruction} says how much"
        told = Told(
            owner=request.owner, action=request.key, purpose="position", is_liquidation=not is_adl, is_adl=is_adl
        )
        emits, fill = self._decreased(request, told, position, wish, may_fail=False)
        accounts = {"owner": request.owner, "order": request.key, "position": position.key}
        return self._stage.invoke(instruction, *emits, **accounts) if fill else None

    def _decreased(
        self, request: Request, told: Told, position: Position, wish: Wish, *, may_fail: bool = True
    ) -> tuple[list[Emit], Fill | None]:
        stage, market, route = self._stage, position.market, request.route
        operation = stage.operation(told, request.key)
        collateral = market.asset(position.is_collateral_long)

        def body() -> tuple[Fill, int]:
            self._begin(operation, market)
            operation.take(position)
            fill = decreased(operation, position, wish)
            out = along(operation, route, fill.output, market) if route and fill.output else fill.output
            report_decrease(operation, fill)
            pay_out(market, fill)
            return fill, out

        result = attempt(stage, operation, body, may_fail=may_fail)
        if result is None:
            return operation.emits, None
        fill, out = result
        if not position.size:
            del stage.positions[position.key]
        is_routed = route is not None and fill.output
        holder, token = (route.markets[-1], route.end) if route and is_routed else (market, collateral)
        after = self._completed(operation, fill, (token.mint, out))
        after += self._moved(holder, token, -out)
        after += self._moved(market, market.asset(position.is_long), -fill.secondary)
        return operation.emits + after, fill

    # --- all ---

    def _begin(self, operation: Operation, market: Market) -> None:
        operation.touch(market)
        update_fees(operation, market)

    def _completed(self, operation: Operation, fill: Fill, output: tuple[bytes | None, int]) -> list[Emit]:
        """GT for the fees, the commit, and the trade itself."""
        fees, position = fill.fees, fill.position
        value = fees.order_value + fees.borrowing_value
        if position.market.is_gt_enabled and value:
            operation.emits.append(self._stage.gt.mint(position.owner, value))
        operation.commit()
        return [trade_event(operation, fill, self._stage.keeper, output)]

    def _moved(self, market: Market, token: Asset, amount: int) -> list[Emit]:
        return [transferred(market, token is market.long, amount, self._stage.time)] if amount else []

    def _invoke(self, what: str, request: Request, emits: list[Emit], is_known: bool) -> Invoke:
        if not is_known:
            return self._stage.instructions.unknown(f"execute_{what}_order_v3", *emits, accounts=(request.owner,))
        version = "" if self._stage.chance(self._stage.rates.older) else "_v2"
        name = f"execute_{what}_order{version}"
        accounts = {"owner": request.owner, "order": request.key}
        if request.position:
            accounts["position"] = request.position.key
        return self._stage.invoke(name, *emits, **accounts)


def _told(request: Request, is_known: bool, at_once: bool) -> Told:
    """The trade tells whose it is, and its order. That it is no liquidation, the instruction or the removal tells."""
    told = False if is_known or at_once else None
    return Told(owner=request.owner, action=request.key, purpose="position", is_liquidation=told, is_adl=told)


def attempt(
    stage: Stage, operation: Operation, body: Callable[[], _Result], *, may_fail: bool = True
) -> _Result | None:
    """Do it; None: it failed, by itself or at its last check, and what it told is a ghost."""
    try:
        result = body()
        operation.check_vaults()
        last_check(stage, stage.rates.ghost if may_fail else 0)
    except CannotBePaid:
        operation.fail()
        return None
    return result


def last_check(stage: Stage, share: float) -> None:
    """The price moved too far, or the output is too small."""
    if stage.chance(share):
        raise CannotBePaid
