"""The IDL files say what the programs do.

Held against two things: `idl_known` (discriminators and lengths from chain bytes and sources), always; and the IDLs
that others published, where the shared material is present. The second guards against slips, not against an error that
the published file has too. Mutants at the end show that the comparison fails when it should.
"""

import copy
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import anchorpy_core.idl
import pytest
from anchorpy.coder.coder import Coder
from solders.pubkey import Pubkey

from tests.idl_known import EVENTS, HEADER, INSTRUCTIONS
from tests.idl_shape import Idl, Shape, differences, offset, span, wire
from tests.shared import REPOSITORY, requires_shared, shared

IDL = REPOSITORY / "idl"
FILES = ("drift.json", "drift_vaults.json", "doves.json", "jupiter_perps.json", "gmsol_store.json")

# Newest first: the first one is the standard for names, order and types, the others for what may come before.
PUBLISHED = {
    "drift.json": (
        "drift_2026-04-01_v2.162.0.json",
        "drift_2025-10-06_2.141.0_0fe35319c.json",
        "drift_2025-06-09_2.122.0_6827402b7.json",
        "drift_2025-04-01_2.117.0_e58514bb4.json",
        "drift_2022-11-25_2.0.0_ae3c14fe7.json",
    ),
    "drift_vaults.json": ("drift_vaults_2026-03-30.json",),
    "doves.json": ("doves-2025-04-04-julianfssen-167b42c.json",),
    "jupiter_perps.json": (
        "perps-2026-03-25-monakki-91cec15.json",
        "perps-2025-07-07-julianfssen-a58d708.json",
        "perps-2025-01-09-julianfssen-23b1461.json",
        "perps-2024-09-14-julianfssen-110a82d.json",
    ),
    "gmsol_store.json": (
        "gmsol_store_2026-08-22_v0.11.0.json",
        "gmsol_store.2025-03-25.first-in-repo.4385c6e2.json",
    ),
}

# Events that are in no published file, and where their layout comes from.
UNPUBLISHED = {
    "drift.json": {"AdminWithdrawFromInsuranceFundRecord"},  # Program source of 2026-03-17; its IDL never followed.
    "drift_vaults.json": set[str](),
    "doves.json": set[str](),
    "jupiter_perps.json": {"LiquidatePositionEvent"},  # Before 2024-09; offsets from peers that decoded it.
    "gmsol_store.json": set[str](),
}

# Older layouts that are no beginning of ours, each with its reason. A new one would need a second layout.
BROKEN_ENDS = {
    # OrderParams.bitFlags was immediateOrCancel, a bool: the same byte under another name.
    "drift_2025-04-01_2.117.0_e58514bb4.json": {"SignedMsgOrderRecord"},
    # The tail of Order was padding, now postedSlotTail and bitFlags: the same length.
    "drift_2022-11-25_2.0.0_ae3c14fe7.json": {"OrderRecord"},
    # Five fields were put in front; that layout is ClosePositionRequestEventV0.
    "perps-2024-09-14-julianfssen-110a82d.json": {"ClosePositionRequestEvent"},
}


def ours(file: str) -> Idl:
    return Idl.read(IDL / file)


def published(file: str) -> Idl:
    return Idl.read(shared("idl", "published", file))


def discriminator(namespace: str, name: str) -> bytes:
    return sha256(f"{namespace}:{name}".encode()).digest()[:8]


def instruction_discriminator(name: str) -> bytes:
    return discriminator("global", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def known(table: dict[str, str], file: str) -> Iterator[list[str]]:
    return (line.split() for line in table.get(file, "").splitlines() if line.strip())


def event_cases() -> list[Any]:
    return [pytest.param(file, *row, id=f"{file}-{row[0]}") for file in FILES for row in known(EVENTS, file)]


# What every reader of the files relies on.


@pytest.mark.parametrize("file", FILES)
def test_each_file_loads_with_the_parser_and_with_every_coder_of_anchorpy(file: str) -> None:
    text = (IDL / file).read_text(encoding="utf-8")
    idl = anchorpy_core.idl.Idl.from_json(text)
    coder = Coder(idl)
    assert set(coder.events.layouts) == set(ours(file).events())
    assert set(coder.accounts.acc_name_to_discriminator) == set(ours(file).accounts())
    assert sorted(coder.instruction.sighash_to_name) == sorted(
        map(instruction_discriminator, ours(file).instructions())
    )


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_in_the_classic_dialect(file: str) -> None:
    document = ours(file).document
    assert set(document) == {"version", "name", "instructions", "accounts", "types", "events", "metadata"}
    assert all(field["index"] is False for event in document["events"] for field in event["fields"])
    assert not re.search(r'"type": "pubkey"|"generics?":|"docs":', (IDL / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES)
def test_no_name_is_declared_twice(file: str) -> None:
    for section in ("instructions", "accounts", "types", "events"):
        names = [declared["name"] for declared in ours(file).document[section]]
        assert sorted(names) == sorted(set(names)), section


@pytest.mark.parametrize("file", FILES)
def test_the_readme_names_the_program_of_each_file(file: str) -> None:
    rows = re.findall(r"^\| `(\w+\.json)` \| `(\w+)` \|", (IDL / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    address = ours(file).document["metadata"]["address"]
    assert dict(rows)[file] == address
    assert str(Pubkey.from_string(address)) == address


def test_the_folder_holds_these_files_only() -> None:
    assert {path.name for path in IDL.iterdir()} == {*FILES, "README.md"}


# Held against what is known from elsewhere.


@pytest.mark.parametrize("file", FILES)
def test_the_events_are_exactly_the_known_ones(file: str) -> None:
    assert set(ours(file).events()) == {row[0] for row in known(EVENTS, file)}


@pytest.mark.parametrize(("file", "name", "expected", "length"), event_cases())
def test_an_event_has_the_known_discriminator_and_length(file: str, name: str, expected: str, length: str) -> None:
    assert discriminator("event", name).hex() == expected
    if length == "?":
        return
    least, dash, most = length.partition("-")
    low, high = span(ours(file).events()[name])
    assert low + HEADER[file] == int(least)
    assert (None if high is None else high + HEADER[file]) == (int(most or least) if most or not dash else None)


@pytest.mark.parametrize("file", INSTRUCTIONS)
def test_an_instruction_has_the_known_discriminator(file: str) -> None:
    for name, expected in known(INSTRUCTIONS, file):
        assert instruction_discriminator(name).hex() == expected, name


@pytest.mark.parametrize(
    ("file", "account", "length"),
    [
        ("drift.json", "State", 992),
        ("drift.json", "SpotMarket", 776),
        ("drift.json", "PerpMarket", 1216),
        ("drift.json", "User", 4376),
        ("drift.json", "InsuranceFundStake", 136),
        ("drift_vaults.json", "Vault", 536),
        ("drift_vaults.json", "VaultDepositor", 272),
        ("gmsol_store.json", "Market", 9176),
        ("gmsol_store.json", "Position", 680),
        ("jupiter_perps.json", "Custody", 1117),  # Of 2000 on chain: the rest is spare.
    ],
)
def test_an_account_has_the_length_seen_on_chain(file: str, account: str, length: int) -> None:
    assert span(ours(file).accounts()[account])[0] + 8 == length


@pytest.mark.parametrize(
    ("account", "field", "place"),
    [
        ("Market", "meta.market_token_mint", 88),
        ("Market", "state.pools.primary.pool.long_token_amount", 1992),
        ("Market", "state.pools.open_interest_for_short.pool.short_token_amount", 2264),
        ("Market", "state.pools.position_impact.rev", 2408),
        ("Market", "state.clocks.borrowing", 4032),
        ("Market", "state.other.trade_count", 4112),
        ("Market", "buffer.rev", 5432),
        ("Market", "virtual_inventory_for_positions", 8952),
        ("Custody", "mint", 40),
        ("Custody", "assets.owned", 222),
        ("Custody", "assets.globalShortAveragePrices", 254),
        ("Custody", "dovesAgOracle", 384),
        ("AgPriceFeed", "price", 168),
        ("AgPriceFeed", "expo", 176),
        ("AgPriceFeed", "timestamp", 177),
    ],
)
def test_an_account_field_stands_where_it_was_seen(account: str, field: str, place: int) -> None:
    file = {"Market": "gmsol_store.json", "AgPriceFeed": "doves.json"}.get(account, "jupiter_perps.json")
    assert offset(ours(file).accounts()[account], field) + 8 == place


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("trade_id", 24),
        ("user", 128),
        ("ts", 256),
        ("before.size_in_usd", 336),
        ("after.size_in_usd", 608),
        ("transfer_out.executed", 816),
        ("prices.index.min", 896),
        ("execution_price", 992),
        ("pnl.pnl", 1040),
        ("fees.funding_fee_amount", 1168),
        ("output_amounts.secondary_output_amount", 1232),
    ],
)
def test_a_trade_event_field_stands_where_it_was_seen(field: str, place: int) -> None:
    assert offset(ours("gmsol_store.json").events()["TradeEvent"], field) + 16 == place


def test_a_price_feed_has_the_discriminator_seen_on_chain() -> None:
    assert discriminator("account", "AgPriceFeed").hex() == "70f98bd9d7d0f936"


def test_the_old_close_request_has_the_known_length() -> None:
    old = ours("jupiter_perps.json").type("ClosePositionRequestEventV0")
    assert span(old) == (104, 104)  # 120 with the tag and the discriminator.


# Held against what others published.


@requires_shared
@pytest.mark.parametrize("file", FILES)
def test_events_are_those_published_last(file: str) -> None:
    our, their = ours(file).events(), published(PUBLISHED[file][0]).events()
    assert set(our) - set(their) == UNPUBLISHED[file]
    assert set(their) <= set(our)
    assert [line for name in their for line in differences(our[name], their[name], name)] == []


@requires_shared
@pytest.mark.parametrize("file", FILES)
def test_accounts_are_as_published_last(file: str) -> None:
    our, published_ones = ours(file).accounts(), published(PUBLISHED[file][0]).accounts()
    their = {name[0].upper() + name[1:]: shape for name, shape in published_ones.items()}  # As discriminators have it.
    assert our
    assert [line for name in our for line in differences(our[name], their[name], name)] == []


@requires_shared
@pytest.mark.parametrize(
    ("file", "older"), [(file, older) for file in FILES for older in PUBLISHED[file][1:]], ids=lambda value: value[:24]
)
def test_an_older_layout_is_a_beginning_of_ours(file: str, older: str) -> None:
    our, their = ours(file).events(), published(older).events()
    broken = {name for name, shape in their.items() if not begins(wire(our[name]), wire(shape))}
    assert broken == BROKEN_ENDS.get(older, set())


def begins(newer: tuple[Any, ...], older: tuple[Any, ...]) -> bool:
    """Whether old bytes read as a beginning of the newer layout: last fields may be missing, enums be shorter."""
    return len(older) <= len(newer) and all(map(holds, newer, older))


def holds(newer: Any, older: Any) -> bool:
    if isinstance(newer, tuple) and isinstance(older, tuple) and newer[0] == older[0]:
        grown = newer[0] == "enum" or len(newer) == len(older)
        return grown and len(older) <= len(newer) and all(map(holds, newer, older))
    return bool(newer == older)


@requires_shared
@pytest.mark.parametrize("file", ["jupiter_perps.json", "gmsol_store.json"])
def test_instructions_are_all_that_carry_the_event_authority_with_the_accounts_published_last(file: str) -> None:
    expected: dict[str, Any] = {}
    for older in reversed(PUBLISHED[file]):
        expected |= {name: accounts for name, accounts in published(older).instructions().items() if emits(accounts)}
    assert ours(file).instructions() == expected


def emits(accounts: tuple[tuple[str, bool, bool, bool], ...]) -> bool:
    return any(name in ("event_authority", "eventAuthority") for name, *_ in accounts)


@requires_shared
@pytest.mark.parametrize("older", PUBLISHED["jupiter_perps.json"][1:])
def test_the_owner_and_its_neighbours_keep_their_places_through_the_ages(older: str) -> None:
    our = ours("jupiter_perps.json").instructions()
    for name, accounts in published(older).instructions().items():
        if name in our:
            assert [account[0] for account in accounts] == [account[0] for account in our[name]], name


@requires_shared
@pytest.mark.parametrize("file", PUBLISHED["gmsol_store.json"])
def test_discriminators_are_those_the_new_dialect_writes_out(file: str) -> None:
    document = published(file).document
    for section, namespace in (("events", "event"), ("accounts", "account")):
        for declared in document[section]:
            assert bytes(declared["discriminator"]) == discriminator(namespace, declared["name"]), declared["name"]
    for declared in document["instructions"]:
        assert bytes(declared["discriminator"]) == instruction_discriminator(declared["name"]), declared["name"]


@requires_shared
def test_the_old_close_request_is_the_one_published_in_2024() -> None:
    old = published("perps-2024-09-14-julianfssen-110a82d.json").events()["ClosePositionRequestEvent"]
    assert list(differences(ours("jupiter_perps.json").type("ClosePositionRequestEventV0"), old)) == []


# The comparison can fail: mutants of one of our own files.


def named(document: dict[str, Any], section: str, name: str) -> Any:
    return next(declared for declared in document[section] if declared["name"] == name)


def swapped_pair(document: dict[str, Any]) -> None:
    fields = named(document, "events", "GlvPricing")["fields"]
    fields[5], fields[7] = fields[7], fields[5]  # Both u64: the bytes are the same, the meaning is not.


def other_width(document: dict[str, Any]) -> None:
    named(document, "types", "EventTradePrice")["type"]["fields"][1]["type"] = "u64"


def other_sign(document: dict[str, Any]) -> None:
    named(document, "types", "SwapResult")["type"]["fields"][2]["type"] = "u128"


def dropped_variant(document: dict[str, Any]) -> None:
    named(document, "types", "OrderKind")["type"]["variants"].pop(4)


def swapped_variants(document: dict[str, Any]) -> None:
    named(document, "types", "ActionState")["type"]["variants"].reverse()


def lost_option(document: dict[str, Any]) -> None:
    named(document, "events", "OrderCreated")["fields"][3]["type"] = "publicKey"


def shorter_array(document: dict[str, Any]) -> None:
    named(document, "types", "DepositReport")["type"]["fields"][3]["type"]["array"][1] = 1


def lost_tail(document: dict[str, Any]) -> None:
    named(document, "events", "SwapExecuted")["fields"].pop()


MUTATIONS = {
    swapped_pair: "GlvPricing",
    other_width: "TradeEvent.prices.index.max",
    other_sign: "SwapExecuted.report.result.price_impact_value",
    dropped_variant: "OrderRemoved.kind",
    swapped_variants: "DepositRemoved.state",
    lost_option: "OrderCreated.position",
    shorter_array: "DepositExecuted.report.fees",
    lost_tail: "SwapExecuted",
}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_mutant_is_noticed_and_its_place_is_named(mutate: Any) -> None:
    whole = ours("gmsol_store.json")
    document = copy.deepcopy(dict(whole.document))
    mutate(document)
    mutant: dict[str, Shape] = Idl(document).events()
    found = [
        line.split(":")[0] for name, shape in whole.events().items() for line in differences(mutant[name], shape, name)
    ]
    assert MUTATIONS[mutate] in found


def test_the_untouched_file_shows_no_difference() -> None:
    events = ours("gmsol_store.json").events()
    assert not [line for name, shape in events.items() for line in differences(shape, shape, name)]


def test_an_older_layout_that_is_longer_or_different_is_no_beginning() -> None:
    assert begins(("u64", "u8"), ("u64",))
    assert not begins(("u64",), ("u64", "u8"))
    assert not begins(("u64", "u8"), ("i64",))


def test_an_enum_may_grow_at_its_end_and_nowhere_else() -> None:
    assert begins((("enum", "A", "B"),), (("enum", "A"),))
    assert not begins((("enum", "B", "A"),), (("enum", "A"),))
    assert not begins((("enum", "A"),), (("enum", "A", "B"),))
    assert not begins((("vec", ("u8", "u64")),), (("vec", ("u8",)),))  # The next one would start in its tail.
