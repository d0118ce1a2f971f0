"""A real Prometheus asks a daemon at work, and knows when it is gone: a part of `make ops`.

The daemon indexes a live cluster in a box into its embedded server. What must stay true: everything that alerts and
dashboards name has a value, every rule can be evaluated, and no alert so much as waits while all is well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexer.simulation.build import build_chain
from indexer.simulation.profile import Profile
from tests.ingest.served import SECRET, Served, served
from tests.ops.cluster import free_port
from tests.ops.dashboards import recorded
from tests.ops.metrics import named
from tests.ops.prometheus import HURRIED, RULES, Prometheus, asking
from tests.unit.test_cli_frame import clean, run

PATIENCE_S = 100.0
BEHIND, LIVE = 40, 400  # Slots of 400 ms: of the history, and to come while Prometheus asks.
# What is not there while all is well, or until somebody asks for a second opinion.
OPINIONS = {"perps_second_opinion_differing_total", "perps_second_opinion_rows_total"}
OF_TROUBLE = {"perps_failures_total", "ALERTS", *OPINIONS}
# It looks hours ahead, by the pace of some seconds; and how much room this machine has says nothing of the rules.
OF_THIS_MACHINE = {"PerpsDiskFilling", "PerpsDiskFull"}


def main() -> int:
    program = shutil.which("prometheus")
    assert program is not None, "no prometheus here"
    chain = build_chain(31, Profile(slots=BEHIND + LIVE, transactions=1.0, unknown=0.0, grown=0.0))  # Layouts stay.
    with tempfile.TemporaryDirectory(prefix="perps-indexer-scrape-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)  # The embedded server has a user of its own where root runs this.
        with served(chain, start_slot=chain.first_slot + BEHIND) as box:
            watched(program, box, folder)
    return 0


def watched(program: str, box: Served, folder: Path) -> None:
    port, own = free_port(), free_port()
    (folder / "prometheus").mkdir()
    with (
        daemon(settings(box, folder / "data", port), folder / "daemon.log") as process,
        asking(program, {"indexer:9464": f"127.0.0.1:{port}"}, own, folder / "prometheus") as prometheus,
    ):
        box.clock.run()
        all_is_well(prometheus)
        process.kill()
        its_end_is_told(prometheus)


def all_is_well(prometheus: Prometheus) -> None:
    def until(left: Callable[[], Collection[str]], wanted: str) -> None:
        prometheus.until_none(left, PATIENCE_S, wanted)

    until(lambda: {"perps", "prometheus"} - _in_state(prometheus, "up"), "every target is up")
    until(lambda: () if prometheus.has_value("perps_ready == 1") else ["perps_ready"], "the daemon has caught up")
    names = metrics()
    until(lambda: {name for name in names if not prometheus.has_value(name)}, "everything that is asked for is told")
    until(lambda: {rule["name"] for rule in prometheus.rules() if rule["health"] == "unknown"}, "rules are evaluated")
    ill = {rule["name"]: rule["lastError"] for rule in prometheus.rules() if rule["health"] != "ok"}
    assert not ill, ill
    assert len(prometheus.rules()) == len(rules())
    until(lambda: set(prometheus.alerts()) - OF_THIS_MACHINE, "no alert waits or fires")


def its_end_is_told(prometheus: Prometheus) -> None:
    prometheus.until_none(lambda: {"perps"} - _in_state(prometheus, "down"), PATIENCE_S, "nobody answers any more")
    prometheus.until_none(lambda: {HURRIED} - _firing(prometheus), PATIENCE_S, "the alert fires")
    assert _firing(prometheus) - OF_THIS_MACHINE == {HURRIED}


def rules() -> list[dict[str, Any]]:
    """All alerts, and the questions of dashboards."""
    return [rule for made in (RULES, recorded()) for group in made["groups"] for rule in group["rules"]]


def metrics() -> set[str]:
    """What alerts and dashboards ask for, and a healthy daemon tells."""
    return {name for rule in rules() for name in named(rule["expr"])} - OF_TROUBLE


def settings(box: Served, data: Path, port: int) -> dict[str, str]:
    more = {"PERPS_DATA_DIR": str(data), "PERPS_RUN__START_SLOT": str(box.chain.first_slot)}
    more |= {"PERPS_HTTP__ENABLED": "true", "PERPS_HTTP__PORT": str(port)}
    given = box.settings("", **more)
    del given["DATABASE_URL"]
    return given


@contextmanager
def daemon(given: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Killed in the end, and with it its server."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "indexer", "run"], env=clean(given), stdout=file, stderr=file, cwd="/"
        )
    try:
        yield process
    except AssertionError:
        print(log.read_text()[-5000:])
        raise
    finally:
        process.kill()
        process.wait()
        run("db", "stop", **given)
        assert SECRET not in log.read_text()


def _in_state(prometheus: Prometheus, state: str) -> set[str]:
    return {job for job, health in prometheus.targets().items() if health == state}


def _firing(prometheus: Prometheus) -> set[str]:
    return {name for name, states in prometheus.alerts().items() if "firing" in states}


if __name__ == "__main__":
    sys.exit(main())
