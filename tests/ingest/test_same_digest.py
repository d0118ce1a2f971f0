"""One history, one digest: manifests of ledgers that were filled in every way, shuffled, doubled and stopped midway.

The chain lies over the border of two buckets, whose kept digests are told, not recomputed. What one ledger has wrong in
a single byte is named by its bucket, then by its transaction.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from msgspec.structs import replace

from indexer import app as wiring
from indexer.config import Strategy
from indexer.core import base58
from indexer.core.coverage import Span, missing
from indexer.core.digest import BUCKET_SLOTS
from indexer.core.record import EventRow
from indexer.report import manifest
from indexer.report.digests import manifest_of
from indexer.report.manifest_comparison import Compared, compare
from indexer.simulation.chain import Chain
from indexer.simulation.digests import wrong_digests
from indexer.simulation.virtual_time import run
from indexer.store.base import Page, Written
from indexer.store.memory import MemoryStore
from tests.ingest.one_history import World, files_of, finalized, span_of
from tests.simulation.chains import DECEITFUL, chain_of

Way = Literal["signatures", "blocks", "portal", "live", "replay"]
WAYS: Sequence[Way] = ("signatures", "blocks", "portal", "live", "replay")
SETTLED_BY: Mapping[Way, Strategy] = {"signatures": "signatures", "blocks": "blocks", "portal": "portal",
                                      "live": "signatures", "replay": "blocks"}  # fmt: skip
BORDER = 36_500 * BUCKET_SLOTS
SHAPE = replace(DECEITFUL, slots=80, forked=0.0, first_slot=BORDER - 40)
BOTH = Span(BORDER - BUCKET_SLOTS, BORDER + BUCKET_SLOTS)
PIECES, AGAIN = 5, 20
Harm = Callable[[EventRow], Sequence[EventRow]]


class Repeating(MemoryStore):
    """Writes pages a second time at random, at once and later."""

    def __init__(self, dice: Random) -> None:
        super().__init__(lambda: 0.0)
        self._dice = dice
        self._pages: list[Page] = []
        self.repeated = 0

    async def write(self, page: Page) -> Written:
        written = await super().write(page)
        self._pages = [*self._pages[-AGAIN:], page]
        if self._dice.random() < 0.5:
            await super().write(self._dice.choice(self._pages))
            self.repeated += 1
        return written


class Harmed(MemoryStore):
    """Writes something else of one event: the first behind the border that is alone in its transaction."""

    def __init__(self, harm: Harm) -> None:
        super().__init__(lambda: 0.0)
        self._harm = harm
        self.harmed: EventRow | None = None

    async def write(self, page: Page) -> Written:
        payloads = Counter(one.origin.signature for one in (*page.events, *page.failures))
        alone = [one for one in page.events if one.origin.slot >= BORDER and payloads[one.origin.signature] == 1]
        if self.harmed is None and alone:
            self.harmed = alone[0]
            others = [event for event in page.events if event is not self.harmed]
            page = replace(page, events=[*others, *self._harm(self.harmed)])
        return await super().write(page)


def chain() -> Chain:
    return chain_of(7, SHAPE)


def filled(way: Way) -> Repeating:
    """A ledger that was filled that way, until nothing was missing."""

    async def main() -> Repeating:
        dice = Random(way)
        store = Repeating(dice)
        if way == "live":
            await _live(store)
        if way == "replay":
            await _replay(store, dice)
        await _fill_in_pieces(store, SETTLED_BY[way], dice, is_stopped=way not in ("live", "replay"))
        assert store.repeated > 0
        return store

    return run(main())


async def _fill_in_pieces(store: Repeating, strategy: Strategy, dice: Random, *, is_stopped: bool) -> None:
    """Pieces in any order; each is stopped and begun anew by another process until it is whole."""
    whole, stops = span_of(chain()), 0
    cuts = sorted({whole.start, whole.end, *dice.sample(range(whole.start + 1, whole.end), PIECES)})
    for piece in dice.sample(spans := list(map(Span, cuts, cuts[1:])), len(spans)):
        patience_s = 0.02
        while any([missing([piece], await store.coverage(name)) for name in wiring.stream_names()]):
            world = await finalized(chain(), store)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await world.fill(strategy, piece)
                continue
            stops, patience_s = stops + 1, patience_s * 2
    assert stops > 0 or not is_stopped


async def _live(store: Repeating) -> None:
    """Heard by two listeners, one after the other; nothing of it is settled."""
    seconds = (SHAPE.slots + 100) * 0.4
    for _ in range(2):
        world = await World(chain(), start_slot=chain().first_slot, seconds=None, store=store).prepared()
        await world.listen(seconds / 2)
    assert (await store.counts())["event"] > 50
    assert await store.coverage("drift") == ()


async def _replay(store: Repeating, dice: Random) -> None:
    """Recorded blocks in any order, some of them twice, by two processes; slots without a block stay open."""
    with TemporaryDirectory(prefix="perps-indexer-recorded-") as folder:
        await (await finalized(chain())).record(Path(folder))
        files = [*files_of(Path(folder))]
        files += dice.sample(files, AGAIN)
        dice.shuffle(files)
        for some in (files[: len(files) // 2], files[len(files) // 2 :]):
            await (await finalized(chain(), store)).replay(some, settle=True)
    whole = span_of(chain())
    for name in wiring.stream_names():
        lacking = missing([whole], await store.coverage(name))
        assert {slot for span in lacking for slot in range(span.start, span.end)}.isdisjoint(chain().blocks)


def told(store: MemoryStore) -> manifest.Manifest:
    return run(manifest_of(store, "genesis", wiring.stream_names(), BOTH, transactions=True))


def all_tell_the_truth_alike(*ways: Way) -> None:
    stores = {way: filled(way) for way in ways}
    for way, store in stores.items():
        assert run(wrong_digests(store, chain().truth, wiring.stream_names())) == [], way
    first, *others = [manifest.encoded(told(store)) for store in stores.values()]
    assert [one == first for one in others] == [True] * len(others)


def test_the_chain_has_payloads_of_all_streams_in_both_buckets() -> None:
    for stream in told(filled("blocks")).streams:
        assert all(part.payloads > 3 for part in stream.buckets)
        assert [len(part.unsettled) for part in stream.buckets] == [1, 1]  # Before the chain, and behind it.


def test_every_way_ends_in_the_same_manifest_byte_for_byte() -> None:
    """By signatures, by blocks, by the Portal, live and then settled, and from recorded bytes."""
    all_tell_the_truth_alike(*WAYS)


# --- harm ---


def flipped(event: EventRow) -> Sequence[EventRow]:
    return [replace(event, payload=event.payload[:-1] + bytes([event.payload[-1] ^ 1]))]


def lost(_: EventRow) -> Sequence[EventRow]:
    return []


def doubled(event: EventRow) -> Sequence[EventRow]:
    return [event, replace(event, origin=replace(event.origin, index=event.origin.index + 1000))]


HARMS: Mapping[str, tuple[Harm, int]] = {"flipped": (flipped, 0), "lost": (lost, -1), "doubled": (doubled, 1)}


def harmed(harm: Harm) -> tuple[EventRow, Compared]:
    """One event is not what it was; and how the ledger compares with one that is as it should be."""

    async def main() -> Harmed:
        store = Harmed(harm)
        await (await finalized(chain(), store)).fill("blocks", span_of(chain()))
        return store

    store = run(main())
    assert store.harmed is not None
    return store.harmed, compare(told(filled("portal")), told(store))


def names_its_place(kind: str) -> None:
    harm, payloads = HARMS[kind]
    event, found = harmed(harm)
    assert len(found.differing) == 1
    pair = found.differing[0]
    assert (pair.protocol, pair.first_slot) == (event.origin.protocol, BORDER)
    assert pair.payloads[1] - pair.payloads[0] == payloads
    assert found.equal == 2 * len(wiring.stream_names()) - 1
    rows = pair.transactions or ()
    at = event.origin.slot, base58.encode(event.origin.signature)
    assert [(row["slot"], row["signature"]) for row in rows] == [at]
    assert [(row["other_payloads"] or 0) - (row["payloads"] or 0) for row in rows] == [payloads]


@pytest.mark.parametrize("kind", HARMS)
def test_one_payload_that_is_not_what_it_was_is_named_by_bucket_and_transaction(kind: str) -> None:
    names_its_place(kind)
