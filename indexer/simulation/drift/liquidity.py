"""Liquidity beside the traders: shares of a market's AMM, and the pool of constituents (DLP). All of it is internal."""

from __future__ import annotations

from typing import Any

from indexer.core import base58
from indexer.core.record import LpFlow
from indexer.simulation.drift.books import BASE, Spot
from indexer.simulation.drift.stage import Stage
from indexer.simulation.figures import decimal
from indexer.simulation.instructions import fixed_key
from indexer.simulation.script import NOWHERE, Emit, Part, Script

POOL = fixed_key("drift liquidity pool")
MINT, REDEEM = 1, 0
FLOWS = {"AddLiquidity": "deposit", "RemoveLiquidity": "withdraw", "RemoveLiquidityDerisk": "withdraw"}


class Providers:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._minted = 0

    def amm_shares(self) -> Script:
        """Settling changes no shares and has no row."""
        stage = self._stage
        user, market = stage.some_users(1)[0], stage.choice(stage.books.perps)
        action = stage.choice((*FLOWS, "SettleLiquidity"))
        shares = stage.raw(market, 5_000)
        row = LpFlow(
            origin=NOWHERE,
            venue="drift_bal",
            venue_key=market.key,
            flow="deposit" if action == "AddLiquidity" else "withdraw",
            provider=user.account,
            lp_amount=decimal(shares, BASE),
            explanation=action,
            internal=True,
        )
        values: dict[str, Any] = {"user": user.account, "nShares": shares, "marketIndex": market.index}
        rows = [row] if action in FLOWS else []
        emit = stage.event("LPRecord", rows, ts=stage.time, action=action, pnl=-4, **values)
        return stage.script(stage.invoke("addPerpLpShares", emit, accounts=(user.account,)))

    def dlp(self) -> Script:
        """Minted or redeemed for one constituent; or moves of the pool's own, which have no row."""
        stage = self._stage
        if stage.chance(0.3):
            return stage.script(stage.invoke("lpPoolSwap", *self._own_moves()))
        spot = stage.choice(stage.books.spots)
        kind = stage.choice((MINT, MINT, REDEEM))
        emit = self._mint_or_redeem(spot, kind, stage.raw(spot, 3_000))
        name = "lpPoolAddLiquidity" if kind == MINT else "lpPoolRemoveLiquidity"
        return stage.script(stage.invoke(name, stage.transfer(), emit))

    def _mint_or_redeem(self, spot: Spot, kind: int, amount: int) -> Emit:
        """A mint takes the whole amount; a redeemer gets it less the fee, or more where the fee is a reward."""
        stage = self._stage
        authority = stage.some_users(1)[0].authority
        fee = amount // 1000 * stage.choice((1, 1, -1))
        price = stage.rng.randint(900_000, 1_200_000)
        moved = amount if kind == MINT else amount - fee
        mint = spot.mint if spot.mint is not None else fixed_key("unknown constituent")
        self._minted += 1
        row = LpFlow(
            origin=NOWHERE,
            venue="drift_dlp",
            venue_key=base58.encode(POOL),
            flow="deposit" if kind == MINT else "withdraw",
            provider=authority,
            mint=mint,
            amount=spot.tokens(moved),
            value_usd_e6=spot.usd_e6(moved),
            lp_price_usd=decimal(price, 6),
            fee_usd_e6=spot.usd_e6(fee),
            internal=True,
            sequence=self._minted,
        )
        told: dict[str, Any] = {"slot": stage.slot, "authority": authority, "description": kind, "mint": mint}
        told |= {"amount": amount, "fee": fee, "spotMarketIndex": spot.index, "oraclePrice": spot.price_e6}
        told |= {"lpAmount": amount, "lpPrice": price, "mintRedeemId": self._minted, "lpPool": POOL}
        return stage.event("LPMintRedeemRecord", [row], style="text", ts=stage.time, **told)

    def _own_moves(self) -> tuple[Part, ...]:
        stage = self._stage
        paid, bought = stage.rng.sample(stage.books.spots, 2)
        told: dict[str, Any] = {"ts": stage.time, "slot": stage.slot, "lpPool": POOL}
        indexes: dict[str, Any] = {"inSpotMarketIndex": paid.index, "outSpotMarketIndex": bought.index}
        swap = stage.event("LPSwapRecord", style="text", inAmount=5, outAmount=6, outFee=-1, **indexes, **told)
        settled = stage.event("LPSettleRecord", perpMarketIndex=stage.books.perps[0].index, perpAmmPnlDelta=-3, **told)
        lent = stage.event("LPBorrowLendDepositRecord", spotMarketIndex=paid.index, direction="Withdraw", **told)
        return swap, settled, lent
