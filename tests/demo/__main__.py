"""`make demo-test`: the whole demo, as it is shown: the table in time, what is killed heals, and nothing is left.

The limit of time is for a quiet machine with two cores; `--slack` says how many times it may be exceeded.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexer.store.embedded import EmbeddedPostgres
from tests.demo.running import END_S, Running, running
from tests.store.test_embedded import VERSION, enterable
from tests.unit.test_cli_frame import run

TABLE_S = 120.0  # From the command to the table; with `make install` before it three minutes.
PATIENCE_S = 900.0
HEALS_S = 30.0  # From the database's return to the next settled slot.
# What is plausible, by protocol: least and most of the mean TVL in millions, and of volume over TVL.
PLAUSIBLE = {"gmx_solana": (3, 30), "jupiter_perps": (500, 2500), "drift": (100, 2000)}
EFFICIENCY = (0.03, 2.0)
PAGES = (
    "",
    "protocol/drift",
    "liquidations",
    "coverage",
    "examples",
    "api/v1/openapi.json",
    "metrics",
    "status",
    "ready",
)


def main() -> int:
    words = argparse.ArgumentParser(prog="make demo-test DEMO_TEST_ARGS=...")
    words.add_argument("--away", type=float, default=60.0, help="seconds that PostgreSQL is away")
    words.add_argument("--slack", type=float, default=1.5, help="how many times the limit of time may be exceeded")
    given = words.parse_args()
    checks = list(_told(_whole(given.away, given.slack)))
    if os.geteuid() == 0:
        checks += _told(_as_plain_user())
    return 0 if all(holds for _, holds, _ in checks) else 1


Check = tuple[str, bool, str]


def _told(checks: Iterator[Check]) -> Iterator[Check]:
    for what, holds, how in checks:
        print(f"{'held' if holds else 'BROKEN':<7} {what}: {how}", flush=True)
        yield what, holds, how


def _whole(away_s: float, slack: float) -> Iterator[Check]:
    with _folder() as folder, running(folder / "data") as demo:
        took_s = demo.until(lambda: "\nLIQUIDITY SOURCES" in demo.table and "to this table" in demo.told, PATIENCE_S)
        print(demo.table, demo.told, sep="\n", flush=True)
        yield "the table came in time", took_s <= TABLE_S * slack, f"{took_s:.0f} s of {TABLE_S:.0f} s"
        yield from _figures(demo.table)
        pages = {path: demo.answered(path) for path in PAGES}
        yield "every page is served", set(pages.values()) == {200}, f"{pages}"
        yield from _heals("PostgreSQL was killed with its supervisor", demo, _kill_server)
        yield from _heals(f"PostgreSQL was away for {away_s:g} s", demo, lambda one: _away(one, away_s))
        yield from _ends(demo)


@contextmanager
def _folder() -> Iterator[Path]:
    """One that any user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="perps-indexer-demo-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _figures(table: str) -> Iterator[Check]:
    """Every protocol has a full week, and sizes as the real ones have them."""
    order = tuple(PLAUSIBLE)
    days = _row(table, "full days")
    yield "a full week of each", days == ["7"] * 3, f"full days {days}"
    tvl, efficiency = _row(table, "mean TVL, USD"), _row(table, "capital efficiency")
    for place, name in enumerate(order):
        millions, (least, most) = float(tvl[place].replace(",", "")) / 1e6, PLAUSIBLE[name]
        yield f"TVL of {name}", least <= millions <= most, f"{millions:,.1f} million"
        ratio = float(efficiency[place])
        yield f"volume over TVL of {name}", EFFICIENCY[0] <= ratio <= EFFICIENCY[1], f"{ratio}"
    shares = [float(one) for one in _row(table, "market share, %")]
    yield "market shares are of one whole", 99.9 < sum(shares) < 100.1, f"{shares}"


def _row(table: str, label: str) -> list[str]:
    """The three numbers of the first line that begins so."""
    found = re.search(rf"^{re.escape(label)}  +(\S+)  +(\S+)  +(\S+)$", table, re.MULTILINE)
    assert found is not None, f"no line {label}"
    return list(found.groups())


def _settled(demo: Running) -> int:
    """The slot up to which all is settled; it asks the database, and starts none."""
    words = ("sql", "--format", "csv", "SELECT min(settled_to) FROM perps.status")
    url = EmbeddedPostgres(demo.folder / "postgres").url
    done = run(*words, DATABASE_URL=url or "postgresql://127.0.0.1:1/away")
    lines = done.stdout.split()
    return int(lines[1]) if done.returncode == 0 and len(lines) > 1 else 0


def _heals(what: str, demo: Running, harm: Callable[[Running], int | None]) -> Iterator[Check]:
    before = _settled(demo)
    meanwhile = harm(demo)
    began_s = time.monotonic()
    while _settled(demo) <= before + 30 and time.monotonic() < began_s + 10 * HEALS_S:
        time.sleep(0.5)
    healed_s, after = time.monotonic() - began_s, _settled(demo)
    yield f"{what}, and it went on", after > before + 30, f"slot {before} to {after} in {healed_s:.0f} s"
    yield f"{what}, and nobody ended", demo.process.poll() is None, "the demo runs"
    while (ready := demo.answered("ready")) != 200 and time.monotonic() < began_s + 10 * HEALS_S:
        time.sleep(0.5)
    yield f"{what}, and it is ready again", ready == 200, f"/ready {ready} after {time.monotonic() - began_s:.0f} s"
    if meanwhile is not None:
        yield f"{what}, and it said so", meanwhile == 503, f"/ready {meanwhile}"


def _kill_server(demo: Running) -> None:
    """Too short to be seen."""
    server = EmbeddedPostgres(demo.folder / "postgres").status().pid
    supervisor = int((demo.folder / "postgres" / "supervisor.lock").read_text())
    for pid in (supervisor, server):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def _away(demo: Running, seconds: float) -> int:
    """What /ready said towards the end."""
    assert run("db", "stop", PERPS_DATA_DIR=str(demo.folder)).stdout == "stopped\n"
    time.sleep(seconds)
    meanwhile = demo.answered("ready")
    assert run("db", "start", PERPS_DATA_DIR=str(demo.folder)).returncode == 0
    (demo.folder / "postgres" / "keep").unlink()  # What `db start` asked for; else it would outlive the demo.
    return meanwhile


def _ends(demo: Running) -> Iterator[Check]:
    took_s = demo.ended(signal.SIGINT)
    yield "Ctrl-C ended it", demo.process.returncode == 130, f"exit code {demo.process.returncode}"
    yield "and all that it had started, in time", took_s <= END_S, f"{took_s:.1f} s of {END_S:g} s"
    yield "without a complaint", "Traceback" not in demo.told and "destroyed" not in demo.told, "nothing was said"
    logs = "".join(log.read_text() for log in demo.folder.glob("*.log"))
    yield "no log holds a traceback", "Traceback" not in logs, f"{len(logs):,} characters"


def _as_plain_user() -> Iterator[Check]:
    """The same once more, shortened, as somebody without rights; where there is a Python that they may use."""
    python = next((one for one in (sys.executable, f"/usr/bin/python{VERSION}") if enterable(one)), None)
    if python is None:
        print(f"no Python {VERSION} lies where a plain user can enter: not tried")
        return
    nobody = pwd.getpwnam("nobody")
    with _folder() as folder:
        data = folder / "data"
        data.mkdir()
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        who: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with running(data, "--once", "--days", "9", python=python, **who) as demo:
            code = demo.process.wait(PATIENCE_S)
            sees = code == 0 and "MARKET SHARE" in demo.table
            yield "a plain user sees it too", sees, demo.told.splitlines()[-1]
            yield "and nothing is left of theirs", not demo.left(), f"{demo.left()}"


if __name__ == "__main__":
    sys.exit(main())
