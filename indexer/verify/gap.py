"""Gaps: what a break means, where it lies, and why, as far as anything tells.

A gap never says more than its chain: numbers where events are numbered, else only that something lies between two
places. Slots that are not settled explain everything in them. A truncated transaction explains what it may have held
only when somebody else was asked too: until then a loss that lies beside it looks just like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.verify.chain import Break, Chain, Known, Link
from indexer.verify.evidence import ROWS, form_of, has_account

Cause = Literal["not_settled", "truncated", "bounded", "unreadable", "row_missing", "contradiction", "never_emitted"]
MEANINGS: dict[Cause, str] = {
    "not_settled": "slots in between are not settled",
    "truncated": "a transaction in between has truncated logs, and others have no more: no endpoint has what was cut",
    "bounded": "a transaction in between has truncated logs; whether they hide all of it, --repair tells",
    "unreadable": "a payload in between could not be read: its layout is unknown",
    "row_missing": "the event is there, its row is not: reprocess makes it again",
    "contradiction": "numbers come again, or run back: what is there cannot all be true",
    "never_emitted": "another endpoint and another way brought nothing: nobody has it, or it was never emitted",
}

EXPLAINED: Sequence[Cause] = ("not_settled", "truncated")  # No loss of ours.


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the slots of a gap."""

    is_settled: bool = True  # All of them.
    truncated: int = 0  # Transactions.
    unreadable: int = 0  # Payloads, and transactions whose logs contradict their instructions.
    is_refetched: bool = False  # Whole, from somebody else, since the gap was found.


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    broken: Break
    cause: Cause | None = None  # None: not known; a refetch may tell.
    refetched_from: str | None = None  # None: nobody was asked again yet.

    @property
    def chain(self) -> Chain:
        return self.broken.chain

    @property
    def bracket(self) -> Span:
        """Slots in which what is missing must lie. Both ends' slots may hold it."""
        return Span(self.broken.after.place.slot, self.broken.before.place.slot + 1)

    @property
    def numbers(self) -> tuple[int, int] | None:
        """First and last number that is missing; None: what is missing has none."""
        is_numbered = self.chain.evidence != ROWS and form_of(*self.chain[:2]) == "counter"
        expected, found = self.broken.expected, self.broken.found
        return (expected + 1, found) if is_numbered and found > expected else None

    @property
    def account(self) -> bytes | None:
        """An account that every transaction names which may be missing here; None: there is none."""
        return base58.key(self.chain.key) if has_account(*self.chain[:2]) else None

    @property
    def is_explained(self) -> bool:
        """Whether it is no loss: slots that are still to be settled, or bytes that no endpoint has."""
        return self.cause in EXPLAINED

    @property
    def may_be_cured(self) -> bool:
        """Whether somebody else may have what is missing. A payload that cannot be read may not be all of it: one more
        look tells."""
        if self.cause == "unreadable":
            return self.refetched_from is None
        return self.cause in (None, "bounded", "contradiction", "never_emitted")


def cause_of(broken: Break, known: Circumstances) -> Cause | None:
    if broken.chain.evidence == ROWS:
        return "row_missing"
    if form_of(*broken.chain[:2]) == "counter" and broken.found < broken.expected:
        return "contradiction"
    if not known.is_settled:
        return "not_settled"
    if known.truncated:
        return "truncated" if known.is_refetched else "bounded"
    if known.unreadable:
        return "unreadable"
    return "never_emitted" if known.is_refetched else None


def row_missing(link: Link) -> Break:
    """The event of `link` is there, and its row is not."""
    assert link.row is not None, "a link without a row misses none"
    here = Known(link.place, link.signature, link.time, link.index)
    chain = Chain(link.chain.protocol, ROWS, link.row)
    return Break(chain=chain, after=here, before=here, expected=1, found=0)
