"""The quick writer of events writes what borsh-construct writes, and the truth's arithmetic is the indexer's."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from indexer.core import amount
from indexer.simulation.encoder import IDL_FILES, document, encode_account, encode_event, encode_type
from indexer.simulation.figures import ceil_div, decimal, ratio, rounded
from indexer.simulation.packing import pack, pack_account, pack_as
from tests.encoder import drawn_event
from tests.programs import TAILS


@pytest.mark.parametrize("idl_file", IDL_FILES)
def test_every_event_is_written_as_the_encoder_writes_it(idl_file: str) -> None:
    rng, seen = Random(1), set()
    for _ in range(400):
        name, values = drawn_event(rng, idl_file)
        seen.add(name)
        assert pack(idl_file, name, **values) == encode_event(idl_file, name, **values)
    assert len(seen) > len(document(idl_file)["events"]) // 2


@pytest.mark.parametrize("idl_file", IDL_FILES)
def test_what_is_omitted_is_zero(idl_file: str) -> None:
    for event in document(idl_file)["events"]:
        assert pack(idl_file, event["name"]) == encode_event(idl_file, event["name"])


@pytest.mark.parametrize(
    ("idl_file", "account", "values"),
    [
        ("drift.json", "SpotMarket", {"mint": bytes(range(32)), "marketIndex": 7, "insuranceFund": {"userShares": 9}}),
        ("drift.json", "User", {"spotPositions": [{"balanceType": "Borrow"}, *[{}] * 7]}),
        ("gmsol_store.json", "Market", {"state": {"other": {"funding_factor_per_second": -5}}}),
        ("jupiter_perps.json", "Custody", {"isStable": True, "assets": {"owned": 5}}),
        ("jupiter_perps.json", "Pool", {"name": "Pool", "custodies": [bytes(32)]}),
        ("doves.json", "AgPriceFeed", {"expo": -8, "timestamp": -1}),
    ],
)
def test_an_account_is_written_as_the_encoder_writes_it(idl_file: str, account: str, values: dict[str, Any]) -> None:
    assert pack_account(idl_file, account, **values) == encode_account(idl_file, account, **values)
    assert pack_account(idl_file, account) == encode_account(idl_file, account)


def test_an_event_can_end_where_an_older_layout_ended() -> None:
    for idl_file, ends in TAILS.items():
        for name, end in ((name, end) for name, fields in ends.items() for end in fields):
            assert pack(idl_file, name, end=end) == encode_event(idl_file, name, end=end)


def test_a_layout_that_grew_at_its_front_is_written_as_a_type() -> None:
    idl_file, event, layout = "jupiter_perps.json", "ClosePositionRequestEvent", "ClosePositionRequestEventV0"
    written = pack_as(idl_file, event, layout, amount=7)
    assert written[8:] == encode_type(idl_file, layout, amount=7)
    assert written[:8] == encode_event(idl_file, event)[:8]


def test_a_field_that_an_event_lacks_is_refused() -> None:
    with pytest.raises(KeyError, match="feeUSD"):
        pack("jupiter_perps.json", "IncreasePositionEvent", feeUSD=1)


def test_rounding_is_half_to_even_as_in_the_contract() -> None:
    rng = Random(2)
    cases = [(1, 2), (3, 2), (-1, 2), (-3, 2), (5, 2)]
    cases += [(rng.randint(-(10**12), 10**12), rng.choice((2, 3, 10**6, rng.randint(1, 10**9)))) for _ in range(500)]
    for over, under in cases:
        assert rounded(over, under) == amount.half_even(over, under)
        assert ratio(over, under) == amount.quotient(over, under)
        assert ceil_div(over, under) >= over / Decimal(under) > ceil_div(over, under) - 1
    assert decimal(1_500_000_000, 9) == Decimal("1.5")
