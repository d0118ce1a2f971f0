"""The embedded server: whatever is killed, no row is lost, no server is left, no password is told."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from indexer.config import load
from indexer.errors import SchemaError, StoreUnavailable
from indexer.store.connection import connect, connected
from indexer.store.database import keep_serving
from indexer.store.embedded import EmbeddedPostgres, binaries, cluster
from indexer.store.embedded.paths import Paths
from tests.conftest import in_thread

CLIENT = """
import sys, time
from pathlib import Path
from indexer.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
server.release()
"""


@pytest.fixture(scope="module")
def folder(open_folder: Path) -> Path:
    return open_folder / ("with spaces and a long name " + "x" * 90) / "postgres"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder) as server:
        yield server
    assert server.url is None, "a server was left running"


@pytest.fixture
def client(folder: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts another process that holds a lease; its first line is the URL."""
    clients: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", CLIENT, str(folder)]
        clients.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return clients[-1]

    yield start
    for process in clients:
        process.kill()
        process.communicate()


def url_of(client: "subprocess.Popen[str]") -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


def pid_of(server: EmbeddedPostgres) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def kill_supervisor(folder: Path) -> None:
    pid = int((folder / "supervisor.lock").read_text())
    os.kill(pid, signal.SIGKILL)
    assert soon(lambda: gone(pid))


def gone(pid: int) -> bool:
    """A zombie has gone too: it waits for its parent only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def soon(true: Callable[[], bool], patience_s: float = 20.0) -> bool:
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def count_rows(url: str, add: int = 0) -> int:
    async with connected(url) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        await connection.execute("INSERT INTO kept SELECT * FROM generate_series(1, $1::int)", add)
        return int(await connection.fetchval("SELECT count(*) FROM kept"))


async def test_rows_and_port_survive_a_restart(folder: Path):
    with EmbeddedPostgres(folder) as first:
        before = await count_rows(first.url, add=3)
        port = first.status().port
    assert first.url is None
    with EmbeddedPostgres(folder) as second:
        assert await count_rows(second.url) == before
        assert second.status().port == port


async def test_a_taken_port_is_left_to_its_owner(folder: Path):
    with EmbeddedPostgres(folder) as first:
        port = first.status().port
    with socket.create_server(("127.0.0.1", port)), EmbeddedPostgres(folder) as second:
        assert second.status().port != port
        assert await count_rows(second.url) >= 0


async def test_the_cluster_is_utf8_in_utc_with_checksums_sorted_bytewise(server: EmbeddedPostgres):
    async with connected(server.url) as connection:
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW data_checksums") == "on"
        assert await connection.fetchval("SELECT setting FROM pg_settings WHERE name = 'log_timezone'") == "UTC"
        assert await connection.fetchval("SELECT 'B' < 'a'")


async def test_it_listens_on_loopback_only_and_has_no_unix_socket(server: EmbeddedPostgres):
    async with connected(server.url) as connection:
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        assert await connection.fetchval("SHOW unix_socket_directories") == ""


async def test_a_wrong_password_is_refused(server: EmbeddedPostgres):
    wrong = f"postgresql://postgres:wrong@127.0.0.1:{server.status().port}/perps"
    with pytest.raises(StoreUnavailable, match="password authentication failed"):
        await connect(wrong)


def test_the_password_is_in_no_argument_and_no_log_and_in_a_private_file(server: EmbeddedPostgres, folder: Path):
    password = (folder / "password").read_text()
    assert len(password) >= 24
    assert (folder / "password").stat().st_mode & 0o077 == 0
    assert password not in (folder / "server.log").read_text()
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(password.encode() in line for line in lines)


async def test_a_killed_server_comes_back_with_all_rows(server: EmbeddedPostgres):
    rows = await count_rows(server.url, add=5)
    killed = pid_of(server)
    os.kill(killed, signal.SIGKILL)
    assert soon(lambda: server.url is not None and pid_of(server) != killed)
    assert await count_rows(server.url) == rows


async def test_a_killed_supervisor_takes_the_server_along_and_the_next_start_recovers(folder: Path):
    abandoned = EmbeddedPostgres(folder)
    abandoned.start()
    rows = await count_rows(abandoned.url, add=7)
    pid = pid_of(abandoned)
    kill_supervisor(folder)
    with EmbeddedPostgres(folder) as next_one:
        assert gone(pid)
        assert await count_rows(next_one.url) == rows
        abandoned.release()
        assert next_one.url is not None  # A released lease of one client ends nothing for another.


async def test_server_and_supervisor_killed_at_once_lose_nothing(folder: Path):
    abandoned = EmbeddedPostgres(folder)
    abandoned.start()
    rows = await count_rows(abandoned.url, add=11)
    pid = pid_of(abandoned)
    os.kill(pid, signal.SIGSTOP)  # So that the supervisor's end cannot stop it in good order.
    kill_supervisor(folder)
    os.kill(pid, signal.SIGKILL)
    with EmbeddedPostgres(folder) as next_one:
        assert await count_rows(next_one.url) == rows
        abandoned.release()


async def test_a_daemon_starts_a_server_again_that_was_killed_with_its_supervisor_at_the_same_address(folder: Path):
    async with keeping(folder) as server:
        rows, url, pid = await count_rows(server.url, add=3), server.url, pid_of(server)
        os.kill(pid, signal.SIGSTOP)  # As above.
        kill_supervisor(folder)
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(soon, lambda: server.url is not None and pid_of(server) != pid)
        assert server.url == url
        assert await count_rows(server.url) == rows


async def test_what_was_stopped_for_everybody_no_daemon_starts_but_who_asks_for_it(folder: Path):
    async with keeping(folder) as server:
        url = server.url
        assert await asyncio.to_thread(EmbeddedPostgres(folder).stop)
        await asyncio.sleep(2.5)
        assert server.url is None
        with EmbeddedPostgres(folder) as asked:
            assert asked.url == url
        assert server.url == url, "the daemon holds a lease"


async def test_a_database_of_ones_own_is_left_alone():
    await keep_serving(load(environment={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))


@asynccontextmanager
async def keeping(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that is used, and a daemon's care for it."""
    settings = load(environment={"PERPS_DATA_DIR": str(folder.parent)})
    server = EmbeddedPostgres(folder)
    await asyncio.to_thread(server.start)
    caring = asyncio.create_task(keep_serving(settings))
    try:
        yield server
    finally:
        caring.cancel()
        await asyncio.gather(caring, return_exceptions=True)
        await asyncio.to_thread(server.release)


def test_a_killed_client_leaves_no_server(folder: Path, client: Callable[[], "subprocess.Popen[str]"]):
    process = client()
    url_of(process)
    pid = pid_of(EmbeddedPostgres(folder))
    process.kill()
    assert soon(lambda: gone(pid))
    assert soon(lambda: EmbeddedPostgres(folder).url is None)


def test_the_server_stays_until_the_last_client_leaves(folder: Path, client: Callable[[], "subprocess.Popen[str]"]):
    first, second = client(), client()
    assert url_of(first) == url_of(second)
    first.communicate()
    time.sleep(0.5)
    assert EmbeddedPostgres(folder).url is not None
    second.communicate()
    assert EmbeddedPostgres(folder).url is None


async def test_many_starts_at_once_get_one_server(folder: Path, client: Callable[[], "subprocess.Popen[str]"]):
    processes = [client() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        urls = set(threads.map(url_of, processes))
    assert len(urls) == 1
    assert await count_rows(urls.pop()) >= 0


def test_a_first_start_by_two_at_once_makes_one_cluster(open_folder: Path):
    servers = [EmbeddedPostgres(open_folder / "first by two") for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(lambda server: server.start(), servers))) == 1
    for server in servers:
        server.release()
    assert servers[0].url is None


def test_kept_it_stays_without_clients_until_stopped(folder: Path):
    server = EmbeddedPostgres(folder)
    url = server.keep()
    server.release()
    time.sleep(0.5)
    assert EmbeddedPostgres(folder).url == url
    with EmbeddedPostgres(folder):
        pass
    assert EmbeddedPostgres(folder).url == url, "a later client's end must not stop a kept server"
    assert EmbeddedPostgres(folder).stop()
    assert EmbeddedPostgres(folder).url is None
    assert not EmbeddedPostgres(folder).stop()


async def test_a_pid_file_whose_pid_is_now_another_process_does_not_stop_the_start(folder: Path):
    with EmbeddedPostgres(folder):
        lines = (folder / "cluster" / "postmaster.pid").read_text().splitlines()
    other = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220 (started, not waited for)
    try:
        lines[0] = str(other.pid)
        (folder / "cluster" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        with EmbeddedPostgres(folder) as server:
            assert await count_rows(server.url) >= 0
        assert other.poll() is None, "the other process must be left alone"
    finally:
        other.kill()
        other.wait()


def test_a_server_that_outlived_its_supervisor_is_ended_by_the_next_start(folder: Path):
    abandoned = EmbeddedPostgres(folder)
    abandoned.start()
    pid = pid_of(abandoned)
    os.kill(pid, signal.SIGSTOP)  # Deaf to the kernel's death signal, as where there is none.
    kill_supervisor(folder)
    waking = threading.Timer(1.0, os.kill, (pid, signal.SIGCONT))
    waking.start()
    with EmbeddedPostgres(folder) as server:
        assert pid_of(server) != pid
        assert gone(pid)
    waking.join()
    abandoned.release()


def test_an_unfinished_first_start_is_begun_anew(open_folder: Path):
    folder = open_folder / "unfinished"
    (folder / "cluster.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(folder) as server:
        assert server.url is not None
    assert not (folder / "cluster.new").exists()


def test_data_of_another_version_are_refused_and_left_as_they_are(open_folder: Path):
    cluster = open_folder / "older" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("13\n")
    with pytest.raises(SchemaError, match="PostgreSQL 13") as caught:
        EmbeddedPostgres(cluster.parent).start()
    assert caught.value.remedy is not None
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable) as caught:
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()
    assert "PERPS_DATA_DIR" in str(caught.value.remedy)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_as_root_a_closed_parent_is_named_and_not_opened(open_folder: Path):
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(StoreUnavailable, match="closed"):
        EmbeddedPostgres(closed / "deeper" / "postgres").start()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def enterable(program: str) -> bool:
    path = Path(program).resolve()
    return path.exists() and all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run it as a plain user already")
def test_a_plain_user_needs_no_copy_of_the_programs(open_folder: Path):
    home = open_folder / "plain"
    home.mkdir()
    os.chown(home, 65534, 65534)
    # As another user: our own Python may lie under /root, the system's of the same version will do as well.
    python = next((path for path in (sys.executable, f"/usr/bin/python{VERSION}") if enterable(path)), None)
    if python is None:
        pytest.skip("no Python of this version lies where a plain user can enter")
    program = f"""
import json; from pathlib import Path; from indexer.store.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path({str(home / "postgres")!r})) as server: print(json.dumps(server.status().port))
"""
    done = subprocess.run(
        [python, "-c", program],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
        },
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) > 0
    assert not (home / "postgres" / "binaries").exists()


def test_an_exception_gives_the_lease_back(folder: Path):
    with pytest.raises(RuntimeError, match="boom"), EmbeddedPostgres(folder):
        raise RuntimeError("boom")
    assert EmbeddedPostgres(folder).url is None


def test_starting_twice_is_one_lease(folder: Path):
    server = EmbeddedPostgres(folder)
    assert server.start() == server.start()
    server.release()
    assert server.url is None
    in_thread(_refused(folder))


async def _refused(folder: Path) -> None:
    port = int((folder / "port").read_text())
    with pytest.raises(StoreUnavailable):
        await connect(f"postgresql://postgres@127.0.0.1:{port}/perps", timeout_s=2)


def test_programs_that_cannot_be_copied_are_told_by_one_reason_and_leave_no_half(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def full_disk(_source: Path, target: Path) -> None:
        target.with_name("unfinished").mkdir(parents=True)
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")] * 20)

    monkeypatch.setattr(binaries, "_copy", full_disk)
    paths = Paths(open_folder)
    with pytest.raises(StoreUnavailable) as caught:
        binaries.installed(paths, binaries.Account(1, 1), None)
    assert str(caught.value) == f"{paths.binaries}: cannot copy the server: No space left on device"
    assert not paths.binaries.exists()


def test_what_a_program_says_at_its_end_is_told_with_a_remedy(open_folder: Path):
    program = open_folder / "initdb"
    said = "".join(f"echo '{line}' >&2; " for line in ("LOG: first", "FATAL: no room", "removing contents"))
    program.write_text(f"#!/bin/sh\n{said} exit 1\n")
    program.chmod(0o755)
    with pytest.raises(StoreUnavailable, match=r"initdb failed with code 1: FATAL: no room$") as caught:
        cluster._run([str(program)], binaries.Account())
    assert "PERPS_DATA_DIR" in str(caught.value.remedy)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_is_one_line_for_every_question(open_folder: Path):
    closed = open_folder / "closed"
    closed.mkdir(mode=0)
    server = EmbeddedPostgres(closed / "postgres")
    for question in (server.status, server.stop, lambda: server.url):
        with pytest.raises(StoreUnavailable, match="Permission denied"):
            question()
    closed.rmdir()  # Nobody else could empty the folder of the tests.
