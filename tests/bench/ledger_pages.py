"""Pages of simulated transactions, as a backfill and as the live tail write them; each as often as wanted, always new.

The transactions run in the real runtime and are read as a node's; all of them are of our programs. Every page lies
behind the one before, in slots and in time, so that its keys are new, and now and then an hour of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from indexer.core.coverage import Span
from indexer.core.protocol import Processed, process
from indexer.core.record import Record
from indexer.core.rpc import parse_block
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.profile import Profile
from indexer.store.base import Page
from tests.programs import protocols
from tests.simulation.chains import answer
from tests.simulation.scripts import reference

SEED, SLOTS = 11, 100
BUSY = Profile(slots=SLOTS, transactions=6.2, ours=1.0, failed=0.0, skipped=0.0, forked=0.0, timeless=0.0)
SLOTS_A_SECOND = 2
SHIFT = 200  # Slots from a page to the next.
AnyRecord = TypeVar("AnyRecord", bound=Record)


class Shape(NamedTuple):
    """`transactions` of a page; `pages` of a turn. `settles`: it is of a backfill, else of the live tail."""

    name: str
    transactions: int
    pages: int
    settles: bool


BACKFILL = Shape("backfill, 500 tx", 500, 1, settles=True)
LIVE = Shape("live, 5 tx", 5, 10, settles=False)
LONE = Shape("live, 1 tx", 1, 10, settles=False)


class Pages:
    """Pages of every shape, one behind the other."""

    def __init__(self) -> None:
        self._read = list(_read())
        self._places = count()

    def turn(self, shape: Shape) -> Iterator[Page]:
        """The next pages of one turn; those of every turn hold the same transactions, elsewhere."""
        for first in range(0, shape.pages * shape.transactions, shape.transactions):
            found = Processed()
            for one in self._read[first : first + shape.transactions]:
                found.add(one)
            yield _page(found, next(self._places) * SHIFT, settles=shape.settles)


@cache
def chain() -> Chain:
    """Where the transactions of all pages come from."""
    return build_chain(SEED, BUSY)


def _read() -> Iterator[Processed]:
    """What each transaction gives, in order."""
    for slot, block in chain().blocks.items():
        for transaction in parse_block(answer(block), slot).transactions:
            if (found := process(transaction, protocols(), reference())).events:
                yield found


def _page(found: Processed, shift: int, *, settles: bool) -> Page:
    page = Page(
        events=_shifted(found.events, shift),
        records=_shifted(found.records, shift),
        failures=_shifted(found.failures, shift),
        source="websocket",
        endpoint="bench",
    )
    return settling(page, BUSY.first_slot + shift) if settles else page


def settling(page: Page, first: int) -> Page:
    """The same rows as a finalized read brings them, of whole slots from `first` on."""
    return replace(
        page,
        settled={protocol.name: [Span(first, first + SLOTS)] for protocol in protocols()},
        seen={(one.origin.slot, one.origin.signature) for one in (*page.events, *page.failures)},
        source="portal",
        slot_times={first: BUSY.genesis_time + (first - BUSY.first_slot) // SLOTS_A_SECOND},
    )


def _shifted(rows: Sequence[AnyRecord], slots: int) -> list[AnyRecord]:
    return [replace(row, origin=_later(row, slots)) for row in rows]


def _later(row: Record, slots: int) -> object:
    origin = row.origin
    time = None if origin.block_time is None else origin.block_time + slots // SLOTS_A_SECOND
    return replace(origin, slot=origin.slot + slots, block_time=time)
