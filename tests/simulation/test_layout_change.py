"""A program that changes an event's layout at a slot: live, backfilled, and learnt afterwards.

Before the slot, fields of Drift's OrderActionRecord stand in another order, in as many bytes: nothing but the slot
tells the two apart, and whoever does not know of the change reads what is not true, or nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec
import pytest

from indexer import app
from indexer.core.coverage import Span
from indexer.core.protocol import Protocol
from indexer.ingest import reprocess
from indexer.ingest.reprocess import reprocess_ledger
from indexer.simulation.drift import DriftActivity
from indexer.simulation.script import Emit, Invoke, Script
from indexer.simulation.verdict import verdict
from indexer.simulation.virtual_time import run
from indexer.store.connection import connected
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store
from tests.encoder import idl_text
from tests.simulation.hand_chain import FIRST, START_S, HandChain, hand_chain
from tests.simulation.life import EVERYTHING, STREAMS, Life
from tests.simulation.scripts import emits, reference

EVENT, OLD = "OrderActionRecord", "OrderActionRecordV0"
WORDS = "a . b J c . - d . e Gf . g J"
CHANGE = FIRST + 7  # The slot of `d`.
BEFORE, AFTER = "abc", "defg"


def scripts() -> Iterator[Script]:
    activity, slot = DriftActivity(Random("layouts"), reference()), FIRST
    while True:
        for script in activity.scripts(slot, START_S, 1):
            if any(emit.event == EVENT and emit.rows for emit in emits(script)):
                yield script


def as_before(part: Any) -> Any:
    """The same with the event as the old program emitted it: the action and its explanation before the time."""
    if isinstance(part, Invoke):
        return msgspec.structs.replace(part, inside=tuple(map(as_before, part.inside)))
    if isinstance(part, Emit) and part.event == EVENT:
        head, ts, action, rest = part.payload[:8], part.payload[8:16], part.payload[16:17], part.payload[17:]
        return msgspec.structs.replace(part, payload=head + action + ts + rest)
    return part


def made() -> HandChain:
    drawn = dict(zip(BEFORE + AFTER, scripts(), strict=False))
    for letter in BEFORE:
        drawn[letter] = Script(tuple(map(as_before, drawn[letter].calls)), drawn[letter].is_v0)
    return hand_chain(WORDS, own=drawn)


def idls(layouts: list[dict[str, Any]] | None, *, first_only: bool = False) -> dict[str, str]:
    """Drift's file with the old layout as a type, and with what it says of slots; or with the old layout alone."""
    document = json.loads(idl_text("drift.json"))
    (event,) = [one for one in document["events"] if one["name"] == EVENT]
    ts, action, *rest = event["fields"]
    assert (ts["type"], action["name"]) == ("i64", "action")
    old = [action, ts, *rest]
    plain = [{"name": one["name"], "type": one["type"]} for one in old]
    document["types"].append({"name": OLD, "type": {"kind": "struct", "fields": plain}})
    if first_only:
        event["fields"] = old
    if layouts is not None:
        document["metadata"]["layouts"] = {EVENT: layouts}
    return {**SHIPPED, "drift.json": json.dumps(document)}


SHIPPED = app._idls()
KNOWING = idls([{"fromSlot": 0, "type": OLD}, {"fromSlot": CHANGE}])
UNKNOWING = idls(None, first_only=True)


def protocols(texts: dict[str, str]) -> Sequence[Protocol]:
    return tuple(module.build(texts) for module in app.MODULES)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Installs a version of the program: one with these IDL files."""
    cached = (app.protocols, app.observing, app.witnesses)

    def install(texts: dict[str, str]) -> None:
        monkeypatch.setattr(app, "_idls", lambda: texts)
        for one in cached:
            one.cache_clear()

    yield install
    monkeypatch.undo()
    for one in cached:
        one.cache_clear()


class UnjudgedStore(MemoryStore):
    """A version that does not know of the change says what is not true, and nobody interrupts it."""

    wrong: Sequence[str] = ()


async def is_true(store: MemoryStore, chain: HandChain) -> bool:
    coverage = {name: await store.coverage(name) for name in STREAMS}
    return verdict(chain.chain.truth, await store.rows(EVERYTHING), coverage, chain.span).is_true


def test_live_the_slot_decides_from_the_first_moment(installed) -> None:
    installed(KNOWING)

    async def main() -> None:
        life = Life(made(), head=FIRST + 1)
        async with life.daemon():
            await life.until_settled()  # Judged at every write, provisional rows too.

    run(main())


@pytest.mark.parametrize("way", ["blocks", "signatures", "portal"])
def test_backfilled_it_decides_the_same(installed, way: str) -> None:
    installed(KNOWING)

    async def main() -> None:
        life = Life(made())
        await life.backfill(life.made.span, way)
        assert life.store.wrong == []
        assert await is_true(life.store, life.made)

    run(main())


async def misread(life: Life) -> MemoryStore:
    """The ledger of a version that did not know of the change, live."""
    life.store = store = UnjudgedStore()  # type: ignore[assignment]
    async with life.daemon():
        await life.until(life._is_settled, "everything is settled")
    return store


def test_a_version_that_does_not_know_of_it_is_wrong_after_the_slot_alone(installed) -> None:
    installed(UNKNOWING)

    async def main() -> None:
        life = Life(made(), head=FIRST + 1)
        store = await misread(life)
        assert not await is_true(store, life.made)
        early = Span(FIRST, CHANGE)
        coverage = dict.fromkeys(STREAMS, (early,))
        assert verdict(life.made.chain.truth, await store.rows(early), coverage, early).is_true

    run(main())


@pytest.mark.parametrize("stopped_after", [None, 1])
def test_reprocess_applies_the_layout_to_stored_bytes_and_goes_on_where_it_was_stopped(
    installed, stopped_after: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(UNKNOWING)
    monkeypatch.setattr(reprocess, "MOST_SLOTS", 2)  # Of a bucket.

    class Stopped(Exception):
        pass

    buckets: list[int] = []

    def on_bucket() -> None:
        buckets.append(1)
        if len(buckets) == stopped_after:
            raise Stopped

    async def main() -> None:
        life = Life(made(), head=FIRST + 1)
        store = await misread(life)
        before = await store.rows(Span(FIRST, CHANGE))
        learnt, known = protocols(KNOWING), await store.reference()
        if stopped_after is None:
            await reprocess_ledger(store, learnt, known, from_slot=CHANGE, on_bucket=on_bucket)
            assert len(buckets) > 2
        else:
            await store.want_reprocess([Span(FIRST, CHANGE)])
            with pytest.raises(Stopped):
                await reprocess_ledger(store, learnt, known, from_slot=CHANGE, on_bucket=on_bucket)
            assert await store.to_reprocess()
            assert not await is_true(store, life.made)
            await reprocess_ledger(store, learnt, known)
        assert await is_true(store, life.made)
        assert await store.rows(Span(FIRST, CHANGE)) == before
        assert not await store.to_reprocess()

    run(main())


PAYLOADS = """
SELECT count(*) FROM (
    SELECT slot, signature, channel, index FROM ledger.events
    UNION SELECT slot, signature, channel, index FROM ledger.failures
) AS payloads
"""


async def test_readers_see_every_payload_at_every_moment_and_wait_for_nothing(
    installed, monkeypatch: pytest.MonkeyPatch, emptied_database_url: str
) -> None:
    installed(UNKNOWING)
    monkeypatch.setattr(reprocess, "MOST_SLOTS", 2)
    seen: set[int] = set()

    async def read() -> None:
        async with connected(emptied_database_url) as connection:
            await connection.execute("SET lock_timeout = '200ms'")
            while True:
                seen.add(await connection.fetchval(PAYLOADS))

    life = Life(made())
    async with open_store(emptied_database_url) as store:
        await life.backfill(life.made.span, "blocks", store=store)
        reader = asyncio.create_task(read())
        await asyncio.sleep(0.2)
        done = await reprocess_ledger(store, protocols(KNOWING), await store.reference(), from_slot=CHANGE)
        assert not reader.done()
        reader.cancel()
        assert done.rows["updated"] + done.rows["inserted"] > 0
        rows = await store.rows(EVERYTHING)
        coverage = {name: await store.coverage(name) for name in STREAMS}
    assert verdict(life.made.chain.truth, rows, coverage, life.made.span).is_true
    truth = life.made.chain.truth
    keys = {(one.origin.signature, one.origin.channel, one.origin.index) for one in (*truth.events, *truth.failures)}
    assert seen == {len(keys)}
