"""Reprocess: what later decoders read in the stored bytes takes the place of what earlier ones did."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from indexer.app import seed
from indexer.core.coverage import Span
from indexer.core.protocol import Processed, Protocol, process
from indexer.core.reference import Reference
from indexer.core.transaction import Transaction
from indexer.errors import PerpsIndexerError
from indexer.ingest import reprocess
from indexer.ingest.reprocess import reprocess_ledger
from indexer.store.base import Page, StoredTransaction, Written
from indexer.store.memory import MemoryStore
from tests.encoder import IDL_FILES, encode_event, idl_text
from tests.programs import DRIFT, built, protocols
from tests.world import key, log_transaction, signature

SWAP = encode_event("drift.json", "SwapRecord", ts=5, user=key(1), amountIn=10**6, inOraclePrice=10**6)
STAKE = encode_event("drift.json", "InsuranceFundStakeRecord", ts=5, userAuthority=key(1), amount=7)


def without(event: str) -> Sequence[Protocol]:
    """The protocols as they were before Drift's IDL knew an event."""
    idls = {name: idl_text(name) for name in IDL_FILES}
    idl = json.loads(idls["drift.json"])
    idl["events"] = [one for one in idl["events"] if one["name"] != event]
    return built({**idls, "drift.json": json.dumps(idl)})


def transactions(count: int = 3, gap: int = 1) -> list[Transaction]:
    return [log_transaction(DRIFT, SWAP, STAKE, slot=100 + n * gap, signature=signature(n)) for n in range(count)]


async def filled(txs: Sequence[Transaction], by: Sequence[Protocol], reference: Reference) -> MemoryStore:
    store = MemoryStore()
    result = Processed()
    for tx in txs:
        result.add(process(tx, by, reference))
    await store.write(Page(events=result.events, records=result.records, failures=result.failures, source="test"))
    return store


EVERYWHERE = Span(0, 2**62)


async def test_an_event_that_was_learnt_later_becomes_rows_without_any_endpoint() -> None:
    txs, learnt = transactions(), protocols()
    store = await filled(txs, without("SwapRecord"), seed())
    assert {one.reason for one in await store.failures()} == {"unknown_event"}
    done = await reprocess_ledger(store, learnt, seed())
    assert done.transactions == 3
    assert await store.failures() == []
    assert await store.rows(EVERYWHERE) == await (await filled(txs, learnt, seed())).rows(EVERYWHERE)


async def test_failures_alone_can_be_retried() -> None:
    txs = transactions(gap=10**6)  # So far apart that empty slots cannot be walked one by one.
    store = await filled(txs, without("SwapRecord"), seed())
    done = await reprocess_ledger(store, protocols(), seed(), only_failures=True)
    assert done.transactions == 3
    assert await store.rows(EVERYWHERE) == await (await filled(txs, protocols(), seed())).rows(EVERYWHERE)


async def test_decimals_that_were_learnt_later_fill_amounts() -> None:
    txs = transactions()
    store = await filled(txs, protocols(), Reference())
    await reprocess_ledger(store, protocols(), seed())
    assert await store.rows(EVERYWHERE) == await (await filled(txs, protocols(), seed())).rows(EVERYWHERE)


async def test_a_second_run_changes_nothing() -> None:
    store = await filled(transactions(), protocols(), seed())
    before = await store.rows(EVERYWHERE)
    done = await reprocess_ledger(store, protocols(), seed())
    assert set(done.rows) == {"unchanged"}
    assert await store.rows(EVERYWHERE) == before


async def test_a_stopped_run_goes_on_where_it_was() -> None:
    store = await filled(transactions(count=6, gap=5000), without("SwapRecord"), seed())

    class Stopped(Exception):
        pass

    def stop_at_third() -> None:
        stop_at_third.calls += 1  # type: ignore[attr-defined]
        if stop_at_third.calls == 3:  # type: ignore[attr-defined]
            raise Stopped

    stop_at_third.calls = 0  # type: ignore[attr-defined]
    with pytest.raises(Stopped):
        await reprocess_ledger(store, protocols(), seed(), on_bucket=stop_at_third)
    left = await store.to_reprocess()
    assert left
    assert left[0].start > 100
    done = await reprocess_ledger(store, protocols(), seed())
    assert 0 < done.transactions < 6
    assert await store.failures() == []


async def test_reference_rows_that_change_meanwhile_are_read_again() -> None:
    txs = transactions()
    store = await filled(txs, protocols(), Reference())
    old = await store.reference()
    await store.seed(seed())
    await store.want_reprocess([EVERYWHERE])
    done = await reprocess_ledger(store, protocols(), old)
    assert done.rows["updated"] > 0
    assert await store.to_reprocess() == ()
    assert await store.rows(EVERYWHERE) == await (await filled(txs, protocols(), seed())).rows(EVERYWHERE)


async def test_a_bucket_that_never_holds_still_is_an_error_and_no_loop() -> None:
    class Restless(MemoryStore):
        async def replace(
            self,
            span: Span,
            stored: Sequence[StoredTransaction],
            processed: Processed,
            reference_version: int | None = None,
        ) -> Written:
            return Written({}, stale=1)

    store = Restless()
    await store.want_reprocess([Span(1, 2)])
    with pytest.raises(PerpsIndexerError, match=f"changed {reprocess.MOST_TRIES} times"):
        await reprocess_ledger(store, protocols(), seed())


async def test_what_lies_before_the_slot_of_a_new_layout_is_not_read_again() -> None:
    txs = transactions(count=4, gap=5000)
    store = await filled(txs, without("SwapRecord"), seed())
    done = await reprocess_ledger(store, protocols(), seed(), from_slot=txs[2].slot)
    assert done.transactions == 2
    assert {(one.first_slot, one.last_slot) for one in await store.failures()} == {(txs[0].slot, txs[1].slot)}


async def test_a_slot_behind_everything_that_is_stored_asks_for_nothing() -> None:
    store = await filled(transactions(), without("SwapRecord"), seed())
    done = await reprocess_ledger(store, protocols(), seed(), from_slot=10**9)
    assert (done.buckets, len(await store.failures())) == (0, 1)
