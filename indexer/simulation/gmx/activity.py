"""GMX-Solana's market activity: who acts next, slot by slot."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from random import Random

import msgspec

from indexer.core.reference import Reference
from indexer.simulation.gmx.accounts import accounts, counted, numbers
from indexer.simulation.gmx.keepers import Keepers
from indexer.simulation.gmx.people import People
from indexer.simulation.gmx.stage import STORE, GmxRates, Stage
from indexer.simulation.gmx.upkeep import Upkeep
from indexer.simulation.held import Held
from indexer.simulation.prices import Beat
from indexer.simulation.script import Emit, Invoke, Part, Script

ATTEMPTS = 30  # Actors who find nothing to do, before a transaction without events goes out.
OTHER_STORE = sha256(b"simulated store of somebody else").digest()


class Society:
    """Everybody who uses one Store."""

    def __init__(self, rng: Random, rates: GmxRates, reference: Reference, store: bytes) -> None:
        self.stage = Stage(rng, rates, reference, store)
        self._beat = Beat(rates.step_s)
        people, keepers, upkeep = People(self.stage), Keepers(self.stage), Upkeep(self.stage)
        self._liquidation = keepers.liquidation
        actors: tuple[tuple[Callable[[], Script | None], float], ...] = (
            (people.order, rates.order),
            (people.liquidity, rates.liquidity),
            (people.glv, rates.glv),
            (people.update, rates.update),
            (keepers.keeper, rates.keeper),
            (keepers.cancel, rates.cancel),
            (keepers.deleverage, rates.deleverage),
            (keepers.rebalance, rates.rebalance),
            (upkeep.upkeep, rates.upkeep),
            (upkeep.value, rates.value),
            (upkeep.gt, rates.gt),
        )
        self._actors = [actor for actor, _ in actors]
        self._weights = [weight for _, weight in actors]

    def step(self, slot: int, block_time: int) -> None:
        assert all(market.excess() == [0, 0] for market in self.stage.markets), f"a vault is off before slot {slot}"
        self.stage.slot, self.stage.time = slot, block_time
        if self._beat.is_due(block_time):
            self.stage.assets.step()

    def script(self) -> Script:
        if liquidation := self._liquidation():
            return liquidation
        for _ in range(ATTEMPTS):
            (actor,) = self.stage.rng.choices(self._actors, self._weights)
            if script := actor():
                return script
        return self.stage.script(self.stage.instructions.unknown("set_price_feed"))


class GmxActivity:
    """Seeded: the same generator and the same calls give the same scripts. `stage` holds the books."""

    def __init__(self, rng: Random, reference: Reference, rates: GmxRates | None = None) -> None:
        rates = rates or GmxRates()
        self._rng, self._foreign_share = rng, rates.foreign
        self._reference = reference
        self._told: dict[bytes, tuple[int, ...]] = {}
        self._ours = Society(rng, rates, reference, STORE)
        # Where the instruction is unknown too, nothing tells whose pools they are, and the contract keeps their rows.
        others = msgspec.structs.replace(rates, unknown=0)
        self._others = Society(rng, others, reference, OTHER_STORE) if rates.foreign else None

    @property
    def stage(self) -> Stage:
        return self._ours.stage

    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]:
        """The next block's transactions of GMX-Solana, `count` of them. Slots must rise."""
        self._ours.step(slot, block_time)
        if self._others:
            self._others.step(slot, block_time)
        return [self._script() for _ in range(count)]

    def resize(self, trade_times: int, flow_times: int) -> None:
        """From now on, so many times the usual amounts."""
        for one in (self._ours, self._others):
            if one is not None:
                stage = one.stage
                stage.rates = msgspec.structs.replace(stage.rates, trade_times=trade_times, flow_times=flow_times)

    def accounts(self) -> list[Held]:
        """As they are at the end of the block that was made last."""
        self._told = numbers(self.stage)
        return list(accounts(self.stage, self._reference))

    def counted(self) -> list[Held]:
        """Those of which a counter or a supply has moved since accounts were told last."""
        now = numbers(self.stage)
        moved = {token for token, count in now.items() if self._told.get(token) != count}
        self._told = now
        return list(counted(self.stage, self._reference, moved))

    def _script(self) -> Script:
        if self._others and self._rng.random() < self._foreign_share:
            script = self._others.script()
            return Script(tuple(_without_rows(call) for call in script.calls), is_v0=script.is_v0)
        return self._ours.script()


def _without_rows(call: Invoke) -> Invoke:
    """Events of another Store are decoded and give no row."""
    return msgspec.structs.replace(call, inside=tuple(_silenced(part) for part in call.inside))


def _silenced(part: Part) -> Part:
    if isinstance(part, Invoke):
        return _without_rows(part)
    return msgspec.structs.replace(part, rows=()) if isinstance(part, Emit) else part
