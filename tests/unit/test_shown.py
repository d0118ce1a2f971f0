"""A record as people see it: names, units, and what is said of the unknown."""

from decimal import Decimal
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.record import ActionRecord, Failure, Origin, Record, Swap, Trade, TvlObservation
from indexer.core.reference import Market, Reference, Token
from indexer.core.shown import shown
from tests.world import key, signature

ORIGIN = Origin(
    protocol="drift",
    program_id=key(1),
    slot=7,
    signature=signature(0),
    channel="log",
    index=3,
    block_time=1_710_441_678,
)
REFERENCE = Reference(
    markets=[Market(protocol="drift", market_key="perp:0", market_kind="perp", symbol="SOL-PERP", base_asset="SOL")],
    tokens=[Token(mint=key(2), symbol="USDC", decimals=6)],
)


def row(record: Record) -> dict[str, Any]:
    return shown(record, REFERENCE)


def trade(market_key: str = "perp:0", **values: Any) -> dict[str, Any]:
    return row(Trade(origin=ORIGIN, market_kind="perp", market_key=market_key, **values))


def test_identity_comes_first_and_nothing_is_settled_here() -> None:
    assert list(trade().items())[:13] == [
        ("record", "trade"),
        ("protocol", "drift"),
        ("program_id", base58.encode(key(1))),
        ("slot", 7),
        ("signature", base58.encode(signature(0))),
        ("channel", "log"),
        ("index", 3),
        ("part", 0),
        ("tx_index", None),
        ("block_time", "2024-03-14T18:41:18Z"),
        ("event", None),
        ("settled", False),
        ("decoder_version", 1),
    ]


def test_an_unknown_time_is_null() -> None:
    origin = msgspec.structs.replace(ORIGIN, block_time=None)
    assert (
        row(TvlObservation(origin=origin, component="pool", component_key="x", value_origin="event"))["block_time"]
        is None
    )


def test_dollars_and_tokens_are_text_without_exponent() -> None:
    said = trade(size_usd_e6=296_714_322, fee_usd_e6=-10, size_base=Decimal("1E-9"), price_usd=Decimal("150.500000"))
    assert [said[name] for name in ("size_usd", "fee_usd", "size_base", "price_usd", "pnl_usd")] == [
        "296.714322",
        "-0.00001",
        "0.000000001",
        "150.5",
        None,
    ]


def test_a_counter_keeps_its_digits_as_text() -> None:
    assert trade(sequence=2**64 - 1)["sequence"] == "18446744073709551615"


def test_a_market_has_its_symbol_or_is_called_by_its_key() -> None:
    names = ("market", "base_asset", "market_known")
    assert [trade()[name] for name in names] == ["SOL-PERP", "SOL", True]
    assert [trade("perp:999")[name] for name in names] == ["perp:999", None, False]
    action = row(ActionRecord(origin=ORIGIN, action_key=key(5), action_kind="order"))
    assert [action[name] for name in names] == [None, None, None]


def test_each_mint_has_its_symbol() -> None:
    said = row(Swap(origin=ORIGIN, mint_in=key(9), mint_out=key(2), venue="jlp"))
    assert [said[name] for name in ("mint_in", "symbol_in", "symbol_out")] == [base58.encode(key(9)), None, "USDC"]


def test_where_an_observation_comes_from_is_called_its_origin() -> None:
    said = row(TvlObservation(origin=ORIGIN, component="pool", component_key="x", value_origin="event"))
    assert said["origin"] == "event"
    assert "value_origin" not in said


def test_a_failure_shows_its_discriminator_in_hex_and_its_bytes_in_base64() -> None:
    said = row(Failure(origin=ORIGIN, reason="unknown_event", discriminator=bytes(range(8)), payload=b"abc"))
    assert (said["discriminator"], said["payload"]) == ("0001020304050607", "YWJj")
