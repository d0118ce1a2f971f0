"""Everything beside trading and liquidity: fee states, claims, builder fees, token values, GT given and burned."""

from __future__ import annotations

from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.accrual import update_fees
from indexer.simulation.gmx.glv import glv_token_value, market_token_value
from indexer.simulation.gmx.operation import Told, event, state_updated
from indexer.simulation.gmx.stage import Stage
from indexer.simulation.instructions import behind, fixed_key
from indexer.simulation.script import Script


class Upkeep:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    # --- without rows ---

    def upkeep(self) -> Script | None:
        return self._stage.choice((self._fee_state, self._claim, self._builder, self._confirm))()

    def _fee_state(self) -> Script:
        """Committed, and yet no row: no pool that a row tells of has changed."""
        stage, market = self._stage, self._stage.choice(self._stage.markets)
        operation = stage.operation(Told(owner=None, action=None), market.token)
        operation.touch(market)
        update_fees(operation, market)
        operation.commit()
        return stage.script(stage.invoke("update_fees_state", *operation.emits))

    def _claim(self) -> Script | None:
        """The receivers' fees leave the vault."""
        stage, market = self._stage, self._stage.choice(self._stage.markets)
        is_long = stage.chance(0.5)
        amount = market.amount(books.CLAIMABLE_FEE, is_long)
        if not amount or min(market.funding) < 0:  # The fees may stand in for funding that was taken before it is paid.
            return None
        market.begin()
        market.add(books.CLAIMABLE_FEE, is_long, -amount)
        market.transfer(is_long, -amount)
        return stage.script(stage.invoke("claim_fees_from_market", state_updated(market, stage.time)))

    def _builder(self) -> Script:
        stage, owner = self._stage, self._stage.choice(self._stage.owners)
        if stage.chance(0.5):
            values = {"user": fixed_key("builder"), "owner": owner, "previous_factor": 0, "factor": 10**16}
            emit = event("BuilderFeeFactorSet", values)
            return stage.script(stage.invoke("set_builder_fee_factor", emit, owner=owner))
        market = stage.choice(stage.markets)
        place = {"ts": stage.time, "slot": stage.slot, "store": stage.store}
        token = market.short.mint or bytes(32)
        charged = event(
            "BuilderFeeCharged",
            place | {"market_token": market.token, "token": token, "payable_amount": 1_000, "paid_amount": 990},
        )
        settled = event(
            "BuilderFeeSettled",
            place | {"order": owner, "builder": owner, "token": token, "recorded_amount": 990, "settled_amount": 990},
        )
        return stage.script(stage.invoke("settle_builder_fee", charged, settled))

    def _confirm(self) -> Script:
        """An exchange vault is confirmed and bought back."""
        stage = self._stage
        values = {
            "ts": stage.time,
            "slot": stage.slot,
            "store": stage.store,
            "gt_exchange_vault": fixed_key("gt exchange vault"),
            "authority": stage.keeper,
            "buyback_amount": stage.gt.vault,
            "buyback_value": stage.gt.vault * stage.gt.cost,
            "buyback_price": None,
        }
        emits = (stage.gt.confirm(), event("GtBuyback", values))
        return stage.script(stage.invoke("confirm_gt_exchange_vault_v2", *emits))

    # --- with rows ---

    def value(self) -> Script | None:
        """Another program asks what a market token or a GLV is worth."""
        stage = self._stage
        if stage.chance(0.5):
            glv = stage.choice(stage.glvs)
            call = stage.invoke("get_glv_token_value", glv_token_value(glv, 10**9), glv_token=glv.token)
        else:
            market = stage.choice([market for market in stage.markets if market.supply])
            emit = market_token_value(market, 10**9)
            call = stage.invoke("get_market_token_value", emit, market_token=market.token)
        return Script((behind(stage.rng, call, 1),), is_v0=True)

    def gt(self) -> Script | None:
        stage, owner = self._stage, self._stage.choice(self._stage.owners)
        if stage.chance(0.4):
            return stage.script(stage.invoke("mint_gt_reward", stage.gt.reward(owner, stage.rng.randrange(10**8))))
        emit = stage.gt.burn(owner)
        return stage.script(stage.invoke("request_gt_exchange", emit, owner=owner)) if emit else None
