"""From answers to pages: what a source brought becomes what the store writes.

A page is written whole or not at all. A slot is settled for a stream only by a whole block in which
every transaction could be read on the stream's channel; everything else stays provisional.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from indexer.core.coverage import Span
from indexer.core.protocol import Processed, Protocol, process, unrecorded
from indexer.core.reference import Reference
from indexer.core.rpc import Block
from indexer.core.transaction import Transaction
from indexer.store.base import Page


def provisional_page(
    transactions: Iterable[Transaction], protocols: Sequence[Protocol], reference: Reference, source: str
) -> Page:
    """A page that settles nothing."""
    result = processed(transactions, protocols, reference)
    return Page(
        events=result.events,
        records=result.records,
        failures=result.failures,
        source=source,
        reference_version=reference.version,
    )


def block_page(block: Block, protocols: Sequence[Protocol], reference: Reference, source: str, *, settle: bool) -> Page:
    """A whole block as a page; `settle`: it settles its slot for every stream that it shows whole."""
    result = processed(block.transactions, protocols, reference)
    hidden = {name for tx in block.transactions for name in unrecorded(tx, protocols)}
    if block.unavailable:
        hidden = {protocol.name for protocol in protocols}  # Nobody knows whose transaction that was.
    slot = [Span(block.slot, block.slot + 1)]
    streams = [protocol.name for protocol in protocols] if settle else []
    return Page(
        events=result.events,
        records=result.records,
        failures=result.failures,
        settled={name: slot for name in streams if name not in hidden},
        unavailable={name: slot for name in streams if name in hidden},
        source=source,
        slot_times={block.slot: block.block_time} if block.block_time is not None else {},
        reference_version=reference.version,
    )


def processed(transactions: Iterable[Transaction], protocols: Sequence[Protocol], reference: Reference) -> Processed:
    result = Processed()
    for transaction in transactions:
        result.add(process(transaction, protocols, reference))
    return result
