"""Proofs in PostgreSQL: what was proven stays so until a row changes, in whatever order rows come; causes are true."""

from __future__ import annotations

from collections import Counter as Count
from random import Random

import pytest

from indexer.core.coverage import Span
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.store import proofs, told
from indexer.verify.chain import Link
from indexer.verify.evidence import EVIDENCE
from tests.verify.ledgers import EVERYTHING, PROTOCOLS, Hidden, Ledger, opened, shape, whole
from tests.verify.losses import Loss, account_rows, drawn, events_of, found, links, small_chain

CUT, UNCUT = 3, 2  # Seeds.


@pytest.fixture
async def ledger(emptied_database_url: str):
    async with opened(emptied_database_url) as ledger:
        yield ledger


def loss_of(chain: SimulatedChain, kind: str, protocol: str, first: int = 0) -> Loss:
    """One that its chains show."""
    for seed in range(first, first + 20):
        for loss in drawn(chain, Random(seed)):
            if loss[:2] == (kind, protocol) and breaks_without(chain, loss):
                return loss
    raise AssertionError(f"no {kind} of {protocol} shows")


def breaks_without(chain: SimulatedChain, loss: Loss) -> Count:
    events = [
        one
        for one in events_of(chain, loss.protocol)
        if (one.origin.slot, one.origin.signature, one.origin.index) not in loss.gone
    ]
    return found(links(loss.protocol, events, account_rows(chain, loss.protocol)))


def links_left(chain: SimulatedChain, protocol: str, gone: Hidden) -> list[Link]:
    events = [one for one in events_of(chain, protocol) if (one.origin.slot, one.origin.signature) not in gone]
    return links(protocol, events, account_rows(chain, protocol))


def hidden(*losses: Loss) -> frozenset[tuple[int, bytes]]:
    return frozenset((slot, signature) for loss in losses for slot, signature, _ in loss.gone)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_bits_in_any_order_proven_in_between_give_the_gaps_of_the_whole(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, seed: int
):
    for module in (proofs, told):
        monkeypatch.setattr(module, "PROOF_SLOTS", 16)
    chain, dice = small_chain(UNCUT), Random(seed)
    losses = [loss_of(chain, "transaction", name) for name in PROTOCOLS]
    spans = [
        Span(start, min(start + 23, whole(chain).end)) for start in range(whole(chain).start, whole(chain).end, 23)
    ]
    for span in dice.sample(spans, len(spans)):
        await ledger.settle(chain, span, hidden(*losses))
        await ledger.read_accounts(chain, span)
        if dice.random() < 0.5:
            await ledger.prove()
    await ledger.prove()
    gaps = await ledger.gaps()
    left = {name: links_left(chain, name, hidden(*losses)) for name in PROTOCOLS}
    assert Count(map(shape, gaps)) == sum((found(some) for some in left.values()), Count())
    assert {gap.cause for gap in gaps} <= {None, "unreadable"}
    for name, some in left.items():
        counts = await ledger.proofs.counts(name, EVERYTHING)
        assert sum(one.links for one in counts.values()) == sum(not link.is_reading for link in some)
        assert sum(one.readings for one in counts.values()) == sum(link.is_reading for link in some)


async def test_what_is_proven_is_not_read_again_until_a_row_of_it_changes(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    for module in (proofs, told):
        monkeypatch.setattr(module, "PROOF_SLOTS", 16)
    chain = small_chain(UNCUT)
    first, end = whole(chain).start, whole(chain).end
    await ledger.settle(chain, Span(first, end - 40))
    assert await ledger.prove() > 0
    assert await ledger.prove() == 0
    await ledger.settle(chain, Span(end - 40, end))
    marked = {bucket for bucket, _ in await ledger.proofs.marked(PROTOCOLS, 1000)}
    assert min(marked) >= (end - 40) // 16


async def test_a_row_deleted_by_hand_is_found_and_made_again_from_its_bytes(ledger: Ledger):
    chain = small_chain(UNCUT)
    await ledger.settle(chain)
    await ledger.read_accounts(chain)
    await ledger.prove()
    assert await ledger.gaps() == []
    first = "SELECT slot, signature, index FROM ledger.trades WHERE protocol = 'drift' ORDER BY slot LIMIT 1"
    slot = await ledger.connection.fetchval(
        f"DELETE FROM ledger.trades WHERE (slot, signature, index) = ({first}) RETURNING slot"
    )
    assert await ledger.prove() == 1
    (gap,) = await ledger.gaps()
    assert (gap.cause, gap.chain.evidence, gap.bracket) == ("row_missing", "rows", Span(slot, slot + 1))


async def test_an_event_deleted_by_hand_is_found_in_its_bracket(ledger: Ledger):
    chain = small_chain(UNCUT)
    await ledger.settle(chain)
    await ledger.read_accounts(chain)
    await ledger.prove()
    loss = loss_of(chain, "row", "gmx_solana")
    ((slot, signature, index),) = loss.gone
    await ledger.connection.execute(
        "DELETE FROM ledger.events WHERE slot = $1 AND signature = $2 AND index = $3", slot, signature, index
    )
    await ledger.prove()
    gaps = [gap for gap in await ledger.gaps() if gap.chain.evidence != "rows"]
    assert Count(map(shape, gaps)) == breaks_without(chain, loss)


async def test_slots_that_are_not_settled_explain_a_gap_until_they_are(ledger: Ledger):
    chain = small_chain(UNCUT)
    first, end = whole(chain).start, whole(chain).end
    await ledger.settle(chain, Span(first, first + 60))
    await ledger.settle(chain, Span(first + 90, end))
    await ledger.prove()
    assert {gap.cause for gap in await ledger.gaps()} == {"not_settled"}
    await ledger.settle(chain, Span(first + 60, first + 90))
    await ledger.prove()
    assert await ledger.gaps() == []


async def test_an_empty_hole_that_is_settled_leaves_its_gaps_unexplained(ledger: Ledger):
    """No bucket changes by that: the gap itself is judged anew."""
    chain = small_chain(UNCUT)
    first, end = whole(chain).start, whole(chain).end
    await ledger.settle(chain, Span(first, first + 60))
    await ledger.settle(chain, Span(first + 90, end))
    await ledger.prove()
    every = {
        (slot, one.origin.signature)
        for name in PROTOCOLS
        for one in events_of(chain, name)
        if (slot := one.origin.slot)
    }
    await ledger.settle(chain, Span(first + 60, first + 90), frozenset(every))
    await ledger.prove()
    causes = {gap.cause for gap in await ledger.gaps()}
    assert None in causes
    assert "not_settled" not in causes


async def test_what_cut_logs_may_hide_is_said_to_be_bounded_by_them(ledger: Ledger):
    chain = small_chain(CUT)
    await ledger.settle(chain)
    await ledger.read_accounts(chain)
    await ledger.prove()
    gaps = await ledger.gaps()
    assert gaps
    assert {gap.cause for gap in gaps} == {"bounded"}, "nobody else was asked yet"


async def test_provisional_rows_are_no_evidence(ledger: Ledger):
    chain = small_chain(UNCUT)
    await ledger.settle(chain)
    await ledger.prove()
    before = {name: await ledger.proofs.counts(name, EVERYTHING) for name in PROTOCOLS}
    await ledger.connection.execute(
        "UPDATE ledger.coverage SET slots = '{}'; UPDATE ledger.events SET settled = false WHERE protocol = 'drift'"
    )
    await ledger.proofs.mark(PROTOCOLS, EVERYTHING)
    await ledger.prove()
    assert await ledger.proofs.counts("drift", EVERYTHING) == {
        name: counts for name, counts in before["drift"].items() if False
    }
    assert await ledger.proofs.counts("gmx_solana", EVERYTHING) == before["gmx_solana"]


async def test_the_view_of_days_says_what_is_proven_of_each(ledger: Ledger):
    chain = small_chain(UNCUT)
    loss = loss_of(chain, "transaction", "drift")
    await ledger.settle(chain, None, hidden(loss))
    await ledger.read_accounts(chain)
    query = "SELECT * FROM perps.completeness_daily"
    assert {row["state"] for row in await ledger.connection.fetch(query)} <= {"pending"}
    await ledger.prove()
    days = await ledger.connection.fetch(query)
    assert {(row["protocol"], row["evidence"]) for row in days} == {
        (name, one.name) for name, some in EVIDENCE.items() for one in some
    }
    lost = {shape(gap)[0].evidence for gap in await ledger.gaps()}
    assert {row["evidence"] for row in days if row["state"] == "broken"} == lost
    assert {row["state"] for row in days if row["protocol"] != "drift"} == {"unsettled"}  # A minute is no day.
    told_gaps = await ledger.connection.fetch("SELECT * FROM perps.completeness_gaps")
    assert all(row["missing"] == row["last_missing"] - row["first_missing"] + 1 for row in told_gaps)


FULL_DAY = """
INSERT INTO ledger.covered_spans (stream, first_slot, behind_slot, starts_at, ends_at)
VALUES ('drift', 1000, 2000, '2023-12-01Z', '2023-12-02Z')
"""
GAP = """
INSERT INTO ledger.completeness_gaps (
    protocol, evidence, chain, after_slot, after_tx_index, after_index, after_signature, after_time, after_value,
    after_is_reading, before_slot, before_tx_index, before_index, before_signature, before_time, before_value,
    before_is_reading, expected, found, cause, judged
) VALUES ('drift', 'perp_fills', 'perp:0', 1000, 0, 0, 'x', '2023-12-01T12:00Z', 1, false, $1, 0, 0, 'x',
    '2023-12-01T13:00Z', 5, false, 1, 4, $2, true)
"""


@pytest.mark.parametrize(
    ("causes", "state"),
    [
        (["bounded", None], "broken"),
        (["bounded", "never_emitted"], "broken"),
        (["bounded", "not_settled"], "unsettled"),
        (["bounded", "truncated"], "bounded"),
        (["truncated"], "truncated"),
    ],
)
async def test_a_day_with_a_gap_that_nobody_else_was_asked_about_is_not_called_whole(
    ledger: Ledger, causes: list[str | None], state: str
):
    await ledger.connection.execute(FULL_DAY)
    for number, cause in enumerate(causes):
        await ledger.connection.execute(GAP, 1500 + number, cause)
    (day,) = await ledger.connection.fetch("SELECT * FROM perps.completeness_daily")
    assert (day["coverage"], day["state"], day["gaps"]) == ("full", state, len(causes))
    assert day["unexplained_gaps"] == sum(cause not in ("truncated", "not_settled") for cause in causes)
