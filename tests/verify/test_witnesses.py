"""What each protocol's events tell of their own completeness, and what goes unseen in them. Synthetic events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from indexer.app import witnesses
from indexer.core import base58
from indexer.core.payload import Enclosing
from indexer.core.record import EventRow, Origin
from indexer.protocols.gmx_solana import STORE, STORE_PROGRAM
from indexer.protocols.jupiter_perps.program import PROGRAM as JUPITER
from indexer.verify.chain import Break, Link, summed
from indexer.verify.evidence import NOT_PROVABLE
from indexer.verify.witness import links_of
from tests.encoder import encode_event
from tests.programs import DRIFT

MARKET, POSITION = bytes([7]) * 32, bytes([8]) * 32
PROGRAMS = {"drift": DRIFT, "jupiter_perps": JUPITER, "gmx_solana": STORE_PROGRAM}
IDLS = {"drift": "drift.json", "jupiter_perps": "jupiter_perps.json", "gmx_solana": "gmsol_store.json"}


def row(protocol: str, slot: int, index: int, event: str, **values: Any) -> EventRow:
    origin = Origin(
        protocol=protocol,
        program_id=PROGRAMS[protocol],
        slot=slot,
        signature=slot.to_bytes(64, "big"),
        channel="log" if protocol == "drift" else "cpi",
        index=index,
        tx_index=0,
        event=event,
    )
    payload = encode_event(IDLS[protocol], event, **values)
    return EventRow(origin=origin, payload=payload, is_text=False, enclosing=Enclosing(PROGRAMS[protocol], 0))


def told(rows: Sequence[EventRow]) -> list[Link]:
    return list(links_of(witnesses()[rows[0].origin.protocol], rows))


def breaks(rows: Sequence[EventRow]) -> Sequence[Break]:
    return summed(told(rows))[1]


# --- Jupiter ---


def change(slot: int, event: str, size: int, delta: int) -> EventRow:
    values = {"positionKey": POSITION, "positionSizeUsd": size, "sizeUsdDelta": delta}
    return row("jupiter_perps", slot, 0, event, **values)


OPENED = change(1, "IncreasePositionEvent", 100, 100)
MORE = change(2, "InstantIncreasePositionEvent", 150, 50)
LESS = change(3, "DecreasePositionEvent", 120, 30)
WIPED = row("jupiter_perps", 4, 0, "LiquidateFullPositionEvent", positionKey=POSITION, positionSizeUsd=120)


def test_sizes_of_a_jupiter_position_follow_from_event_to_event():
    assert breaks([OPENED, MORE, LESS, WIPED]) == []


def test_a_lost_change_of_size_breaks_between_its_neighbours():
    (one,) = breaks([OPENED, LESS, WIPED])
    assert (one.after.place.slot, one.before.place.slot) == (1, 3)


def test_a_lost_liquidation_shows_with_the_next_opening():
    (one,) = breaks([OPENED, MORE, LESS, change(9, "IncreasePositionEvent", 70, 70)])
    assert (one.expected, one.found) == (120, 0)


def test_what_jupiters_sizes_cannot_show():
    """Collateral alone, and a position that was opened and closed whole: the certificate says so of both."""
    collateral = change(2, "IncreasePositionEvent", 100, 0)
    assert breaks([OPENED, collateral, change(3, "IncreasePositionEvent", 150, 50)]) == breaks(
        [OPENED, change(3, "IncreasePositionEvent", 150, 50)]
    )
    closed = change(2, "DecreasePositionEvent", 0, 100)
    again = [change(5, "IncreasePositionEvent", 40, 40), change(6, "DecreasePositionEvent", 0, 40)]
    later = change(8, "IncreasePositionEvent", 60, 60)
    assert breaks([OPENED, closed, *again, later]) == breaks([OPENED, closed, later]) == []
    said = " ".join(_not_provable("jupiter_perps"))
    assert "collateral alone" in said
    assert "opened and closed whole" in said


# --- GMX ---


def trade(slot: int, number: int, before: tuple[int, int], after: tuple[int, int], index: int = 5) -> EventRow:
    states = [{"trade_id": trade_id, "size_in_usd": size} for trade_id, size in (before, after)]
    return row(
        "gmx_solana", slot, index, "TradeEvent", trade_id=number, store=STORE, market_token=MARKET, position=POSITION,
        before=states[0], after=states[1],
    )  # fmt: skip


def state(slot: int, index: int, count: int) -> EventRow:
    other = {"trade_count": count}
    return row("gmx_solana", slot, index, "MarketStateUpdated", rev=1, market_token=MARKET, other=[other])


def test_a_trade_count_counts_whether_it_is_told_before_or_behind_the_trade():
    first, second = trade(1, 7, (0, 0), (7, 50)), trade(2, 8, (7, 50), (8, 90))
    for index in (4, 6):
        assert breaks([first, state(1, index, 7), second, state(2, index, 8)]) == []


def test_a_trade_that_is_lost_breaks_the_market_and_its_position():
    first, third = trade(1, 7, (0, 0), (7, 50)), trade(3, 9, (8, 90), (9, 10))
    assert {one.chain.evidence for one in breaks([first, third])} == {"trades", "positions"}


def test_a_count_that_runs_ahead_shows_a_lost_trade_before_the_next_one_comes():
    (one,) = breaks([trade(1, 7, (0, 0), (7, 50)), state(4, 3, 8)])
    assert (one.chain.evidence, one.before.place.slot) == ("trades", 4)


def test_a_position_begins_anew_when_it_was_closed_whatever_its_account_kept():
    opened, closed = trade(1, 7, (0, 0), (7, 50)), trade(2, 8, (7, 50), (8, 0))
    for left in (0, 8):
        assert breaks([opened, closed, trade(3, 9, (left, 0), (9, 30))]) == []


def test_trades_of_another_store_are_nobodys():
    foreign = row("gmx_solana", 1, 5, "TradeEvent", trade_id=7, store=bytes(32), market_token=MARKET)
    assert told([foreign]) == []


def test_a_ghost_mints_nothing():
    """A deposit whose operation was never committed."""
    ghost = row("gmx_solana", 1, 2, "DepositExecuted", rev=3, market_token=MARKET, report={"minted": 9})
    assert told([ghost]) == []


def gt(slot: int, kind: int, moved: int, supply: int, minted: int) -> EventRow:
    return row("gmx_solana", slot, 1, "GtUpdated", kind=kind, receiver_delta=moved, supply=supply, total_minted=minted)


def test_gt_is_given_and_burned_by_what_its_totals_say():
    events = [gt(1, 1, 5, 105, 205), gt(2, 2, 20, 85, 205), gt(3, 0, 1, 86, 206)]
    assert breaks(events) == []
    (lost,) = breaks([events[0], events[2]])  # A burn moves the supply alone.
    assert (lost.chain.evidence, lost.after.place.slot, lost.before.place.slot) == ("gt_supply", 1, 3)


# --- Drift ---


def test_only_fills_take_a_number():
    def action(kind: str, **values: Any) -> EventRow:
        return row("drift", 1, 3, "OrderActionRecord", action=kind, marketIndex=4, marketType="Perp", **values)

    assert told([action("Place"), action("Cancel")]) == []
    (one,) = told([action("Fill", fillRecordId=12)])
    assert (one.chain.key, one.before, one.after, one.row) == ("perp:4", 11, 12, "trade")


def test_perp_and_spot_markets_count_apart():
    kinds = {
        kind: told([row("drift", 1, 3, "OrderActionRecord", action="Fill", marketType=kind, fillRecordId=1)])[0].chain
        for kind in ("Perp", "Spot")
    }
    assert {kind: chain[1:] for kind, chain in kinds.items()} == {
        "Perp": ("perp_fills", "perp:0"), "Spot": ("spot_fills", "spot:0")
    }  # fmt: skip


def test_a_swap_of_drift_leaves_no_evidence_and_the_certificate_says_so():
    assert told([row("drift", 1, 3, "SwapRecord", amountIn=1)]) == []
    assert any("swaps" in words for words in _not_provable("drift"))


def _not_provable(protocol: str) -> Iterable[str]:
    return NOT_PROVABLE[protocol]


def test_keys_are_as_people_see_them():
    assert told([trade(1, 7, (0, 0), (7, 50))])[0].chain.key == base58.encode(MARKET)
