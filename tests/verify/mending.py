"""Ledgers in PostgreSQL that a lying node settled, and that lost rows by hand: proven, repaired, judged by the truth.

Of each protocol one transaction and one slot are hidden, and each kind of row that bears witness is deleted once, with
its record or without. What must stay true: gaps are those of the rows that are left, and no other; after a repair from
honest nodes none is left that truncated logs do not explain; what a gap showed is in the ledger again, word for word.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Iterator, Sequence, Set
from random import Random
from typing import NamedTuple

import msgspec

from indexer.ingest.verifying import certified
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.simulation.verdict import Verdict, verdict
from indexer.verify.chain import Link
from indexer.verify.evidence import ROWS
from tests.verify.campaign import World
from tests.verify.ledgers import EVERYTHING, PROTOCOLS, Ledger, opened, repair, shape, whole
from tests.verify.losses import Event, Loss, drawn, found, place_of, rows_drawn, small_chain

DELETE = "DELETE FROM ledger.{} WHERE slot = $1 AND signature = $2 AND index = $3"
Kind = tuple[str, str]  # Protocol, kind of loss.
RECORDS = ("trades", "lp_flows", "funding_rates", "incentives")  # That must be there beside their events.


class Mended(msgspec.Struct, frozen=True):
    """By protocol and kind: losses that a gap shows, and those of them all of whose rows are there again."""

    shown: Count[Kind]
    repaired: Count[Kind]
    wrong: Sequence[str]


class Planted(NamedTuple):
    loss: Loss
    is_hidden: bool  # By the node; else it was deleted.


async def mended(url: str, seed: int) -> Mended:
    """In a database without rows. Every other chain has truncated logs."""
    chain, dice = small_chain(seed), Random(f"mended {seed}")
    planted = list(_losses(chain, dice))
    async with opened(url) as ledger:
        await ledger.settle(chain, None, {one[:2] for some in planted if some.is_hidden for one in some.loss.gone})
        await ledger.read_accounts(chain)
        alone = await _delete(ledger, [one.loss for one in planted if not one.is_hidden], dice)
        await ledger.prove()
        wrong = [f"before the repair: {line}" for line in await _unlike(ledger, chain)]
        shown = [one.loss for one in planted if one.loss.gone & alone] + await _shown(ledger, chain, planted)
        mending = repair(ledger, chain, most_whole_slots=dice.choice((0, 20, 9_000)))
        for name in PROTOCOLS:
            await mending.run(name, EVERYTHING)
        wrong += [
            f"after the repair: {line}" for line in [*await _left(ledger), *await _untrue(ledger, chain, planted)]
        ]
        lost = await _lost(ledger, chain)
    repaired = [loss for loss in shown if not loss.gone & lost]
    wrong += [f"not repaired: {loss.kind} {loss.of} of {loss.protocol}" for loss in shown if loss not in repaired]
    kinds = [Count((loss.protocol, loss.kind) for loss in some) for some in (shown, repaired)]
    return Mended(*kinds, wrong)


def _losses(chain: SimulatedChain, dice: Random) -> Iterator[Planted]:
    """Apart from each other: no two touch one slot."""
    taken: set[int] = set()
    hidden = [loss for kind in ("slot", "transaction") for loss in drawn(chain, dice) if loss.kind == kind]
    for loss in [*hidden, *rows_drawn(chain, dice)]:
        slots = {slot for slot, _, _ in loss.gone}
        if not loss.of.endswith("(-)") and not taken & slots:
            taken |= slots
            yield Planted(loss, loss.kind != "row")


async def _delete(ledger: Ledger, losses: Sequence[Loss], dice: Random) -> Set[Event]:
    """Rows of these losses: of most the event too. Events whose record alone is gone."""
    alone = set()
    for loss in losses:
        (place,) = loss.gone
        gone = [await ledger.connection.execute(DELETE.format(table), *place) for table in RECORDS]
        if any(one != "DELETE 0" for one in gone) and dice.random() < 0.3:
            alone.add(place)
        else:
            await ledger.connection.execute(DELETE.format("events"), *place)
    return alone


async def _unlike(ledger: Ledger, chain: SimulatedChain) -> list[str]:
    """Gaps that the rows that are left do not have, and those that are not told."""
    stored = await ledger.store.stored(EVERYTHING)
    there = {place_of(row) for one in stored for row in one.events}
    lines = []
    for name in PROTOCOLS:
        world = World(chain, name)
        must = found(world.without(world.rows.keys() - there))
        told = Count(shape(gap) for gap in await ledger.gaps((name,)) if gap.chain.evidence != ROWS)
        lines += [f"{name}: not told: {one}" for one in must - told] + [f"{name}: not so: {one}" for one in told - must]
    return lines


async def _shown(ledger: Ledger, chain: SimulatedChain, planted: Iterable[Planted]) -> list[Loss]:
    """Losses of which a link lies in a gap of its chain."""
    gaps = [gap.broken for gap in await ledger.gaps()]
    lost: dict[str, dict[Event, list[Link]]] = {name: {} for name in PROTOCOLS}
    for name in PROTOCOLS:
        for link in World(chain, name).links:
            lost[name].setdefault(link.identity, []).append(link)
    return [
        loss
        for loss, _ in planted
        if any(
            gap.chain == link.chain and gap.after.place < link.place < gap.before.place
            for place in loss.gone
            for link in lost[loss.protocol].get(place, ())
            for gap in gaps
        )
    ]


async def _left(ledger: Ledger) -> list[str]:
    """What the certificate says is left, other than what was cut."""
    lines = []
    for name in PROTOCOLS:
        told = await certified(ledger.proofs, ledger.store, name)
        assert told is not None, "slots are settled"
        lines += [] if told.is_whole else [f"{name} is {told.state}"]
        lines += [f"{name}: {gap.cause}: {gap.broken}" for gap in told.gaps if gap.cause != "truncated"]
    return lines


async def _untrue(ledger: Ledger, chain: SimulatedChain, planted: Iterable[Planted]) -> list[str]:
    """What the ledger has and the chain has not, or otherwise; and what it lacks that nobody took away."""
    taken = {place for loss, is_hidden in planted for place in loss.gone if not is_hidden}
    hidden = {place[:2] for loss, is_hidden in planted for place in loss.gone if is_hidden}  # For all protocols.
    lacks = {place for place in await _lost(ledger, chain) - taken if place[:2] not in hidden}
    found = await _compared(ledger, chain)
    lines = [f"made up: {one}" for one in found.doubled] + [f"otherwise: {one}" for one in found.differing]
    return lines + [f"lacking: {place}" for place in lacks] + [str(one) for one in await ledger.store.differences()]


async def _lost(ledger: Ledger, chain: SimulatedChain) -> Set[Event]:
    return {(key[0], key[1], key[3]) for _, key in (await _compared(ledger, chain)).lost}


async def _compared(ledger: Ledger, chain: SimulatedChain) -> Verdict:
    coverage = {name: await ledger.store.coverage(name) for name in PROTOCOLS}
    return verdict(chain.truth, await ledger.store.rows(EVERYTHING), coverage, whole(chain))
