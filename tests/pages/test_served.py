"""Pages over a real ledger: each is whole and says what the ledger says, or it says why it is not there."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from indexer.http.pages import asking, assets
from indexer.report import examples
from indexer.store.connection import connected
from tests.conftest import in_database
from tests.pages.reading import Reading
from tests.pages.served import served

pytestmark = pytest.mark.asyncio(loop_scope="module")

GM, SOL = "/market/gmx_solana/gm1", "/market/jupiter_perps/sol"
OF_DAYS = ["/", "/protocol/gmx_solana", "/protocol/jupiter_perps", "/protocol/drift", GM, SOL, "/liquidations"]
PAGES = [*OF_DAYS, "/coverage", "/examples", "/examples/top_traders"]
CHARTS = {
    "/": "/charts/overview.json", "/protocol/drift": "/charts/protocol/drift.json",
    GM: "/charts/market/gmx_solana/gm1.json", "/liquidations": "/charts/liquidations.json",
}  # fmt: skip

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


class Visitor:
    """Somebody who asks for pages."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        """(status, body, headers)."""
        async with self._session.get(path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    async def read(self, path: str) -> Reading:
        status, text, _ = await self.get(path)
        assert status == 200, text
        return Reading(text)


@asynccontextmanager
async def visiting(url: str, **http: Any) -> AsyncIterator[Visitor]:
    async with served(url, **http) as address, aiohttp.ClientSession(address) as session:
        yield Visitor(session)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visitor(week_url: str) -> AsyncIterator[Visitor]:
    """Of the ledger of a week; the server takes the role that sees views alone."""
    async with visiting(week_url) as one:
        yield one


# --- what pages say


async def test_the_overview_says_what_the_report_says(visitor: Visitor) -> None:
    texts = set((await visitor.read("/")).texts)
    assert {"GMX-Solana", "Jupiter Perps", "Drift", "mean daily volume", "1,286", "unknown", "93.33"} <= texts
    assert {"5 of 7 days full", "7 of 7 days full", "Drift: no trade since 2023-11-16."} <= texts
    assert any("Not fully covered: GMX-Solana 2023-11-19 (50.0 % seen)" in text for text in texts)


async def test_a_protocol_says_what_was_seen_of_each_of_its_days(visitor: Visitor) -> None:
    texts = (await visitor.read("/protocol/gmx_solana")).texts
    days = texts[texts.index("2023-11-23", texts.index("seen")) :]
    assert days[:3] == ["2023-11-23", "full", "100.00"]
    assert days[days.index("2023-11-19") + 1] == "50.0 %"
    assert "gm1" in texts


async def test_a_market_is_found_by_its_key(visitor: Visitor) -> None:
    texts = (await visitor.read(SOL)).texts
    assert texts[texts.index("net volume", texts.index("Day by day")) :]
    assert "3,000" in texts
    assert {"key", "sol"} <= set(texts)


async def test_liquidations_are_there_by_kind_market_and_one_by_one(visitor: Visitor) -> None:
    texts = (await visitor.read("/liquidations")).texts
    assert texts.count("100.00") >= 4
    assert {"perp", "gm1", "settled", "2023-11-22"} <= set(texts)


async def test_coverage_shows_gaps_and_what_waits(visitor: Visitor) -> None:
    read = await visitor.read("/coverage")
    assert len([one for one in read.of("svg") if one.get("role") == "img"]) == 3
    assert any(one.get("class") == "settled" for one in read.of("rect"))
    assert {"How far it is", "Everything could be read.", "perps.volume_daily"} <= set(read.texts)


@pytest.mark.parametrize("name", examples.names())
async def test_every_example_is_there_with_its_sql_and_its_answer(name: str, visitor: Visitor) -> None:
    texts = (await visitor.read(f"/examples/{name}")).texts
    assert {examples.question(name), "Answer", "SQL"} <= set(texts)
    assert " ".join(examples.example(name).split()) in texts


# --- what all of them keep


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_asks_nobody_else_and_runs_nothing_of_its_own(path: str, visitor: Visitor) -> None:
    read = await visitor.read(path)
    assert not [name for _, attributes in read.tags for name in attributes if name == "style" or name.startswith("on")]
    assert not read.of("style")
    assert all(one["src"].startswith("/static/") for one in read.of("script"))
    links = [*read.values("href"), *read.values("src"), *read.values("data-charts"), *read.values("data-vega")]
    assert all(re.match(r"/(?!/)|[?#]|$", link) for link in links), links


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_can_be_read_by_those_who_do_not_see_it(path: str, visitor: Visitor) -> None:
    read = await visitor.read(path)
    assert read.open == []
    assert read.of("html")[0]["lang"] == "en"
    assert len(read.of("h1")) == len(read.of("main")) == 1
    assert len(read.of("caption")) == len(read.of("table"))
    assert {one["scope"] for one in read.of("th")} <= {"col", "row"}
    assert all(one.get("aria-label") for _, one in read.tags if one.get("role") in ("img", "group"))
    assert len(read.values("id")) == len(set(read.values("id")))


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_within_the_pages_leads_somewhere(path: str, visitor: Visitor) -> None:
    read = await visitor.read(path)
    here = set(read.values("id"))
    for link in {one["href"] for one in [*read.of("a"), *read.of("link")]}:
        if link.startswith("#"):
            assert link[1:] in here, link
        elif link and not link.startswith("?"):
            assert (await visitor.get(link))[0] == 200, link


@pytest.mark.parametrize("path", OF_DAYS)
async def test_days_are_chosen_by_links_and_a_form(path: str, visitor: Visitor) -> None:
    read = await visitor.read(f"{path}?from=2023-11-20&to=2023-11-22")
    assert "2023-11-20 to 2023-11-22" in read.texts
    assert [one["value"] for one in read.of("input")] == ["2023-11-20", "2023-11-22"]
    assert "2023-11-17 to 2023-11-23" in (await visitor.read(f"{path}?window=7d")).texts


@pytest.mark.parametrize("path", CHARTS)
async def test_what_a_page_draws_is_what_it_has_words_for(path: str, visitor: Visitor) -> None:
    read = await visitor.read(f"{path}?window=30d")
    assert read.values("data-charts") == [f"{CHARTS[path]}?window=30d"]
    status, text, headers = await visitor.get(read.values("data-charts")[0])
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert list(json.loads(text)) == read.values("data-chart")
    assert all("Last known: " in one["aria-label"] for one in read.of("div") if "data-chart" in one)


async def test_a_page_that_did_not_change_is_not_sent_again(visitor: Visitor) -> None:
    _, _, headers = await visitor.get("/protocol/drift")
    assert headers["Cache-Control"] == "no-cache"
    status, text, again = await visitor.get("/protocol/drift", **{"If-None-Match": headers["ETag"]})
    assert (status, text, again["ETag"]) == (304, "", headers["ETag"])
    assert (await visitor.get("/protocol/drift?window=30d", **{"If-None-Match": headers["ETag"]}))[0] == 200


@pytest.mark.parametrize("name", sorted(assets._FILES))
async def test_files_are_kept_for_good_and_packed_for_those_who_can_unpack(name: str, visitor: Visitor) -> None:
    status, text, headers = await visitor.get(assets.address(name), **{"Accept-Encoding": "gzip"})
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert headers["Content-Encoding"] == "gzip"
    assert text == (await visitor.get(assets.address(name), **{"Accept-Encoding": "identity"}))[1]
    assert (await visitor.get("/static/" + name))[0] == 404


# --- what is said instead


@pytest.mark.parametrize(
    "path", ["/protocol/other", "/market/drift/nothing", "/market/other/perp:0", "/examples/nothing"]
)
async def test_what_is_not_there_is_a_page_that_says_so(path: str, visitor: Visitor) -> None:
    status, text, _ = await visitor.get(path)
    assert status == 404
    assert {"Nothing is here", "Overview"} <= set(Reading(text).texts)


@pytest.mark.parametrize("path", ["/nothing", "/nothing/of/the/kind", "/coverage/", "/charts/nothing.json"])
async def test_an_address_of_nothing_is_a_page_for_browsers_and_json_for_programs(path: str, visitor: Visitor) -> None:
    status, text, headers = await visitor.get(path, Accept=BROWSER)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (404, "text/html; charset=utf-8", "no-store")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert {"Nothing is here", "Overview"} <= set(Reading(text).texts)
    status, text, _ = await visitor.get(path)
    assert (status, json.loads(text)["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/nothing/more"])
async def test_the_api_says_json_to_browsers_too(path: str, visitor: Visitor) -> None:
    status, text, _ = await visitor.get(path, Accept=BROWSER)
    assert (status, json.loads(text)["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("window=0d", "window='0d' is not 1d to 400d."),
        ("from=now", "from='now' is no day."),
        ("to=2020-01-01", "no day up to 2020-01-01 is fully covered."),
        ("from=2023-12-01", "no day from 2023-12-01 on is fully covered."),
    ],
)
@pytest.mark.parametrize("path", ["/", "/protocol/drift", "/liquidations", SOL])
async def test_days_that_cannot_be_shown_are_refused_with_the_reason(
    path: str, query: str, says: str, visitor: Visitor
) -> None:
    status, text, headers = await visitor.get(f"{path}?{query}")
    assert (status, headers["Cache-Control"]) == (400, "no-store")
    assert says in Reading(text).texts


async def test_an_empty_ledger_says_what_to_do(database_url: str) -> None:
    async with visiting(database_url) as visitor:
        for path in ("/", "/protocol/drift", "/liquidations"):
            assert "Nothing to show yet" in (await visitor.read(path)).texts
        assert (await visitor.get("/charts/overview.json"))[0] == 404
        assert any("starts with the last seven days" in text for text in (await visitor.read("/coverage")).texts)
        assert "No rows: nothing of this kind was indexed yet." in (await visitor.read("/examples/top_traders")).texts


async def test_a_simulated_ledger_says_so_on_every_page(database_url: str) -> None:
    async with connected(database_url) as owner:
        await owner.execute("INSERT INTO ledger.cluster (genesis_hash, name) VALUES ('Box1111', 'mainnet-beta')")
    async with visiting(database_url) as visitor:
        for path in (*PAGES, "/nothing/of/the/kind", "/protocol/other", "/?window=x"):
            status, text, _ = await visitor.get(path, Accept=BROWSER)
            assert "Simulated." in Reading(text).texts, (path, status)
            assert "mainnet-beta" not in text


async def test_a_query_that_is_too_slow_gives_a_page_that_says_so(visitor: Visitor, week_url: str) -> None:
    async with visiting(week_url, statement_timeout_s=0.001) as hurried:
        for path in ("/", "/coverage"):
            status, text, headers = await hurried.get(path)
            assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "5", "no-store")
            assert "Refresh" not in headers  # Every open page would ask the slow query again and again.
            read = Reading(text)
            assert "The database took too long" in read.texts
            assert read.open == []
            assert not read.of("table")
        status, text, _ = await hurried.get("/charts/overview.json")
        assert (status, "time limit" in json.loads(text)["error"]) == (503, True)


async def test_a_query_that_fails_half_way_gives_no_half_page(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = asking._text
    monkeypatch.setattr(
        asking, "_text", lambda name: "SELECT * FROM perps.nothing" if name == "lp_yields" else true(name)
    )
    status, text, _ = await visitor.get("/")
    assert status == 503
    assert "The ledger is not ready" in Reading(text).texts
    assert not Reading(text).of("table")


async def test_a_database_that_is_away_or_not_migrated_is_told(week_url: str) -> None:
    async with visiting("postgresql://nobody:secret@127.0.0.1:1/none") as visitor:
        status, text, headers = await visitor.get("/")
        assert (status, "The database is away" in Reading(text).texts, "secret" in text) == (503, True, False)
        assert headers["Refresh"] == "5"
        status, text, _ = await visitor.get("/nothing", Accept=BROWSER)
        assert (status, "Nothing is here" in Reading(text).texts) == (404, True)
    async with visiting(in_database(week_url, "postgres")) as visitor:
        status, text, _ = await visitor.get("/coverage")
        assert (status, "The ledger is not ready" in Reading(text).texts) == (503, True)
