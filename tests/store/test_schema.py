"""Record classes and tables are the same, and partitions are made where rows are."""

import asyncio

import asyncpg
import pytest

from indexer.errors import StoreUnavailable
from indexer.store.connection import connected
from indexer.store.pool import may_pass
from indexer.store.postgres import PARTITION_SLOTS, open_store
from indexer.store.rows import TABLES
from tests.store.ledger import NOON, event, failure, flow, origin, page, trade

COLUMNS = """
SELECT attname::text, format_type(atttypid, atttypmod), NOT attnotnull
FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
"""
KEY = """
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_index AS i, unnest(i.indkey::int[]) WITH ORDINALITY AS k (attnum, place), pg_attribute AS a
WHERE i.indrelid = $1::text::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.attnum
"""
PARTITIONED = """
SELECT array_agg(relname::text) FROM pg_class
WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'p'
"""


@pytest.fixture
async def database(database_url):
    async with connected(database_url) as connection:
        yield connection


async def test_class_and_table_are_equal(database):
    for table in TABLES:
        there = {tuple(row) for row in await database.fetch(COLUMNS, f"ledger.{table.name}")}
        assert there == {(column.name, column.sql_type, column.nullable) for column in table.columns}, table.name


async def test_the_key_is_the_place_on_the_chain(database):
    for table in TABLES:
        assert tuple(await database.fetchval(KEY, f"ledger.{table.name}")) == table.key_names
        assert table.key_names[:5] == ("slot", "signature", "channel", "index", "part")


async def test_every_partitioned_table_is_of_a_class(database):
    assert set(await database.fetchval(PARTITIONED)) == {table.name for table in TABLES}


async def test_no_number_of_the_ledger_is_a_float(database):
    floats = await database.fetch(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema IN ('ledger', 'perps') AND data_type IN ('real', 'double precision')"
    )
    assert floats == []


async def test_partitions_are_made_once(database):
    made = [await database.fetchval("SELECT ledger.ensure_partitions(0, $1)", 2 * PARTITION_SLOTS) for _ in range(2)]
    assert made == [2 * len(TABLES), 0]


async def test_a_partition_holds_its_slots_and_no_other(database):
    await database.execute("SELECT ledger.ensure_partitions($1, $2)", PARTITION_SLOTS, PARTITION_SLOTS + 1)
    bounds = await database.fetchval(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'trades_p0001'"
    )
    assert bounds == f"FOR VALUES FROM ('{PARTITION_SLOTS}') TO ('{2 * PARTITION_SLOTS}')"


async def test_partitions_without_measure_are_refused(database):
    for span in [(5, 5), (-1, 5), (None, 5), (0, 65 * PARTITION_SLOTS)]:
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await database.fetchval("SELECT ledger.ensure_partitions($1, $2)", *span)


async def test_partitions_may_be_made_by_many_at_once(database_url):
    async def make() -> None:
        async with connected(database_url) as connection:
            await connection.execute("SELECT ledger.ensure_partitions(0, $1)", 3 * PARTITION_SLOTS)

    await asyncio.gather(*(make() for _ in range(4)))


async def test_a_partition_can_be_made_while_others_write(database, database_url):
    """PARTITION OF would wait for every open transaction that touched the table, and stop all after it."""
    async with open_store(database_url) as store, database.transaction():
        await database.execute("SELECT ledger.ensure_partitions(0, 1)")
        async with connected(database_url) as other, other.transaction():
            await other.execute("SELECT count(*) FROM ledger.coverage; LOCK TABLE ledger.trades IN ROW EXCLUSIVE MODE")
            await asyncio.wait_for(database.execute("SELECT ledger.ensure_partitions($1, $2)", *later(1)), 10)
        assert await store.coverage("drift") == ()


def later(number: int) -> tuple[int, int]:
    return number * PARTITION_SLOTS, (number + 1) * PARTITION_SLOTS


# The log of settlements is written last.
LATE = """
CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
CREATE TRIGGER late BEFORE INSERT ON ledger.settlements EXECUTE FUNCTION public.late();
"""


async def test_a_page_that_fails_late_leaves_nothing(database, database_url):
    await database.execute(LATE.replace("{body}", "RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full';"))
    records = trade(origin()), event(origin()), failure(origin(index=2)), flow(origin())
    async with open_store(database_url) as store:
        with pytest.raises(StoreUnavailable, match="no space"):
            await store.write(page(*records, settled=(100, 101), slot_times={100: 1_700_000_000}))
        assert sum((await store.counts()).values()) == 0
        assert (await store.coverage("drift"), await store.dirty_hours()) == ((), [])
    assert await database.fetchval("SELECT count(*) FROM ledger.slot_times") == 0


async def test_a_read_only_database_pauses_and_resumes(database, database_url):
    async with open_store(database_url) as store:
        await store.write(page(trade(origin())))
    name = await database.fetchval("SELECT current_database()")
    await database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with open_store(database_url) as store:
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.write(page(trade(origin(200))))
        assert (await store.counts())["trade"] == 1
    await database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    async with open_store(database_url) as store:
        assert (await store.write(page(trade(origin(200))))).rows == {"inserted": 1}


async def test_a_connection_lost_within_a_page_leaves_nothing_and_is_replaced(database, database_url):
    await database.execute(LATE.replace("{body}", "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL;"))
    async with open_store(database_url, connections=(1, 1)) as store:
        with pytest.raises(StoreUnavailable) as raised:
            await store.write(page(trade(origin()), settled=(100, 101)))
        assert "@" not in str(raised.value)
        assert (await store.coverage("drift"), (await store.counts())["trade"]) == ((), 0)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InterfaceError("cannot call Transaction.__aexit__(): the underlying connection is closed"),
        asyncpg.InsufficientPrivilegeError("permission denied for table trades"),
    ],
)
def test_whatever_a_lost_connection_or_a_missing_right_is_called_it_may_pass(error):
    with pytest.raises(StoreUnavailable), may_pass("postgresql://u@h/d"):
        raise error


@pytest.mark.parametrize("error", [asyncpg.InternalClientError("unknown state"), asyncpg.UndefinedTableError("no x")])
def test_a_bug_stays_a_bug(error):
    with pytest.raises(type(error)), may_pass("postgresql://u@h/d"):
        raise error


async def test_a_settlement_is_logged_once_with_its_source(database, database_url):
    async with open_store(database_url) as store:
        for _ in range(2):
            await store.write(page(trade(origin()), settled=(100, 101), endpoint="rpc.example"))
    rows = await database.fetch("SELECT stream, slots::text, source, endpoint FROM ledger.settlements")
    assert [tuple(row) for row in rows] == [("drift", "{[100,101)}", "test", "rpc.example")]


async def test_days_are_marked_in_utc(database, database_url):
    await database.execute("SET timezone = 'Pacific/Auckland'")
    async with open_store(database_url) as store:
        await store.write(
            page(trade(origin(block_time=1_700_092_799)), trade(origin(index=1, block_time=1_700_092_800)))
        )
    days = await database.fetch("SELECT day::text FROM ledger.dirty_days ORDER BY day")
    assert [row["day"] for row in days] == ["2023-11-15", "2023-11-16"]


@pytest.mark.parametrize(
    ("then", "hours"), [([trade(origin())], [0, 3600]), ([], [3600])], ids=["a row that moves", "a row that goes"]
)
async def test_the_hour_that_a_row_leaves_is_marked(database, database_url, then, hours):
    async with open_store(database_url) as store:
        await store.write(page(trade(origin(tx_index=None, block_time=NOON + 3600))))
        await database.execute("DELETE FROM ledger.dirty_hours; DELETE FROM ledger.dirty_days")  # They were rolled up.
        await store.write(page(*then, settled=(100, 101)))
        assert [hour - NOON for hour, _, _ in await store.dirty_hours()] == hours
    assert await database.fetchval("SELECT count(*) FROM ledger.dirty_days") == 1


async def test_a_page_that_changes_nothing_marks_nothing(database, database_url):
    async with open_store(database_url) as store:
        await store.write(page(trade(origin()), settled=(100, 101)))
        await database.execute("DELETE FROM ledger.dirty_hours")
        await store.write(page(trade(origin()), settled=(100, 101)))
        assert await store.dirty_hours() == []
