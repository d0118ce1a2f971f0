"""The verdict on snapshots: does every row read from an account say what the books had at that slot? Pure.

A snapshot is all rows of one protocol at one slot. It must have the rows of every account of the protocol, as they
were at the end of that slot, and no other; but for an account that says what it said in an earlier snapshot of the same
hour, which may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from indexer.core.record import Origin, PriceObservation, Record
from indexer.simulation.chain import Chain, Version
from indexer.simulation.script import NOWHERE
from indexer.store.rows import BY_CLASS, EVENTS, Key, Row

_PROTOCOL, _SLOT, _SIGNATURE, _CHANNEL = (
    EVENTS.position[name] for name in ("protocol", "slot", "signature", "channel")
)
HOUR_S = 3600
Rows = dict[tuple[str, Key], Row]
Said = tuple[bytes, frozenset[int], str]  # An account, the hour, and all its rows without their place.


class Snapshots(msgspec.Struct, frozen=True):
    count: int
    wrong: Sequence[str]  # What is wrong with a row, for people.


def is_of_account(row: Row) -> bool:
    return bool(row[_CHANNEL] == "account")


def judged(chain: Chain, rows: Mapping[str, Sequence[Row]]) -> Snapshots:
    """Compare the rows of accounts in a ledger (its rows by kind) with the books of the chain."""
    found: dict[tuple[str, int], dict[bytes, Rows]] = {}
    for table in BY_CLASS.values():
        for row in filter(is_of_account, rows.get(table.kind, ())):
            accounts = found.setdefault((row[_PROTOCOL], row[_SLOT]), {})
            accounts.setdefault(row[_SIGNATURE], {})[table.kind, table.key(row)] = row
    said: set[Said] = set()
    wrong = [told for at, accounts in sorted(found.items()) for told in _differences(chain, *at, accounts, said)]
    return Snapshots(len(found), wrong)


def _differences(chain: Chain, protocol: str, slot: int, there: Mapping[bytes, Rows], said: set[Said]) -> Iterator[str]:
    """`said`: what accounts said in the snapshots before; what this one's say is added."""
    true = _truth(chain, protocol, slot)
    for key in sorted(true.keys() | there.keys()):
        records = true.get(key, ())
        what = _said(key, records)
        if key in there or what not in said:
            yield from _compared(protocol, slot, _rows(records), there.get(key, {}))
        if what is not None:
            said.add(what)


def _compared(protocol: str, slot: int, true: Rows, there: Rows) -> Iterator[str]:
    for kind, key in sorted(true.keys() | there.keys(), key=repr):
        a, b = true.get((kind, key)), there.get((kind, key))
        if a != b:
            names = next(table.names for table in BY_CLASS.values() if table.kind == kind)
            columns = [n for n, x, y in zip(names, a or b or (), b or a or (), strict=True) if x != y]
            yield f"{protocol} at {slot}: {kind} {key[1].hex()} {columns or ('absent' if b is None else 'additional')}"


def _rows(records: Sequence[Record]) -> Rows:
    tables = [(BY_CLASS[type(record)], record) for record in records]
    rows = [(table, table.row(record, settled=True)) for table, record in tables]
    return {(table.kind, table.key(row)): row for table, row in rows}


def _said(key: bytes, records: Sequence[Record]) -> Said | None:
    """None: it may never be left out, since nobody knows the hour, or it tells a price."""
    times = {record.origin.block_time for record in records}
    if None in times or any(isinstance(record, PriceObservation) for record in records):
        return None
    shown = [msgspec.structs.replace(record, origin=NOWHERE) for record in records]
    return key, frozenset(time // HOUR_S for time in times if time), repr(shown)


def _truth(chain: Chain, protocol: str, slot: int) -> Mapping[bytes, Sequence[Record]]:
    """By account."""
    time = chain.blocks[slot].block_time or None if slot in chain.blocks else None
    found = {}
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
            found[held.key] = [msgspec.structs.replace(row, origin=origin) for row in rows]
    return found


def _at(versions: Sequence[Version], slot: int) -> Version | None:
    return next((one for one in reversed(versions) if one.slot <= slot), None)
