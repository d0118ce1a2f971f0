"""Simulated chains as a whole: built once for each seed, read by the core, compared with their truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from indexer.core.protocol import Processed, process
from indexer.core.record import Record
from indexer.core.rpc import parse_block
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain, ChainBlock, ChainTransaction
from indexer.simulation.profile import Profile
from tests.programs import protocols
from tests.simulation.scripts import reference

# Much of everything that is rare, so that a few hundred slots hold all of it.
DECEITFUL = Profile(
    slots=250,
    transactions=3.0,
    forked=0.05,
    timeless=0.03,
    version_1=0.08,
    truncated=0.08,
    nested=0.4,
    bursts=0.1,
    unknown=0.06,
    grown=0.06,
    foreign=0.08,
    look_alikes=0.08,
    talk=0.3,
)
Place = tuple[Any, ...]


@cache
def chain_of(seed: int, profile: Profile = DECEITFUL) -> Chain:
    return build_chain(seed, profile)


def answer(block: ChainBlock) -> dict[str, Any]:
    """The block as getBlock shows it, as far as the indexer reads it."""
    return {
        "parentSlot": block.parent_slot,
        "blockTime": block.block_time,
        "transactions": [one.shown for one in block.transactions],
    }


def read(chain: Chain) -> Processed:
    """What the indexer makes of the finalized chain."""
    found = Processed()
    for slot, block in chain.blocks.items():
        parsed = parse_block(answer(block), slot)
        assert not parsed.unavailable
        for transaction in parsed.transactions:
            found.add(process(transaction, protocols(), reference()))
    return found


def by_place(rows: Iterable[Record]) -> dict[Place, Record]:
    """Rows of any kind by their identity, each once."""
    listed = list(rows)
    placed = {(r.kind, r.origin.slot, r.origin.signature, r.origin.channel, r.origin.index, r.part): r for r in listed}
    assert len(placed) == len(listed), "two rows of one kind have one place"
    return placed


def differences(found: Processed, chain: Chain) -> list[str]:
    """What the reading and the truth do not agree on, a line each."""
    truth = chain.truth
    return [
        *_different("record", by_place(found.records), by_place(truth.records)),
        *_different("event", by_place(found.events), by_place(truth.events)),
        *_different("failure", by_place(found.failures), by_place(truth.failures)),
    ]


def _different(kind: str, found: Mapping[Place, Record], true: Mapping[Place, Record]) -> Iterator[str]:
    for place in sorted({*found, *true}, key=str):
        if found.get(place) != true.get(place):
            yield f"{kind} {place}: {found.get(place)} was read, {true.get(place)} is true"


def transactions(chain: Chain) -> Sequence[ChainTransaction]:
    """All of the finalized chain."""
    return [one for block in chain.blocks.values() for one in block.transactions]
