"""`status` and `gaps`: what people read, what programs read, and what is said of a ledger that nobody used."""

import json
from datetime import UTC, datetime

import pytest

from indexer.core.coverage import Span
from indexer.report import daemons as report
from indexer.store.coordination import ProviderHealth
from indexer.store.postgres import open_store
from tests.store.ledger import NOON, failure, origin, page, trade
from tests.unit.test_cli_frame import refused, run

HEALTH = ProviderHealth(endpoint="https://rpc.example", method="getBlock", requests=10, errors=2, rate_limited=1)


@pytest.fixture
async def url(emptied_database_url):
    """A daemon that is at work, and a backfill of another protocol."""
    async with open_store(emptied_database_url) as store:
        await store.want_from(["drift"], 100)
        await store.observe_head(["drift"], "a", finalized=310, confirmed=340)
        await store.write(page(trade(origin(105)), settled=(100, 200), slot_times={100: NOON}, endpoint="rpc.example"))
        await store.write(page(failure(origin(250)), settled=(250, 300), endpoint="rpc.example"))
        await store.write(page(unavailable={"drift": [Span(220, 225)]}))
        await store.ask(["gmx_solana"], [Span(5, 10)])
        await store.report_health("a", [HEALTH])
    return emptied_database_url


def printed(*arguments: str, url: str) -> str:
    done = run(*arguments, DATABASE_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def status(url: str) -> str:
    return report.status(*await report.read_status(url, timeout_s=5))


async def gaps(url: str) -> str:
    streams, _ = await report.read_status(url, timeout_s=5)
    return report.gaps(await report.read_gaps(url, timeout_s=5), streams)


async def test_status_is_a_block_for_each_protocol_and_a_table_of_endpoints(url):
    drift, gmx, providers = (await status(url)).split("\n\n")
    settled_at = drift.splitlines()[-1].split()[2]
    assert datetime.fromisoformat(settled_at).tzinfo is UTC
    heard = drift.splitlines()[0].split("heard ")[1].split()[0]
    assert drift.splitlines() == [
        f"drift: a daemon is at work, heard {heard} s ago",
        "  settled       100 to 199 without a gap, newest 299",
        "  head          finalized 310, confirmed 340; 11 slots (4.4 s) behind it",
        "  missing       56 slots, the oldest gap at 200 (about 2023-11-15T12:00:40Z)",
        "  unavailable   5 slots",
        "  rows          0 provisional; 1 payloads could not be read, 1 unknown layouts (perps.unknown_events)",
        f"  last settled  {settled_at} by test from rpc.example",
    ]
    assert gmx.splitlines() == [
        "gmx_solana: no daemon was ever at work",
        "  settled       nothing",
        "  head          not known",
        "  missing       5 slots, the oldest gap at 5 (about 2023-11-15T11:59:22Z)",
        "  unavailable   none",
        "  rows          0 provisional; 0 payloads could not be read",
        "  last settled  never",
    ]
    names, row = (line.split() for line in providers.splitlines())
    assert names[:5] == ["endpoint", "method", "requests", "errors", "rate_limited"]
    assert row[:5] == ["https://rpc.example", "getBlock", "10", "2", "1"]


async def test_gaps_are_a_line_each_and_sums(url):
    lines = [" ".join(line.split()) for line in (await gaps(url)).splitlines()]
    assert lines == [
        "protocol first_slot last_slot slots state about from to",
        "drift 200 219 20 missing 2023-11-15T12:00:40Z 2023-11-15T12:00:47Z",
        "drift 220 224 5 unavailable 2023-11-15T12:00:48Z 2023-11-15T12:00:49Z",
        "drift 225 249 25 missing 2023-11-15T12:00:50Z 2023-11-15T12:00:59Z",
        "drift 300 310 11 missing (at the head) 2023-11-15T12:01:20Z 2023-11-15T12:01:24Z",
        "gmx_solana 5 9 5 missing 2023-11-15T11:59:22Z 2023-11-15T11:59:23Z",
        "drift: 56 slots missing",
        "drift: 5 slots unavailable",
        "gmx_solana: 5 slots missing",
    ]


async def test_without_gaps_one_line_says_why(emptied_database_url):
    assert await gaps(emptied_database_url) == report.NOTHING_YET
    async with open_store(emptied_database_url) as store:
        await store.write(page(settled=(100, 200)))
        assert "nothing is wanted yet" in await gaps(emptied_database_url)
        await store.ask(["drift"], [Span(150, 160)])
        assert await gaps(emptied_database_url) == "no gaps: every wanted slot is settled\n"
        assert "missing       none" in await status(emptied_database_url)


async def test_a_daemon_that_left_is_not_at_work(url):
    async with open_store(url) as store:
        await store.leave("a")
    assert "drift: no daemon is at work, heard" in await status(url)


def test_the_commands_print_text_and_json(url):
    assert printed("status", url=url).startswith("drift: a daemon is at work")
    found = json.loads(printed("status", "--json", url=url))
    (drift, gmx), (provider,) = found["protocols"], found["providers"]
    assert (drift["settled_to"], drift["lag_slots"], drift["lag_s"], drift["alive"]) == (199, 11, "4.4", True)
    assert (gmx["protocol"], gmx["asked_slots"], provider["requests"]) == ("gmx_solana", 5, 10)
    (gap,) = json.loads(printed("gaps", "--protocol", "gmx_solana", "--json", url=url))
    assert gap == {
        "protocol": "gmx_solana", "state": "missing", "first_slot": 5, "last_slot": 9, "slots": 5,
        "from_time": "2023-11-15T11:59:22Z", "to_time": "2023-11-15T11:59:23.600000Z", "at_head": False,
    }  # fmt: skip


def test_a_protocol_that_there_is_not_is_named_with_those_there_are(emptied_database_url):
    line = refused(run("gaps", "--protocol", "nosuch", DATABASE_URL=emptied_database_url))
    assert "no protocol 'nosuch' (name one of drift, jupiter_perps, gmx_solana)" in line


def test_nothing_yet_is_one_line_and_no_error(emptied_database_url):
    assert printed("status", url=emptied_database_url) == report.NOTHING_YET
    assert json.loads(printed("gaps", "--json", url=emptied_database_url)) == []


def test_a_database_of_before_is_sent_to_migrate(empty_database_url):
    assert "perps-indexer migrate" in refused(run("status", DATABASE_URL=empty_database_url))
