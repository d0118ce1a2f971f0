"""Drift v2 and its strategy vaults: two programs, one protocol, everything in log lines.

Read `EVENTS` first: which event gives which rows. What is not in the tables is kept as an event and
gives no row: placing and cancelling, curve updates, settlements, new users, the pool's own moves.
Layouts only ever grew at their end; `TAILS` names the places where older payloads stop.

Two things hold everywhere. Nothing is counted twice: a vault's deposit is also a Drift deposit, so
the vault's row is internal and the deposit carries `via`; a liquidation's fill is the trade, and its
LiquidationRecord is no second one. And no value of any field can make a rule fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from indexer.core.layout import compile_layouts
from indexer.core.payload import Event
from indexer.core.protocol import Program, Protocol, Scene
from indexer.core.record import Record
from indexer.protocols.drift import insurance, lending, liquidations, liquidity, rates, trades, vaults
from indexer.protocols.drift.programs import DRIFT, NAME, VAULTS
from indexer.protocols.drift.reading import Reading, Words, words

__all__ = ["DRIFT", "EVENTS", "VAULTS", "build"]

# Fields after which a payload of an older program ends. The end of the newest layout is no entry.
TAILS = {
    "OrderActionRecord": ("oraclePrice", "bitFlags", "makerExistingBaseAssetAmount", "triggerPrice"),
    "DepositRecord": ("transferUser",),
    "LiquidationRecord": ("spotBankruptcy",),
}
VAULT_TAILS = {
    "VaultDepositorRecord": ("managementFeeShares",),
    "VaultDepositorV1Record": ("managementFeeShares",),
}

Rule = Callable[[Reading, Event], Iterator[Record]]

EVENTS: Mapping[str, Rule] = {
    "OrderActionRecord": trades.order_action,
    "LiquidationRecord": liquidations.liquidation,
    "FundingRateRecord": rates.funding_rate,
    "DepositRecord": lending.deposit,
    "SpotInterestRecord": lending.spot_interest,
    "SwapRecord": lending.swap,
    "InsuranceFundStakeRecord": insurance.stake,
    "InsuranceFundRecord": insurance.fund,
    "InsuranceFundSwapRecord": insurance.fund_swap,
    "TransferProtocolIfSharesToRevenuePoolRecord": insurance.to_revenue_pool,
    "AdminWithdrawFromInsuranceFundRecord": insurance.admin_withdraw,
    "LPRecord": liquidity.amm_shares,
    "LPMintRedeemRecord": liquidity.mint_redeem,
    "FuelSeasonRecord": rates.fuel_season,
}
# The vaults' own FuelSeasonRecord shares out fuel that Drift's record of the vault already counts.
VAULT_EVENTS: Mapping[str, Rule] = {
    "VaultDepositorRecord": vaults.vault_depositor,
    "VaultDepositorV1Record": vaults.vault_depositor,
}
RULES: Mapping[bytes, Mapping[str, Rule]] = {DRIFT: EVENTS, VAULTS: VAULT_EVENTS}


def build(idls: Mapping[str, str]) -> Protocol:
    """The protocol from the texts of `drift.json` and `drift_vaults.json`. Raises UnsupportedIdl."""
    drift, strategy = idls["drift.json"], idls["drift_vaults.json"]
    vault_layouts = compile_layouts(strategy, file="drift_vaults.json", tails=VAULT_TAILS)
    return Protocol(
        name=NAME,
        programs=(
            Program(id=DRIFT, channel="log", layouts=compile_layouts(drift, file="drift.json", tails=TAILS)),
            Program(id=VAULTS, channel="log", layouts=vault_layouts),
        ),
        interpret=partial(interpret, words(drift, strategy)),
    )


def interpret(names: Words, scene: Scene) -> Iterator[Record]:
    """Rows of one transaction, in the order of its events."""
    reading = Reading(scene, names, frozenset(_acting_vaults(scene)))
    for event in scene.events:
        rule = RULES[event.payload.program_id].get(event.name)
        if rule is not None:
            yield from rule(reading, event)


def _acting_vaults(scene: Scene) -> Iterator[bytes]:
    """Vaults that this transaction speaks of; their Drift deposits are made for others."""
    for event in scene.events:
        if event.payload.program_id == VAULTS and (vault := getattr(event.fields, "vault", None)):
            yield vault
