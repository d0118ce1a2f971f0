"""perps.gaps, status, providers and settlements: what they say, and that what is asked often reads little."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from indexer.core.coverage import Span
from indexer.store import writing
from indexer.store.connection import connected
from indexer.store.coordination import ProviderHealth
from indexer.store.pool import PLANS
from indexer.store.postgres import PARTITION_SLOTS, open_store
from indexer.store.rows import TABLES
from indexer.store.statements import query
from tests.store.ledger import NOON, event, failure, origin, page, trade
from tests.store.stores import grow_older
from tests.store.test_views import FILL, PARTITIONS, TRADES_EACH, scans

STREAMS = ("drift", "gmx_solana")


@pytest.fixture
async def database(emptied_database_url):
    async with connected(emptied_database_url) as connection:
        yield connection


@pytest.fixture
async def store(emptied_database_url):
    async with open_store(emptied_database_url) as store:
        yield store


async def status(database, protocol: str = "drift") -> dict[str, object]:
    row = await database.fetchrow("SELECT * FROM perps.status WHERE protocol = $1", protocol)
    return dict(row) if row is not None else {}


async def gaps(database) -> list[tuple[object, ...]]:
    names = "protocol, state, first_slot, last_slot, slots, at_head"
    return [tuple(row) for row in await database.fetch(f"SELECT {names} FROM perps.gaps ORDER BY 1, 3")]


# --- gaps ------------------------------------------------------------------------------------------------------------


async def test_what_nobody_wants_is_no_gap(store, database):
    await store.write(page(settled=(100, 110)))
    await store.write(page(settled=(200, 210)))
    assert await gaps(database) == []


async def test_what_the_daemon_wants_up_to_the_finalized_head_and_lacks_is_a_gap(store, database):
    await store.write(page(settled=(100, 110)))
    await store.write(page(settled=(200, 210)))
    await store.want_from(["drift"], 95)
    assert await gaps(database) == []  # The head is not known yet.
    await store.observe_head(["drift"], "a", finalized=215, confirmed=240)
    assert await gaps(database) == [
        ("drift", "missing", 95, 99, 5, False),
        ("drift", "missing", 110, 199, 90, False),
        ("drift", "missing", 210, 215, 6, True),
    ]


async def test_what_a_backfill_was_asked_for_and_lacks_is_a_gap(store, database):
    await store.ask(STREAMS, [Span(10, 20)])
    await store.write(page(settled=(15, 20)))
    assert await gaps(database) == [
        ("drift", "missing", 10, 14, 5, False),
        ("gmx_solana", "missing", 10, 19, 10, False),
    ]


async def test_what_no_source_has_is_a_gap_of_its_own_whether_wanted_or_not(store, database):
    await store.ask(["drift"], [Span(10, 20)])
    await store.write(page(unavailable={"drift": [Span(12, 14)], "gmx_solana": [Span(5, 6)]}))
    assert await gaps(database) == [
        ("drift", "missing", 10, 11, 2, False),
        ("drift", "unavailable", 12, 13, 2, False),
        ("drift", "missing", 14, 19, 6, False),
        ("gmx_solana", "unavailable", 5, 5, 1, False),
    ]


async def test_coverage_shows_vain_tries_of_any_time_together(store, database, emptied_database_url):
    for start in (10, 12):
        await store.write(page(unavailable={"drift": [Span(start, start + 2)]}))
        await grow_older(emptied_database_url, 661)
    rows = await database.fetch("SELECT state, first_slot, last_slot FROM perps.coverage")
    assert [tuple(row) for row in rows] == [("unavailable", 10, 13)]


@pytest.mark.parametrize(
    ("slot", "seconds"), [(100, 0), (175, 30), (250, 60), (275, 80), (300, 100), (310, 104), (90, -4)]
)
async def test_the_time_of_a_slot_is_that_of_its_neighbours(store, database, slot, seconds):
    times = {100: NOON, 250: NOON + 60, 300: NOON + 100}
    await store.write(page(settled=(100, 400), slot_times=times))
    found = await database.fetchval("SELECT perps.time_of($1)", slot)
    assert found == datetime.fromtimestamp(NOON, UTC) + timedelta(seconds=seconds)


async def test_without_any_block_time_no_time_is_known(database):
    assert await database.fetchval("SELECT perps.time_of(100)") is None


# --- status ----------------------------------------------------------------------------------------------------------


async def test_status_says_how_far_a_stream_is(store, database):
    await store.want_from(STREAMS, 95)
    await store.observe_head(STREAMS, "a", finalized=215, confirmed=240)
    await store.write(page(settled=(95, 110), slot_times={100: NOON}))
    await store.write(page(trade(origin(200)), failure(origin(200, 1)), settled=(200, 210), endpoint="rpc.example"))
    await store.write(page(trade(origin(230, tx=2)), event(origin(230, tx=2))))
    await store.write(page(unavailable={"drift": [Span(120, 130)]}))
    row = await status(database)
    expected = {
        "alive": True, "wanted_from": 95, "asked_slots": 0, "settled_to": 109, "newest_settled": 209,
        "finalized_slot": 215, "confirmed_slot": 240, "lag_slots": 6, "missing_slots": 86, "unavailable_slots": 10,
        "oldest_gap": 110, "provisional_rows": 2, "failures": 1, "last_source": "test", "last_endpoint": "rpc.example",
        "holder": "a", "unknown_layouts": 1,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert (str(row["lag_s"]), row["oldest_gap_time"]) == ("2.4", datetime.fromtimestamp(NOON + 4, UTC))
    other = await status(database, "gmx_solana")
    assert [other[name] for name in ("settled_to", "newest_settled", "lag_slots", "missing_slots")] == [
        None, None, 121, 121,
    ]  # fmt: skip


async def test_a_ledger_that_no_daemon_wrote_has_a_status_without_a_head(store, database):
    await store.write(page(settled=(95, 110)))
    row = await status(database)
    names = ("alive", "wanted_from", "settled_to", "newest_settled", "finalized_slot", "lag_slots", "missing_slots")
    assert [row[name] for name in names] == [False, None, None, 109, None, None, 0]


async def test_an_empty_ledger_has_no_status(database):
    assert await database.fetch("SELECT * FROM perps.status") == []


async def test_a_daemon_is_alive_while_it_speaks_and_until_it_leaves(store, database, emptied_database_url):
    await store.observe_head(STREAMS, "a", finalized=1, confirmed=1)
    assert (await status(database))["alive"]
    await grow_older(emptied_database_url, 20)
    assert not (await status(database))["alive"]
    await store.observe_head(STREAMS, "a", finalized=1, confirmed=1)
    await store.leave("a")
    row = await status(database)
    assert (row["alive"], row["holder"]) == (False, None)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_provisional_rows_of_every_kind_are_counted(database, table):
    text = await database.fetchval("SELECT pg_get_viewdef('perps.status'::regclass)")
    assert f"FROM ledger.{table.name}\n" in text


# --- settlements -----------------------------------------------------------------------------------------------------

LOG = "SELECT protocol, first_slot, last_slot, source, endpoint FROM perps.settlements ORDER BY at, first_slot"


async def test_what_one_endpoint_settles_within_an_hour_is_one_row(store, database, emptied_database_url):
    for slot in range(100, 140):
        await store.write(page(settled=(slot, slot + 1), endpoint="rpc.example" if slot % 2 else None))
    assert await database.fetchval("SELECT count(*) FROM ledger.settlements") == 2
    await grow_older(emptied_database_url, 3601)
    await store.write(page(settled=(140, 141), endpoint="rpc.example"))
    await store.write(page(settled=(140, 141), stream="gmx_solana", endpoint="rpc.example"))
    assert await database.fetchval("SELECT count(*) FROM ledger.settlements") == 4
    assert (await status(database))["last_endpoint"] == "rpc.example"


async def test_every_settled_slot_is_in_the_log_once_with_who_settled_it(store, database):
    await store.write(page(settled=(100, 103), endpoint="one"))
    await store.write(page(settled=(101, 105), endpoint="two"))
    await store.write(page(settled=(105, 106), endpoint="one"))
    assert sorted(tuple(row) for row in await database.fetch(LOG)) == [
        ("drift", 100, 102, "test", "one"),
        ("drift", 103, 104, "test", "two"),
        ("drift", 105, 105, "test", "one"),
    ]


async def test_a_row_of_the_log_grows_to_a_hundred_pieces_and_no_further(store, database):
    for slot in range(0, 500, 2):
        await store.write(page(settled=(slot, slot + 1)))
    pieces = await database.fetch(
        "SELECT (SELECT count(*) FROM unnest(slots)) AS n FROM ledger.settlements ORDER BY id"
    )
    assert [row["n"] for row in pieces] == [100, 100, 50]


async def test_the_last_settlement_is_told_whoever_began_the_hour(store, database):
    for slot, endpoint in enumerate(("one", "two", "one")):
        await store.write(page(settled=(slot, slot + 1), endpoint=endpoint))
    assert (await status(database))["last_endpoint"] == "one"


# --- providers -------------------------------------------------------------------------------------------------------

HEALTH = ProviderHealth(
    endpoint="https://rpc.example/?api-key=SECRET0123456789", method="getBlock", requests=10, errors=2, rate_limited=1,
    latency_ms=120, rate_per_s=7.456, observed_slot=1000, first_slot=5, quarantine_s=60.0, last_error="429",
)  # fmt: skip


async def test_health_is_shown_without_credentials(store, database):
    await store.report_health("a", [HEALTH, msgspec.structs.replace(HEALTH, method="getSlot", quarantine_s=None)])
    one, other = map(dict, await database.fetch("SELECT * FROM perps.providers ORDER BY method"))
    wait = one.pop("quarantined_until") - one.pop("seen_at")
    assert timedelta(seconds=59) < wait <= timedelta(seconds=60)
    assert other["quarantined_until"] is None
    assert {name: str(value) for name, value in one.items()} == {
        "endpoint": "https://rpc.example/?api-key=***", "method": "getBlock", "requests": "10", "errors": "2",
        "rate_limited": "1", "latency_ms": "120", "rate_per_s": "7.46", "observed_slot": "1000", "first_slot": "5",
        "last_error": "429", "holder": "a",
    }  # fmt: skip


async def test_a_quarantine_that_is_over_is_not_shown(store, database):
    await store.report_health("a", [msgspec.structs.replace(HEALTH, quarantine_s=0.0)])
    assert await database.fetchval("SELECT quarantined_until FROM perps.providers") is None


# --- plans -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def large(database_url):
    async with connected(database_url) as connection:
        await connection.execute("SELECT ledger.ensure_partitions(0, $1)", PARTITIONS * PARTITION_SLOTS)
        await connection.execute(FILL, PARTITION_SLOTS, PARTITIONS, TRADES_EACH)
        await connection.execute("ANALYZE ledger.trades")
        yield connection


@pytest.fixture
async def small(database):
    await database.execute("SELECT ledger.ensure_partitions(0, $1)", PARTITIONS * PARTITION_SLOTS)
    await database.execute(FILL, PARTITION_SLOTS, PARTITIONS, 3)
    await database.execute("ANALYZE ledger.trades")
    return database


TRADES = next(table for table in TABLES if table.name == "trades")
IN_SECOND = (PARTITION_SLOTS + 400_000, PARTITION_SLOTS + 400_800)
A_KEY = [IN_SECOND[0]], [bytes(16)], ["log"], [0], [0]
COLUMNS = writing.columns(TRADES, "t.")
SPAN = [IN_SECOND[0]], [IN_SECOND[1]], *IN_SECOND
HOT = {
    query("rows_in_spans", table="trades", columns=COLUMNS): ("drift", *SPAN),
    query("provisional_rows_in_spans", table="trades", columns=COLUMNS): ("drift", *SPAN),
    query("tables_with_rows", table="trades", which=writing.ANY): (["drift"], *SPAN),
    query("tables_with_rows", table="trades", which=writing.PROVISIONAL): (["drift"], *SPAN),
    writing.deletion(TRADES): (*A_KEY, *IN_SECOND),
}


async def test_what_a_page_asks_reads_one_partition_and_by_an_index(large):
    await check_plans(large)


async def test_a_plan_made_while_a_partition_was_small_reads_by_an_index_too(small):
    await check_plans(small)


async def test_what_a_page_asks_while_partitions_are_empty_goes_by_the_slot(database):
    """An index that begins with the protocol would later read all that a protocol has in a partition."""
    await database.execute("SELECT ledger.ensure_partitions(0, 1)")
    await database.execute(PLANS)
    span = [0], [10], 0, 10
    for table in TABLES:
        for name in ("rows_in_spans", "provisional_rows_in_spans"):
            statement = query(name, table=table.name, columns=writing.columns(table, "t."))
            await check_goes_by_slot(database, statement, ("drift", *span))
        for which in (writing.ANY, writing.PROVISIONAL):
            await check_goes_by_slot(
                database, query("tables_with_rows", table=table.name, which=which), (["drift"], *span)
            )


async def test_a_comparison_that_another_index_serves_is_noticed(database):
    await database.execute("SELECT ledger.ensure_partitions(0, 1)")
    await database.execute(PLANS)
    statement = query("rows_in_spans", table="fees", columns="slot").replace("|| '' =", "=")
    with pytest.raises(AssertionError):
        await check_goes_by_slot(database, statement, ("drift", [0], [10], 0, 10))


async def check_goes_by_slot(database, statement: str, arguments: Iterable[object]) -> None:
    nodes = [node for node in await plan_nodes(database, statement, arguments) if "Index Name" in node]
    assert nodes, statement
    assert all("slot >= " in node.get("Index Cond", "") for node in nodes), statement


async def plan_nodes(database, statement: str, arguments: Iterable[object]) -> list[dict]:
    types = (await database.prepare(statement)).get_parameters()
    await database.execute(f"PREPARE cold ({', '.join(one.name for one in types)}) AS {statement}")
    given = ", ".join(map(literal, arguments))
    waiting = [json.loads(await database.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE cold ({given})"))[0]["Plan"]]
    await database.execute("DEALLOCATE cold")
    found = []
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].get("Plans", [])
    return found


async def check_plans(connection) -> None:
    await connection.execute(PLANS)
    for statement, arguments in HOT.items():
        found = await plan(connection, statement, arguments)
        assert {partition[:12] for partition in found} == {"trades_p0001"}, statement
        assert "Seq Scan" not in found.values(), statement


async def test_status_counts_provisional_rows_without_reading_settled_ones(large):
    found = await scans(large, "SELECT * FROM perps.status")
    assert len(found) == PARTITIONS
    assert "Seq Scan" not in found.values()


async def plan(database, statement: str, arguments: Iterable[object]) -> dict[str, str]:
    """As in the store: a plan that knows no argument."""
    types = await database.prepare(statement)
    names = ", ".join(parameter.name for parameter in types.get_parameters())
    await database.execute(f"PREPARE hot ({names}) AS {statement}")
    try:
        return await scans(database, f"EXECUTE hot ({', '.join(map(literal, arguments))})")
    finally:
        await database.execute("DEALLOCATE hot")


def literal(value: object) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea"
    return f"'{value}'" if isinstance(value, str) else str(value)
