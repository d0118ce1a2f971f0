"""Blocks and their parents: what two blocks say about each other, and about the slots between them.

A block names its parent by slot and by blockhash. That is the only proof that the slots between are empty,
and that a block is on the chain that was finalized: its successor names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import msgspec

from indexer.core.rpc import Block


class Link(msgspec.Struct, frozen=True):
    """A block in the chain. `block` None: it is there, and its transactions were not asked for or nobody has them."""

    slot: int
    parent_slot: int
    blockhash: str | None
    previous_blockhash: str | None
    block_time: int | None = None
    block: Block | None = None
    endpoint: str | None = None

    @property
    def floor(self) -> int:
        """The highest slot below it that has a block; -1: none has, it is the first of its cluster."""
        return self.parent_slot if self.slot else -1


def follows(child: Link, parent: Link | None) -> bool:
    """Whether `child` names `parent` as its parent. None: what is below is not known, and cannot be wrong."""
    if parent is None:
        return True
    are_known = parent.blockhash is not None and child.previous_blockhash is not None
    return child.floor == parent.slot and not (are_known and parent.blockhash != child.previous_blockhash)


def contradicts(child: Link, parent: Link | None) -> bool:
    """Whether not both can be of one chain. A child whose parent lies between them says nothing about `parent`."""
    return parent is not None and child.floor <= parent.slot and not follows(child, parent)


def first_chain(anchor: Link | None, lower: Sequence[Link | None], upper: Sequence[Link | None]) -> Sequence[Link]:
    """Of what is said of two slots, what forms a chain upon `anchor`: two blocks, else one; empty: nothing does.

    None: somebody says that there is no block. Of the same chain the links with their transactions are taken.
    """
    for pair in sorted(product(lower, upper), key=_lack):
        chain = [link for link in pair if link is not None]
        if chain and all(follows(child, parent) for parent, child in zip([anchor, *chain], chain, strict=False)):
            return chain
    return ()


def _lack(pair: tuple[Link | None, Link | None]) -> tuple[bool, int]:
    """How little two links say, to be ordered by."""
    return None in pair, sum(link is None or link.block is None for link in pair)
