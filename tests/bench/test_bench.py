"""The benchmark compares like with like, and its checks can fail. Nothing is timed here."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.core.record import RECORD_KINDS, Counter
from indexer.store.connection import Connection, connected
from indexer.store.rolling import open_aggregates
from tests.bench import __main__ as bench
from tests.bench import (
    aggregates,
    blocking,
    bodies,
    contests,
    digesting,
    loop,
    ours,
    ours_base58,
    ours_blocks,
    peer_anchorpy,
    peer_base58,
    peer_json,
    proving,
    report,
)
from tests.bench.aggregates import Goal
from tests.bench.environment import ANCHORPY, BASE58, SetUpFailed
from tests.bench.history import FIRST_SLOT, History
from tests.bench.inserting import ledgers
from tests.bench.ledger_pages import BACKFILL, LONE, Pages
from tests.bench.rounds import Bar, Contest, Side, agree
from tests.bench.samples import KINDS, Kind, sample
from tests.bench.turns import Task, Values, Work
from tests.conftest import GIVEN_SERVER
from tests.shared import REPOSITORY


def shown(task: Task) -> Values:
    return task.shown(task.call(task.argument))


def contest(ours_us: list[float], peer_us: list[float], bar: Bar) -> Contest:
    sides = (Side(None, "Fill", "decode", 1e-4, seconds) for seconds in (ours_us, peer_us))  # type: ignore[arg-type]
    return Contest("Fill", 200, "decode", bar, *sides)


@pytest.mark.parametrize("work", ["decode", "log"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.event)
def test_both_sides_read_the_same_values_from_the_same_text(kind: Kind, work: Work) -> None:
    mine, theirs = (shown(side.prepare(sample(kind))[work]) for side in (ours, peer_anchorpy))
    agree(kind.event, work, mine, theirs)


@pytest.mark.parametrize(
    "peer", [[("Fill", [1, 3])], [("Fill", [1])], [("Place", [1, 2])], [], [("Fill", [1, 2]), ("Fill", [1, 2])]]
)
def test_a_peer_that_reads_anything_else_ends_the_contest(peer: Values) -> None:
    with pytest.raises(SetUpFailed, match="Fill, decode"):
        agree("Fill", "decode", [("Fill", [1, 2])], peer)


def test_two_sides_that_find_nothing_do_not_agree() -> None:
    with pytest.raises(SetUpFailed, match="ours finds"):
        agree("Fill", "log", [], [])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.event)
def test_the_measured_transaction_has_18_lines_and_2_events(kind: Kind) -> None:
    lines = sample(kind)["lines"]
    assert len(lines) == 18
    assert lines.count(kind.prefix + sample(kind)["text"]) == 2


def test_the_ratio_is_that_of_the_medians() -> None:
    assert contest([1.0, 9.0, 2.0], [50.0, 60.0, 10.0], Bar(1, 1)).ratio == 25.0


def test_what_must_be_and_the_goal_are_held_at_them_and_missed_below() -> None:
    assert contest([2.0], [50.0], Bar(25, 25)).reaches
    assert not contest([2.0], [50.0], Bar(25, 26)).reaches
    assert contest([2.0], [50.0], Bar(25, 26)).holds
    assert not contest([2.0], [49.0], Bar(25, 26)).holds


@pytest.mark.parametrize(("bar", "word"), [(Bar(26, 30), "BELOW"), (Bar(20, 30), "goal missed"), (Bar(20, 25), "held")])
def test_the_report_says_what_was_held(bar: Bar, word: str) -> None:
    assert list(report.lines([contest([2.0], [50.0], bar)], {}))[-1].endswith(word)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.is_cpi], ids=lambda kind: kind.event)
def test_all_ways_to_read_base58_give_the_same(kind: Kind) -> None:
    given = contests.base58_sample(kind)
    theirs = shown(peer_base58.prepare(given)["decode"])
    for work, task in ours_base58.prepare(given).items():
        agree(kind.event, work, shown(task), theirs)


def test_both_sides_read_the_same_of_blocks(tmp_path: Path) -> None:
    found = []
    for given, size, bars in contests.block_samples(tmp_path):
        ways, theirs = ours_blocks.prepare(given), shown(peer_json.prepare(given)["loads"])
        assert bars.keys() <= ways.keys()
        for work, task in ways.items():
            agree(given["event"], work, shown(task), theirs)
        found.append((size, len(theirs[0][1][-1])))
    assert 5_500_000 < found[0][0] < 6_500_000
    assert [ours for _, ours in found[:2]] == [sum(bodies.OURS_EACH), 0]


def test_the_synthetic_block_is_the_same_every_time() -> None:
    assert bodies.synthetic(contests.SEED) == bodies.synthetic(contests.SEED) != bodies.synthetic(contests.SEED + 1)


@pytest.mark.parametrize("peer", ["anchorpy", "base58", "json"])
def test_a_peer_runs_without_anything_of_ours(peer: str) -> None:
    code = f"import sys, tests.bench.peer_{peer}; sys.exit(any(m.split('.')[0] == 'indexer' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


@pytest.mark.parametrize(("lock", "peer"), [(ANCHORPY, "anchorpy==0.21.0"), (BASE58, "base58==2.1.1")])
def test_a_lock_names_the_peer_exactly_and_no_host(lock: Path, peer: str) -> None:
    text = lock.read_text(encoding="utf-8")
    assert text.startswith(f"{peer} \\\n    --hash=sha256:")
    assert "://" not in text


def test_a_limit_is_kept_at_it_and_missed_above_it() -> None:
    assert Goal("a tick", 1.5, 1.5, "").holds
    assert not Goal("a tick", 1.51, 1.5, "").holds


def test_a_missed_limit_of_one_part_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "aggregates"])
    monkeypatch.setattr(aggregates, "measured", lambda: [Goal("a tick", 2, 1, "")])
    assert bench.main() == 1


def test_blocks_come_beside_live_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "WARM_S", 0.1)
    with loop.served(bodies.synthetic(contests.SEED)) as url:
        for way in loop.WAYS:
            turn = asyncio.run(loop.turn(url, way, 1.0))
            assert (turn.blocks_per_s > 0) is (way != "alone")
            assert (turn.cpu_ms[1] > 0) is (way == "apart")
            assert min(len(turn.loop_ms), len(turn.live_ms)) > 0


def beside(here: tuple[float, float, float], apart: tuple[float, float, float]) -> loop.Found:
    """CPU milliseconds of this process and of others for a block, and of the loop's turns."""
    turns = {way: [loop.Turn(1, (own, others), [turn] * 3, [1] * 3)] for way, (own, others, turn) in
             {"alone": (0, 0, 0), "here": here, "apart": apart}.items()}  # fmt: skip
    return loop.Found("a block", turns)


def test_blocks_apart_must_cost_either_core_less_and_hold_up_the_loop_less() -> None:
    assert beside((20, 0, 9), (5, 20, 2)).holds
    assert not beside((20, 0, 9), (5, 36, 2)).holds
    assert not beside((20, 0, 9), (5, 20, 9)).holds


async def test_the_small_history_is_aggregated_as_all_its_rows_are(database_url: str) -> None:
    async with connected(database_url) as connection, open_aggregates(database_url) as numbers:
        history = History(connection, numbers)
        await history.begin()
        await history.grow(3000)
        await history.view_of_rows()
        assert await history.refresh_of_rows() > 0
        await history.roll_days()
        assert await history.agrees()


def test_a_page_of_a_backfill_has_rows_of_every_kind() -> None:
    (page,) = Pages().turn(BACKFILL)
    by_account_alone = {Counter.kind}
    assert {record.kind for record in page.records} == {cls.kind for cls in RECORD_KINDS} - by_account_alone
    assert len({(one.origin.slot, one.origin.signature) for one in page.events}) >= 490
    assert page.failures


def test_no_two_pages_hold_the_same_row() -> None:
    pages = Pages()
    turns = [page for shape in (LONE, BACKFILL, LONE, BACKFILL) for page in pages.turn(shape)]
    origins = [{(one.origin.slot, one.origin.signature, one.origin.index) for one in page.events} for page in turns]
    assert len(set.union(*origins)) == sum(map(len, origins))


server_reads_files = pytest.mark.skipif(GIVEN_SERVER is not None, reason="a server elsewhere reads no files of ours")


@server_reads_files
async def test_all_sides_insert_the_same_rows_or_the_contest_ends(server_url: str, rows_folder: Path) -> None:
    pages = Pages()
    async with ledgers(server_url, rows_folder) as found:
        contests = await found.contests(pages.turn, LONE, 1)
        await found.agree()
        assert [(one.work, len(one.peer.seconds)) for one in contests] == [("copy", 1), ("executemany", 1)]
        rows = await found.rows(next(pages.turn(LONE)))
        for name in ("ours", "copy"):
            await found.sides[name].write(rows)
        with pytest.raises(SetUpFailed, match="executemany wrote"):
            await found.agree()


async def test_a_page_is_written_alike_with_a_digest_and_without(server_url: str) -> None:
    contests = await digesting.measured_at(server_url, 1, most_transactions=40)
    ways = ["blocks, 500 tx", "portal, 500 tx", "10 pages live, 5 tx"]
    assert [(one.event, one.bar.must > 0, len(one.ours.seconds), len(one.peer.seconds)) for one in contests] == [
        (f"{way}, {told}", told == "by parts", 1, 1) for way in ways for told in ("by parts", "cpu", "wall")
    ]


async def test_a_page_is_written_alike_with_marks_of_proofs_and_without_and_all_is_proven(server_url: str) -> None:
    contests = await proving.measured_at(server_url, 1, most_transactions=40)
    assert [(one.work, one.event, len(one.ours.seconds), len(one.peer.seconds)) for one in contests] == [
        ("marks", "backfill, 500 tx, cpu", 1, 1),
        ("marks", "backfill, 500 tx, wall", 1, 1),
        ("marks and proofs", "backfill, 500 tx, cpu", 1, 1),
        ("marks and proofs", "backfill, 500 tx, wall", 1, 1),
    ]


@pytest.fixture
def rows_folder(open_folder: Path) -> Path:
    """A folder in which the server may write, too."""
    folder = open_folder / "rows"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return folder


async def test_a_refresh_that_readers_wait_for_is_seen(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "ALONE_S", 0.5)
    async with connected(database_url) as connection:
        await connection.execute("SELECT ledger.ensure_partitions($1, $2)", FIRST_SLOT, FIRST_SLOT + 90_000_000)
        seen = await blocking.blocking(database_url, Locking(connection))
    assert seen.blocked > 0


class Locking:
    """A refresh as it would be without CONCURRENTLY."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def views(self) -> list[str]:
        return ["volume_daily"]

    async def refresh(self, view: str) -> None:
        async with self._connection.transaction():
            await self._connection.execute(f"REFRESH MATERIALIZED VIEW perps.{view}")
            await asyncio.sleep(0.3)
