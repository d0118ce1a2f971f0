"""Prometheus as an operator runs it, with the files of `config/prometheus`, on ports of a test.

What differs from these files: targets are on this machine; it asks and evaluates every second; `PerpsDown` waits a
second, for nobody waits two minutes here; and the questions of the dashboards are rules beside the alerts, so that it
evaluates them too. Every other alert waits as long as it is told to.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.ops.compose import REPOSITORY
from tests.ops.dashboards import recorded

CONFIG = REPOSITORY / "config/prometheus"
RULES = yaml.safe_load((CONFIG / "rules/perps.yml").read_text(encoding="utf-8"))
HURRIED = "PerpsDown"
_SECOND = "1s"


class Prometheus:
    """Asks one. `address`: without the / at its end."""

    def __init__(self, address: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.address, self._process, self._log = address, process, log

    def asked(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}{words}", timeout=10) as answer:
            told = json.loads(answer.read())
        assert told["status"] == "success", told
        return told["data"]

    def has_value(self, query: str) -> bool:
        return bool(self.asked("query", query=query)["result"])

    def targets(self) -> dict[str, str]:
        """How the target of each job is: up, down, unknown. Empty as long as it does not answer."""
        try:
            return {one["labels"]["job"]: one["health"] for one in self.asked("targets")["activeTargets"]}
        except OSError:
            return {}

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.asked("rules")["groups"] for rule in group["rules"]]

    def alerts(self) -> dict[str, set[str]]:
        """States of the alerts that are not silent: pending, firing."""
        found: dict[str, set[str]] = {}
        for one in self.asked("alerts")["alerts"]:
            found.setdefault(one["labels"]["alertname"], set()).add(one["state"])
        return found

    def until_none(self, left: Callable[[], Collection[str]], patience_s: float, wanted: str) -> None:
        """Wait until nothing is `left` of what stands against it."""
        deadline = time.monotonic() + patience_s
        while found := left():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, f"{wanted}: not within {patience_s:.0f} s, for {sorted(found)}"
            time.sleep(0.3)


@contextmanager
def asking(program: str, targets: Mapping[str, str], port: int, folder: Path) -> Iterator[Prometheus]:
    """Run it in a folder of its own. `targets`: where each of those of the file is here; others are left out."""
    address = f"127.0.0.1:{port}"
    settings = yaml.safe_load((CONFIG / "prometheus.yml").read_text(encoding="utf-8"))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(here(settings, {**targets, "127.0.0.1:9090": address})))
    for name, rules in (("perps", hurried(RULES)), ("dashboards", recorded())):
        (folder / "rules").mkdir(exist_ok=True)
        (folder / f"rules/{name}.yml").write_text(yaml.safe_dump(rules))
    command = [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=file, stderr=file)
    try:
        yield Prometheus(f"http://{address}", process, log)
    finally:
        process.kill()
        process.wait()


def here(settings: dict[str, Any], targets: Mapping[str, str]) -> dict[str, Any]:
    """The settings with targets of this machine, which are asked every second."""
    jobs = []
    for job in settings["scrape_configs"]:
        (static,) = job["static_configs"]
        if found := [targets[one] for one in static["targets"] if one in targets]:
            jobs.append({**job, "static_configs": [{"targets": found}]})
    pace = {"scrape_interval": _SECOND, "evaluation_interval": _SECOND}
    return {**settings, "global": {**settings["global"], **pace}, "scrape_configs": jobs}


def hurried(rules: dict[str, Any]) -> dict[str, Any]:
    groups = [{**group, "rules": [_hurried(rule) for rule in group["rules"]]} for group in rules["groups"]]
    return {"groups": groups}


def _hurried(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "for": _SECOND} if rule["alert"] == HURRIED else rule
