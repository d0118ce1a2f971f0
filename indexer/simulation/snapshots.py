"""The verdict on snapshots: does every row read from an account say what the books had at that slot? Pure.

A snapshot is all rows of one protocol at one slot. It must have the rows of every account of the protocol, as they
were at the end of that slot, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from indexer.core.record import Origin, Record
from indexer.simulation.chain import Chain, Version
from indexer.store.rows import BY_CLASS, EVENTS, Key, Row

_PROTOCOL, _SLOT, _CHANNEL = (EVENTS.position[name] for name in ("protocol", "slot", "channel"))


class Snapshots(msgspec.Struct, frozen=True):
    count: int
    wrong: Sequence[str]  # What is wrong with a row, for people.


def is_of_account(row: Row) -> bool:
    return bool(row[_CHANNEL] == "account")


def judged(chain: Chain, rows: Mapping[str, Sequence[Row]]) -> Snapshots:
    """Compare the rows of accounts in a ledger (its rows by kind) with the books of the chain."""
    found: dict[tuple[str, int], dict[tuple[str, Key], Row]] = {}
    for table in BY_CLASS.values():
        for row in filter(is_of_account, rows.get(table.kind, ())):
            found.setdefault((row[_PROTOCOL], row[_SLOT]), {})[table.kind, table.key(row)] = row
    wrong = [told for (name, slot), one in sorted(found.items()) for told in _differences(chain, name, slot, one)]
    return Snapshots(len(found), wrong)


def _differences(chain: Chain, protocol: str, slot: int, there: Mapping[tuple[str, Key], Row]) -> Iterator[str]:
    true = {}
    for record in _truth(chain, protocol, slot):
        table = BY_CLASS[type(record)]
        row = table.row(record, settled=True)
        true[table.kind, table.key(row)] = row
    for kind, key in sorted(true.keys() | there.keys(), key=repr):
        a, b = true.get((kind, key)), there.get((kind, key))
        if a != b:
            names = next(table.names for table in BY_CLASS.values() if table.kind == kind)
            columns = [n for n, x, y in zip(names, a or b or (), b or a or (), strict=True) if x != y]
            yield f"{protocol} at {slot}: {kind} {key[1].hex()} {columns or ('absent' if b is None else 'additional')}"


def _truth(chain: Chain, protocol: str, slot: int) -> Iterator[Record]:
    time = chain.blocks[slot].block_time or None if slot in chain.blocks else None
    for versions in chain.accounts.values():
        one = _at(versions, slot)
        if one is not None and one.protocol == protocol:
            held = one.held
            rows = held.rows if time is not None or held.untimed is None else held.untimed
            origin = Origin(
                protocol=protocol,
                program_id=held.owner,
                slot=slot,
                signature=held.key,
                channel="account",
                index=0,
                block_time=time,
                event=held.kind,
            )
            yield from (msgspec.structs.replace(row, origin=origin) for row in rows)


def _at(versions: Sequence[Version], slot: int) -> Version | None:
    return next((one for one in reversed(versions) if one.slot <= slot), None)
