"""The JSON API: every view as a table, every row once, every digit; and what does not fit is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from indexer.http.tables import TABLES, Table
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from tests.http.answers import Client, serving, settings_for
from tests.store.ledger import origin, page, trade

VIEWS = "SELECT relname::text FROM pg_class WHERE relnamespace = 'perps'::regnamespace AND relkind IN ('v', 'm')"
pytestmark = pytest.mark.asyncio(loop_scope="module")

EMPTY = {
    "actions",
    "cluster",
    "differences",
    "workers",
    "backfill",
    "endpoint_shares",
}  # Nothing says so in this ledger.


async def every_row(client: Client, path: str) -> list[dict[str, Any]]:
    """Page by page."""
    found, following = [], ""
    while following is not None:
        answer = await client.get(f"/api/v1/{path}{following}")
        assert answer.status == 200, answer.text
        found += answer.json["rows"]
        cursor = answer.json["next"]
        following = None if cursor is None else f"&cursor={cursor}"
    return found


def plain(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


async def test_every_view_is_a_table_of_the_api_and_nothing_else_is(client: Client, world_url: str) -> None:
    async with connected(world_url) as connection:
        views = {row[0] for row in await connection.fetch(VIEWS)}
    assert set(TABLES) == views
    listed = (await client.get("/api/v1/")).json["tables"]
    assert {row["name"] for row in listed} == views
    assert all(row["description"] for row in listed)


async def test_the_ledger_of_these_tests_has_rows_in_nearly_every_table(client: Client) -> None:
    bare = {name for name in TABLES if not await client.rows(f"{name}?limit=1")}
    assert bare <= EMPTY


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_pages_give_every_row_once_in_both_orders(client: Client, world_url: str, table: Table) -> None:
    async with connected(world_url) as connection:
        count = await connection.fetchval(f'SELECT count(*) FROM perps."{table.name}"')
    limit = max(1, count // 7)
    down = await every_row(client, f"{table.name}?limit={limit}")
    up = await every_row(client, f"{table.name}?limit={limit}&order=asc")
    assert len(down) == count
    assert up == down[::-1]


async def test_rows_that_come_meanwhile_neither_double_nor_hide_others(database_url: str) -> None:
    async with open_store(database_url) as store, serving(settings_for(database_url), database_url) as client:
        await store.write(page(*(trade(origin(100 + n)) for n in range(4))))
        first = (await client.get("/api/v1/trades?limit=2")).json
        await store.write(page(trade(origin(100, tx=2)), trade(origin(200))))
        second = (await client.get(f"/api/v1/trades?limit=2&cursor={first['next']}")).json
        third = (await client.get(f"/api/v1/trades?limit=2&cursor={second['next']}")).json
    assert [row["slot"] for answer in (first, second, third) for row in answer["rows"]] == [103, 102, 101, 100, 100]


async def test_values_are_what_postgresql_writes(client: Client, world_url: str) -> None:
    async with connected(world_url) as connection:
        for name, column in (("trades", "size_usd"), ("tvl_daily", "known_fraction"), ("parameters", "value")):
            texts = await connection.fetch(f"SELECT {column}::text AS text FROM perps.{name}")
            rows = await every_row(client, f"{name}?limit=500")
            assert plain([{column: row[column]} for row in rows]) == plain([{column: row["text"]} for row in texts])


async def test_times_end_with_z_and_bytes_that_stand_beside_their_text_are_left_out(client: Client) -> None:
    (row,) = await client.rows("trades?limit=1&settled=true")
    assert row["block_time"].endswith("Z")
    assert datetime.fromisoformat(row["block_time"])
    assert "trader_bytes" not in row
    (failed,) = await client.rows("failures?limit=1")
    assert bytes.fromhex(failed["discriminator"]) == b"12345678"


async def test_a_filter_gives_exactly_the_rows_with_its_value(client: Client) -> None:
    rows = await every_row(client, "trades?limit=500")
    for name in ("protocol", "market", "trader", "direction", "is_liquidation", "settled"):
        value = next(row[name] for row in rows if row[name] is not None)
        text = str(value).lower() if isinstance(value, bool) else value
        found = await every_row(client, f"trades?limit=500&{name}={text}")
        assert plain(found) == plain([row for row in rows if row[name] == value])
        assert len(found) < len(rows)


@pytest.mark.parametrize("name", ["trades", "price_observations", "market_volume_hourly", "volume_daily"])
async def test_from_is_in_the_span_and_to_is_not(client: Client, name: str) -> None:
    rows, column = await every_row(client, f"{name}?limit=500"), TABLES[name].time
    assert column is not None
    known = sorted({row[column] for row in rows if row[column] is not None})
    begin, end = known[len(known) // 3], known[2 * len(known) // 3]
    found = await every_row(client, f"{name}?limit=500&from={begin}&to={end}")
    assert plain(found) == plain([row for row in rows if row[column] is not None and begin <= row[column] < end])
    assert found


async def test_where_no_block_time_of_a_slot_is_known_the_time_still_counts(database_url: str) -> None:
    async with open_store(database_url) as store, serving(settings_for(database_url), database_url) as client:
        await store.write(page(trade(origin(100))))
        assert len(await client.rows("trades?from=2023-11-15&to=2023-11-16")) == 1
        assert await client.rows("trades?to=2023-11-15") == []


BAD = {
    "limit=0": "from 1 to 1000",
    "limit=1001": "from 1 to 1000",
    "limit=ten": "from 1 to 1000",
    "limit=%D9%A1": "from 1 to 1000",
    "limit=1&limit=2": "give it once",
    "order=up": "desc, asc",
    "protocol=dydx": "drift, gmx_solana, jupiter_perps",
    "settled=yes": "true or false",
    "trader=0OIl": "base58",
    "market=": "1 to 100 characters",
    "market=a%00b": "1 to 100 characters",
    "from=yesterday": "2026-01-31",
    "from=2026-02-30": "2026-01-31",
    "from=2026-01-31T10:00:00": "with its zone",
    "cursor=x": "`next` of the page before",
    "cursor=": "`next` of the page before",
    "colour=red": "name one of limit, order, cursor, from, to",
    "trader_bytes=1": "name one of",
}


@pytest.mark.parametrize("query", BAD)
async def test_a_parameter_that_does_not_fit_is_named_with_what_fits(client: Client, query: str) -> None:
    answer = await client.get(f"/api/v1/trades?{query}")
    assert (answer.status, answer.error["code"]) == (400, "bad_parameter")
    assert BAD[query] in answer.error["remedy"]


async def test_a_cursor_of_another_question_is_refused(client: Client) -> None:
    cursor = (await client.get("/api/v1/trades?limit=1")).json["next"]
    for path in (f"swaps?cursor={cursor}", f"trades?order=asc&cursor={cursor}"):
        answer = await client.get(f"/api/v1/{path}")
        assert (answer.status, answer.error["code"]) == (400, "bad_parameter")


async def test_a_page_has_no_more_rows_than_the_settings_allow(world_url: str) -> None:
    async with serving(settings_for(world_url, max_rows=3), world_url) as client:
        assert len(await client.rows("trades")) == 3
        assert (await client.get("/api/v1/trades?limit=4")).status == 400


@pytest.mark.parametrize("path", ["/api/v1/nosuch", "/api/v2/", "/api/v1/trades/1", "/nosuch", "/api"])
async def test_what_is_not_there_is_told_in_json(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, answer.error["code"]) == (404, "not_found")


async def test_a_database_of_before_is_sent_to_migrate(empty_database_url: str) -> None:
    async with serving(settings_for(empty_database_url), empty_database_url) as client:
        for path in ("/api/v1/trades", "/status"):
            answer = await client.get(path)
            assert (answer.status, answer.error["code"]) == (503, "schema_outdated")
            assert answer.error["remedy"] == "perps-indexer migrate"
        assert (await client.get("/ready")).json["lacking"][0]["remedy"] == "perps-indexer migrate"
