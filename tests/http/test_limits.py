"""Bounds: how much a client can hold, and that whoever watches is answered beside whoever floods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from indexer.http import limits
from indexer.store.connection import connected
from tests.http.answers import Client, serving, settings_for

SLOW = """
CREATE OR REPLACE VIEW perps.version AS
SELECT '0' AS version, 0 AS migration FROM pg_sleep(%d) AS slept
"""
ASKED = 200
WATCHING = ["/health", "/ready", "/status", "/metrics"]


@pytest.fixture
async def slow_url(database_url: str) -> str:
    """A ledger in which one table takes half a minute."""
    async with connected(database_url) as connection:
        await connection.execute(SLOW % 30)
    return database_url


@asynccontextmanager
async def flooded(client: Client, count: int) -> AsyncIterator[list[asyncio.Task[int]]]:
    """Requests of the slow table that are on their way."""

    async def ask() -> int:
        return (await client.get("/api/v1/version")).status

    await client.get("/api/v1/")  # So that none of them asks for the catalogue.
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(ask()) for _ in range(count)]
        await asyncio.sleep(0.3)
        yield asking
        for task in asking:
            task.cancel()


async def test_a_query_that_takes_too_long_is_given_up(slow_url: str) -> None:
    async with serving(settings_for(slow_url, statement_timeout_s=0.2), slow_url) as client:
        answer = await client.get("/api/v1/version")
        assert (answer.status, answer.error["code"]) == (503, "too_slow")
        assert answer.headers["Retry-After"]


async def test_who_comes_when_it_is_full_is_told_to_come_back(slow_url: str) -> None:
    async with serving(settings_for(slow_url, max_requests=3, pool_max=3), slow_url) as client:
        async with flooded(client, 3):
            answer = await client.get("/api/v1/")
            assert (answer.status, answer.error["code"]) == (503, "too_busy")
            assert answer.headers["Retry-After"]
            assert "perps_http_requests_refused_total 1.0" in (await client.get("/metrics")).text
        await asyncio.sleep(0.1)
        assert (await client.get("/api/v1/")).status == 200, "room came back"


async def test_whoever_floods_does_not_keep_those_waiting_who_watch(slow_url: str) -> None:
    async with serving(settings_for(slow_url, max_requests=16, pool_max=2), slow_url) as client, flooded(client, 16):
        for path in WATCHING:
            async with asyncio.timeout(3.0):
                assert (await client.get(path)).status == (503 if path == "/ready" else 200)


async def test_who_finds_no_free_connection_is_told_soon(slow_url: str) -> None:
    async with serving(settings_for(slow_url, pool_max=1), slow_url) as client, flooded(client, 1):
        answer = await client.get("/api/v1/trades")
        assert (answer.status, answer.error["code"]) == (503, "too_busy")


async def test_a_query_ends_when_its_asker_has_gone(slow_url: str) -> None:
    async with serving(settings_for(slow_url, pool_max=1), slow_url) as client:
        async with flooded(client, 1):
            pass
        assert (await client.get("/api/v1/trades")).status == 200


async def test_a_line_or_header_that_is_too_long_is_refused(database_url: str) -> None:
    async with serving(settings_for(database_url), database_url) as client:
        assert (await client.get("/api/v1/trades?cursor=" + "x" * 5000)).status == 400
        assert (await client.get("/health", X="x" * 10_000)).status == 400
        assert (await client.get("/health")).status == 200


async def test_a_connection_without_a_request_is_closed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SILENT_S", 0.5)
    monkeypatch.setattr(limits, "_LOOK_EVERY_S", 0.1)
    async with serving(settings_for(database_url), database_url) as client:
        place = urlsplit(client.address)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(b"GET /health HTT")
        async with asyncio.timeout(10.0):
            assert await reader.read() == b""
        writer.close()


async def test_a_slow_query_is_no_silence(slow_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SILENT_S", 0.2)
    monkeypatch.setattr(limits, "_LOOK_EVERY_S", 0.05)
    async with serving(settings_for(slow_url, statement_timeout_s=1.0), slow_url) as client:
        assert (await client.get("/api/v1/version")).status == 503


async def test_an_answer_that_nobody_takes_is_given_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNREAD_S", 0.5)
    monkeypatch.setattr(limits, "_LOOK_EVERY_S", 0.1)
    async with serving(settings_for(database_url), database_url) as client:
        whole, place = len((await client.get("/api/v1/openapi.json")).body), urlsplit(client.address)
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1)
        writer.write(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * ASKED)
        await asyncio.sleep(2.0)
        taken = 0
        with suppress(ConnectionError):
            while some := await reader.read(1 << 20):
                taken += len(some)
        assert taken < ASKED * whole / 2
        writer.close()


async def test_more_connections_than_there_may_be_are_closed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_CONNECTIONS", 2)
    monkeypatch.setattr(limits, "_LOOK_EVERY_S", 0.1)
    async with serving(settings_for(database_url), database_url) as client:
        place = urlsplit(client.address)
        opened = [await asyncio.open_connection(place.hostname, place.port) for _ in range(5)]
        await asyncio.sleep(0.5)
        closed = [reader.at_eof() or reader.exception() is not None for reader, _ in opened]
        assert sum(closed) == 3
        for _, writer in opened:
            writer.close()
