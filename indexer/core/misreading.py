"""What we would misread, were a program's bytes as the IDL says that it publishes. Pure.

Events and accounts are compared as they lie in bytes, and whether a shorter payload is still read is asked of the
decoder itself. Names count without their case, since dialects write them differently. What only an older program
had is no trouble and is told apart: events that are published no more, and names of fields alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from indexer.core.idl import Array, Enum, Fields, Idl, Option, Shape, Simple, UnsupportedIdl, Vec, discriminator
from indexer.core.layout import Layout, Undecodable
from indexer.core.published import Declared, Published
from indexer.core.shape import is_fixed, smallest_bytes

Problem = Literal[
    "new", "other_discriminator", "other_fields", "longer", "shorter", "other_accounts", "unreadable", "renamed", "gone"
]
_HARMLESS = frozenset[Problem](["gone", "renamed"])
_SPARE = ("padding", "reserved", "unused")
_MOST_ITEMS = 1_024  # Of an array that is laid flat.
_MOST_SHOWN = 90  # Characters of a type in a message.


class Finding(msgspec.Struct, frozen=True):
    """`is_misread`: rows would be wrong or missing. Otherwise a person may want to know."""

    part: Literal["event", "account", "instruction"]
    name: str
    problem: Problem
    detail: str
    is_misread: bool


class Ours(msgspec.Struct, frozen=True):
    """What we have of a program. `layouts`: of its events; none where only its accounts are read."""

    idl: Idl
    layouts: Mapping[bytes, Layout]
    reads_callers: bool = False  # Events come by self-CPI, so that the accounts of instructions are read.


class Leaf(msgspec.Struct, frozen=True):
    """A value in bytes. `place`: how many values of no fixed length come before, and bytes behind the last of them."""

    path: str
    place: tuple[int, int]
    type: str


def findings(ours: Ours, published: Published) -> list[Finding]:
    """In the order of events, accounts, instructions."""
    found = list(_events(ours, published.events)) if published.events is not None else []
    return [*found, *_accounts(ours, published.accounts), *_instructions(ours, published)]


def _finding(part: Literal["event", "account", "instruction"], name: str, problem: Problem, detail: str) -> Finding:
    return Finding(part, name, problem, detail, problem not in _HARMLESS)


# --- events --------------------------------------------------------------------------------------------------------


def _events(ours: Ours, published: Sequence[Declared]) -> Iterator[Finding]:
    theirs = {_key(one.name): one for one in published}
    known = {_key(name) for name in ours.idl.events}
    for key, one in theirs.items():
        if key not in known:
            said = one.discriminator or discriminator("event", one.name)
            yield _finding("event", one.name, "new", f"discriminator {said.hex()} is unknown here")
    for name, shape in ours.idl.events.items():
        if (told := theirs.get(_key(name))) is None:
            yield _finding("event", name, "gone", "not published, as events of older programs are")
        else:
            yield from _event(ours, name, shape, told)


def _event(ours: Ours, name: str, shape: Fields, told: Declared) -> Iterator[Finding]:
    key = discriminator("event", name)
    if told.discriminator not in (None, key):
        detail = f"published {(told.discriminator or b'').hex()}, here {key.hex()}"
        yield _finding("event", name, "other_discriminator", detail)
    if isinstance(told.shape, UnsupportedIdl):
        yield _finding("event", name, "unreadable", str(told.shape))
    elif (found := _fields(ours.layouts.get(key), name, leaves(shape), told.shape)) is not None:
        yield found


def _fields(layout: Layout | None, name: str, mine: Sequence[Leaf], shape: Fields) -> Finding | None:
    theirs = leaves(shape)
    if (parted := _first_parting(mine, theirs)) is not None:
        return _finding("event", name, "other_fields", _parting(*parted))
    if len(theirs) > len(mine):
        more = ", ".join(f"{one.path}: {_short(one.type)}" for one in theirs[len(mine) :][:4])
        return _finding("event", name, "longer", f"{len(theirs) - len(mine)} values more: {more}")
    if len(theirs) < len(mine):
        return _shorter(layout, name, mine[len(theirs)], shape)
    names = [(a.path, b.path) for a, b in zip(mine, theirs, strict=True) if _key(a.path) != _key(b.path)]
    if not names:
        return None
    return _finding("event", name, "renamed", ", ".join(f"{a} is published as {b}" for a, b in names[:4]))


def _shorter(layout: Layout | None, name: str, lacking: Leaf, shape: Fields) -> Finding | None:
    """Fine where the decoder reads it: an older layout, of which the end is known."""
    payload = discriminator("event", name) + bytes(smallest_bytes(shape))
    try:
        if layout is not None:
            layout.decode(payload)
    except Undecodable as error:
        return _finding("event", name, "shorter", f"ends before {lacking.path}: {error.detail}")
    return None


# --- accounts and instructions -------------------------------------------------------------------------------------


def _accounts(ours: Ours, published: Sequence[Declared]) -> Iterator[Finding]:
    theirs = {_key(one.name): one for one in published}
    for name, shape in ours.idl.accounts.items():
        told, key = theirs.get(_key(name)), discriminator("account", name)
        if told is None:
            yield _finding("account", name, "gone", "not published")
            continue
        if told.discriminator not in (None, key):
            detail = f"published {(told.discriminator or b'').hex()}, here {key.hex()}"
            yield _finding("account", name, "other_discriminator", detail)
        if isinstance(told.shape, UnsupportedIdl):
            yield _finding("account", name, "unreadable", str(told.shape))
        elif (parted := _moved(leaves(shape), leaves(told.shape))) is not None:
            yield _finding("account", name, "other_fields", _parting(*parted))


def _moved(mine: Sequence[Leaf], theirs: Sequence[Leaf]) -> tuple[Leaf, Leaf | None] | None:
    """The first value in whose place something else is.

    Spare bytes may become something, and what an older program calls spare, or ends before, is zero for us.
    """
    places = [one.place for one in theirs]
    for one in mine:
        found = bisect_right(places, one.place)
        there = theirs[found - 1] if found else None
        if _is_spare(one) or there is None or _is_spare(there) or (found == len(places) and there.place < one.place):
            continue
        if there.place != one.place:
            return one, None
        if not _reads(one, there):
            return one, there
    return None


def _instructions(ours: Ours, published: Published) -> Iterator[Finding]:
    if not ours.reads_callers:
        return
    for key, (name, accounts) in published.instructions.items():
        known = ours.idl.instructions.get(key)
        if known is None:
            if "eventauthority" in map(_key, accounts):
                yield _finding("instruction", name, "new", f"emits events, and {key.hex()} is unknown here")
        elif (moved := _moved_account(known[1], accounts)) is not None:
            yield _finding("instruction", name, "other_accounts", moved)


def _moved_account(ours: Mapping[str, int], theirs: Sequence[str]) -> str | None:
    published = [_key(name) for name in theirs]
    for name, place in ours.items():
        if place >= len(published) or published[place] != _key(name):
            there = theirs[place] if place < len(theirs) else "nothing"
            return f"account {place} is {name} here, published {there}"
    return None


# --- shapes as they lie in bytes -----------------------------------------------------------------------------------


def leaves(shape: Shape) -> list[Leaf]:
    """All values of a struct in order. An option, a vector or a text is one value, whatever is in it."""
    found: list[Leaf] = []
    segment, offset = 0, 0
    for path, inner in _flat(shape, ""):
        found.append(Leaf(path, (segment, offset), described(inner)))
        segment, offset = (segment, offset + smallest_bytes(inner)) if is_fixed(inner) else (segment + 1, 0)
    return found


def _flat(shape: Shape, path: str) -> Iterator[tuple[str, Shape]]:
    if isinstance(shape, Fields):
        for name, inner in shape.fields:
            yield from _flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(shape, Array) and isinstance(shape.item, Fields) and shape.length <= _MOST_ITEMS:
        for place in range(shape.length):
            yield from _flat(shape.item, f"{path}[{place}]")
    else:
        yield path, shape


def described(shape: Shape) -> str:
    """The bytes of a shape in words; names of structs and fields are no part of it."""
    match shape:
        case Simple():
            return shape.name
        case Enum():
            return f"enum({', '.join(map(_key, shape.variants))})"
        case Option():
            return f"option({described(shape.item)})"
        case Vec():
            return f"vec({described(shape.item)})"
        case Array():
            return f"{shape.length} x {described(shape.item)}"
        case Fields():
            return f"({', '.join(described(inner) for _, inner in shape.fields)})"


def _first_parting(mine: Sequence[Leaf], theirs: Sequence[Leaf]) -> tuple[Leaf, Leaf] | None:
    return next(((a, b) for a, b in zip(mine, theirs, strict=False) if not _reads(a, b)), None)


def _reads(mine: Leaf, theirs: Leaf) -> bool:
    """Of an enum we may know more variants behind theirs."""
    return mine.type == theirs.type or (
        theirs.type.startswith("enum(") and mine.type.startswith(f"{theirs.type.removesuffix(')')},")
    )


def _parting(mine: Leaf, theirs: Leaf | None) -> str:
    there = "nothing begins there" if theirs is None else f"published {theirs.path}: {_short(theirs.type)}"
    return f"{mine.path}: {_short(mine.type)}, {there}"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def _is_spare(leaf: Leaf) -> bool:
    last = _key(leaf.path.rsplit(".", 1)[-1])
    return any(word in last for word in _SPARE)


def _key(name: str) -> str:
    return name.replace("_", "").lower()
