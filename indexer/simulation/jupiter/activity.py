"""Jupiter's market activity: who acts next, slot by slot."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from indexer.core.reference import Reference
from indexer.simulation.held import Held
from indexer.simulation.jupiter.accounts import accounts, jlp
from indexer.simulation.jupiter.keepers import Keepers
from indexer.simulation.jupiter.pool import Pool
from indexer.simulation.jupiter.providers import Providers
from indexer.simulation.jupiter.stage import JupiterRates, Stage
from indexer.simulation.jupiter.traders import Traders
from indexer.simulation.prices import Beat
from indexer.simulation.script import Script

ATTEMPTS = 30  # Actors who find nothing to do, before a transaction without events goes out.


class JupiterActivity:
    """Seeded: the same generator and the same calls give the same scripts. `pool` holds the books."""

    def __init__(self, rng: Random, reference: Reference, rates: JupiterRates | None = None) -> None:
        rates = rates or JupiterRates()
        self.pool = Pool(rng, reference, rates.volatility)
        self._stage = Stage(rng, rates, self.pool)
        self._beat = Beat(rates.step_s)
        self._told = 0
        traders, providers = Traders(self._stage), Providers(self._stage)
        keepers = Keepers(self._stage, traders)
        self._liquidation = keepers.liquidation
        actors: tuple[tuple[Callable[[], Script | None], float], ...] = (
            (traders.instant, rates.instant),
            (traders.collateral, rates.collateral),
            (traders.request, rates.request),
            (traders.order, rates.order),
            (keepers.keeper, rates.keeper),
            (keepers.cancel, rates.cancel),
            (providers.liquidity, rates.liquidity),
            (providers.swap, rates.swap),
            (providers.loan, rates.loan),
        )
        self._actors = [actor for actor, _ in actors]
        self._weights = [weight for _, weight in actors]

    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]:
        """The next block's transactions of Jupiter, `count` of them. Call it in the order of slots."""
        self._stage.time = block_time
        if self._beat.is_due(block_time):
            self.pool.step()
        return [self._script() for _ in range(count)]

    def accounts(self) -> list[Held]:
        """As they are at the end of the block that was made last."""
        self._told = self.pool.supply
        return list(accounts(self.pool, self._stage.time))

    def counted(self) -> list[Held]:
        """JLP, if its supply has moved since accounts were told last."""
        is_old, self._told = self._told == self.pool.supply, self.pool.supply
        return [] if is_old else [jlp(self.pool)]

    def resize(self, trade_times: int, flow_times: int) -> None:
        """From now on, so many times the usual amounts."""
        self._stage.rates = msgspec.structs.replace(self._stage.rates, trade_times=trade_times, flow_times=flow_times)

    def _script(self) -> Script:
        if liquidation := self._liquidation():
            return liquidation
        for _ in range(ATTEMPTS):
            (actor,) = self._stage.rng.choices(self._actors, self._weights)
            if script := actor():
                return script
        return self._stage.script(self._stage.instructions.unknown("refreshAssetsUnderManagement"))
