"""Repair: what another endpoint has comes in where a ledger lacked it, nothing else changes, the rest stays visible."""

from __future__ import annotations

from random import Random

import pytest

from indexer import app as wiring
from indexer import app_network as composed
from indexer.core.coverage import Span
from indexer.ingest.verifying import Repair, certified, narrowest, sampled, second_opinion
from indexer.ingest.writing import Writer
from indexer.simulation.box import Box
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.simulation.trial import details
from indexer.simulation.verdict import verdict
from indexer.verify.chain import Break, Chain, Known, Place
from indexer.verify.gap import Gap
from tests.verify.ledgers import EVERYTHING, LATER, PROTOCOLS, Ledger, opened, repair, settings_for, whole
from tests.verify.losses import small_chain
from tests.verify.test_proofs import CUT, UNCUT, hidden, loss_of


@pytest.fixture
async def ledger(emptied_database_url: str):
    async with opened(emptied_database_url) as ledger:
        yield ledger


async def wrong(ledger: Ledger, chain: SimulatedChain) -> list[str]:
    coverage = {name: await ledger.store.coverage(name) for name in PROTOCOLS}
    return details(verdict(chain.truth, await ledger.store.rows(EVERYTHING), coverage, whole(chain)))


async def test_what_a_liar_hid_comes_in_from_others_and_the_certificate_is_whole(ledger: Ledger):
    chain = small_chain(UNCUT)
    losses = [loss_of(chain, kind, name) for name in PROTOCOLS for kind in ("transaction", "slot")]
    await ledger.settle(chain, None, hidden(*losses))
    await ledger.read_accounts(chain)
    await ledger.prove()
    assert await wrong(ledger, chain)
    mending = repair(ledger, chain)
    for name in PROTOCOLS:
        await mending.run(name, EVERYTHING)
    assert await wrong(ledger, chain) == []
    assert (mending.done.rows > 0, mending.done.left) == (True, 0)
    for name in PROTOCOLS:
        found = await certified(ledger.proofs, ledger.store, name)
        assert found is not None
        assert found.is_whole
        assert found.gaps == []
    assert await ledger.store.differences() == []


async def test_a_row_whose_event_is_there_is_made_again_without_asking_anybody(ledger: Ledger):
    chain = small_chain(UNCUT)
    await ledger.settle(chain)
    await ledger.connection.execute(
        "DELETE FROM ledger.trades WHERE slot = (SELECT max(slot) FROM ledger.trades WHERE protocol = 'drift')"
    )
    await ledger.prove()
    mending = Repair(
        ledger.proofs,
        ledger.store,
        Writer(ledger.store, Random(2)),
        composed.chosen(()),
        wiring.witnesses(),
        lambda _: (),
    )
    await mending.run("drift", EVERYTHING)
    assert (mending.done.reprocessed, mending.done.brackets) == (1, 0)
    assert await ledger.gaps() == []
    assert await wrong(ledger, chain) == []


async def test_what_cut_logs_hide_stays_visible_after_everybody_was_asked(ledger: Ledger):
    chain = small_chain(CUT)
    await ledger.settle(chain)
    await ledger.read_accounts(chain)
    await ledger.prove()
    before = await ledger.gaps()
    mending = repair(ledger, chain)
    await mending.run("drift", EVERYTHING)
    after = await ledger.gaps()
    assert [gap.broken for gap in after] == [gap.broken for gap in before]
    assert {gap.cause for gap in after} == {"truncated"}
    assert all(gap.refetched_from for gap in after)
    assert mending.done.rows == 0


async def test_an_endpoint_that_tells_otherwise_is_counted_and_changes_nothing(ledger: Ledger):
    chain = small_chain(UNCUT)
    loss = loss_of(chain, "transaction", "drift")
    await ledger.settle(chain, None, hidden(loss))
    box = Box(chain, lambda: LATER)
    settings = settings_for(chain, box)
    source, endpoint = composed.second(settings, box.http(), box.addresses().rpc[0], Random(1))
    (stream,) = composed.chosen(["drift"])
    before = await ledger.store.rows(EVERYTHING)
    (slot,) = {slot for slot, _ in hidden(loss)}
    spans = [Span(slot - 5, slot + 5)]
    opinion = await second_opinion(ledger.store, Writer(ledger.store, Random(2)), source, stream, spans, endpoint)
    await ledger.proofs.count(opinion)
    assert await ledger.store.rows(EVERYTHING) == before
    assert opinion.differing > 0
    assert "SECRET" not in opinion.endpoint
    row = await ledger.connection.fetchrow("SELECT * FROM perps.second_opinions")
    assert (row["endpoint"], row["differing"], row["slots"]) == (endpoint, opinion.differing, 10)


def gap(first: int, last: int) -> Gap:
    after, before = (Known(Place(slot, 0, 0), b"", None, 0) for slot in (first, last))
    broken = Break(chain=Chain("drift", "curves", "perp:0"), after=after, before=before, expected=0, found=1)
    return Gap(broken=broken)


def test_the_narrowest_brackets_are_asked_for_first():
    assert narrowest([gap(1, 90), gap(10, 12), gap(11, 40), gap(10, 12)]) == [Span(10, 13), Span(11, 41)]


@pytest.mark.parametrize("part", [0.01, 0.3, 1.0])
def test_a_sample_is_about_as_large_as_asked(part: float):
    spans = (Span(1_000, 60_000), Span(90_000, 131_000))
    taken = sum(map(len, sampled(spans, part, Random(4))))
    assert abs(taken / 100_000 - part) <= 0.3 * part
