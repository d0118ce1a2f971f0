"""A database that is killed shows in /ready and /metrics, is told to who asks, and everything heals by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from indexer.http.facts import TIMEOUT_S
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from indexer.store.postgres import open_store
from tests.conftest import GIVEN_SERVER
from tests.http.answers import Answer, Client, serving, settings_for
from tests.store.ledger import origin, page, trade
from tests.store.test_embedded import pid_of

pytestmark = pytest.mark.skipif(GIVEN_SERVER is not None, reason="the server that is killed must be ours")
PATIENCE_S = 60.0


async def until(client: Client, path: str, status: int) -> Answer:
    deadline = time.monotonic() + PATIENCE_S
    while (answer := await client.get(path)).status != status:
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.2)
    return answer


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_away(answer: Answer) -> bool:
    return answer.status == 503 and answer.json["lacking"][0]["code"] == "database"


async def until_away(client: Client) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_away(await client.get("/ready")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_a_killed_database_shows_and_heals(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "killed under http") as server:
        url = server.url
        assert url is not None
        await migrate(url)
        async with open_store(url) as store:
            await store.write(page(trade(origin(100)), settled=(100, 101)))
        async with serving(settings_for(url), url) as client:
            assert len(await client.rows("trades")) == 1
            assert not is_away(await client.get("/ready"))

            tree = [pid_of(server), *children(pid_of(server))]
            for pid in tree:
                os.kill(pid, signal.SIGSTOP)  # It takes connections and says nothing.
            began = time.monotonic()
            await until_away(client)
            assert time.monotonic() - began < 3 * TIMEOUT_S + 5
            assert "perps_database_up 0.0" in (await client.get("/metrics")).text
            answer = await client.get("/api/v1/trades")
            assert (answer.status, answer.error["code"] in ("too_busy", "too_slow", "database_unavailable")) == (
                503,
                True,
            )
            assert (await client.get("/health")).status == 200

            for pid in tree:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await until(client, "/status", 200)
            assert "perps_database_up 1.0" in (await client.get("/metrics")).text
            assert not is_away(await client.get("/ready"))
            await until(client, "/api/v1/trades", 200)
            assert len(await client.rows("trades")) == 1
