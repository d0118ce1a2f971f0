"""What documents tell people to type runs: on a ledger of nine days, and against a simulated cluster."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from indexer.config import SHORT_NAMES
from indexer.simulation.build import build_chain
from indexer.simulation.profile import Profile
from indexer.store.connection import connected
from indexer.store.embedded.binaries import bundled
from tests.aggregates.days import numbers
from tests.conftest import in_database
from tests.ingest.served import Served, served
from tests.ops import compose
from tests.ops.documented import begins, commands, queries
from tests.ops.test_compose import FILLED, libpq_of
from tests.report import weeks
from tests.report.test_examples import more
from tests.shared import shared
from tests.unit.test_cli_frame import clean

REPOSITORY = compose.REPOSITORY
PATIENCE_S = 110.0
ALL = commands()
OURS = ".venv/bin/perps-indexer"
TYPED = [words[1:] for words in ALL if words[0] == OURS]
# Started and ended in test_compose.py, with the server, and below.
WORKER = ["worker", "--strategy", "portal"]
ASKED = ["backfill", "--distributed", "--from", "2022-11-04", "--protocol", "drift"]
ENDLESS = (["run"], ["serve"], WORKER, ASKED)
DIGESTS = [words for words in TYPED if words[0] == "digest"]  # One reads what the other writes.
OF_POSTGRES = [words for words in ALL if re.search(r"\b(psql|pg_dump|createdb|pg_restore)\b", " ".join(words))]
# Only what is missing or wrong out there makes these end with 1: the simulated clock stands still.
MAY_FIND = ("doctor", "backfill", "repair", "verify")
COMPOSE = {"up", "logs", "exec", "run", "ps", "build"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    chain = build_chain(41, Profile(slots=150, transactions=1.0))
    with served(chain, start_slot=chain.first_slot + 120) as box:
        yield box


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(module_database_url: str) -> AsyncIterator[str]:
    async with numbers(module_database_url) as ledger:
        await weeks.fill(ledger, *more())
    yield module_database_url


# --- queries -------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("document", "query"), [(name, query) for name in ("ANALYSIS.md", "OPERATING.md") for query in queries(name)]
)
async def test_a_query_of_a_document_has_an_answer(url: str, document: str, query: str) -> None:
    async with connected(url) as connection:
        await connection.execute("SET ROLE perps_reader")
        rows = await connection.fetch(query)
    assert rows or "perps.providers" in query, "nobody has asked an endpoint yet"


# --- our command ---------------------------------------------------------------------------------------------------


def stood_in(words: Sequence[str], first_slot: int) -> list[str]:
    """With what this ledger and this chain have, in the place of what an example names."""
    instead = {"PATH...": str(shared("data")), "2025-10-05": "2023-11-23"}
    if words[0] == "backfill":
        instead |= {"2026-03-01": str(first_slot), "2022-11-04": str(first_slot), "2026-03-02": str(first_slot + 30)}
    return [instead.get(word, word) for word in words]


@pytest.mark.parametrize("words", [words for words in TYPED if words not in (*ENDLESS, *DIGESTS)], ids=shlex.join)
def test_a_command_of_a_document_runs(cluster: Served, url: str, tmp_path: Path, words: list[str]) -> None:
    if "PATH..." in words and not shared("data").exists():
        pytest.skip("no captures beside this checkout")
    typed = stood_in(words, cluster.chain.first_slot)
    done = subprocess.run(
        [sys.executable, "-m", "indexer", *typed], env=clean(cluster.settings(url)), cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode in ({0, 1} if words[0] in MAY_FIND else {0}), done.stderr
    assert done.stdout or "--to" in words
    assert "--to" not in words or words[0] == "backfill" or list(tmp_path.iterdir())


def test_manifests_of_a_document_are_written_and_compared(cluster: Served, url: str, tmp_path: Path) -> None:
    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "indexer", *words], env=clean(cluster.settings(url)), cwd=tmp_path,
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip

    written, compared = DIGESTS
    for name in compared[2:]:
        done = typed(*written[:-1], name)
        assert done.returncode == 1, done.stderr  # These slots are not settled here.
    done = typed(*compared)
    assert (done.returncode, "30 buckets are equal" in done.stdout) == (0, True), done.stderr


def test_a_worker_of_a_document_fills_what_a_backfill_of_it_asks_for(cluster: Served, url: str) -> None:
    environment = clean(cluster.settings(url))
    words = [sys.executable, "-m", "indexer", *WORKER]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        assert any("worker_started" in line for line in worker.stderr)
        # The archive of this cluster stands still.
        asked = *stood_in(ASKED, cluster.chain.first_slot), "--to", str(cluster.chain.first_slot + 30)
        done = subprocess.run(
            [sys.executable, "-m", "indexer", *asked], env=environment,
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        worker.send_signal(signal.SIGINT)
        _, said = worker.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert "worker_stopped" in said
    assert "Traceback" not in said


def test_the_documents_tell_of_the_daemon_the_server_and_the_worker() -> None:
    assert all(words in TYPED for words in ENDLESS)


# --- other commands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [words for words in ALL if "make" in words], ids=shlex.join)
def test_a_target_of_a_document_is_one(words: list[str]) -> None:
    done = subprocess.run(
        ["make", *words[words.index("make") + 1 :], "--dry-run"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [words for words in ALL if words[0] == "export"], ids=shlex.join)
def test_a_variable_of_a_document_is_read(words: list[str]) -> None:
    assert {word.partition("=")[0] for word in words[1:]} <= SHORT_NAMES.keys()


@pytest.mark.parametrize("words", [words for words in ALL if words[0] == "docker"], ids=shlex.join)
def test_a_call_of_compose_names_files_profiles_and_services_that_are_there(words: list[str]) -> None:
    assert begins(words, "docker", "compose")
    project, rest = compose.project(FILLED), words[2:]
    while rest[0] in ("-f", "--profile"):
        option, value, *rest = rest
        profiles = {name for one in project["services"].values() for name in one.get("profiles", ())}
        assert (REPOSITORY / value).exists() if option == "-f" else value in profiles
    assert rest[0] in COMPOSE
    named = [word for word in rest[1:] if not word.startswith("-")]
    assert not named or named[0] in project["services"]
    if rest[0] == "exec":
        assert named[1] == "perps-indexer"
        assert named[2:] in TYPED


def test_what_is_copied_is_there() -> None:
    copied = [words[1] for words in ALL if words[0] == "cp"]
    assert copied == [".env.example"]
    assert (REPOSITORY / ".env.example").exists()


# --- PostgreSQL's own programs -------------------------------------------------------------------------------------


def typed_in(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    """As a shell does it, with the embedded programs and our `config` beside."""
    program = bundled("psql")
    assert program is not None
    path = f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}"
    text = " ".join(f'"{word}"' if "=" not in word or word.startswith("-") else word for word in words)
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env={**os.environ, **environment, "PATH": path},
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="pg_dump is of the embedded server's version")
def test_dump_restore_role_and_retention_run_in_this_order(url: str, server_url: str, tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to(REPOSITORY / "config")
    restored = in_database(server_url, "perps_restored")
    given = {"DATABASE_URL": url, "ADMIN_URL": in_database(server_url, "postgres"), "RESTORED_URL": restored}
    kinds = [next(word for word in words if "=" not in word) for words in OF_POSTGRES]
    assert sorted(kinds) == ["createdb", "pg_dump", "pg_restore", "psql", "psql"]
    for words in (one for one in OF_POSTGRES if "psql" not in one):
        typed_in(words, tmp_path, given)
    for words in (one for one in OF_POSTGRES if "psql" in one):  # On the restored one, whose role is then dropped.
        typed_in(words, tmp_path, given | {"DATABASE_URL": restored})
    asyncio.run(_is_let_go(restored))
    program = bundled("dropdb")
    subprocess.run([str(program), "--force", "perps_restored"], env={**os.environ, **libpq_of(server_url)}, check=True)


async def _is_let_go(url: str) -> None:
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM perps.trades") == 0, "retention ran on it"
        await connection.execute("DROP OWNED BY perps_dashboards; DROP ROLE perps_dashboards")
