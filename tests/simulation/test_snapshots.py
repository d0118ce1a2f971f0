"""Simulated accounts: what is read of them is what the books have, every kind of row occurs, a wrong one is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pytest

from indexer.app import observing, seed
from indexer.core.account import Image
from indexer.core.record import Failure, Record, TvlObservation
from indexer.core.reference import Reference
from indexer.ingest.snapshot import refreshed
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.profile import Profile
from indexer.simulation.snapshots import judged
from indexer.store.rows import BY_CLASS, Row
from indexer.store.seeding import seeding


@pytest.fixture(scope="module")
def chain() -> Chain:
    return build_chain(5, Profile(slots=150, transactions=4.0, timeless=0.2))


def images(chain: Chain, protocol: str, slot: int) -> Iterator[Image]:
    """Every account of a protocol as it is at the end of a slot."""
    for key, versions in chain.accounts.items():
        newest = [one for one in versions if one.slot <= slot]
        if newest and newest[-1].protocol == protocol:
            yield Image(key, newest[-1].held.owner, slot, newest[-1].held.data)


def records(chain: Chain, slot: int) -> list[Record]:
    time = chain.blocks[slot].block_time
    found: list[Record] = []
    for one in observing():
        result = one.observed(list(images(chain, one.name, slot)), {slot: time} if time else {}, seed())
        assert result.failures == []
        found += result.records
    return found


def rows(found: Sequence[Record]) -> dict[str, list[Row]]:
    kinds: dict[str, list[Row]] = {}
    for record in found:
        table = BY_CLASS[type(record)]
        kinds.setdefault(table.kind, []).append(table.row(record, settled=True))
    return kinds


def some_slots(chain: Chain) -> list[int]:
    """Blocks with a time and without one."""
    timeless = [slot for slot, block in chain.blocks.items() if not block.block_time]
    timed = [slot for slot, block in chain.blocks.items() if block.block_time]
    assert timeless
    return [*timed[::40], timed[-1], *timeless[:3]]


def test_rows_of_accounts_are_what_the_books_have(chain: Chain) -> None:
    for slot in some_slots(chain):
        found = judged(chain, rows(records(chain, slot)))
        assert (found.count, list(found.wrong)) == (3, []), slot


def test_every_kind_of_row_occurs_and_is_not_empty(chain: Chain) -> None:
    found = records(chain, some_slots(chain)[3])
    kinds = Counter(record.kind for record in found)
    assert kinds.keys() == {"tvl_observation", "price_observation", "open_interest", "funding_rate", "counter"}
    components = Counter(
        row.component for row in found if isinstance(row, TvlObservation) and (row.amount or row.value_usd_e6)
    )
    assert components.keys() == {
        "pool", "pool_recomputed", "custody", "lp_supply", "lending", "insurance_fund", "strategy_vault_spot",
        "glv_holding",
    }  # fmt: skip


def test_what_accounts_name_is_what_there_is(chain: Chain) -> None:
    """From lists and roots on, every account of the chain is reached."""
    slot = some_slots(chain)[0]
    for one in observing():
        held = {image.key: image for image in images(chain, one.name, slot)}
        listed = {(listing.program, listing.discriminator) for listing in one.listings}
        reached = {key for key, image in held.items() if (image.owner, image.data[:8]) in listed or key in one.roots}
        for _ in range(3):
            scene = one.scene([held[key] for key in reached if key in held], {}, Reference())
            reached |= {key for account in scene.accounts.values() for key in one.named(account)}
        assert held.keys() <= reached


def test_simulated_accounts_call_markets_as_the_seed_does(chain: Chain) -> None:
    """So that a snapshot of a trial does not change what its events mean."""
    slot = some_slots(chain)[0]
    for one in observing():
        told = refreshed(seed(), one.refer(one.scene(list(images(chain, one.name, slot)), {}, seed())), slot)
        changed = seeding(seed(), told)
        assert all(
            market.symbol == seed().markets[market.protocol, market.market_key].symbol for market in changed.markets
        )
        assert not {token.mint for token in changed.tokens} & seed().tokens.keys()


# --- the verdict can fail ---


def wrong(chain: Chain, found: Mapping[str, Sequence[Row]]) -> int:
    return len(judged(chain, found).wrong)


def test_an_absent_row_an_additional_one_and_a_wrong_column_are_told(chain: Chain) -> None:
    slot = some_slots(chain)[1]
    true = rows(records(chain, slot))
    assert wrong(chain, true) == 0
    first, *others = true["tvl_observation"]
    assert wrong(chain, {**true, "tvl_observation": others}) == 1
    table = BY_CLASS[TvlObservation]
    spoiled = tuple("lent" if name == "component" else value for name, value in zip(table.names, first, strict=True))
    assert wrong(chain, {**true, "tvl_observation": [spoiled, *others]}) == 1
    moved = tuple(9 if name == "part" else value for name, value in zip(table.names, first, strict=True))
    assert wrong(chain, {**true, "tvl_observation": [*true["tvl_observation"], moved]}) == 1


def test_rows_of_another_state_of_the_accounts_are_told(chain: Chain) -> None:
    early, late = some_slots(chain)[0], some_slots(chain)[3]
    moved = [
        msgspec.structs.replace(record, origin=msgspec.structs.replace(record.origin, slot=late))
        for record in records(chain, early)
        if not isinstance(record, Failure)
    ]
    assert wrong(chain, rows(moved)) > 20


def test_only_what_was_said_in_the_same_hour_may_be_left_out(chain: Chain) -> None:
    early, late = some_slots(chain)[:2]
    first, second = records(chain, early), records(chain, late)
    said = {_placeless(record) for record in first}
    same = {
        account for account in {record.origin.signature for record in second}
        if all(_placeless(one) in said and one.kind != "price_observation"
               for one in second if one.origin.signature == account)
    }  # fmt: skip
    kept = [record for record in second if record.origin.signature not in same]
    assert same
    assert kept
    assert wrong(chain, rows([*first, *kept])) == 0
    assert wrong(chain, rows(kept)) >= len(same)
    assert wrong(chain, rows([*first, *(one for one in kept if one.origin.signature != kept[0].origin.signature)])) > 0


def _placeless(record: Record) -> str:
    return repr(msgspec.structs.replace(record, origin=msgspec.structs.replace(record.origin, slot=0, block_time=None)))
