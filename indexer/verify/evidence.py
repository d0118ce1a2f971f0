"""Which evidence each protocol leaves, what form it has, and what nothing of it can show.

A counter numbers events one by one: a gap names the numbers that are missing. A state is what an event found and what
it left: a break says that something lies between. A sum is a supply that events move: without two readings of it,
nothing is proven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Form = Literal["counter", "state", "sum"]
ROWS = "rows"  # Beside the evidence of the chains: that every event has its row.


class Evidence(msgspec.Struct, frozen=True):
    name: str
    form: Form
    of: str  # What it shows the loss of.
    is_account: bool = False  # A chain's key is an account that every transaction with a link of it names.


EVIDENCE: Mapping[str, Sequence[Evidence]] = {
    "drift": (
        Evidence("perp_fills", "counter", "fills of perp markets, by fillRecordId"),
        Evidence("spot_fills", "counter", "fills of spot markets, by fillRecordId"),
        Evidence("deposits", "counter", "deposits and withdrawals of lending markets, by depositRecordId"),
        Evidence("fundings", "counter", "funding rates, by recordId"),
        Evidence("curves", "counter", "curve updates, by recordId"),
    ),
    "jupiter_perps": (
        Evidence("positions", "state", "changes of a position's size, each with the size before and after it", True),
        Evidence("lp_supply", "sum", "JLP minted and burned, between two readings of the supply"),
    ),
    "gmx_solana": (
        Evidence("trades", "counter", "fills, by trade_id of the market"),
        Evidence("positions", "state", "fills of a position, each with the trade_id that it found and left", True),
        Evidence("gt_supply", "state", "GT minted, given and burned, each with the supply before and after it"),
        Evidence("gt_minted", "state", "GT minted and given, by the total minted"),
        Evidence("lp_supply", "sum", "market tokens and GLV minted and burned, between two tellings of their supply"),
    ),
}
# What no counter and no chain shows: its loss goes unseen here, so that its completeness rests on settling alone.
NOT_PROVABLE: Mapping[str, Sequence[str]] = {
    "drift": (
        "swaps, liquidation records, insurance, AMM shares, DLP and strategy vaults: they have no number",
        "trigger fees, orders placed and cancelled, settled funding and pnl",
        "what follows the last number of a market, until its account or a later event tells the next",
        "what one truncated transaction hides cannot be told from what another one hides in the same gap",
    ),
    "jupiter_perps": (
        "a change of collateral alone: the size stays",
        "a position that was opened and closed whole between two events: it begins and ends with nothing",
        "the last change of a position, until its next one",
        "swaps, requests, loans and staking: they have neither number nor chain",
        "pool amounts in dollars: prices move between events",
    ),
    "gmx_solana": (
        "swaps, requests and market states: they have no number without holes",
        "what follows the last trade_id of a market, until its account, its state or a later fill tells it",
        "a mint and a burn of the same amount between two tellings of a supply",
    ),
}


def form_of(protocol: str, evidence: str) -> Form:
    """Raises KeyError for evidence that the protocol does not leave."""
    return {one.name: one.form for one in EVIDENCE[protocol]}[evidence]


def has_account(protocol: str, evidence: str) -> bool:
    """Whether a chain's key is an account whose transactions hold all of its links."""
    return any(one.is_account for one in EVIDENCE[protocol] if one.name == evidence)
