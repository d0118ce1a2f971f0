"""Deposits, withdrawals and shifts as a keeper executes them, of market tokens and of GLV."""

from __future__ import annotations

from indexer.simulation.gmx.accrual import update_borrowing
from indexer.simulation.gmx.assets import Asset
from indexer.simulation.gmx.glv import Glv, glv_deposited, glv_withdrawn
from indexer.simulation.gmx.liquidity import deposited, withdrawn
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.operation import Operation, Told, transferred
from indexer.simulation.gmx.orders import attempt
from indexer.simulation.gmx.requests import Request
from indexer.simulation.gmx.stage import Stage
from indexer.simulation.gmx.swaps import along, move
from indexer.simulation.script import Emit, Invoke

Paid = list[tuple[Market, Asset, int]]  # Into whose vault, what, how much.


class Flows:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def execute(self, request: Request, owner: bytes | None) -> tuple[Invoke, bool]:
        """The instruction, and whether it succeeded. `owner`: as far as the transaction will tell it."""
        told = Told(owner=owner, action=request.key, purpose="lp", is_shift=request.kind in ("shift", "glv_shift"))
        operation, bodies = self._stage.operation(told, request.key), {
            "deposit": self._deposit,
            "withdrawal": self._withdraw,
            "shift": self._shift,
            "glv_deposit": self._glv_deposit,
            "glv_withdrawal": self._glv_withdraw,
            "glv_shift": self._glv_shift,
        }  # fmt: skip
        paid = self._paid(request)
        before = [self._moved(*one) for one in paid]
        body = bodies[request.kind]
        out = attempt(self._stage, operation, lambda: body(operation, request))
        if out is None:
            after = [self._moved(market, token, -amount) for market, token, amount in paid]
        else:
            operation.commit()
            after = [self._moved(market, token, -amount) for market, token, amount in out if amount]
        return self._invoke(request, before + operation.emits + after), out is not None

    def _invoke(self, request: Request, emits: list[Emit]) -> Invoke:
        accounts: dict[str, bytes] = {request.kind: request.key}
        if request.glv is not None:
            accounts["glv"] = request.glv.account
        if request.kind not in ("shift", "glv_shift"):
            accounts["market_token"] = request.market.token
        return self._stage.invoke(f"execute_{request.kind}", *emits, **accounts)

    def _moved(self, market: Market, token: Asset, amount: int) -> Emit:
        return transferred(market, token is market.long, amount, self._stage.time)

    def _paid(self, request: Request) -> Paid:
        """What a deposit brings: into its market's vault, or that of the first market on its way."""
        if request.kind not in ("deposit", "glv_deposit"):
            return []
        market, (long, short), route = request.market, request.amounts, request.route
        first = [(route.markets[0], route.token, long)] if route else [(market, market.long, long)]
        return [one for one in (*first, (market, market.short, short)) if one[2]]

    # --- market tokens ---

    def _begin(self, operation: Operation, market: Market) -> None:
        operation.touch(market)
        update_borrowing(operation, market)

    def _deposit(self, operation: Operation, request: Request) -> Paid:
        self._begin(operation, request.market)
        self._minted(operation, request)
        return []

    def _minted(self, operation: Operation, request: Request) -> int:
        market, (long, short), route = request.market, request.amounts, request.route
        if route:
            got = along(operation, route, long)
            move(route.markets[-1], market, route.end, got)
            long, short = (got, short) if route.end is market.long else (0, short + got)
        return deposited(operation, market, (long, short), request.impact_parts, market.charges.deposit)

    def _withdraw(self, operation: Operation, request: Request) -> Paid:
        self._begin(operation, request.market)
        return self._burned(operation, request, request.amounts[0])

    def _burned(self, operation: Operation, request: Request, amount: int) -> Paid:
        market, route = request.market, request.route
        long, short = withdrawn(operation, market, amount)
        rest = [(market, market.short, short)]
        if route and long:
            out = along(operation, route, long, market)
            return [(route.markets[-1], route.end, out), *rest]
        return [(market, market.long, long), *rest]

    def _shift(self, operation: Operation, request: Request) -> Paid:
        self._shifted(operation, request, request.amounts[0])
        return []

    def _shifted(self, operation: Operation, request: Request, amount: int) -> int:
        source, target = request.market, request.target
        assert target is not None, "a shift goes somewhere"
        self._begin(operation, source)
        self._begin(operation, target)
        long, short = withdrawn(operation, source, amount)
        move(source, target, source.long, long)
        move(source, target, source.short, short)
        return deposited(operation, target, (long, short), 0, target.charges.shift)

    # --- GLV ---

    def _with_glv(self, operation: Operation, request: Request) -> Glv:
        assert request.glv is not None, f"a {request.kind} is about a GLV"
        operation.take(request.glv)
        return request.glv

    def _glv_deposit(self, operation: Operation, request: Request) -> Paid:
        """Of tokens, of market tokens, or of both; `size` is the market tokens."""
        glv = self._with_glv(operation, request)
        self._begin(operation, request.market)
        minted = self._minted(operation, request) if any(request.amounts) else 0
        glv_deposited(operation, glv, request.market, minted + request.size)
        return []

    def _glv_withdraw(self, operation: Operation, request: Request) -> Paid:
        glv = self._with_glv(operation, request)
        self._begin(operation, request.market)
        amount = glv_withdrawn(operation, glv, request.market, request.amounts[0])
        return self._burned(operation, request, amount)

    def _glv_shift(self, operation: Operation, request: Request) -> Paid:
        glv, target = self._with_glv(operation, request), request.target
        assert target is not None, "a shift goes somewhere"
        amount = request.amounts[0]
        minted = self._shifted(operation, request, amount)
        glv.balances[request.market.token] -= amount
        glv.balances[target.token] += minted
        return []
