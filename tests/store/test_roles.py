"""The writer changes rows and nothing else; the reader sees perps.* and nothing else."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from indexer.core.coverage import Span
from indexer.resources import resource
from indexer.store.connection import connected
from indexer.store.migrate import migrate
from indexer.store.postgres import PARTITION_SLOTS, open_store
from indexer.store.rolling import open_aggregates
from tests.conftest import in_database
from tests.ingest.test_replay import SWAP, answer, write
from tests.store.ledger import event, failure, flow, origin, page, trade
from tests.unit.test_cli_frame import refused, run

VIEWS = "SELECT relname::text FROM pg_class WHERE relnamespace = 'perps'::regnamespace AND relkind IN ('v', 'm')"
TABLES = "SELECT relname::text FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p')"
PASSWORD = "only-for-this-test"


@pytest.fixture
async def owner(database_url):
    async with connected(database_url) as connection:
        yield connection


async def filled(url: str) -> None:
    async with open_store(url) as store:
        await store.write(page(trade(origin()), flow(origin()), event(origin()), failure(origin()), settled=(100, 101)))


def as_user(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}"))


@pytest.fixture
async def member(database_url, owner):
    """Make a login that is a member of a role, or of none; dropped in the end."""
    made = []

    async def make(role: str | None) -> str:
        name = f"{role or 'stranger'}_of_{await owner.fetchval('SELECT current_database()')}"
        await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' {f'IN ROLE {role}' if role else ''}")
        made.append(name)
        return as_user(database_url, name)

    yield make
    for name in made:
        await owner.execute(f"DROP ROLE {name}")


async def test_the_reader_reads_every_view(owner, database_url, member):
    await filled(database_url)
    async with connected(await member("perps_reader")) as reader:
        for row in await owner.fetch(VIEWS):
            await reader.fetch(f"SELECT * FROM perps.{row['relname']}")
        assert await reader.fetchval("SELECT perps.base58(perps.key('11SoL'))") == "11SoL"


async def test_the_reader_sees_nothing_of_the_ledger(owner, member):
    async with connected(await member("perps_reader")) as reader:
        for row in await owner.fetch(TABLES):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.fetch(f"SELECT FROM ledger.{row['relname']}")


READER_MAY_NOT = [
    "CREATE TABLE perps.mine ()",
    "CREATE TABLE public.mine ()",
    "DROP VIEW perps.trades",
    "SELECT ledger.ensure_partitions(0, 1)",
    "SELECT ledger.grant_roles()",
    "SELECT ledger.refresh_view('volume_daily')",
    "REFRESH MATERIALIZED VIEW perps.volume_daily",
    "INSERT INTO perps.tokens (symbol) VALUES ('x')",
    "DELETE FROM perps.tokens",
]


async def test_the_reader_changes_nothing(member):
    async with connected(await member("perps_reader")) as reader:
        for statement in READER_MAY_NOT:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(statement)


async def test_the_writer_does_all_that_the_store_does(member):
    async with open_store(await member("perps_writer")) as store:
        await store.claim_cluster("genesis", "mainnet-beta")
        await store.write(page(trade(origin()), event(origin())))
        await store.write(page(*(trade(origin(PARTITION_SLOTS * 3, n)) for n in range(200)), settled=(0, 200)))
        await store.write(page(trade(origin()), settled=(100, 101), unavailable={"drift": []}))
        assert (await store.counts())["trade"] == 200
        assert await store.failures() == []
        assert await store.claim(["drift"], (Span(0, 9),), "a", 60, 5, newest_first=True) == Span(4, 9)
        await store.want_from(["drift"], 0)
        await store.observe_head(["drift"], "a", finalized=9, confirmed=9)
        await store.report_health("a", [])
        await store.leave("a")


async def test_the_writer_rolls_up_and_refreshes(owner, member):
    url = await member("perps_writer")
    async with open_store(url) as store, open_aggregates(url) as aggregates:
        await store.write(page(trade(origin()), settled=(100, 101)))
        assert [await aggregates.roll_hours(9), await aggregates.roll_days(9), await aggregates.roll_holdings(9)] == [
            1,
            1,
            0,
        ]
        for view in await aggregates.views():
            await aggregates.refresh(view)
    assert await owner.fetchval("SELECT count(*) FROM ledger.refreshes WHERE error IS NULL") >= 8


async def test_a_writer_replays_into_a_ledger_that_the_owner_migrated(owner, member, tmp_path):
    answers = write(tmp_path / "t.jsonl", *({"slot": n, "result": answer(n, SWAP)} for n in (1, PARTITION_SLOTS)))
    url = await member("perps_writer")
    for command in (["replay", str(answers)], ["reprocess"], ["failures", "--retry"], ["migrate"]):
        done = run(*command, DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (0, "")
    assert await owner.fetchval("SELECT count(*) FROM perps.swaps") == 2


@pytest.mark.parametrize("command", ["replay", "migrate"])
async def test_a_reader_or_a_stranger_is_told_in_one_line(owner, member, tmp_path, command):
    answers = [str(write(tmp_path / "t.json", {"slot": 1, "result": answer(1, SWAP)}))] if command == "replay" else []
    for role in ("perps_reader", None):
        assert "permission denied" in refused(run(command, *answers, DATABASE_URL=await member(role)))


async def test_a_writer_before_a_ledger_of_an_older_schema_is_sent_to_its_owner(owner, member):
    await owner.execute("DELETE FROM ledger.view_files WHERE name = '90_grants'")
    assert "let the owner of the ledger run" in refused(run("failures", DATABASE_URL=await member("perps_writer")))


async def test_the_reader_asks_by_the_command(owner, database_url, member):
    await filled(database_url)
    url = await member("perps_reader")
    assert (
        run("sql", "select size_usd from perps.trades", "--format", "csv", DATABASE_URL=url).stdout == "size_usd\n5\n"
    )
    assert "permission denied" in refused(run("sql", "select 1 from ledger.trades", DATABASE_URL=url))


WRITER_MAY_NOT = [
    "CREATE TABLE ledger.mine ()",
    "CREATE TABLE perps.mine ()",
    "ALTER TABLE ledger.trades ADD COLUMN mine int",
    "DROP TABLE ledger.trades",
    "TRUNCATE ledger.trades",
    "DROP VIEW perps.trades",
    "UPDATE ledger.migrations SET sha256 = ''",
    "DELETE FROM ledger.view_files",
    "CREATE ROLE perps_mine",
]


async def test_the_writer_changes_no_schema(member):
    async with connected(await member("perps_writer")) as writer:
        for statement in WRITER_MAY_NOT:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(statement)


async def test_two_databases_of_a_server_may_be_migrated_at_once(server_url, empty_database_url):
    async with connected(server_url) as admin:
        name = urlsplit(empty_database_url).path.lstrip("/") + "_beside"
        await admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
        try:
            await asyncio.gather(migrate(empty_database_url), migrate(in_database(server_url, name)))
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("right", ["CREATEROLE", "NOCREATEROLE"])
async def test_an_owner_without_all_power_migrates(server_url, empty_database_url, right):
    name = f"owner_of_{urlsplit(empty_database_url).path.lstrip('/')}"
    async with connected(server_url) as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN {right} PASSWORD '{PASSWORD}'")
        await admin.execute(f"ALTER DATABASE {urlsplit(empty_database_url).path.lstrip('/')} OWNER TO {name}")
        url = as_user(empty_database_url, name)
        await migrate(url)
        await filled(url)
        async with connected(empty_database_url) as connection:
            assert await connection.fetchval("SELECT count(*) FROM perps.trades") == 1
            await connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}")
        await admin.execute(f"ALTER DATABASE {urlsplit(empty_database_url).path.lstrip('/')} OWNER TO CURRENT_USER")
        await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def test_an_owner_who_may_make_no_roles_is_told_and_goes_on(server_url, empty_database_url):
    """The roles exist on this server, so the part of the migration that makes them runs with other names."""
    name = f"poor_{urlsplit(empty_database_url).path.lstrip('/')}"
    text = (resource("migrations") / "0003_roles.sql").read_text(encoding="utf-8")
    block = text[text.index("DO $$") : text.index("END $$;") + len("END $$;")].replace("'perps_", "'perps_absent_")
    told: list[str] = []
    async with connected(server_url) as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN NOCREATEROLE PASSWORD '{PASSWORD}'")
        async with connected(as_user(empty_database_url, name)) as poor:
            poor.add_log_listener(lambda _, message: told.append(str(message)))
            await poor.execute(block)
        await admin.execute(f"DROP ROLE {name}")
    assert len(told) == 2
    assert "ledger.grant_roles()" in told[0]
