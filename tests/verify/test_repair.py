"""Repair: what another endpoint has comes in where a ledger lacked it, nothing else changes, the rest stays visible."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from indexer import app as wiring
from indexer import app_network as composed
from indexer.core import base58
from indexer.core.coverage import Span
from indexer.ingest.repairing import Repair, narrowest
from indexer.ingest.verifying import certified, sampled, second_opinion
from indexer.ingest.writing import Writer
from indexer.simulation.box import Box
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.simulation.chain import ChainBlock
from indexer.simulation.trial import details
from indexer.simulation.verdict import verdict
from indexer.sources.base import Source
from indexer.verify.chain import Break, Chain, Known, Place, summed
from indexer.verify.gap import Gap
from tests.verify.ledgers import EVERYTHING, LATER, PROTOCOLS, Hidden, Ledger, opened, repair, settings_for, whole
from tests.verify.losses import Loss, found, small_chain, truncated, unexplained
from tests.verify.mending import mended
from tests.verify.test_proofs import CUT, UNCUT, breaks_without, hidden, links_left, loss_of


@pytest.fixture
async def ledger(emptied_database_url: str):
    async with opened(emptied_database_url) as ledger:
        yield ledger


class Nobody:
    """Others, of whom there are none."""

    def sources(self, settled: object) -> list[Source]:
        return []

    def account(self, settled: object, key: bytes) -> Source:
        raise AssertionError("nobody is to be asked")


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


@pytest.mark.parametrize("protocol", ["jupiter_perps", "gmx_solana"])
async def test_in_a_wide_bracket_of_a_position_only_its_own_transactions_are_asked_for(ledger: Ledger, protocol: str):
    chain = small_chain(UNCUT)
    loss = loss_in(chain, protocol, "positions")
    await ledger.settle(chain, None, hidden(loss))
    await ledger.prove()
    before = [gap for gap in await ledger.gaps((protocol,)) if gap.account]
    assert any(len(gap.bracket) > 2 for gap in before)
    mending = repair(ledger, chain, most_whole_slots=0)
    await mending.run(protocol, EVERYTHING)
    assert await ledger.gaps((protocol,)) == []
    assert await wrong(ledger, chain) == []
    assert mending.done.accounts >= 1
    widest = max(len(gap.bracket) for gap in before)
    assert protocol == "gmx_solana" or mending.done.slots < widest, "its trades have a number too"
    assert await ledger.store.differences() == []


async def test_what_an_accounts_list_does_not_have_stays_a_gap_that_says_who_was_asked(ledger: Ledger):
    """Its events were taken from all nodes: nobody has them."""
    chain = small_chain(UNCUT)
    loss = loss_in(chain, "jupiter_perps", "positions")
    await ledger.settle(chain, None, hidden(loss))
    await ledger.prove()
    before = await ledger.gaps(("jupiter_perps",))
    blocks = {slot: without(block, hidden(loss)) for slot, block in chain.blocks.items()}
    mending = repair(ledger, msgspec.structs.replace(chain, blocks=blocks), most_whole_slots=0)
    await mending.run("jupiter_perps", EVERYTHING)
    after = await ledger.gaps(("jupiter_perps",))
    assert [gap.broken for gap in after] == [gap.broken for gap in before]
    told = [gap for gap in after if gap.account]
    assert {gap.refetched_from for gap in told} == {"signatures of the account"}
    assert {gap.cause for gap in told} <= {"never_emitted", "unreadable"}
    assert (mending.done.rows, mending.done.slots) == (0, 0)


@pytest.mark.parametrize("seed", [1, 2, 101])
async def test_whatever_a_gap_shows_is_there_again_after_a_repair_and_nothing_else_changed(
    emptied_database_url: str, seed: int
):
    """`make verify` does the same for 30 ledgers."""
    told = await mended(emptied_database_url, seed)
    assert told.wrong == []
    assert told.repaired == told.shown
    assert {protocol for protocol, _ in told.shown} == set(PROTOCOLS)


async def test_a_row_whose_event_is_there_is_made_again_without_asking_anybody(ledger: Ledger):
    chain = small_chain(UNCUT)
    await ledger.settle(chain)
    await ledger.connection.execute(
        "DELETE FROM ledger.trades WHERE slot = (SELECT max(slot) FROM ledger.trades WHERE protocol = 'drift')"
    )
    await ledger.prove()
    writer = Writer(ledger.store, Random(2))
    mending = Repair(ledger.proofs, ledger.store, writer, composed.chosen(()), wiring.witnesses(), Nobody())
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


async def test_a_loss_beside_truncated_logs_is_never_called_whole_and_comes_in_by_repair(ledger: Ledger):
    """A fill that a node hid and a transaction that was cut, in the same gap, look alike until others were asked."""
    chain = small_chain(CUT)
    loss = masked(chain)
    await ledger.settle(chain, None, hidden(loss))
    await ledger.prove()
    told = await certified(ledger.proofs, ledger.store, "drift")
    assert told is not None
    assert {gap.cause for gap in told.gaps} == {"bounded"}
    assert (told.state, told.is_whole) == ("bounded", False)
    days = await ledger.connection.fetch("SELECT * FROM perps.completeness_daily WHERE protocol = 'drift' AND gaps > 0")
    assert {row["state"] for row in days} == {"unsettled"}  # A minute is no day.
    assert all(row["unexplained_gaps"] == row["gaps"] for row in days)
    await repair(ledger, chain).run("drift", EVERYTHING)
    assert await wrong(ledger, chain) == []
    told = await certified(ledger.proofs, ledger.store, "drift")
    assert told is not None
    assert {gap.cause for gap in told.gaps} == {"truncated"}
    assert (told.state, told.is_whole) == ("truncated", True)


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


def loss_in(chain: SimulatedChain, protocol: str, evidence: str) -> Loss:
    """A transaction whose loss a chain of this evidence shows, over more than its neighbours' slots."""
    for seed in range(50):
        loss = loss_of(chain, "transaction", protocol, seed)
        breaks = breaks_without(chain, loss)
        if any(one[0].evidence == evidence and one[2].slot - one[1].slot > 2 for one in breaks):
            return loss
    raise AssertionError(f"no {evidence} of {protocol} shows")


def masked(chain: SimulatedChain) -> Loss:
    """A transaction of Drift all of whose gaps have a truncated one in them."""
    for seed in range(100):
        loss = loss_of(chain, "transaction", "drift", seed)
        left = links_left(chain, "drift", hidden(loss))
        shows = found(left) != found(links_left(chain, "drift", frozenset()))
        if shows and not unexplained(summed(left)[1], truncated(chain)):
            return loss
    raise AssertionError("no loss lies beside a cut transaction alone")


def without(block: ChainBlock, gone: Hidden) -> ChainBlock:
    left = tuple(one for one in block.transactions if (block.slot, base58.decode(one.signature)) not in gone)
    return msgspec.structs.replace(block, transactions=left)


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
