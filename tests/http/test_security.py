"""Who may ask, and what an answer gives away: names that are not ours, other origins, writing, secrets."""

from __future__ import annotations

import asyncpg
import pytest

from indexer.http import reader
from indexer.http.security import HEADERS
from indexer.http.tables import TABLES
from indexer.http.trouble import Trouble
from indexer.store.coordination import ProviderHealth
from indexer.store.postgres import open_store
from tests.http.answers import serving, settings_for

OURS = ["127.0.0.1", "127.0.0.1:9464", "localhost:9464", "LocalHost.", "[::1]:9464", "10.0.0.7", "indexer:9464"]
STRANGE = [
    "evil.example",
    "evil.example:9464",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "a b",
    "[x]",
    ":1",
]
PATHS = ["/health", "/metrics", "/api/v1/", "/api/v1/trades?x", "/nosuch", "/", "/coverage"]


@pytest.mark.parametrize("path", PATHS)
async def test_only_our_names_are_answered(database_url: str, path: str) -> None:
    async with serving(settings_for(database_url, hosts=["indexer"]), database_url) as client:
        for host in OURS:
            assert (await client.get(path, Host=host)).status != 403, host
        for host in STRANGE:
            answer = await client.get(path, Host=host)
            assert (answer.status, answer.error["code"]) == (403, "host_not_allowed"), host
            assert "[http] hosts" in answer.error["remedy"]


async def test_every_answer_has_the_same_policy(database_url: str) -> None:
    async with serving(settings_for(database_url), database_url) as client:
        for path in PATHS:
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                headers = (await client.get(path, method=method)).headers
                assert {name: headers.get(name) for name in HEADERS} == HEADERS
                assert headers["Cache-Control"] in ("no-store", "no-cache"), "nothing is kept unasked"
        stranger = await client.get("/health", Host="evil.example")
        assert stranger.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


async def test_only_reading_methods_are_answered(database_url: str) -> None:
    async with serving(settings_for(database_url), database_url) as client:
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            for path in PATHS:
                answer = await client.get(path, method=method)
                assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
        assert (await client.get("/health", method="HEAD")).status == 200
        assert (await client.get("/health", method="OPTIONS")).status == 204


async def test_what_is_no_http_is_no_error_of_ours(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(settings_for(database_url), database_url) as client:
        assert (await client.get("/health", method="NOSUCH")).status == 400
    said = [record.getMessage() for record in caplog.records if "http_served" not in record.getMessage()]
    assert not said, "a stranger could fill the log"


async def test_another_origin_reads_answers_only_where_the_settings_name_it(database_url: str) -> None:
    ours, strange = "https://dashboards.example", "https://evil.example"
    for allowed, origin, granted in (
        ([], ours, None), ([ours], ours, ours), ([ours], strange, None), (["*"], strange, strange)
    ):  # fmt: skip
        async with serving(settings_for(database_url, cors_origins=allowed), database_url) as client:
            for method in ("GET", "OPTIONS"):
                answer = await client.get("/health", method=method, Origin=origin)
                assert answer.headers.get("Access-Control-Allow-Origin") == granted
                assert "Access-Control-Allow-Credentials" not in answer.headers
            assert ("Access-Control-Allow-Methods" in answer.headers) == (granted is not None)


async def test_a_session_of_the_server_cannot_write_and_sees_no_table(database_url: str) -> None:
    async with reader.open_reader(database_url, most=1, statement_timeout_s=5.0) as pool, pool.acquire() as session:
        assert await session.fetchval("SELECT current_user") == reader.ROLE
        for statement, error in (
            ("CREATE TEMP TABLE mine ()", asyncpg.ReadOnlySQLTransactionError),
            ("SELECT FROM ledger.trades", asyncpg.InsufficientPrivilegeError),
            ("SELECT nextval('ledger.settlements_id_seq')", asyncpg.PostgresError),
        ):
            with pytest.raises(error):
                await session.execute(statement)


async def test_a_statement_ends_after_its_time(database_url: str) -> None:
    async with reader.open_reader(database_url, most=1, statement_timeout_s=0.05) as pool:
        with pytest.raises(Trouble, match="longer than it may"):
            async with reader.session(pool) as session:
                await session.execute("SELECT pg_sleep(30)")


async def test_no_answer_holds_a_secret(database_url: str) -> None:
    """Of the settings, of the database's address, and what a ledger should not hold but might."""
    secret = "sesame0123456789abcdef"
    health = ProviderHealth(
        endpoint=f"https://{secret}@rpc.example", method="getBlock", requests=1, errors=1, rate_limited=0,
        last_error=f"GET https://rpc.example/?api-key={secret} failed",
    )  # fmt: skip
    async with open_store(database_url) as store:
        await store.report_health("a", [health])
    password = database_url.partition("://")[2].partition("@")[0].rpartition(":")[2]
    async with serving(settings_for(database_url), database_url) as client:
        paths = [*PATHS, "/status", "/ready", "/api/v1/openapi.json", *(f"/api/v1/{name}" for name in TABLES)]
        for path in paths:
            answer = await client.get(path)
            assert secret not in answer.text, path
            assert not password or password not in answer.text
    unreachable = f"postgresql://u:{secret}@127.0.0.1:1/x"
    async with serving(settings_for(unreachable), unreachable) as client:
        for path in paths:
            answer = await client.get(path)
            assert secret not in answer.text
            assert "127.0.0.1:1" not in answer.text
