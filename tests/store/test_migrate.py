"""Migrations: once each, whole or not at all, never edited, never on a ledger newer than the program."""

import asyncio
import shutil
from pathlib import Path

import pytest
import structlog

from indexer.errors import ConfigError, SchemaError, StoreUnavailable
from indexer.resources import resource
from indexer.store.connection import connected
from indexer.store.migrate import migrate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "views").mkdir()
    (tmp_path / "0001_first.sql").write_text(
        "CREATE TABLE ledger.first (n int);\nINSERT INTO ledger.first VALUES (1);\n"
    )
    (tmp_path / "0002_second.sql").write_text("ALTER TABLE ledger.first ADD COLUMN m int;\n")
    (tmp_path / "views" / "a.sql").write_text(
        "DROP VIEW IF EXISTS ledger.a CASCADE; CREATE VIEW ledger.a AS SELECT n FROM ledger.first;"
    )
    (tmp_path / "views" / "b.sql").write_text("CREATE VIEW ledger.b AS SELECT n AS b FROM ledger.a;")
    return tmp_path


async def value(url: str, query: str) -> object:
    async with connected(url) as connection:
        return await connection.fetchval(query)


async def test_each_file_runs_once_in_order(empty_database_url: str, folder: Path):
    assert await migrate(empty_database_url, folder) == ["0001_first", "0002_second", "views/a", "views/b"]
    assert await migrate(empty_database_url, folder) == []
    assert await value(empty_database_url, "SELECT count(*) FROM ledger.first") == 1


async def test_rows_survive_the_next_migration(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    (folder / "0003_third.sql").write_text("ALTER TABLE ledger.first ADD COLUMN o int DEFAULT 7;")
    assert await migrate(empty_database_url, folder) == ["0003_third"]
    assert await value(empty_database_url, "SELECT n + o FROM ledger.first") == 8


async def test_two_runners_at_once_apply_each_file_once(empty_database_url: str, folder: Path):
    applied = await asyncio.gather(*(migrate(empty_database_url, folder) for _ in range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, 4]


async def test_a_failing_file_changes_nothing_and_says_where(empty_database_url: str, folder: Path):
    (folder / "0003_third.sql").write_text("CREATE TABLE ledger.third (n int);\nSELECT nonsense;\n")
    with pytest.raises(SchemaError, match=r"0003_third.sql: .*nonsense.* \(line 2, column 8\)"):
        await migrate(empty_database_url, folder)
    assert await value(empty_database_url, "SELECT to_regclass('ledger.third') IS NULL")
    assert await value(empty_database_url, "SELECT max(version) FROM ledger.migrations") == 2


async def test_an_edited_file_is_refused_by_name(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE ledger.first (n bigint);")
    with pytest.raises(SchemaError, match=r"0001_first\.sql"):
        await migrate(empty_database_url, folder)


async def test_other_newlines_are_no_edit(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    text = (folder / "0001_first.sql").read_text()
    (folder / "0001_first.sql").write_bytes(text.replace("\n", "\r\n").encode())
    assert await migrate(empty_database_url, folder) == []


async def test_a_renamed_file_is_refused(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    (folder / "0002_second.sql").rename(folder / "0002_other.sql")
    with pytest.raises(SchemaError, match="applied as 0002_second"):
        await migrate(empty_database_url, folder)


async def test_a_ledger_newer_than_the_program_is_left_alone(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    (folder / "0002_second.sql").unlink()
    (folder / "views" / "b.sql").write_text("broken")
    with pytest.raises(SchemaError, match="0002_second, which this program does not know"):
        await migrate(empty_database_url, folder)


async def test_a_gap_in_the_applied_numbers_is_refused(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    async with connected(empty_database_url) as connection:
        await connection.execute("DELETE FROM ledger.migrations WHERE version = 1")
    with pytest.raises(SchemaError, match="not number 0001"):
        await migrate(empty_database_url, folder)


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_double.sql", "third.sql", "0003_Upper.sql"])
async def test_files_must_be_numbered_without_gap_or_double(empty_database_url: str, folder: Path, name: str):
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(SchemaError, match="migration"):
        await migrate(empty_database_url, folder)


async def test_a_changed_view_file_runs_all_view_files_again(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    (folder / "views" / "a.sql").write_text(
        "DROP VIEW IF EXISTS ledger.a CASCADE; CREATE VIEW ledger.a AS SELECT n + 41 AS n FROM ledger.first;"
    )
    assert await migrate(empty_database_url, folder) == ["views/a"]
    assert await value(empty_database_url, "SELECT b FROM ledger.b") == 42


async def test_a_failing_view_file_leaves_the_views_as_they_were(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder)
    (folder / "views" / "b.sql").write_text("SELECT nonsense")
    with pytest.raises(SchemaError, match=r"b\.sql"):
        await migrate(empty_database_url, folder)
    assert await value(empty_database_url, "SELECT b FROM ledger.b") == 1


async def test_an_owner_without_superuser_can_migrate(empty_database_url: str, folder: Path):
    name = empty_database_url.rpartition("/")[2]
    async with connected(empty_database_url) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'; ALTER DATABASE {name} OWNER TO {name}")
    try:
        head, _, address = empty_database_url.rpartition("@")
        assert head
        assert len(await migrate(f"postgresql://{name}:pw@{address}", folder)) == 4
    finally:
        async with connected(empty_database_url) as connection:
            await connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}")
            await connection.execute(f"DROP ROLE {name}")


async def test_the_shipped_migrations_apply_and_apply_again(empty_database_url: str, tmp_path: Path):
    folder = tmp_path / "copy"
    shutil.copytree(resource("migrations"), folder)
    first = await migrate(empty_database_url, folder)
    assert len(first) == len(list(folder.rglob("*.sql")))
    assert await migrate(empty_database_url) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:secret@127.0.0.1:1/x", "127.0.0.1:1/x: cannot use the database: Connection refused"),
        ("postgresql://u:secret@nowhere.invalid/x", "nowhere.invalid:5432/x: cannot use the database"),
    ],
)
async def test_an_unreachable_database_is_one_line_without_the_password(url: str, words: str):
    with pytest.raises(StoreUnavailable) as caught:
        await migrate(url)
    assert str(caught.value).startswith(words)
    assert "secret" not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize("url", ["mysql://u:secret@h/x", "secret", "postgresql://u:secret@h:port/x"])
async def test_an_unusable_url_is_a_config_error_that_does_not_quote_it(url: str):
    with pytest.raises(ConfigError) as caught:
        await migrate(url)
    assert "secret" not in f"{caught.value} {caught.value.remedy}"


async def test_a_silent_server_is_given_up_in_time():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StoreUnavailable, match=r"no answer within 0\.3 s"):
            await migrate(f"postgresql://u@127.0.0.1:{port}/x", timeout_s=0.3)


async def test_what_a_file_says_is_logged_and_that_something_is_there_already_is_not(
    empty_database_url: str, folder: Path
):
    (folder / "0001_first.sql").write_text(
        "CREATE SCHEMA IF NOT EXISTS ledger; CREATE TABLE ledger.first (n int);"
        " DO $$ BEGIN RAISE NOTICE 'no role for you'; END $$;"
    )
    with structlog.testing.capture_logs() as logs:
        await migrate(empty_database_url, folder)
    assert {"event": "migration_noticed", "notice": "no role for you", "log_level": "warning"} in logs
    assert not any("already exists" in str(log) for log in logs)
