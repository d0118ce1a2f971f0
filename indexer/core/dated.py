"""Which layout of an event holds from which slot: the part `metadata.layouts` of an IDL file.

    "layouts": {"SwapRecord": [{"fromSlot": 0, "type": "SwapRecordV0"}, {"fromSlot": 365000000}]}

An event that stands there has at least two layouts. Each holds from its slot up to the next one's, so that ranges can
neither overlap nor leave a hole; the first holds from slot 0, and the last, which names no type, is the event itself.
A file that says anything else is refused, by its name. A program runs its new code from one slot on, never within one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from indexer.core.idl import Fields, Idl, UnsupportedIdl


class Dated(msgspec.Struct, frozen=True):
    """One layout of an event. `until_slot`: the first slot in which it holds no more; None: it is the newest."""

    shape: Fields
    until_slot: int | None


class _Entry(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    from_slot: int
    type: str | None = None


class _Metadata(msgspec.Struct, frozen=True):
    layouts: dict[str, list[_Entry]] = {}


class _Document(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


def dated_events(text: str, file: str) -> Mapping[str, Sequence[Dated]]:
    """The layouts of every event of an IDL, oldest first; of most there is one. Raises UnsupportedIdl."""
    idl, told = Idl(text), _told(text, file)
    if unknown := sorted(told.keys() - idl.events.keys()):
        raise UnsupportedIdl(f"{file}: layouts of {unknown[0]}, which is no event of the file")
    return {name: _dated(idl, shape, told.get(name), f"{file}: {name}") for name, shape in idl.events.items()}


def widest(layouts: Sequence[Dated]) -> Fields:
    """A struct with the fields of the newest layout, then with those that only earlier ones have."""
    *earlier, newest = (one.shape for one in layouts)
    more = {name: inner for shape in reversed(earlier) for name, inner in shape.fields}
    known = dict(newest.fields)
    fields = newest.fields + tuple((name, inner) for name, inner in more.items() if name not in known)
    return Fields(newest.name, fields)


def _told(text: str, file: str) -> Mapping[str, Sequence[_Entry]]:
    try:
        return msgspec.json.decode(text, type=_Document).metadata.layouts
    except msgspec.ValidationError as error:
        raise UnsupportedIdl(f"{file}: {error}") from None


def _dated(idl: Idl, event: Fields, entries: Sequence[_Entry] | None, place: str) -> Sequence[Dated]:
    if entries is None:
        return (Dated(event, None),)
    _check(entries, place)
    ends = [one.from_slot for one in entries[1:]]
    earlier = [_struct(idl, one.type or "", place) for one in entries[:-1]]
    return (*map(Dated, earlier, ends), Dated(event, None))


def _check(entries: Sequence[_Entry], place: str) -> None:
    slots = [one.from_slot for one in entries]
    if len(slots) < 2 or slots[0] != 0:
        raise UnsupportedIdl(f"{place}: layouts from slots {slots}; two or more are needed, the first from slot 0")
    for before, after in pairwise(slots):
        if after <= before:
            how = "overlaps" if after == before else "is out of order with"
            raise UnsupportedIdl(f"{place}: the layout from slot {after} {how} the one before it, from slot {before}")
    if [one.type is None for one in entries] != [False] * (len(entries) - 1) + [True]:
        raise UnsupportedIdl(f"{place}: every layout names its type, but for the last one, which is the event itself")


def _struct(idl: Idl, name: str, place: str) -> Fields:
    try:
        shape = idl.type(name)
    except UnsupportedIdl as error:
        raise UnsupportedIdl(f"{place}: {error}") from None
    if not isinstance(shape, Fields):
        raise UnsupportedIdl(f"{place}: type {name} is no struct")
    return shape
