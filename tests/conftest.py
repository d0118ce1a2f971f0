"""A real PostgreSQL for every test that asks for `database_url`: a fresh copy of a migrated database.

The server is the embedded one, in a folder of its own, or the one DATABASE_URL names, or the programs
in TEST_POSTGRES_BIN. Nothing else of the caller's environment reaches a test.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import pytest

from indexer.store.connection import connected
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate

GIVEN_SERVER = os.environ.get("DATABASE_URL")
PROGRAMS = Path(os.environ["TEST_POSTGRES_BIN"]) if os.environ.get("TEST_POSTGRES_BIN") else None

# Every run tries the same examples, so that a red test is red for everybody. To search for new ones:
# HYPOTHESIS_PROFILE=explore.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Where it believes to run unattended, pytest works out the whole difference of two long lists, for minutes: what a test
# does must not hang on that, and the tests of mutants fail comparisons all the time.
for _told_by in ("CI", "BUILD_NUMBER"):
    os.environ.pop(_told_by, None)

_numbers = itertools.count(1)

# Every row but those that migrations made.
EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN
            ('migrations', 'view_files', 'parameters', 'reprocess_state', 'reference_state')
    LOOP
        EXECUTE format('DELETE FROM ledger.%I', name);
    END LOOP;
    DELETE FROM ledger.dirty_proofs;  -- Settled rows that are deleted leave marks.
    UPDATE ledger.reprocess_state SET wanted = '{}';
    UPDATE ledger.reference_state SET version = 0;
END $$
"""


# Files that take longest, begun first: the last file of a run keeps one core busy while the other has nothing left.
_LONGEST = (
    "simulation/test_trials.py", "ingest/test_commands.py", "ops/test_documents.py", "http/test_child.py",
    "demo/test_demo.py", "ingest/test_settling.py", "ops/test_alerts.py", "ingest/test_run.py", "store/test_outages.py",
    "http/test_outages.py", "ingest/test_together.py", "ops/test_compose.py", "aggregates/test_runs.py",
    "unit/test_cli_frame.py", "store/test_embedded.py", "ingest/test_extremes.py", "verify/test_trials.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name == "DATABASE_URL" or (name.startswith("PERPS_") and name != "PERPS_SHARED"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter; pytest's own is closed to the server's user when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="perps-indexer-tests-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server_url(open_folder: Path) -> Iterator[str]:
    """The URL of a server whose user may create databases and roles."""
    if GIVEN_SERVER:
        yield GIVEN_SERVER
        return
    with EmbeddedPostgres(open_folder / "server", programs=PROGRAMS) as server:
        assert server.url is not None
        yield server.url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    name = _new_name("template")
    _execute(server_url, f"CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
    in_thread(migrate(in_database(server_url, name)))
    yield name
    _drop(server_url, name)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a migrated database without rows, dropped after the test."""
    name = _new_name("copy")
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield in_database(server_url, name)
    _drop(server_url, name)


@pytest.fixture(scope="module")
def module_database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share."""
    name = _new_name("module")
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield in_database(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def emptied_database_url(module_database_url: str) -> str:
    """The module's database without rows: quicker than a copy. Partitions that earlier tests made are there."""
    _execute(module_database_url, EMPTY)
    return module_database_url


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """The URL of a database without any schema, dropped after the test."""
    name = _new_name("empty")
    _execute(server_url, f"CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
    yield in_database(server_url, name)
    _drop(server_url, name)


def in_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def in_thread(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run outside the loops of pytest-asyncio, which asyncio.run would disturb."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def _new_name(kind: str) -> str:
    return f"perps_test_{os.getpid()}_{kind}_{next(_numbers)}"


def _drop(server_url: str, name: str) -> None:
    _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server_url: str, statement: str) -> None:
    async def execute() -> None:
        async with connected(server_url) as connection:
            await connection.execute(statement)

    in_thread(execute())
