"""Whole pipelines are measured on all that was recorded, and into the same rows. Nothing is timed here."""

from __future__ import annotations

import ast
import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from indexer.store.connection import connected
from indexer.store.rows import TABLES
from tests.bench import __main__ as bench
from tests.bench import flow_places, flow_report, flows, ours_flows, peer_copy
from tests.bench.environment import DRIFTPY
from tests.bench.flow_runs import Clock
from tests.bench.flows import Found, Judged, Ran, Side
from tests.bench.recording import Recorded, record_dense, record_drift, record_portal
from tests.bench.rounds import Bar

HERE = Path(__file__).parent
FEW = Bar(2, 3)
IN_ALL = 150  # Transactions of a dense block here.
WORKS = """
from time import process_time
input()
until = process_time() + 0.2
while process_time() < until: pass
print("done", flush=True)
input()
"""


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record_drift(tmp_path_factory.mktemp("recorded") / "drift", slots=12, transactions=6, times=2)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record_portal(tmp_path_factory.mktemp("recorded") / "day", slots=220, transactions=0.5, times=3)


async def ran(flow: str, recorded: Recorded, url: str, **more: Any) -> int:
    return await ours_flows.run({"flow": flow, "url": url, **recorded.question(), **more}, Clock())


async def rows_of(url: str, table: str) -> int:
    async with connected(url) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM ledger.{table}"))


@pytest.mark.parametrize("flow", ["blocks", "notifications"])
async def test_a_recording_becomes_the_rows_that_the_naive_side_is_given(
    drift: Recorded, flow: str, database_url: str
) -> None:
    frames = (drift.folder / "notifications.jsonl").read_bytes().count(b"\n")
    assert await ran(flow, drift, database_url, notifications=frames) == drift.events > 20
    names, rows = pickle.loads((drift.folder / f"{flow}.rows").read_bytes())
    given = [table for some in rows.values() for table, _ in some]
    assert {name: given.count(name) for name in names} == {name: await rows_of(database_url, name) for name in names}
    assert not [table.name for table in TABLES if table.name not in names and await rows_of(database_url, table.name)]


async def test_a_day_of_the_portal_is_filled_to_its_end(day: Recorded, database_url: str) -> None:
    with flow_places.portal(day.folder) as address:
        assert await ran("portal", day, database_url, portal=address) == day.events > 50
    async with connected(database_url) as connection:
        covered = await connection.fetch("SELECT slots::text AS slots FROM ledger.coverage")
    assert [row["slots"] for row in covered] == [f"{{[{day.span.start},{day.span.end})}}"] * 3


def test_what_is_told_again_is_the_chain_going_on(drift: Recorded) -> None:
    blocks = [line.split(b" ", 1) for line in (drift.folder / "blocks.jsonl").read_bytes().splitlines()]
    shown = [msgspec.json.decode(text) for _, text in blocks]
    assert [one["parentSlot"] for one in shown[1:]] == [int(slot) for slot, _ in blocks[:-1]]
    assert [one["previousBlockhash"] for one in shown[1:]] == [one["blockhash"] for one in shown[:-1]]
    signatures = [tx["transaction"]["signatures"][0] for one in shown for tx in one["transactions"]]
    assert len(set(signatures)) == len(signatures)


def test_dense_blocks_become_the_rows_that_the_server_is_given_by_files() -> None:
    with flow_places.server() as server, TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # The server may run as another user.
        dense = record_dense(Path(folder) / "dense", slots=8, transactions=6, in_all=IN_ALL)
        lines = (dense.folder / "dense.jsonl").read_bytes().splitlines()
        assert {len(msgspec.json.decode(line[line.index(b" ") :])["transactions"]) for line in lines} == {IN_ALL}
        server.prepare(dense.span)
        contents = []
        for number, run in enumerate((ours_flows.run, peer_copy.run)):
            with server.fresh(f"dense_{number}") as url:
                question = {"flow": "dense", "url": url, **dense.question()}
                assert asyncio.run(run(question, Clock())) == dense.events > 5
                contents.append(server.contents(url))
    assert contents[0] == contents[1]


async def test_the_work_of_processes_that_a_contestant_has_started_counts() -> None:
    clock = Clock()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKS, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    async with clock.running():
        process.stdin.write(b"begin\n")
        assert await process.stdout.readline() == b"done\n"
    await process.communicate(b"end\n")
    assert clock.cpu_s > 0.15


@pytest.mark.parametrize("peer", ["peer_naive", "peer_copy", "peer_driftpy"])
def test_a_peer_is_given_nothing_of_ours_but_the_loop(peer: str) -> None:
    tree = ast.parse((HERE / f"{peer}.py").read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = {name for name in modules if name.split(".")[0] in ("indexer", "tests")}
    assert ours <= {"tests.bench.flow_runs", "tests.bench.turns", "tests.bench.peer_anchorpy"}


def test_the_locks_name_the_peers_exactly_and_no_host() -> None:
    python, node = DRIFTPY.read_text(encoding="utf-8"), (HERE / "node" / "package-lock.json").read_text("utf-8")
    assert "\ndriftpy==0.8.89 \\\n    --hash=sha256:" in python
    assert "://" not in python
    packages = msgspec.json.decode(node)["packages"]
    assert packages[""]["dependencies"] == {"@coral-xyz/anchor": "0.32.1", "@drift-labs/sdk": "2.156.0"}
    assert all("integrity" in one and "resolved" not in one for name, one in packages.items() if name)


@pytest.mark.parametrize(
    ("value", "is_limit", "word", "holds"),
    [
        (3, False, "held", True), (2, False, "goal missed", True), (1.9, False, "BELOW", False),
        (2, True, "held", True), (2.1, True, "goal missed", True), (3.1, True, "ABOVE", False),
    ],
)  # fmt: skip
def test_what_is_judged_is_held_at_its_bars(value: float, is_limit: bool, word: str, holds: bool) -> None:
    one = Judged("it", value, [value], Bar(3, 2) if is_limit else FEW, is_limit)
    assert (one.verdict, one.holds) == (word, holds)


def test_two_sides_that_wrote_something_else_end_the_contest() -> None:
    with pytest.raises(flows.SetUpFailed, match="the naive one"):
        flows._agree("blocks", {"ours": {"trades": (2, 5)}, "the naive one": {"trades": (2, 6)}})
    with pytest.raises(flows.SetUpFailed, match="ours has written"):
        flows._agree("blocks", {"ours": {}, "the naive one": {}})


def test_a_rate_that_is_missed_is_told_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = Side("a day", [Ran(100, 10, 5, 2, 80)])
    judged = Judged("a day: events/s", 10, [10], Bar(10_000, 40_000), fails=False)
    monkeypatch.setitem(bench.PARTS, "backfill", bench.whole(lambda _: Found([slow], [judged], {})))
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "backfill"])
    assert bench.main() == 0
    assert capsys.readouterr().out.rstrip().endswith("must 10,000, goal 40,000: BELOW")


def test_the_ratio_of_two_sides_is_that_of_their_medians() -> None:
    fast, slow = (
        Side("", [Ran(100, wall, wall, 0, 0) for wall in walls]) for walls in ([1.0, 9.0, 2.0], [50.0, 60.0, 10.0])
    )
    assert flows._ratio("it", fast, slow, lambda run: run.per_s, FEW).value == 25.0
    assert flow_report.document(Found([fast, slow], [], {}), {})["runs"]
