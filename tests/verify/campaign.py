"""Losses by seed: each kind for each protocol, and chains that lose nothing. Used by tests and by `make verify`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

import msgspec

from indexer.simulation.chain import Chain as SimulatedChain
from indexer.verify.chain import summed
from indexer.verify.evidence import EVIDENCE
from tests.verify.losses import (
    Loss,
    account_rows,
    drawn,
    events_of,
    expected,
    found,
    links,
    missing_numbers,
    place_of,
    small_chain,
    truncated,
    unexplained,
)


class Tried(msgspec.Struct, frozen=True):
    """What became of one loss. `wrong`: what was found and is not so, or is so and was not found."""

    loss: Loss
    is_found: bool
    wrong: Sequence[str]


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
    chain = small_chain(seed - seed % 2)
    return list(_tried(chain, Random(f"losses {seed}")))


def _tried(chain: SimulatedChain, dice: Random) -> Iterator[Tried]:
    for loss in drawn(chain, dice):
        events, accounts = events_of(chain, loss.protocol), list(account_rows(chain, loss.protocol))
        everything = links(loss.protocol, events, accounts)
        left = links(loss.protocol, [one for one in events if place_of(one) not in loss.gone], accounts)
        must, told = expected(everything, left), found(left)
        wrong = [f"not found: {one}" for one in must - told] + [f"not so: {one}" for one in told - must]
        yield Tried(loss, bool(told), wrong)
