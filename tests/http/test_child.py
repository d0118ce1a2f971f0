"""The server as the daemon's child: it comes back, ends with the daemon, and nothing asked of it stops indexing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as metrics_of

from indexer.config import handed_over, load, taken_over
from indexer.errors import ConfigError
from indexer.http.listening import listen
from indexer.simulation.build import build_chain
from indexer.simulation.profile import Profile
from indexer.store.connection import connected
from tests.conftest import in_thread
from tests.http.answers import settings_for
from tests.http.test_limits import SLOW
from tests.http.test_outages import children
from tests.ingest.served import SECRET, Served, served
from tests.ingest.test_run import HISTORY, SLOTS, STOP_S, Running, counted, running
from tests.unit.test_cli_frame import clean, refused, run

PATIENCE_S = 60.0
FLOOD = 24


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    chain = build_chain(12, Profile(slots=SLOTS, transactions=0.5))
    with served(chain, start_slot=chain.first_slot + HISTORY) as cluster:
        cluster.clock.run()
        yield cluster


def settings(cluster: Served, url: str, **more: str) -> dict[str, str]:
    """A daemon that serves on any free port, and has history to fill for longer than a test takes."""
    given = cluster.settings(url, PERPS_RUN__START_SLOT=str(cluster.chain.first_slot))
    ways = {"PERPS_STRATEGY__DEEP": '["blocks"]', "PERPS_STRATEGY__RECENT_SLOTS": "60"}
    return {**given, **ways, "PERPS_HTTP__ENABLED": "true", "PERPS_HTTP__PORT": "0", **more}


def address(daemon: Running) -> str:
    daemon.until(lambda: bool(daemon.said("http_served")))
    return str(daemon.said("http_served")[-1]["address"])


def asked(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scraped(place: str) -> dict[str, float]:
    """Sums over labels."""
    sums: dict[str, float] = {}
    for family in metrics_of(asked(f"{place}metrics")[1]):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
    return sums


def servers(pid: int) -> list[int]:
    return [one for one in children(pid) if b"indexer.http" in Path(f"/proc/{one}/cmdline").read_bytes()]


def soon(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_daemon_serves_what_it_knows_and_goes_on_when_its_server_is_killed(
    cluster: Served, emptied_database_url: str, tmp_path: Path
) -> None:
    with running(settings(cluster, emptied_database_url), tmp_path / "log") as daemon:
        place = address(daemon)
        soon(lambda: scraped(place).get("perps_events_total", 0) > 0)
        soon(lambda: scraped(place)["perps_backfill_slots_per_second"] > 0)
        found = scraped(place)
        assert found["perps_requests_total"] > 0
        assert found["perps_pool_connections"] > 0
        assert found["process_resident_memory_bytes"] > 1e7
        assert found["perps_http_process_resident_memory_bytes"] > 1e7
        assert json.loads(asked(f"{place}status")[1])["fed"] is True
        assert asked(f"{place}ready")[0] == 503, "history is missing"
        assert SECRET not in asked(f"{place}metrics")[1] + asked(f"{place}status")[1]

        (server,) = servers(daemon.process.pid)
        assert SECRET.encode() not in Path(f"/proc/{server}/cmdline").read_bytes()
        before = counted(emptied_database_url)
        os.kill(server, signal.SIGKILL)
        daemon.until(lambda: bool(daemon.said("http_server_ended")))
        daemon.until(lambda: len(daemon.said("http_served")) == 2)
        assert asked(f"{place}health")[0] == 200, "where it was before"
        soon(lambda: counted(emptied_database_url) > before)

        (server,) = servers(daemon.process.pid)
        daemon.process.kill()
        soon(lambda: not Path(f"/proc/{server}").exists() or Path(f"/proc/{server}/cmdline").read_bytes() == b"")


def test_sigterm_ends_daemon_and_server_at_once(cluster: Served, emptied_database_url: str, tmp_path: Path) -> None:
    with running(settings(cluster, emptied_database_url), tmp_path / "log") as daemon:
        place = address(daemon)
        (server,) = servers(daemon.process.pid)
        assert os.getsid(server) == server, "Ctrl-C reaches the daemon alone, however early it comes"
        assert daemon.told_to_end() < STOP_S
        assert not Path(f"/proc/{server}").exists()
        with pytest.raises(urllib.error.URLError):
            asked(f"{place}health")
    assert "Traceback" not in daemon.log.read_text()


def test_a_flood_of_slow_queries_stops_no_indexing(cluster: Served, emptied_database_url: str, tmp_path: Path) -> None:
    """Every connection of the server sleeps in a query, and more askers wait."""
    url = emptied_database_url

    async def slow_down() -> None:
        async with connected(url) as database:
            await database.execute("ALTER VIEW perps.version RENAME TO version_before")
            await database.execute(SLOW % 600)
            await database.execute("GRANT SELECT ON perps.version TO perps_reader")

    async def heal() -> None:
        async with connected(url) as database:
            await database.execute("DROP VIEW perps.version")
            await database.execute("ALTER VIEW perps.version_before RENAME TO version")

    more = {"PERPS_HTTP__MAX_REQUESTS": "8", "PERPS_HTTP__STATEMENT_TIMEOUT_S": "5"}
    with running(settings(cluster, url, **more), tmp_path / "log") as daemon, ThreadPoolExecutor(FLOOD) as flood:
        place = address(daemon)
        in_thread(slow_down())
        try:
            asked(f"{place}api/v1/")
            asking = [flood.submit(asked, f"{place}api/v1/version") for _ in range(FLOOD)]
            soon(lambda: scraped(place)["perps_http_requests_now"] > 0)
            before = counted(url)
            soon(lambda: counted(url) > before + 50)
            assert not all(one.done() for one in asking), "the flood went on all the while"
            assert {one.result()[0] for one in asking} == {503}
            codes = {json.loads(one.result()[1])["error"]["code"] for one in asking}
            assert codes == {"too_busy", "too_slow"}
        finally:
            in_thread(heal())
        assert not daemon.said("http_server_ended")
        assert not daemon.said("store_unavailable")


def test_a_port_that_is_taken_is_told_once_and_indexing_goes_on(
    cluster: Served, emptied_database_url: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        given = settings(cluster, emptied_database_url, PERPS_HTTP__PORT=str(port))
        with running(given, tmp_path / "log") as daemon:
            daemon.until(lambda: bool(daemon.said("http_not_served")))
            before = counted(emptied_database_url)
            soon(lambda: counted(emptied_database_url) > before + 20)
            (line,) = daemon.said("http_not_served")
            assert line["level"] == "error"
            assert f"127.0.0.1:{port}" in line["reason"]
            assert "PERPS_HTTP__PORT" in line["remedy"]
            other.close()
            assert address(daemon) == f"http://127.0.0.1:{port}/", "it tried again"


def test_without_http_nothing_listens(cluster: Served, emptied_database_url: str, tmp_path: Path) -> None:
    given = settings(cluster, emptied_database_url, PERPS_HTTP__ENABLED="false")
    with running(given, tmp_path / "log") as daemon:
        daemon.until(lambda: counted(emptied_database_url) > 0)
        assert servers(daemon.process.pid) == []


def test_it_serves_alone_too_and_ends_well(emptied_database_url: str) -> None:
    command = [sys.executable, "-m", "indexer", "serve"]
    given = clean({"DATABASE_URL": emptied_database_url, "PERPS_HTTP__PORT": "0", "PERPS_LOG__FORMAT": "json"})
    with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, cwd="/", text=True) as server:
        assert server.stderr is not None
        line = json.loads(server.stderr.readline())
        assert (line["event"], line["fed"]) == ("http_served", False)
        assert asked(f"{line['address']}health")[0] == 200
        assert json.loads(asked(f"{line['address']}status")[1])["fed"] is False
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0
        assert server.stderr.read() == ""


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", None, "Address already in use (set another [http] port"),
        ("192.0.2.1", 0, "Cannot assign requested address (set [http] host"),
        ("no.such.host.invalid", 0, "(set [http] host"),
    ],
)
def test_an_address_that_cannot_be_had_is_one_line_with_its_remedy(host: str, port: int | None, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        given = {"PERPS_HTTP__HOST": host, "PERPS_HTTP__PORT": str(other.getsockname()[1] if port is None else port)}
        line = refused(run("serve", DATABASE_URL="postgresql://h/x", **given))
    assert words in line
    assert host in line


def test_settings_come_over_whole_with_their_secrets() -> None:
    environment = {
        "DATABASE_URL": "postgresql://u:hunter2@h/x", "SOLANA_RPC_URL": "https://a.example/?api-key=hunter2",
        "PERPS_STRATEGY__BY_STREAM": '{"drift": {"recent": ["blocks"], "deep": ["portal"]}}', "PERPS_DATA_DIR": "/d",
        "PERPS_HTTP__HOSTS": '["a", "b"]',
    }  # fmt: skip
    line = handed_over(load(environment=environment))
    assert line.count(b"\n") == 1
    assert taken_over(line) == load(environment=environment)


def test_settings_that_do_not_fit_are_told_without_being_shown() -> None:
    line = handed_over(settings_for("postgresql://u:hunter2@h/x")).replace(b'"pool_max": 8', b'"pool_max": "hunter2"')
    with pytest.raises(ConfigError) as refused:
        taken_over(line)
    assert "hunter2" not in str(refused.value)


def test_it_listens_where_it_is_told_and_nowhere_else() -> None:
    with listen(settings_for("postgresql://h/x").http) as one:
        assert one.getsockname()[0] == "127.0.0.1"
    with listen(settings_for("postgresql://h/x", host="::1").http) as one:
        assert one.getsockname()[0] == "::1"
