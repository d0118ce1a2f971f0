"""Have the operator's files checked by the programs that read them: `make ops`.

promtool (Debian: package `prometheus`) reads the settings and the rules, and runs the alerts' unit tests; Prometheus
itself asks a daemon at work (tests/ops/scrape.py); hadolint, which a Linux x86_64 environment has, reads the
Dockerfile; compose's files are held against the schema of their specification, and read by docker compose where its
plugin is. What is missing is an error, unless ALLOW_MISSING names it: promtool, hadolint, compose.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from tests.ops.compose import BASE, REPOSITORY, SECRETS, checked
from tests.ops.dashboards import recorded

PROMETHEUS = REPOSITORY / "config/prometheus"
ALERT_TESTS = Path(__file__).with_name("alerts.yml")
# Compose reads what must be set from the environment; no value of these is ever used.
COMPOSE = {
    "POSTGRES_PASSWORD": "x",
    "GRAFANA_PASSWORD": "x",
    "READER_PASSWORD": "x",
    "SOLANA_RPC_URL": "https://a.example",
}


class Missing(Exception):
    """A program that is not installed: its name in ALLOW_MISSING, and how to get it."""


def main() -> int:
    failed = missing = 0
    for check in (promtool, scrape, hadolint, schema, compose):
        try:
            failed += sum(not _passes(command) for command in check())
        except Missing as lacks:
            name, remedy = lacks.args
            allowed = name in os.environ.get("ALLOW_MISSING", "").split(",")
            print(f"{'skipped' if allowed else 'error'}: no {name} here ({remedy})", file=sys.stderr)
            missing += not allowed
    print(f"{failed} failed, {missing} missing")
    return 1 if failed or missing else 0


def promtool() -> Iterator[Sequence[str]]:
    program = shutil.which("promtool")
    if program is None:
        raise Missing("promtool", "Debian, Ubuntu: apt install prometheus")
    yield [program, "check", "config", str(PROMETHEUS / "prometheus.yml")]
    yield [program, "test", "rules", str(ALERT_TESTS)]
    notices = ["env", "PROMTOOL=1", sys.executable, "-m", "pytest", "-q", "-n", "auto"]  # Rules that are wrong.
    yield [*notices, "tests/ops/test_alerts.py"]
    with tempfile.TemporaryDirectory(prefix="perps-indexer-ops-") as folder:
        (Path(folder) / "dashboards.yml").write_text(yaml.safe_dump(recorded()))
        yield [program, "check", "rules", str(Path(folder) / "dashboards.yml")]


def scrape() -> Iterator[Sequence[str]]:
    if shutil.which("prometheus") is None:
        raise Missing("promtool", "Prometheus itself; Debian, Ubuntu: apt install prometheus")
    yield [sys.executable, "-m", "tests.ops.scrape"]


def schema() -> Iterator[Sequence[str]]:
    yield checked(BASE, SECRETS)


def hadolint() -> Iterator[Sequence[str]]:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        raise Missing("hadolint", "make install brings it on Linux x86_64")
    yield [program, str(REPOSITORY / "Dockerfile")]


def compose() -> Iterator[Sequence[str]]:
    asked = ["docker", "compose", "version"]
    if shutil.which("docker") is None or subprocess.run(asked, capture_output=True, check=False).returncode:
        raise Missing("compose", "the plugin `docker compose`; the engine need not run")
    yield ["docker", "compose", "--project-directory", str(REPOSITORY), "--profile", "*", "config", "--quiet"]


def _passes(command: Sequence[str]) -> bool:
    done = subprocess.run(command, env=os.environ | COMPOSE, capture_output=True, text=True, check=False)
    print(f"{'FAILED' if done.returncode else 'ok':7} {' '.join(map(_short, command))}")
    if done.returncode:
        print(done.stdout + done.stderr)
    return done.returncode == 0


def _short(word: str) -> str:
    path = Path(word)
    return (
        str(path.relative_to(REPOSITORY))
        if path.is_relative_to(REPOSITORY) and ".venv" not in path.parts
        else path.name
    )


if __name__ == "__main__":
    sys.exit(main())
