"""`run` as a process: what it says, whom it believes, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from indexer.core.coverage import Span
from indexer.simulation.build import build_chain
from indexer.simulation.profile import Profile
from indexer.simulation.trial import EVERYTHING
from indexer.store.postgres import open_store
from tests.conftest import in_thread
from tests.ingest.served import SECRET, Served, served, told_in_ledger
from tests.unit.test_cli_frame import clean

PATIENCE_S = 60.0
STOP_S = 5.0
SLOTS, HISTORY = 2000, 1900
OTHER_GENESIS = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    chain = build_chain(12, Profile(slots=SLOTS, transactions=0.5))
    with served(chain, start_slot=chain.first_slot + HISTORY) as cluster:
        cluster.clock.run()
        yield cluster


class Running:
    """A daemon's process, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if line["event"] == event]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def told_to_end(self) -> float:
        """Seconds until it was gone."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, self.log.read_text()
        return time.monotonic() - began


@contextmanager
def running(settings: Mapping[str, str], log: Path) -> Iterator[Running]:
    with log.open("wb") as file:
        command = [sys.executable, "-m", "indexer", "run"]
        process = subprocess.Popen(command, env=clean(settings), stdout=file, stderr=file, cwd="/")
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()
        assert SECRET not in log.read_text()


def counted(url: str) -> int:
    """Settled slots of all streams."""
    found: list[int] = []

    async def count() -> None:
        async with open_store(url) as store:
            found.extend([len(span) for name in ("drift", "gmx_solana") for span in await store.coverage(name)])

    in_thread(count())
    return sum(found)


async def test_sigterm_ends_a_busy_daemon_at_once_and_well_and_no_claim_is_left(
    cluster: Served, emptied_database_url: str, tmp_path: Path
) -> None:
    url = emptied_database_url
    settings = cluster.settings(url, PERPS_RUN__START_SLOT=str(cluster.chain.first_slot))
    settings |= {"PERPS_STRATEGY__DEEP": '["blocks"]', "PERPS_STRATEGY__RECENT_SLOTS": "60"}
    with running(settings, tmp_path / "log") as daemon:
        daemon.until(lambda: counted(url) > 50)
        assert daemon.told_to_end() < STOP_S
        assert daemon.said("daemon_started")[0]["level"] == "info"
    assert counted(url) < 2 * HISTORY, "it had nothing to do any more"
    async with open_store(url) as store:
        names = ("drift", "jupiter_perps", "gmx_solana")
        free = await store.claim(names, (Span(0, 10),), "another", 5.0, 100, newest_first=False)
        assert free == Span(0, 10)
    assert await told_in_ledger(url, SECRET) == {}


def test_without_an_endpoint_that_answers_it_says_so_in_a_line_and_keeps_trying(
    cluster: Served, emptied_database_url: str, tmp_path: Path
) -> None:
    nobody = {"SOLANA_RPC_URL": "http://127.0.0.1:9/?api-key=SECRET", "SOLANA_WS_URL": "ws://127.0.0.1:9/?key=SECRET"}
    settings = {**cluster.settings(emptied_database_url), **nobody, "PERPS_ENDPOINTS__PORTAL": "none"}
    with running(settings, tmp_path / "log") as daemon:
        daemon.until(lambda: bool(daemon.said("no_endpoint_answers")))
        (line, *_) = daemon.said("no_endpoint_answers")
        assert line["level"] == "error"
        assert "127.0.0.1:9" in line["reason"]
        assert "Connect call failed" in line["reason"]
        daemon.until(lambda: len(daemon.said("no_endpoint_answers")) >= 2)
        assert daemon.told_to_end() < STOP_S


async def test_an_endpoint_of_another_cluster_is_refused_in_a_line_and_nothing_of_it_is_believed(
    cluster: Served, emptied_database_url: str, tmp_path: Path
) -> None:
    """The ledger is of another cluster than all the endpoints."""
    url = emptied_database_url
    settings = cluster.settings(url, PERPS_CLUSTER__GENESIS_HASH=OTHER_GENESIS)
    with running(settings, tmp_path / "log") as daemon:
        daemon.until(lambda: len(daemon.said("endpoint_refused")) >= 3)
        daemon.until(lambda: bool(daemon.said("no_endpoint_answers")))
        lines = daemon.said("endpoint_refused")
        assert len(lines) == len(cluster.addresses.rpc)
        assert all(f"{cluster.chain.genesis_hash}, not {OTHER_GENESIS}" in line["reason"] for line in lines)
        assert daemon.told_to_end() < STOP_S
    async with open_store(url) as store:
        assert not any((await store.rows(EVERYTHING)).values())
        assert await store.coverage("drift") == ()
    done = cluster.run("doctor", "--json", url=url, PERPS_CLUSTER__GENESIS_HASH=OTHER_GENESIS)
    wrong = {(one["what"], one["state"]) for one in json.loads(done.stdout)}
    assert done.returncode == 1
    assert {("endpoint", "wrong"), ("portal", "wrong")} <= wrong
    assert ("endpoint", "fine") not in wrong
