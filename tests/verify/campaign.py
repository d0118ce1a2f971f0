"""Losses by seed: each kind for each protocol, and chains that lose nothing. Used by tests and by `make verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import cache
from random import Random

import msgspec

from indexer.core.record import EventRow
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.verify.chain import Chain, Link, Place, summed
from indexer.verify.evidence import EVIDENCE, LIMITS, Why
from tests.verify.losses import (
    Event,
    Loss,
    account_rows,
    drawn,
    events_of,
    expected,
    found,
    links,
    missing_numbers,
    place_of,
    rows_drawn,
    small_chain,
    truncated,
    unexplained,
    unseen,
)

# Events that bear witness, each by the chains that it is a link of.
WITNESSES: Mapping[str, Sequence[str]] = {
    "drift": (
        "OrderActionRecord (perp_fills)", "OrderActionRecord (spot_fills)", "DepositRecord (deposits)",
        "FundingRateRecord (fundings)", "CurveRecord (curves)",
    ),
    "jupiter_perps": (
        "IncreasePositionEvent (positions)", "InstantIncreasePositionEvent (positions)",
        "DecreasePositionEvent (positions)", "InstantDecreasePositionEvent (positions)",
        "LiquidateFullPositionEvent (positions)", "LiquidatePositionEvent (positions)",
        "AddLiquidityEvent (lp_supply)", "RemoveLiquidityEvent (lp_supply)",
    ),
    "gmx_solana": (
        "TradeEvent (positions, trades)", "GtUpdated (gt_minted, gt_supply)", "DepositExecuted (lp_supply)",
        "WithdrawalExecuted (lp_supply)", "GlvPricing (lp_supply)",
    ),
}  # fmt: skip


class Tried(msgspec.Struct, frozen=True):
    """What became of one loss. `wrong`: what was found and is not so, or is so and was not found.

    `unseen`: why nothing shows of it, if nothing does.
    """

    loss: Loss
    is_found: bool
    wrong: Sequence[str]
    unseen: Set[Why] = frozenset()


def false_alarms(chain: SimulatedChain) -> list[str]:
    """Gaps of a chain that lost nothing, but for those in which logs were cut; of these the numbers must agree."""
    wrong = []
    for protocol in EVIDENCE:
        everything = links(protocol, events_of(chain, protocol), account_rows(chain, protocol))
        breaks = summed(everything)[1]
        cut = truncated(chain) if protocol == "drift" else []
        wrong += [f"{protocol}: {one}" for one in unexplained(breaks, cut)]
        for counter, count in missing_numbers(everything).items():
            told = sum(one.found - one.expected for one in breaks if one.chain == counter and one.found > one.expected)
            if told < count:
                wrong.append(f"{counter}: {count} numbers have no event, gaps tell of {told}")
    return wrong


@cache
def tried(seed: int) -> Sequence[Tried]:
    """Every loss of one seed. A chain in which logs were cut lost something already: the seed before is taken."""
    chain, dice = small_chain(seed - seed % 2), Random(f"losses {seed}")
    worlds = {protocol: World(chain, protocol) for protocol in EVIDENCE}
    losses = [*rows_drawn(chain, dice), *(one for one in drawn(chain, dice) if one.kind != "row")]
    return [_tried(worlds[loss.protocol], loss) for loss in losses]


class World:
    """One protocol's events and links; of a loss only the transactions that it touches are read again."""

    def __init__(self, chain: SimulatedChain, protocol: str) -> None:
        self.protocol = protocol
        rows = events_of(chain, protocol)
        self.rows = {place_of(row): row for row in rows}
        self.links = links(protocol, rows, account_rows(chain, protocol))
        self.known = set(self.links)
        self._of_transactions: dict[bytes, list[EventRow]] = {}
        for row in rows:
            self._of_transactions.setdefault(row.origin.signature, []).append(row)

    def without(self, gone: Set[Event]) -> list[Link]:
        touched = {signature for _, signature, _ in gone}
        left = [row for name in touched for row in self._of_transactions[name] if place_of(row) not in gone]
        return [*(link for link in self.links if link.signature not in touched), *links(self.protocol, left, ())]


def _tried(world: World, loss: Loss) -> Tried:
    left = world.without(loss.gone)
    must, told = expected(world.links, left), found(left)
    # What is left of a transaction may tell otherwise without what is gone: a commit of another, a last reading.
    paired = {link.chain for link in left if link not in world.known}
    wrong = [f"not found: {one}" for one in must - told if one[0] not in paired]
    wrong += [f"not so: {one}" for one in told - must if one[0] not in paired]
    wrong += [f"nothing of it lies in its bracket: {one}" for one in told if not _holds(one, world, loss)]
    why = frozenset() if told else frozenset(unseen(world.links, left, loss))
    wrong += [f"no limit of the certificate says so: {one}" for one in why if not _is_said(world, loss, one)]
    return Tried(loss, bool(told), wrong, why)


def _holds(one: tuple[Chain, Place, Place, int], world: World, loss: Loss) -> bool:
    """A row that only proves another, as the commit of a deposit does, lies in the same transaction."""
    _, after, before, _ = one
    places = [(row.origin.slot, row.origin.tx_index) for row in map(world.rows.__getitem__, loss.gone)]
    return any(after[:2] <= place <= before[:2] for place in places)


def _is_said(world: World, loss: Loss, why: Why) -> bool:
    limits = [one for one in LIMITS[loss.protocol] if one.why == why]
    if why != "unnumbered":
        return bool(limits)
    named = {name for one in limits for name in one.events}
    return {world.rows[place].origin.event for place in loss.gone} <= named
