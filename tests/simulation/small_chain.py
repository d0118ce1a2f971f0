"""Small chains by hand: a few blocks, with holes and forks, of transactions that a program logs in.

Every transaction calls the program LOGGER, which logs one payload; every third fails. Places are written down by
the test that asks, so that nothing here is shared with what serves it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from indexer.core.transaction import Transaction
from indexer.simulation.chain import Chain, ChainBlock, ChainTransaction, Fork, Truth
from tests.adversarial.answers import as_json, as_wire, text
from tests.world import BLOCK_TIME, data_line, frame, key, signature, transaction

LOGGER, OTHER = key(501), key(502)
FIRST = 1_000
SLOT_MS = 400
GENESIS = text(key(500))


def shown(
    number: int, *, failed: bool = False, version: int | str = 0, tx: Transaction | None = None
) -> ChainTransaction:
    """Transaction `number`: LOGGER calls OTHER and logs its number. `tx` replaces what it does."""
    inside = frame(LOGGER, data_line(number.to_bytes(8, "little")), frame(OTHER), accounts=(key(503),))
    made = transaction(inside, signature=signature(number), succeeded=not failed, version=version) if tx is None else tx
    answer = as_json(made)
    err = answer["meta"]["err"]
    answer["meta"] |= {
        "status": {"Ok": None} if err is None else {"Err": err},
        "computeUnitsConsumed": 2_000,
        "preTokenBalances": [],
        "postTokenBalances": [],
        "rewards": [],
    }
    if version != "legacy":
        answer["transaction"]["message"]["addressTableLookups"] = []
    wire = None if version == 1 else b64decode(as_wire(made)["transaction"][0])
    keys = answer["transaction"]["message"]["accountKeys"]
    loaded = answer["meta"].get("loadedAddresses") or {}
    return ChainTransaction(
        signature=text(made.signature),
        mentions=frozenset([*keys, *loaded.get("writable", ()), *loaded.get("readonly", ())]),
        shown={name: answer[name] for name in ("transaction", "meta", "version")},
        wire=wire,
    )


def block(
    slot: int, parent: ChainBlock | None, transactions: Sequence[ChainTransaction] = (), salt: int = 0
) -> ChainBlock:
    """A block on top of `parent`; None: its parent is the slot before, outside the chain."""
    return ChainBlock(
        slot=slot,
        parent_slot=slot - 1 if parent is None else parent.slot,
        height=slot - 900 if parent is None else parent.height + 1,
        blockhash=text(key(1_000_000 + 10 * slot + salt)),
        previous_blockhash=text(key(999_999)) if parent is None else parent.blockhash,
        block_time=BLOCK_TIME + (slot - FIRST) * SLOT_MS // 1000,
        transactions=tuple(transactions),
    )


def blocks(
    filled: Mapping[int, Sequence[ChainTransaction]], parent: ChainBlock | None = None, salt: int = 0
) -> list[ChainBlock]:
    """Blocks by slot, each on top of the one before."""
    made: list[ChainBlock] = []
    for slot, transactions in filled.items():
        made.append(block(slot, made[-1] if made else parent, transactions, salt))
    return made


def chain(
    main: Iterable[ChainBlock], forks: Sequence[Sequence[ChainBlock]] = (), *, first_slot: int | None = None
) -> Chain:
    by_slot = {one.slot: one for one in main}
    return Chain(
        genesis_hash=GENESIS,
        first_slot=min(by_slot) if first_slot is None else first_slot,
        end_slot=max(by_slot) + 1,
        genesis_time=BLOCK_TIME,
        slot_ms=SLOT_MS,
        blocks=by_slot,
        forks=tuple(Fork(tuple(fork)) for fork in forks),
        truth=Truth((), (), ()),
    )


def plain(slots: int, per_slot: int = 2, *, skipped: Iterable[int] = ()) -> Chain:
    """`slots` slots from FIRST on, `per_slot` transactions in each, every third of them failed."""
    return _plain(slots, per_slot, frozenset(skipped))


@cache
def _plain(slots: int, per_slot: int, skipped: frozenset[int]) -> Chain:
    filled = {
        slot: [shown(n, failed=n % 3 == 2) for n in range((slot - FIRST) * per_slot, (slot - FIRST + 1) * per_slot)]
        for slot in range(FIRST, FIRST + slots)
        if slot not in skipped
    }
    return chain(blocks(filled), first_slot=FIRST)
