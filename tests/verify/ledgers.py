"""Ledgers of simulated chains in a real PostgreSQL, written as a source would settle them, without what it hid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Set
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

from indexer import app as wiring
from indexer import app_network as composed
from indexer.config import Settings, load
from indexer.core.coverage import Span
from indexer.core.protocol import Processed, process
from indexer.core.rpc import parse_block
from indexer.ingest.repairing import MOST_WHOLE_SLOTS, Repair
from indexer.ingest.verifying import prove_marked
from indexer.ingest.writing import Writer
from indexer.simulation.box import Box
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.simulation.trial import Plan, environment_for
from indexer.store.base import Page
from indexer.store.connection import Connection, connected
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.proofs import PostgresProofs, open_proofs
from indexer.verify.gap import Gap
from tests.simulation.chains import answer
from tests.verify.losses import account_rows

EVERYTHING = Span(0, 2**40)
LIAR = "node-2.box"  # Who settled what a ledger begins with.
LATER = 100_000.0  # Seconds: everything is finalized.
Hidden = Set[tuple[int, bytes]]  # (slot, signature)
PROTOCOLS = ("drift", "jupiter_perps", "gmx_solana")


class Ledger(NamedTuple):
    store: PostgresStore
    proofs: PostgresProofs
    connection: Connection

    async def settle(self, chain: SimulatedChain, span: Span | None = None, hidden: Hidden = frozenset()) -> None:
        """As lists of signatures from one endpoint would, which does not tell of what is `hidden`."""
        span = span or whole(chain)
        reference = await self.store.reference()
        blocks = {slot: block for slot, block in chain.blocks.items() if slot in span}
        found = Processed()
        for slot, block in blocks.items():
            for transaction in parse_block(answer(block), slot).transactions:
                if (slot, transaction.signature) not in hidden:
                    found.add(process(transaction, wiring.protocols(), reference))
        page = Page(
            events=found.events,
            records=found.records,
            failures=found.failures,
            settled=dict.fromkeys(PROTOCOLS, (span,)),
            source="signatures",
            endpoint=LIAR,
            slot_times={slot: block.block_time for slot, block in blocks.items() if block.block_time},
            reference_version=reference.version,
        )
        await self.store.write(page)

    async def read_accounts(self, chain: SimulatedChain, span: Span = EVERYTHING) -> None:
        rows = [row for name in PROTOCOLS for row in account_rows(chain, name) if row.origin.slot in span]
        await self.store.write(Page(records=rows, source="accounts"))

    async def prove(self) -> int:
        return await prove_marked(self.proofs, wiring.witnesses())

    async def gaps(self, protocols: Iterable[str] = PROTOCOLS) -> list[Gap]:
        return [gap for name in protocols for gap in await self.proofs.gaps(name, EVERYTHING, 10_000)]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Ledger]:
    async with open_store(url) as store, open_proofs(url) as proofs, connected(url) as connection:
        await store.seed(wiring.seed())
        yield Ledger(store, proofs, connection)


def whole(chain: SimulatedChain) -> Span:
    return Span(min(chain.blocks), max(chain.blocks) + 1)


def repair(ledger: Ledger, chain: SimulatedChain, most_whole_slots: int = MOST_WHOLE_SLOTS) -> Repair:
    """From the honest nodes of a box."""
    box = Box(chain, lambda: LATER)
    settings = settings_for(chain, box)
    others = composed.Others(settings, box.http(), Random(1))
    writer = Writer(ledger.store, Random(2))
    streams = composed.chosen(())
    return Repair(ledger.proofs, ledger.store, writer, streams, wiring.witnesses(), others, most_whole_slots)


def settings_for(chain: SimulatedChain, box: Box) -> Settings:
    plan = Plan(seed=1)
    settings = load(environment=environment_for(chain, box.addresses(), Random(1), plan))
    quick = settings.endpoints.model_copy(update={"first_rate": 200.0, "portal_rate": 100.0})
    return settings.model_copy(update={"endpoints": quick})


def shape(gap: Gap) -> tuple[object, ...]:
    broken = gap.broken
    return broken.chain, broken.after.place, broken.before.place, broken.found - broken.expected
