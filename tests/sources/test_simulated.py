"""The sources against the cluster in a box, in any weather: what they settle is true, and in the end all is settled."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from random import Random

import pytest

from indexer.core import base58
from indexer.core.coverage import Span, Spans, missing, union
from indexer.simulation import box
from indexer.simulation.chain import Chain
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage, Source, SourceInterrupted
from indexer.sources.blocks import BlocksSettings, BlocksSource
from indexer.sources.endpoint import EndpointSettings
from indexer.sources.listing import ListingSettings
from indexer.sources.providers import PoolSettings, Providers
from indexer.sources.rpc import Rpc
from indexer.sources.signatures import SignaturesSettings, SignaturesSource
from tests.adversarial.cases import FILL
from tests.programs import DRIFT, protocols
from tests.simulation import small_chain as small
from tests.world import frame, key, log_transaction, signature, transaction

DRIFT_STREAM = [protocol for protocol in protocols() if protocol.name == "drift"]
SLOTS, START = 400, small.FIRST + 250
SPAN = Span(small.FIRST, small.FIRST + SLOTS - 10)
SEEDS = 2
PROFILES = ("calm", "network", "nodes", "history", "everything")
Truth = dict[str, tuple[int, int]]


def small_chain(seed: int) -> Chain:
    """A vote in every block, fills in some, part of them failed or of version 1; holes between."""
    rng, filled, number = Random(seed), {}, 0
    for slot in range(small.FIRST, small.FIRST + SLOTS):
        if slot > small.FIRST and rng.random() < 0.1:
            continue
        filled[slot] = [small.shown(0, tx=transaction(frame(key(77)), signature=signature(10_000 + slot)))]
        for _ in range(rng.choice((0, 0, 0, 1, 2, 4))):
            number += 1
            version, succeeded = rng.choice((0, 0, "legacy", 1)), rng.random() < 0.7
            tx = log_transaction(DRIFT, FILL, signature=signature(number), succeeded=succeeded, version=version)
            filled[slot].append(small.shown(0, tx=tx, version=version))
    return small.chain(small.blocks(filled), first_slot=small.FIRST)


def truth(made: Chain) -> Truth:
    """Place of every transaction that gives rows."""
    return {
        tx.signature: (slot, place)
        for slot, block in made.blocks.items()
        for place, tx in enumerate(block.transactions)
        if base58.encode(DRIFT) in tx.mentions and not tx.failed
    }


class Ledger:
    """What pages have settled, each page held to the truth as it comes."""

    def __init__(self, true: Truth) -> None:
        self.true = true
        self.settled: Spans = ()

    def add(self, page: RawPage) -> None:
        new = page.settled.get("drift", ())
        brought = {base58.encode(tx.signature): (tx.slot, tx.tx_index) for tx in page.transactions if tx.succeeded}
        found = {name: place for name, place in brought.items() if any(place[0] in span for span in new)}
        assert found == {name: place for name, place in self.true.items() if any(place[0] in span for span in new)}
        self.settled = union(self.settled, new)

    @property
    def gaps(self) -> Spans:
        return missing([SPAN], self.settled)


async def fill(ledger: Ledger, source: Source, seconds: float) -> None:
    """Ask for what is missing, the oldest and the newest in turns, until all is there or the time is over."""
    rounds = 0
    while ledger.gaps and asyncio.get_running_loop().time() < seconds:
        rounds += 1
        try:
            async with aclosing(source.pages(DRIFT_STREAM, ledger.gaps[-(rounds % 2)])) as pages:  # type: ignore[type-var]
                async for page in pages:
                    ledger.add(page)
        except SourceInterrupted:
            pass
        await asyncio.sleep(1)


def simulated(seed: int, profile: str, *strategies: str) -> tuple[list[Spans], Counter[str]]:
    """Fill by each strategy in turn: what is left open after each, and what struck.

    Lists are read from all three nodes, since two of them lack rows for good.
    """
    made = small_chain(seed)

    async def main() -> tuple[list[Spans], Counter[str]]:
        loop = asyncio.get_running_loop()
        made_box = box.Box(made, loop.time, seed=seed, profile=profile, start_slot=START)
        endpoints = [EndpointSettings(url=url) for url in made_box.addresses().rpc]
        rpc = Rpc(Providers(made_box.http(), endpoints, PoolSettings(genesis_hash=made.genesis_hash), Random(seed)))
        listing = ListingSettings(limit=20, seam_slots=45)
        signatures = SignaturesSettings(lists=3, page_transactions=30, listing=listing)
        sources: dict[str, Source] = {
            "blocks": BlocksSource(rpc, "backfill", BlocksSettings(range_slots=60, page_slots=16)),
            "signatures": SignaturesSource(rpc, "backfill", signatures),
        }
        ledger, left = Ledger(truth(made)), []
        for place, strategy in enumerate(strategies):
            await fill(ledger, sources[strategy], 120 + 400 * place)
            left.append(ledger.gaps)
        return left, made_box.faults.struck

    return run(main())


@pytest.mark.parametrize("profile", PROFILES)
def test_blocks_settle_all_and_only_what_is_true(profile: str) -> None:
    struck: Counter[str] = Counter()
    for seed in range(SEEDS):
        (left,), more = simulated(seed, profile, "blocks")
        assert left == (), seed
        struck += more
    assert profile == "calm" or len(struck) > 4, struck


@pytest.mark.parametrize("profile", PROFILES)
def test_signatures_settle_only_what_is_true_and_blocks_the_rest(profile: str) -> None:
    struck: Counter[str] = Counter()
    for seed in range(SEEDS):
        (after_signatures, left), more = simulated(seed, profile, "signatures", "blocks")
        assert sum(map(len, after_signatures)) < SLOTS * 3 / 4, seed
        assert left == (), seed
        struck += more
    assert profile == "calm" or len(struck) > 4, struck
