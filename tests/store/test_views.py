"""What readers see: dollars, symbols, base58, and nothing without a COMMENT."""

import json
import os
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import asyncpg
import msgspec
import pytest

from indexer.core import base58
from indexer.core.reference import Market, Reference, Token
from indexer.store.connection import connected
from indexer.store.postgres import PARTITION_SLOTS, open_store
from indexer.store.rows import FAILURES, RECORD_TABLES, Table
from tests.store.ledger import NOON, action, failure, flow, key, origin, page, price, swap, trade

VIEWS = {"open_interests": "open_interest"}
IDENTITY = [
    "record", "protocol", "program_id", "slot", "signature", "channel", "index", "part", "tx_index", "block_time",
    "event", "settled", "decoder_version",
]  # fmt: skip


@pytest.fixture
async def database(database_url):
    async with connected(database_url) as connection:
        yield connection


@pytest.fixture
async def store(database_url):
    async with open_store(database_url) as store:
        yield store


async def columns(database, view: str) -> list[str]:
    prepared = await database.prepare(f"SELECT * FROM perps.{view}")
    return [attribute.name for attribute in prepared.get_attributes()]


# --- the contract ----------------------------------------------------------------------------------------------------


async def test_a_view_has_every_field_of_its_record(database):
    for table in (*RECORD_TABLES, FAILURES):
        there = await columns(database, VIEWS.get(table.name, table.name))
        assert there[: len(IDENTITY)] == IDENTITY
        assert shown_names(table) - set(there) == set(), table.name


def shown_names(table: Table) -> set[str]:
    hidden = {"is_text", "stack_height"} | {name for name in table.names if name.startswith("enclosing_")}
    fields = [name for name in table.names[len(IDENTITY) - 1 :] if name not in hidden]
    names = {"origin" if name == "value_origin" else name.removesuffix("_e6") for name in fields}
    return names | ({"market", "base_asset", "market_known"} if "market_key" in names else set())


async def test_the_views_of_the_contract_are_there(database):
    rows = await database.fetch(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'perps'::regnamespace AND relkind IN ('v', 'm')"
    )
    assert {row["relname"] for row in rows} == {
        "trades", "swaps", "lp_flows", "actions", "fees", "liquidations", "funding_rates", "open_interest",
        "tvl_observations", "price_observations", "incentives", "failures", "coverage", "differences", "markets",
        "tokens", "version", "gaps", "status", "settlements", "providers", "market_names",
        "coverage_daily", "volume_daily", "market_volume_daily", "market_volume_hourly", "volume_hourly",
        "liquidity_sources_daily", "fees_hourly", "fees_daily", "lp_flows_hourly", "lp_flows_daily",
        "tvl_tokens_hourly", "tvl_tokens_daily", "tvl_components_daily", "tvl_daily", "efficiency_daily",
        "market_share_7d", "lp_yield_daily", "traders_daily", "traders", "lp_providers_daily", "lp_providers",
        "token_prices_hourly", "market_prices_hourly", "funding_daily", "open_interest_daily", "liquidations_daily",
        "swaps_hourly", "incentives_daily", "protocol_overview", "today", "reconciliation", "freshness",
        "parameters", "row_estimates", "cluster", "counters", "completeness_daily", "completeness_gaps",
        "second_opinions", "unknown_events", "workers", "backfill", "endpoint_shares", "storage",
        "digests",
    }  # fmt: skip


async def test_every_relation_and_column_has_a_comment(database):
    bare = await database.fetch(
        "SELECT c.relname::text, a.attname::text FROM pg_class AS c"
        " LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relnamespace = 'perps'::regnamespace AND c.relkind IN ('v', 'm')"
        " AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)"
    )
    assert bare == []


async def test_every_function_has_a_comment(database):
    functions = await database.fetch(
        "SELECT proname::text, obj_description(oid, 'pg_proc') AS said FROM pg_proc"
        " WHERE pronamespace = 'perps'::regnamespace"
    )
    assert (
        {row["proname"] for row in functions if row["said"]}
        == {"base58", "half_even", "key", "least_days", "ratio", "slot_after", "slot_before", "time_of"}
        == {f["proname"] for f in functions}
    )


async def test_a_market_has_every_name_with_its_slots(store, database):
    market = Market(protocol="drift", market_key="perp:0", market_kind="perp", symbol="OLD")
    for symbol, since in (("OLD", None), ("NEW", 7), ("NEW", None), ("NEWEST", 9)):
        await store.seed(Reference([msgspec.structs.replace(market, symbol=symbol, symbol_since_slot=since)]))
    rows = await database.fetch("SELECT market, since_slot, until_slot FROM perps.market_names ORDER BY since_slot")
    assert [tuple(row) for row in rows] == [("OLD", 0, 7), ("NEW", 7, 9), ("NEWEST", 9, None)]


async def test_the_version_is_a_semantic_one(database):
    assert [len(row["version"].split(".")) for row in await database.fetch("SELECT version FROM perps.version")] == [3]


# --- base58 ----------------------------------------------------------------------------------------------------------


async def test_base58_is_exact_for_any_length(database):
    lengths, zeros = [0, 1, 6, 7, 8, 13, 14, 15, 20, 31, 32, 33, 63, 64, 65, 300], [0, 1, 9]
    some = [bytes(n) + body for size in lengths for n in zeros for body in (os.urandom(size), b"\xff" * size)]
    for data in some:
        text = await database.fetchval("SELECT perps.base58($1)", data)
        assert text == base58.encode(data)
        assert await database.fetchval("SELECT perps.key($1)", text) == data


async def test_what_is_no_base58_is_no_key(database):
    for text in ("0", "O", "l", "abc ", "\N{SNOWMAN}"):
        with pytest.raises(asyncpg.InvalidTextRepresentationError, match="no base58"):
            await database.fetchval("SELECT perps.key($1)", text)


# --- values ----------------------------------------------------------------------------------------------------------


MARKET = Market(protocol="drift", market_key="perp:0", market_kind="perp", symbol="SOL-PERP", base_asset="SOL")


async def test_a_trade_is_shown_in_dollars_with_its_market(store, database):
    await store.seed(Reference([MARKET]))
    await store.write(
        page(trade(origin(), size_usd_e6=296_714_322, fee_usd_e6=-1_500_000, price_usd=Decimal("20.500")))
    )
    row = await database.fetchrow(
        "select protocol, market, direction, size_usd::text, price_usd::text, fee_usd::text from perps.trades"
    )
    assert tuple(row) == ("drift", "SOL-PERP", None, "296.714322", "20.5", "-1.5")


async def test_the_largest_numbers_are_shown_with_every_digit(store, database):
    await store.write(page(trade(origin(), size_usd_e6=2**128 - 1, sequence=2**64 - 1)))
    row = await database.fetchrow("SELECT size_usd::text, sequence::text FROM perps.trades")
    assert tuple(row) == ("340282366920938463463374607431768.211455", "18446744073709551615")


async def test_an_unknown_market_is_called_by_its_key(store, database):
    await store.write(page(trade(origin(), market_key="perp:99")))
    row = await database.fetchrow("SELECT market, base_asset, market_known, size_usd FROM perps.trades")
    assert tuple(row) == ("perp:99", None, False, 5)


async def test_keys_and_signatures_are_base58(store, database):
    await store.write(page(trade(origin())))
    row = await database.fetchrow("SELECT trader, trader_bytes, program_id, signature, counterparty FROM perps.trades")
    assert tuple(row) == (base58.encode(key(1)), key(1), base58.encode(key(7)), base58.encode(origin().signature), None)


async def test_jupiter_fees_are_split_by_the_share_of_the_protocol(store, database):
    jupiter = origin(protocol="jupiter_perps")
    await store.write(page(trade(jupiter, fee_usd_e6=1_000_003), trade(origin(index=1), fee_usd_e6=1_000_000)))
    rows = await database.fetch("SELECT protocol_fee_usd::text, lp_fee_usd::text FROM perps.trades ORDER BY index")
    assert [tuple(row) for row in rows] == [("0.250001", "0.750002"), (None, None)]


@pytest.mark.parametrize("number", ["2.5", "3.5", "-2.5", "-0.5", "2.50000000000000000001", "2.4999999999999999", "7"])
@pytest.mark.parametrize("places", [0, 6, 12])
async def test_computed_dollars_are_rounded_half_to_even(database, number, places):
    for value in (Decimal(number).scaleb(-places), Decimal(number).scaleb(-places) + 2**120):
        rounded = await database.fetchval("SELECT perps.half_even($1, $2)::text", value, places)
        with localcontext(prec=100):
            assert Decimal(rounded) == value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


@pytest.mark.parametrize(("fee", "share"), [(1_000_002, "0.25"), (1_000_006, "0.250002"), (-1_000_002, "-0.25")])
async def test_a_split_fee_in_the_middle_goes_to_the_even_one(store, database, fee, share):
    await store.write(page(trade(origin(protocol="jupiter_perps"), fee_usd_e6=fee)))
    assert await database.fetchval("SELECT protocol_fee_usd::text FROM perps.trades") == share
    assert await database.fetchval("SELECT lp_fee_usd + protocol_fee_usd = fee_usd FROM perps.trades")


async def test_a_provider_is_healed_by_an_action_that_comes_later(store, database):
    await store.write(page(flow(origin(), action_key=key(5)), flow(origin(index=1), action_key=key(6))))
    assert await database.fetchval("SELECT count(provider) FROM perps.lp_flows") == 0
    await store.write(page(action(origin(200, tx=2), owner=key(8)), action(origin(300, tx=3), owner=None)))
    rows = await database.fetch("SELECT provider FROM perps.lp_flows ORDER BY index")
    assert [row["provider"] for row in rows] == [base58.encode(key(8)), None]


async def test_a_provider_that_the_event_tells_is_kept(store, database):
    await store.write(page(flow(origin(), action_key=key(5), provider=key(9)), action(origin(index=1), owner=key(8))))
    assert await database.fetchval("SELECT provider FROM perps.lp_flows") == base58.encode(key(9))


DAY = 86_400


@pytest.mark.parametrize(
    ("venue", "age_s", "shown"),
    [
        ("drift_vault", 60, "7.5"),
        ("drift_insurance", 60, "7.5"),
        ("drift_vault", DAY - 1, "7.5"),
        ("drift_vault", DAY, None),  # Too old.
        ("drift_vault", -60, None),  # Not known at that time.
        ("gm", 60, None),
    ],
)
async def test_a_flow_without_a_price_gets_that_of_its_time(store, database, venue, age_s, shown):
    told = origin(50, tx=2, block_time=NOON - age_s)
    moved = flow(origin(), venue=venue, mint=key(50), amount=Decimal("2.5"))
    await store.write(page(moved, price(told, "3", mint=key(50)), price(told, "9", mint=key(51), part=1)))
    assert await database.fetchval("SELECT value_usd::text FROM perps.lp_flows") == shown


async def test_the_newest_price_before_a_flow_counts(store, database):
    prices = [price(origin(50 + n, tx=2, block_time=NOON - 100 + n), f"{n}", mint=key(50)) for n in (1, 3, 2)]
    await store.write(page(flow(origin(), venue="drift_vault", mint=key(50), amount=Decimal(1)), *prices))
    assert await database.fetchval("SELECT value_usd FROM perps.lp_flows") == 3


async def test_a_filled_value_is_rounded_half_to_even(store, database):
    told, moved = price(origin(50, tx=2), "0.0000025", mint=key(50)), {"venue": "drift_vault", "mint": key(50)}
    await store.write(page(flow(origin(), **moved, amount=Decimal(1)), flow(origin(index=1), **moved, amount=3), told))
    rows = await database.fetch("SELECT value_usd::text FROM perps.lp_flows ORDER BY index")
    assert [row["value_usd"] for row in rows] == ["0.000002", "0.000008"]


@pytest.mark.parametrize(
    ("value", "age_s", "suspect"),
    [(100, 60, False), (149, 60, False), (151, 60, True), (49, 60, True), (151, 4000, False), (None, 60, False)],
)
async def test_a_swap_is_suspect_where_its_value_does_not_fit_the_price(store, database, value, age_s, suspect):
    one = swap(
        origin(), mint_in=key(50), amount_in=Decimal(10), value_usd_e6=None if value is None else value * 1_000_000
    )
    await store.write(page(one, price(origin(50, tx=2, block_time=NOON - age_s), "10", mint=key(50))))
    assert await database.fetchval("SELECT suspect FROM perps.swaps") is suspect


async def test_a_swap_is_not_its_own_witness(store, database):
    one = swap(origin(), mint_in=key(50), amount_in=Decimal(10), value_usd_e6=10**12)
    await store.write(page(one, price(origin(index=1), "100000", mint=key(50))))
    assert await database.fetchval("SELECT suspect FROM perps.swaps") is False  # Nobody else tells a price.


async def test_a_swap_of_nothing_is_not_suspect(store, database):
    one = swap(origin(), mint_in=key(50), amount_in=Decimal(0), value_usd_e6=10**12)
    await store.write(page(one, price(origin(50, tx=2), "10", mint=key(50))))
    assert await database.fetchval("SELECT suspect FROM perps.swaps") is False


async def test_tokens_are_named(store, database):
    await store.seed(Reference([], [Token(mint=key(50), symbol="SOL", decimals=9)]))
    await store.write(page(swap(origin(), mint_in=key(50), mint_out=key(51))))
    row = await database.fetchrow("SELECT symbol_in, symbol_out, mint_out FROM perps.swaps")
    assert tuple(row) == ("SOL", None, base58.encode(key(51)))


async def test_failures_show_their_bytes(store, database):
    await store.write(page(failure(origin(), payload=b"12345678rest", detail="4 bytes too many")))
    row = await database.fetchrow("SELECT reason, discriminator, payload, detail FROM perps.failures")
    assert tuple(row) == ("unknown_event", "3132333435363738", b"12345678rest", "4 bytes too many")


async def test_layouts_that_changed_are_told_by_program_and_discriminator(store, database):
    grown = {"reason": "unexpected_length", "discriminator": b"87654321"}
    await store.write(
        page(
            failure(origin(100, event=None), payload=b"12345678rest"),
            failure(origin(120, tx=2, event=None), payload=b"12345678longer"),
            failure(origin(110, tx=3), payload=b"87654321more", **grown),
            failure(origin(110, tx=4, event=None), reason="truncated_logs", discriminator=None),
        )
    )
    rows = await database.fetch(
        "SELECT discriminator, event, reason, payloads, shortest_bytes, longest_bytes, first_slot, last_slot"
        " FROM perps.unknown_events ORDER BY payloads DESC"
    )
    assert [tuple(row) for row in rows] == [
        ("3132333435363738", None, "unknown_event", 2, 12, 14, 100, 120),
        ("3837363534333231", "OrderActionRecord", "unexpected_length", 1, 12, 12, 110, 110),
    ]


async def test_coverage_shows_spans(store, database):
    await store.write(page(settled=(100, 110), unavailable={"drift": []}))
    await store.write(page(settled=(200, 201)))
    rows = await database.fetch("SELECT protocol, state, first_slot, last_slot, slots FROM perps.coverage ORDER BY 3")
    assert [tuple(row) for row in rows] == [("drift", "settled", 100, 109, 10), ("drift", "settled", 200, 200, 1)]


async def test_differences_are_shown(store, database):
    await store.write(page(trade(origin(), size_usd_e6=1), settled=(100, 101)))
    await store.write(page(trade(origin(), size_usd_e6=2), settled=(100, 101), endpoint="rpc.example"))
    row = await database.fetchrow("SELECT record, slot, difference, columns, source, endpoint FROM perps.differences")
    assert tuple(row) == ("trade", 100, "differing", ["size_usd_e6"], "test", "rpc.example")


# --- plans -----------------------------------------------------------------------------------------------------------


PARTITIONS, TRADES_EACH = 4, 15_000
FILL = """
INSERT INTO ledger.trades (protocol, program_id, slot, signature, channel, index, block_time, part, settled,
    decoder_version, market_kind, market_key, trader, size_usd_e6)
SELECT CASE n % 3 WHEN 0 THEN 'drift' WHEN 1 THEN 'jupiter_perps' ELSE 'gmx_solana' END, '\\x07',
    p * $1::bigint + n * 400,
    decode(md5(n::text), 'hex'), 'log', 0, to_timestamp(1700000000 + p * 2592000 + n * 160), 0, true, 1, 'perp',
    'perp:' || n % 20, decode(repeat(md5((n % 3000)::text), 2), 'hex'), n
FROM generate_series(0, $2::int - 1) AS p, generate_series(1, $3::int) AS n
"""


@pytest.fixture
async def large(store, database):
    await store.seed(Reference([Market(**{**MARKET_FIELDS, "market_key": f"perp:{n}"}) for n in range(20)]))
    await database.execute("SELECT ledger.ensure_partitions(0, $1)", PARTITIONS * PARTITION_SLOTS)
    await database.execute(FILL, PARTITION_SLOTS, PARTITIONS, TRADES_EACH)
    await database.execute("ANALYZE ledger.trades; ANALYZE ledger.markets")
    return database


MARKET_FIELDS = {"protocol": "drift", "market_kind": "perp", "symbol": "SOL-PERP"}


async def scans(database, query: str, *arguments: object) -> dict[str, str]:
    """Partition of trades -> how the plan reads it. What is pruned when the query starts is not there."""
    plan = json.loads(await database.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *arguments))
    waiting, found = [plan[0]["Plan"]], {}
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if node.get("Relation Name", "").startswith("trades_"):
            found[node["Relation Name"]] = node["Node Type"]
        elif "Index Name" in node and node["Index Name"].startswith("trades_"):
            found.setdefault(node["Index Name"], node["Node Type"])
    return found


DAY_OF_DRIFT = "protocol = 'drift' AND block_time >= '2023-12-25Z' AND block_time < '2023-12-26Z'"
SELECTIVE = [
    f"SELECT size_usd FROM perps.trades WHERE {DAY_OF_DRIFT} AND market = 'SOL-PERP'",
    f"SELECT sum(size_usd) FROM perps.trades WHERE {DAY_OF_DRIFT} AND market_key = 'perp:3'",
    "SELECT * FROM perps.trades WHERE trader_bytes = perps.key('4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM')",
]
ONE_PARTITION = f"SELECT count(*) FROM perps.trades WHERE slot >= {PARTITION_SLOTS} AND slot < {2 * PARTITION_SLOTS}"


async def test_selective_queries_read_no_partition_whole(large):
    for query in SELECTIVE:
        found = await scans(large, query)
        assert found
        assert [name for name, way in found.items() if way == "Seq Scan"] == [], query
    assert {name[:12] for name in await scans(large, ONE_PARTITION)} == {"trades_p0001"}
    whole = await scans(large, "SELECT count(size_usd) FROM perps.trades WHERE size_usd > 5")
    assert list(whole.values()) == ["Seq Scan"] * PARTITIONS  # The test would see one.
