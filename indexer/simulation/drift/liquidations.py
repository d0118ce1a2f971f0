"""Liquidations of all six kinds. One of a perp position comes with its fill, which is the trade."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from indexer.core.record import Liquidation
from indexer.simulation.drift.books import BASE, Perp, User
from indexer.simulation.drift.fills import LIQUIDATION, LONG, SHORT, Fill, Side, fill_event
from indexer.simulation.drift.stage import Stage
from indexer.simulation.figures import decimal
from indexer.simulation.script import NOWHERE, Emit, Part, Script


class Liquidators:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def act(self) -> Script:
        kinds: tuple[Callable[[], Script], ...] = (
            self._takeover, self._with_fill, self._orders_alone, self._spot,
            self._borrow_for_pnl, self._pnl_for_deposit, self._perp_bankruptcy, self._spot_bankruptcy,
        )  # fmt: skip
        return self._stage.choice(kinds)()

    # --- perp ---

    def _takeover(self) -> Script:
        """The liquidator takes the position: the fill is written first, as an event like any other."""
        stage = self._stage
        market, (user, liquidator) = stage.choice(stage.books.perps), stage.some_users(2)
        base, quote = self._size(market)
        fee, insurance = quote // 100, quote // 200
        direction = stage.choice((LONG, SHORT))
        fill = Fill(
            market=market,
            explanation=LIQUIDATION,
            sequence=market.next_fill(),
            base=base,
            quote=quote,
            taker=Side(user, user.next_order(), direction, base, base, quote),
            maker=Side(liquidator, liquidator.next_order(), 1 - direction, base, base, quote),
            taker_fee=fee + insurance,
            maker_fee=-fee,
            oracle_e6=market.price_e6,
        )
        told = self._perp(user, liquidator, market, base, quote, insurance, fill.sequence)
        emits = fill_event(stage, fill, "data", stage.end("OrderActionRecord")), told
        return self._script("liquidatePerp", user, liquidator, *emits)

    def _with_fill(self) -> Script:
        """Filled by others: the record names the id of the first fill that follows."""
        stage = self._stage
        market, (user, liquidator, maker) = stage.choice(stage.books.perps), stage.some_users(3)
        base, quote = self._size(market)
        order, filler = user.next_order(), liquidator.account
        told = self._perp(user, liquidator, market, base, quote, quote // 200, market.fills + 1)
        half, rest = quote // 2, quote - quote // 2
        emits: list[Part] = [told]
        for against, part_base, part in ((maker, base // 2, half), (None, base - base // 2, rest)):
            direction = LONG
            side = Side(user, order, direction, base, part_base, part)
            other = Side(against, against.next_order(), SHORT, part_base, part_base, part) if against else None
            if part_base and part:
                fill = Fill(
                    market=market,
                    explanation=LIQUIDATION,
                    sequence=market.next_fill(),
                    base=part_base,
                    quote=part,
                    taker=side,
                    maker=other,
                    filler=filler,
                    filler_reward=part // 10_000,
                    taker_fee=part // 1_000,
                    maker_fee=-(part // 40_000) if other else None,
                    oracle_e6=market.price_e6,
                )
                emits.append(fill_event(stage, fill, "text", stage.end("OrderActionRecord")))
        return self._script("liquidatePerpWithFill", user, liquidator, *emits)

    def _orders_alone(self) -> Script:
        """Cancelling the user's orders was enough."""
        stage = self._stage
        market, (user, liquidator) = stage.choice(stage.books.perps), stage.some_users(2)
        told = self._perp(user, liquidator, market, 0, 0, 0, 0)
        return self._script("liquidatePerp", user, liquidator, told)

    def _size(self, market: Perp) -> tuple[int, int]:
        base = self._stage.raw(market, 3_000)
        return base, max(2, base * market.price_e6 // 10**BASE)

    def _perp(
        self, user: User, liquidator: User, market: Perp, base: int, quote: int, insurance: int, fill: int
    ) -> Emit:
        sign = self._stage.choice((1, -1))
        part = {
            "marketIndex": market.index,
            "oraclePrice": market.price_e6,
            "baseAssetAmount": sign * base,
            "quoteAssetAmount": -sign * quote,
            "fillRecordId": fill,
            "ifFee": insurance,
        }
        row = {"market_key": market.key, "value_usd_e6": quote, "insurance_fee_usd_e6": insurance}
        row["sequence"] = fill or None
        return self._told("LiquidatePerp", "perp", user, liquidator, {"liquidatePerp": part}, row)

    # --- spot, and pnl against deposits ---

    def _spot(self) -> Script:
        stage = self._stage
        (user, liquidator), (asset, debt) = stage.some_users(2), stage.rng.sample(stage.books.spots, 2)
        taken, repaid = stage.raw(asset, 2_000), stage.raw(debt, 1_900)
        fee = repaid // 100
        part = {
            "assetMarketIndex": asset.index,
            "assetPrice": asset.price_e6,
            "assetTransfer": taken,
            "liabilityMarketIndex": debt.index,
            "liabilityPrice": debt.price_e6,
            "liabilityTransfer": repaid,
            "ifFee": fee,
        }
        row = {
            "market_key": debt.key,
            "value_usd_e6": asset.usd_e6(taken),
            "insurance_fee_usd_e6": debt.usd_e6(fee),
            "insurance_fee_amount": debt.tokens(fee),
        }
        told = self._told("LiquidateSpot", "spot", user, liquidator, {"liquidateSpot": part}, row)
        return self._script("liquidateSpot", user, liquidator, told)

    def _borrow_for_pnl(self) -> Script:
        stage = self._stage
        (user, liquidator), market = stage.some_users(2), stage.choice(stage.books.perps)
        debt, amount = stage.choice(stage.books.spots), stage.raw(stage.books.quote, 700)
        part = {"perpMarketIndex": market.index, "marketOraclePrice": market.price_e6, "pnlTransfer": amount}
        part |= {"liabilityMarketIndex": debt.index, "liabilityPrice": debt.price_e6, "liabilityTransfer": 5}
        return self._pnl("LiquidateBorrowForPerpPnl", "borrow_for_perp_pnl", user, liquidator, market, part)

    def _pnl_for_deposit(self) -> Script:
        stage = self._stage
        (user, liquidator), market = stage.some_users(2), stage.choice(stage.books.perps)
        asset, amount = stage.choice(stage.books.spots), stage.raw(stage.books.quote, 700)
        part = {"perpMarketIndex": market.index, "marketOraclePrice": market.price_e6, "pnlTransfer": amount}
        part |= {"assetMarketIndex": asset.index, "assetPrice": asset.price_e6, "assetTransfer": 5}
        return self._pnl("LiquidatePerpPnlForDeposit", "perp_pnl_for_deposit", user, liquidator, market, part)

    def _pnl(self, kind: str, ours: str, user: User, liquidator: User, market: Perp, part: dict[str, int]) -> Script:
        name = kind[0].lower() + kind[1:]
        row = {"market_key": market.key, "value_usd_e6": part["pnlTransfer"]}
        return self._script(name, user, liquidator, self._told(kind, ours, user, liquidator, {name: part}, row))

    # --- bankruptcies ---

    def _perp_bankruptcy(self) -> Script:
        """What neither the insurance nor a clawback pays is shared by the others."""
        stage = self._stage
        (user, liquidator, other), market = stage.some_users(3), stage.choice(stage.books.perps)
        loss = stage.raw(stage.books.quote, 4_000)
        paid, clawback = loss // 3, loss // 10 if stage.chance(0.5) else None
        part = {
            "marketIndex": market.index,
            "pnl": -loss,
            "ifPayment": paid,
            "clawbackUser": other.account if clawback is not None else None,
            "clawbackUserPayment": clawback,
            "cumulativeFundingRateDelta": -9,
        }
        row = {"market_key": market.key, "socialised_loss_usd_e6": loss - paid - (clawback or 0)}
        told = self._told("PerpBankruptcy", "perp_bankruptcy", user, liquidator, {"perpBankruptcy": part}, row)
        return self._script("resolvePerpBankruptcy", user, liquidator, told)

    def _spot_bankruptcy(self) -> Script:
        stage = self._stage
        (user, liquidator), spot = stage.some_users(2), stage.choice(stage.books.spots)
        debt = stage.raw(spot, 4_000)
        paid = debt // 4
        part = {"marketIndex": spot.index, "borrowAmount": debt, "ifPayment": paid}
        left = decimal(debt - paid, spot.decimals) if spot.is_known else None
        row = {"market_key": spot.key, "socialised_loss_amount": left}
        told = self._told("SpotBankruptcy", "spot_bankruptcy", user, liquidator, {"spotBankruptcy": part}, row)
        return self._script("resolveSpotBankruptcy", user, liquidator, told)

    # --- all of them ---

    def _told(
        self, kind: str, ours: Any, user: User, liquidator: User, part: dict[str, Any], row: dict[str, Any]
    ) -> Emit:
        """A LiquidationRecord, whose other parts are zero."""
        stage, end = self._stage, self._stage.end("LiquidationRecord")
        user.liquidations += 1
        values: dict[str, Any] = {
            "ts": stage.time,
            "liquidationType": kind,
            "user": user.account,
            "liquidator": liquidator.account,
            "marginRequirement": 10**9,
            "totalCollateral": -5,
            "liquidationId": user.liquidations % 2**16,
            "bankrupt": kind.endswith("Bankruptcy"),
            "canceledOrderIds": [stage.rng.randrange(1000) for _ in range(stage.rng.randrange(4))],
        }
        liquidation = Liquidation(
            origin=NOWHERE, liquidation_kind=ours, trader=user.account, liquidator=liquidator.account, **row
        )
        return stage.event("LiquidationRecord", [liquidation], end=end, **values, **part)

    def _script(self, name: str, user: User, liquidator: User, *inside: Part) -> Script:
        stage = self._stage
        accounts = liquidator.authority, liquidator.account, user.account
        return stage.script(stage.invoke(name, *inside, accounts=accounts))
