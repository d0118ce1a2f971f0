"""Who sends what, slot by slot: the protocols' activity, keepers who come too late, and everybody else.

An activity's scripts run in the order it gave them, since its counters run on; what is between them is chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Protocol

import msgspec

from indexer.core.reference import parse_seed
from indexer.resources import resource
from indexer.simulation.calls import count_calls
from indexer.simulation.drift import DriftActivity
from indexer.simulation.gmx import GmxActivity
from indexer.simulation.held import Held
from indexer.simulation.jupiter import JupiterActivity
from indexer.simulation.profile import Live, Profile
from indexer.simulation.script import Script
from indexer.simulation.surroundings import MOST_CALLS, Surroundings

LONGEST_BURST = 4
REMEMBERED = 16  # Scripts that late keepers send again.


class Activity(Protocol):
    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]:
        """The next block's transactions, `count` of them. Asked for each slot that has a block, in order."""

    def accounts(self) -> list[Held]:
        """What its programs hold at the end of that block."""

    def counted(self) -> list[Held]:
        """Those accounts alone that tell a counter or a supply which has moved since either was asked for."""

    def resize(self, trade_times: int, flow_times: int) -> None:
        """From now on, so many times the usual amounts."""


class Sent(msgspec.Struct, frozen=True):
    script: Script
    is_v1: bool = False


def activities(seed: int, profile: Profile) -> dict[str, Activity]:
    reference = parse_seed((resource("config") / "markets.json").read_bytes())
    made: dict[str, Activity] = {
        "drift": DriftActivity(Random(f"{seed} drift"), reference, profile.drift),
        "jupiter_perps": JupiterActivity(Random(f"{seed} jupiter"), reference, profile.jupiter),
        "gmx_solana": GmxActivity(Random(f"{seed} gmx"), reference, profile.gmx),
    }
    return {name: activity for name, activity in made.items() if name in profile.protocols}


class Traffic:
    def __init__(self, seed: int, profile: Profile) -> None:
        self.profile = profile
        self.transactions = profile.transactions
        self.rng = Random(f"{seed} traffic")
        self.activities = activities(seed, profile)
        self.surroundings = Surroundings(Random(f"{seed} surroundings"), profile)
        self.recent: list[Script] = []

    def sent(self, slot: int, block_time: int) -> list[Sent]:
        """The transactions of one block, in order."""
        kinds = self._kinds()
        ours = self._ours(slot, block_time, kinds.count("ours"))
        transactions: list[Script] = []
        for kind in kinds:
            if kind == "ours":
                transactions += next(ours, ())
            elif kind == "failed" and self.recent:
                transactions.append(self.surroundings.too_late(self.rng.choice(self.recent)))
            else:
                transactions.append(self.surroundings.other())
        return [Sent(script, self.rng.random() < self.profile.version_1) for script in transactions]

    def go_live(self, live: Live) -> None:
        """Behind the history."""
        self.transactions = live.transactions
        times = {"drift": live.drift, "jupiter_perps": live.jupiter, "gmx_solana": live.gmx}
        for name, one in self.activities.items():
            one.resize(*times[name])

    def accounts(self) -> list[tuple[str, Held]]:
        """Of every protocol, by its name, at the end of the block that was asked for last."""
        return [(name, held) for name, one in self.activities.items() for held in one.accounts()]

    def counted(self) -> list[tuple[str, Held]]:
        """The same, but for accounts whose counters stand still."""
        return [(name, held) for name, one in self.activities.items() for held in one.counted()]

    def _kinds(self) -> list[str]:
        profile = self.profile
        count = round(self.rng.expovariate(1 / self.transactions)) if self.transactions else 0
        weights = (profile.ours, profile.failed, max(0.0, 1 - profile.ours - profile.failed))
        return self.rng.choices(("ours", "failed", "other"), weights, k=count)

    def _ours(self, slot: int, block_time: int, count: int) -> Iterator[list[Script]]:
        """One script for each, or none where a burst took several into one transaction."""
        turns = [self.rng.randrange(len(self.activities)) for _ in range(count)] if self.activities else []
        made = [iter(one.scripts(slot, block_time, turns.count(n))) for n, one in enumerate(self.activities.values())]
        scripts = [next(made[turn]) for turn in turns]
        self.recent = [*self.recent, *scripts][-REMEMBERED:]
        while scripts:
            taken = self._burst(scripts)
            joined = Script(tuple(call for one in scripts[:taken] for call in one.calls), scripts[0].is_v0)
            del scripts[:taken]
            yield [self.surroundings.around(joined)]

    def _burst(self, scripts: list[Script]) -> int:
        """How many of the next scripts go into one transaction."""
        if self.rng.random() >= self.profile.bursts:
            return 1
        taken = min(self.rng.randint(2, LONGEST_BURST), len(scripts))
        while taken > 1 and sum(count_calls(script.calls) for script in scripts[:taken]) > MOST_CALLS:
            taken -= 1
        return taken
