"""Record: raw answers of nodes as files, so that `replay` and `decode` read later what the nodes say now."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.errors import InputError
from indexer.sources.base import SourceInterrupted
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc

MOST_SLOTS = 100_000


async def transaction(rpc: Rpc, signature: str, folder: Path) -> Path:
    """Write <signature>.json. Raises InputError where nobody has it, SourceInterrupted where nobody answers."""
    _require_signature(signature)
    try:
        raw = await rpc.raw("getTransaction", [signature, rpc.whole_transaction], lane="live")
    except Refused as refused:
        raise InputError(f"no endpoint has it: {refused}", place=signature) from None
    return _written(folder, f"{signature}.json", {"result": raw})


async def blocks(rpc: Rpc, span: Span, folder: Path, on_slot: Callable[[], None]) -> AsyncIterator[Path]:
    """Write <slot>.json for every slot that has a block, the last one first.

    Lists of slots are not believed to be whole: a node that threw blocks away leaves them out. So every block that
    one names as its parent is asked for as well. Raises InputError where one is nowhere, SourceInterrupted.
    """
    listed = await _listed(rpc, span)
    if not listed:
        raise InputError("no endpoint has a block in it", place=f"slots {span.start} to {span.end - 1}")
    for slot in range(span.end - 1, span.start - 1, -1):
        if slot in listed:
            path, parent = await _block(rpc, slot, folder)
            listed.add(parent)
            yield path
        on_slot()


async def _listed(rpc: Rpc, span: Span) -> set[int]:
    """What any endpoint lists. Raises SourceInterrupted where nobody answers."""
    found: set[int] = set((await rpc.slots_with_blocks(span, lane="backfill")).value)
    for name in rpc.providers.names:
        with suppress(SourceInterrupted, Refused):
            found.update((await rpc.slots_with_blocks(span, lane="backfill", only=name)).value)
    return found


async def _block(rpc: Rpc, slot: int, folder: Path) -> tuple[Path, int]:
    """The file of the block, and the slot of its parent."""
    try:
        raw = await rpc.raw("getBlock", [slot, rpc.whole_block], lane="backfill", slot=slot)
        parent = msgspec.json.decode(raw, type=_Parent).parentSlot
    except Refused as refused:
        raise InputError(f"no endpoint has the block: {refused}", place=f"slot {slot}") from None
    except msgspec.ValidationError as error:
        raise InputError(f"it is no block: {error}", place=f"slot {slot}") from None
    return _written(folder, f"{slot}.json", {"slot": slot, "result": raw}), parent


class _Parent(msgspec.Struct):
    parentSlot: int  # noqa: N815 (the node's name for it)


def span_of(text: str) -> Span:
    """`A-B`, both included. Raises InputError."""
    first, _, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()) or int(last) < int(first):
        raise InputError(f"{text!r} is no range of slots", remedy="write --slots 365000000-365000010")
    if int(last) - int(first) >= MOST_SLOTS:
        raise InputError(f"{int(last) - int(first) + 1} slots at once, the limit is {MOST_SLOTS}")
    return Span(int(first), int(last) + 1)


def _require_signature(text: str) -> None:
    try:
        base58.signature(text)
    except base58.NotBase58 as error:
        raise InputError(f"no signature: {error}", place=text[:100]) from None


def _written(folder: Path, name: str, document: dict[str, Any]) -> Path:
    """Whole or not at all: an interrupted write leaves no half file that `replay` would refuse."""
    path, part = folder / name, folder / f".{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.encode(document))
        os.replace(part, path)  # noqa: PTH105 (the same by another name)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=str(path)) from None
    return path
