"""`make pooler`: the ledger by way of a real pgbouncer in transaction mode, with fewer sessions than connections.

Two sessions serve everybody, so that what one transaction left in its session another would meet. Missing pgbouncer
(Debian: package `pgbouncer`) is an error, unless ALLOW_MISSING names it.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from indexer.core.coverage import Span
from indexer.errors import SchemaError
from indexer.ingest.working import followed
from indexer.store.coordination import Budget, Work
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate, require_newest
from indexer.store.pool import open_pool
from indexer.store.postgres import open_store
from indexer.store.proofs import open_proofs
from indexer.store.rolling import open_aggregates
from tests.ingest.scripted import NAMES, Way
from tests.ingest.test_working import worker
from tests.store.ledger import origin, page, trade

REPOSITORY = Path(__file__).parents[2]
SESSIONS = 2
_START_S = 10.0


def main() -> int:
    if shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        print("pgbouncer is missing (Debian, Ubuntu: apt install pgbouncer; or ALLOW_MISSING=pgbouncer)")
        return 0 if "pgbouncer" in os.environ.get("ALLOW_MISSING", "").split(",") else 1
    folder = Path(tempfile.mkdtemp(prefix="perps-indexer-pooler-")).resolve()
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder / "server") as server:
            assert server.url is not None
            with pgbouncer(server.url, folder) as url:
                asyncio.run(_check(server.url, url))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


@contextmanager
def pgbouncer(server: str, folder: Path) -> Iterator[str]:
    """The URL of a pooler with the shipped settings, but for where it is and how few sessions it has."""
    at, port = urlsplit(server), _free_port()
    text = (REPOSITORY / "config/pgbouncer/pgbouncer.ini").read_text(encoding="utf-8")
    place = f"host=127.0.0.1 port={at.port} dbname={at.path[1:]} user={at.username} password={at.password}"
    for before, after in (
        ("perps = host=postgres port=5432 dbname=perps", f"{at.path[1:]} = {place}"),
        ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1"),
        ("listen_port = 6432", f"listen_port = {port}\nunix_socket_dir ="),
        ("default_pool_size = 16", f"default_pool_size = {SESSIONS}"),
        ("auth_type = scram-sha-256", "auth_type = plain"),
        ("/etc/pgbouncer/userlist.txt", str(folder / "users.txt")),
    ):
        assert before in text, f"pgbouncer.ini has no {before!r}"
        text = text.replace(before, after)
    (folder / "users.txt").write_text(f'"{at.username}" "{at.password}"\n', encoding="utf-8")
    (folder / "pgbouncer.ini").write_text(text, encoding="utf-8")
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # It refuses to be root.
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(
            ["pgbouncer", str(folder / "pgbouncer.ini")],
            stdout=log, stderr=log, user=user and user.pw_uid, group=user and user.pw_gid,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"},
        )  # fmt: skip
    try:
        _until_it_listens(port, process, folder / "pgbouncer.log")
        yield at._replace(netloc=f"{at.username}:{at.password}@127.0.0.1:{port}").geturl()
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise OSError(f"pgbouncer does not listen: {log.read_text(encoding='utf-8')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _check(server: str, url: str) -> None:
    try:
        await require_newest(url)
    except SchemaError as error:
        print(f"a ledger that was not migrated is refused: {error}")
    else:
        raise AssertionError("it has no schema yet")
    await migrate(server)
    await require_newest(url)
    await _many_at_once(url)
    await _workers(url)
    async with open_aggregates(url, pooled=True) as aggregates, open_proofs(url, pooled=True):
        await aggregates.refresh("volume_daily")
    print("aggregates were refreshed")
    await _silent_ones_end(server)


async def _many_at_once(url: str) -> None:
    """Twelve connections write at once over two sessions: each transaction is whole, and leaves nothing behind."""
    async with open_store(url, connections=(12, 12), pooled=True) as store:

        async def write(number: int) -> None:
            for step in range(5):
                slot = 1000 + 100 * number + step
                await store.write(page(trade(origin(slot=slot)), settled=(slot, slot + 1)))
                await store.share([Budget(b"endpoint", "rpc.example")], f"h{number}", 60.0)
                await store.report_work(f"h{number}", {"drift": Work(settled_slots=step)})

        async with asyncio.TaskGroup() as writing:
            for number in range(12):
                writing.create_task(write(number))
        covered = sum(len(span) for span in await store.coverage("drift"))
        assert covered == 60, covered
        assert (await store.counts())["trade"] == 60
        assert await store.share([Budget(b"endpoint", "rpc.example")], "h0", 60.0) == {b"endpoint": 12}
    print(f"60 pages by 12 connections over {SESSIONS} sessions")


async def _workers(url: str) -> None:
    async with open_store(url, connections=(4, 4), pooled=True) as store:
        span = Span(100_000, 101_000)
        await store.ask(NAMES, [span])
        ways = [Way(pause_s=0.01) for _ in range(4)]
        running = [asyncio.create_task(worker(store, way, f"w{n}").run()) for n, way in enumerate(ways)]
        async with asyncio.timeout(120):
            assert await followed(store, dict.fromkeys(NAMES, (span,)), pause_s=0.1) == {}
        for one in running:
            one.cancel()
        await asyncio.wait(running)
        assert sum(len(asked) for way in ways for _, asked in way.asked) == len(span), "no slot twice"
    print("1000 slots by four workers, none of them twice")


async def _silent_ones_end(server: str) -> None:
    """A session of ours that goes silent amid a transaction is ended by the server, not by hours of patience."""
    async with open_pool(server, size=(1, 1)) as pool, pool.acquire() as session:
        told = await session.fetchval("SHOW idle_in_transaction_session_timeout")
        assert told == "1min", told
    print("silent sessions end after a minute")


if __name__ == "__main__":
    sys.exit(main())
