"""What stops a replay is one line and exit code 2, and leaves whole pages or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.store.connection import connected
from indexer.store.migrate import migrate
from tests.ingest.test_replay import SWAP, answer, write
from tests.unit.test_cli_frame import refused, run

# The trouble comes with the third page; events are written after the records of their page.
TROUBLE = """
CREATE FUNCTION public.trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.slot >= 25 THEN {what}; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER trouble BEFORE INSERT ON ledger.events FOR EACH ROW EXECUTE FUNCTION public.trouble();
"""
DISK_FULL = "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'"
ENDED = "PERFORM pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def answers(tmp_path: Path) -> str:
    """Forty transactions in slots 1 to 40."""
    return str(write(tmp_path / "t.jsonl", *({"slot": n, "result": answer(n, SWAP)} for n in range(1, 41))))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (DISK_FULL, ("No space left",)),
        # The reason, or where its socket was closed before that was read, that it was.
        (ENDED, ("terminating connection", "the connection broke: connection was closed")),
    ],
)
async def test_a_replay_amid_trouble_leaves_whole_pages_and_goes_on_after_it(
    database_url: str, answers: str, what: str, words: tuple[str, ...]
) -> None:
    settings = {"DATABASE_URL": database_url, "PERPS_REPLAY__PAGE_TRANSACTIONS": "10"}
    async with connected(database_url) as database:
        await database.execute("SELECT ledger.ensure_partitions(0, 1)")
        await database.execute(TROUBLE.format(what=what))
        line = refused(run("replay", answers, **settings))
        assert any(word in line for word in words), line
        there = "SELECT count(*) AS swaps, (SELECT count(*) FROM ledger.events) AS events FROM perps.swaps"
        assert tuple(await database.fetchrow(there)) == (20, 20)
        await database.execute("DROP TRIGGER trouble ON ledger.events")
        assert run("replay", answers, **settings).returncode == 0
        assert tuple(await database.fetchrow(there)) == (40, 40)


@pytest.mark.parametrize("migrated", [True, False])
async def test_a_read_only_database_is_one_line(empty_database_url: str, answers: str, migrated: bool) -> None:
    if migrated:
        await migrate(empty_database_url)
    async with connected(empty_database_url) as database:
        name = await database.fetchval("SELECT current_database()")
        await database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert "read-only" in refused(run("replay", answers, DATABASE_URL=empty_database_url))


def test_what_cannot_be_read_twice_is_refused_before_it_is_read(database_url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    line = refused(run("replay", str(tmp_path / "pipe"), DATABASE_URL=database_url))
    assert "no file that can be read twice" in line
