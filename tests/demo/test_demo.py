"""The demo, shortened: from nothing to the table, apart from real data, and gone when it is told to go."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.config import Settings, load
from indexer.demo import session
from indexer.demo.place import emptied
from indexer.demo.shape import DAY_S, Shape
from indexer.demo.stages import Stages
from indexer.errors import InputError, StoreUnavailable
from indexer.simulation import virtual_time
from tests.demo.running import END_S, Running, running
from tests.unit.test_cli_frame import refused, run

pytestmark = pytest.mark.timeout(400)  # A machine that does other things too.
PATIENCE_S, SLACK = 300.0, 6  # `make demo-test` asks for the true time.
STAGES = ("starting PostgreSQL", "making 2 simulated days", "reads the history", "rolls up hours", "refreshes its")


@pytest.fixture(scope="module")
def over(open_folder: Path) -> Iterator[Running]:
    """A demo that has come to its end by itself."""
    with running(open_folder / "shown", "--once", "--days", "2") as demo:
        assert demo.process.wait(PATIENCE_S) == 0, demo.told
        yield demo


def test_it_prints_the_comparison_of_its_days_and_ends_well(over: Running):
    assert over.table.startswith("SIMULATED: none of these figures is real.\n")
    assert "Of cluster simulated, not of mainnet-beta: none of these figures is of real money." in over.table
    for title in ("CAPITAL EFFICIENCY AND FEE YIELD", "MARKET SHARE", "VOLUME", "TVL BY COMPONENT", "FEES", "LP YIELD"):
        assert f"\n{title}\n" in over.table
    places = [over.told.index(stage) for stage in STAGES]
    assert places == sorted(places)
    assert "SECRET" not in over.told + "".join(log.read_text() for log in over.folder.glob("*.log"))


def test_it_leaves_no_process(over: Running):
    over.assert_gone(5)


def test_commands_on_real_data_refuse_its_ledger(over: Running):
    words = refused(run("run", PERPS_DATA_DIR=str(over.folder), PERPS_LOG__LEVEL="error"))
    assert "the ledger is of cluster simulated" in words


def test_who_asks_its_ledger_is_told_that_it_is_simulated(over: Running):
    done = run("report", PERPS_DATA_DIR=str(over.folder))
    assert "Of cluster simulated" in done.stdout, done.stderr


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left(open_folder: Path, by: signal.Signals):
    with running(open_folder / f"ended by {by.name}", "--days", "2") as demo:
        log = demo.folder / "daemon.log"
        demo.until(lambda: log.exists() and "daemon_started" in log.read_text(), PATIENCE_S)
        demo.until(lambda: demo.answered("health") == 200, PATIENCE_S)
        assert len(demo.left()) > 4
        assert demo.ended(by) < SLACK * END_S
        assert demo.process.returncode == {signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}[by]


async def test_a_chain_that_ends_before_the_table_is_an_error(open_folder: Path):
    short, shown = Shape(days=2, hours=0.0), list[str]()
    with pytest.raises(InputError, match="the simulated chain ended before the table was there"):
        await session.run(settings(open_folder / "short"), short, once=True, show=shown.append)
    assert shown == []


# --- where it keeps its data -----------------------------------------------------------------------------------------


def settings(folder: Path) -> Settings:
    return load(environment={"PERPS_DATA_DIR": str(folder)})


def test_two_demos_do_not_share_a_folder(tmp_path: Path):
    with emptied(settings(tmp_path)) as folder:
        assert folder == tmp_path / "demo"
        with pytest.raises(InputError, match="a demo runs here already"), emptied(settings(tmp_path)):
            pass
    with emptied(settings(tmp_path)):
        pass


def test_a_folder_that_is_no_demos_is_left_as_it_is(tmp_path: Path):
    (tmp_path / "demo" / "postgres").mkdir(parents=True)
    with pytest.raises(InputError, match="no demo's"), emptied(settings(tmp_path)):
        pass
    assert os.listdir(tmp_path / "demo") == ["postgres"]  # noqa: PTH208 (nothing came to it)


def test_the_next_demo_begins_without_the_data_of_the_last_one(tmp_path: Path):
    with emptied(settings(tmp_path)) as folder:
        (folder / "postgres" / "cluster").mkdir(parents=True)
        (folder / "daemon.log").touch()
    with emptied(settings(tmp_path)) as folder:
        assert not (folder / "postgres").exists()
        assert not (folder / "daemon.log").exists()


def test_its_history_is_whole_days_before_today_and_goes_on_to_now():
    now = 1_760_000_123
    profile = Shape(days=3).profile(now)
    live = profile.first_slot + profile.history_slots
    assert profile.genesis_time == now // DAY_S * DAY_S - 3 * DAY_S
    assert now - 300 < profile.time_of(live) <= now


# --- what it says of a database that is away -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "words"), [(1 << 40, "database: gone"), (3 << 20, "(its disk is full: 3 MB are free)")]
)
def test_a_database_that_stays_away_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free: int, words: str
):
    looks = 0

    async def read(url: str) -> str:
        nonlocal looks
        looks += 1
        if looks < 12:
            raise StoreUnavailable("gone")
        return url

    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert virtual_time.run(session.Watched("here", tmp_path, Stages()).waited(read)) == "here"
    told = capsys.readouterr().err
    assert told.count("the daemon waits for the database") == 1
    assert words in told
