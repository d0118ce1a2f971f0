"""Drift's market activity: who acts next, slot by slot."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from indexer.core.reference import Reference
from indexer.simulation.drift.accounts import accounts, counted, numbers
from indexer.simulation.drift.books import Books
from indexer.simulation.drift.insurance import Stakers
from indexer.simulation.drift.lending import Lenders
from indexer.simulation.drift.liquidations import Liquidators
from indexer.simulation.drift.liquidity import Providers
from indexer.simulation.drift.orders import Orders
from indexer.simulation.drift.rates import Cranks
from indexer.simulation.drift.settlements import Settlements
from indexer.simulation.drift.stage import DriftRates, Stage
from indexer.simulation.drift.traders import Traders
from indexer.simulation.drift.vaults import Depositors
from indexer.simulation.held import Held
from indexer.simulation.prices import Beat
from indexer.simulation.script import Script


class DriftActivity:
    """Seeded: the same generator and the same calls give the same scripts. `books` holds counters and balances."""

    def __init__(self, rng: Random, reference: Reference, rates: DriftRates | None = None) -> None:
        rates = rates or DriftRates()
        self.books = Books(rng, reference, rates.users, rates.volatility, rates.pool_times)
        self._stage = Stage(rng, rates, self.books)
        self._beat = Beat(rates.step_s)
        self._reference = reference
        self._told: dict[str, tuple[int, ...]] = {}
        traders, orders = Traders(self._stage), Orders(self._stage)
        providers, cranks = Providers(self._stage), Cranks(self._stage)
        self._depositors = Depositors(self._stage)
        actors: tuple[tuple[Callable[[], Script], float], ...] = (
            (traders.fill, rates.fill),
            (traders.spot_fill, rates.spot_fill),
            (orders.order, rates.order),
            (orders.trigger, rates.trigger),
            (traders.swap, rates.swap),
            (Settlements(self._stage).act, rates.settle),
            (Lenders(self._stage).act, rates.lending),
            (self._depositors.act, rates.vault),
            (Stakers(self._stage).act, rates.insurance),
            (providers.amm_shares, rates.amm_shares),
            (providers.dlp, rates.dlp),
            (cranks.funding, rates.funding),
            (cranks.fuel, rates.fuel),
            (Liquidators(self._stage).act, rates.liquidation),
        )
        self._actors = [actor for actor, _ in actors]
        self._weights = [weight for _, weight in actors]

    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]:
        """The next block's transactions of Drift, `count` of them. Call it in the order of slots."""
        self._stage.slot, self._stage.time = slot, block_time
        if self._beat.is_due(block_time):
            self.books.step()
        return [actor() for actor in self._stage.rng.choices(self._actors, self._weights, k=count)]

    def accounts(self) -> list[Held]:
        """As they are at the end of the block that was made last."""
        self._told = numbers(self.books)
        return list(accounts(self.books, self._depositors.vaults, self._reference, self._stage.time))

    def counted(self) -> list[Held]:
        """Those of which a counter has moved since accounts were told last."""
        now = numbers(self.books)
        moved = {key for key, count in now.items() if self._told.get(key) != count}
        self._told = now
        return list(counted(self.books, self._depositors.vaults, self._reference, self._stage.time, moved))

    def resize(self, trade_times: int, flow_times: int) -> None:
        """From now on, so many times the usual amounts."""
        self._stage.rates = msgspec.structs.replace(self._stage.rates, trade_times=trade_times, flow_times=flow_times)
