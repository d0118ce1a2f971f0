"""A ledger that an earlier state of the migrations filled goes on to the next one and loses nothing."""

import shutil
from pathlib import Path

import pytest

from indexer.core.coverage import Span
from indexer.errors import SchemaError
from indexer.resources import resource
from indexer.store.connection import connected
from indexer.store.migrate import migrate
from indexer.store.postgres import open_store
from tests.store.ledger import event, failure, flow, key, origin, page, price, swap, trade

MIGRATIONS = sorted(path.name for path in resource("migrations").glob("*.sql"))
TABLES = """
SELECT relname::text AS name FROM pg_class
WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND relname NOT IN ('migrations', 'view_files')
ORDER BY relname
"""
REQUIRED = """
SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND attnotnull
    AND NOT atthasdef AND attidentity = '' AND NOT attisdropped
"""
VALUES = {
    "bigint": "7", "integer": "7", "smallint": "7", "numeric": "340282366920938463463374607431768211455",
    "text": "'log'", "bytea": "'\\x00ff'", "boolean": "true", "timestamp with time zone": "'2025-01-01Z'",
    "date": "'2025-01-01'", "int8multirange": "'{[5,9)}'", "int8range": "'[5,9)'", "bytea[]": "'{}'", "text[]": "'{}'",
}  # fmt: skip


def folder(target: Path, count: int) -> Path:
    """The first `count` migrations; the views, which fit the last one alone, only with all of them."""
    target.mkdir()
    for name in MIGRATIONS[:count]:
        shutil.copy(resource("migrations") / name, target)
    if count == len(MIGRATIONS):
        shutil.copytree(resource("migrations") / "views", target / "views")
    return target


async def fill(url: str) -> None:
    """A row in every table, whatever the state of the schema, with the largest numbers."""
    async with connected(url) as connection:
        await connection.execute("SELECT ledger.ensure_partitions(0, 1)")
        for table in await connection.fetch(TABLES):
            required = await connection.fetch(REQUIRED, f"ledger.{table['name']}")
            names = ", ".join(row["name"] for row in required)
            values = ", ".join(value(row["name"], row["type"]) for row in required)
            if required:
                await connection.execute(f"INSERT INTO ledger.{table['name']} ({names}) VALUES ({values})")


def value(name: str, sql_type: str) -> str:
    return {"difference": "'missing'", "name": "'hours'", "kind": "'raw'"}.get(name, VALUES[sql_type])


async def contents(url: str) -> dict[str, list[dict[str, object]]]:
    async with connected(url) as connection:
        names = [row["name"] for row in await connection.fetch(TABLES)]
        return {name: [dict(row) for row in await connection.fetch(f"SELECT * FROM ledger.{name}")] for name in names}


def kept(before: dict[str, list[dict[str, object]]], after: dict[str, list[dict[str, object]]]) -> bool:
    """Every row is still there with every value it had; tables and columns may have come."""
    return all(
        any(row.items() <= other.items() for other in map(Comparable, after[name]))
        for name, rows in before.items()
        for row in map(Comparable, rows)
    )


class Comparable(dict):  # type: ignore[type-arg]
    """A row whose values can be members of a set."""

    def items(self):  # type: ignore[override]
        return {(name, repr(value)) for name, value in super().items()}


@pytest.mark.parametrize("state", range(1, len(MIGRATIONS) + 1))
async def test_a_filled_ledger_of_an_earlier_state_loses_nothing(empty_database_url, tmp_path, state):
    await migrate(empty_database_url, folder(tmp_path / "then", state))
    await fill(empty_database_url)
    before = await contents(empty_database_url)
    assert all(before.values())
    await migrate(empty_database_url)
    assert kept(before, await contents(empty_database_url))


async def test_what_was_settled_before_digests_were_kept_waits_to_be_hashed(empty_database_url, tmp_path):
    before = next(n for n, name in enumerate(MIGRATIONS) if name.endswith("_digests.sql"))
    await migrate(empty_database_url, folder(tmp_path / "then", before))
    async with connected(empty_database_url) as connection:
        slots = "{[5,9),[9990,10001),[29999,30000)}"
        await connection.execute(f"INSERT INTO ledger.coverage VALUES ('drift', '{slots}'), ('gmx_solana', '{{}}')")
    await migrate(empty_database_url)
    async with open_store(empty_database_url) as store:
        assert await store.digests_waiting("drift", Span(0, 1 << 40)) == [0, 1, 2]
        assert await store.digests_waiting("gmx_solana", Span(0, 1 << 40)) == []


async def test_a_ledger_of_this_state_is_left_as_it_is(database_url):
    await fill(database_url)
    before = await contents(database_url)
    assert await migrate(database_url) == []
    assert await contents(database_url) == before


async def next_state(url: str, folder: Path, statement: str) -> None:
    number = len(MIGRATIONS) + 1
    (folder / f"{number:04d}_next.sql").write_text(statement, encoding="utf-8")
    await migrate(url, folder)


async def test_the_next_migration_carries_a_filled_ledger_along(empty_database_url, tmp_path):
    migrations = folder(tmp_path / "now", len(MIGRATIONS))
    await migrate(empty_database_url, migrations)
    async with open_store(empty_database_url) as store:
        many = trade(origin()), event(origin()), failure(origin(index=1)), flow(origin()), swap(origin())
        await store.write(page(*many, price(origin(), "3.5", mint=key(4)), settled=(0, 200)))
    before = await contents(empty_database_url)
    await next_state(empty_database_url, migrations, "ALTER TABLE ledger.trades ADD COLUMN more numeric")
    after = await contents(empty_database_url)
    assert kept(before, after)
    assert "more" in after["trades"][0]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.trades",
        "ALTER TABLE ledger.trades DROP COLUMN sequence",
        "UPDATE ledger.tokens SET decimals = 1",
    ],
)
async def test_a_migration_that_loses_something_is_seen(empty_database_url, tmp_path, statement):
    migrations = folder(tmp_path / "now", len(MIGRATIONS))
    shutil.rmtree(migrations / "views")  # They would stand in the way of a dropped column.
    await migrate(empty_database_url, migrations)
    await fill(empty_database_url)
    before = await contents(empty_database_url)
    await next_state(empty_database_url, migrations, statement)
    assert not kept(before, await contents(empty_database_url))


async def test_a_view_that_somebody_built_on_ours_is_not_dropped_silently(empty_database_url, tmp_path):
    migrations = folder(tmp_path / "now", len(MIGRATIONS))
    await migrate(empty_database_url, migrations)
    async with connected(empty_database_url) as connection:
        await connection.execute("CREATE VIEW public.mine AS SELECT market FROM perps.trades")
    with pytest.raises(SchemaError, match="depend"):
        await next_state(empty_database_url, migrations, "SELECT 1")
    async with connected(empty_database_url) as connection:
        assert await connection.fetch("SELECT * FROM public.mine") == []
