"""docker-compose.yml without docker: what it says holds together, and every command in it runs as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from indexer.simulation.build import build_chain
from indexer.simulation.profile import Profile
from indexer.store.embedded.binaries import bundled
from tests.aggregates.days import numbers
from tests.conftest import in_thread
from tests.ingest.served import Served, served
from tests.ops import cluster, compose
from tests.ops.compose import BASE, REPOSITORY, SECRETS
from tests.ops.metrics import told
from tests.report import weeks
from tests.unit.test_cli_frame import clean

PATIENCE_S = 100.0
FILLED = {"POSTGRES_PASSWORD": "hunter2", "READER_PASSWORD": "hunter3", "GRAFANA_PASSWORD": "hunter4"}
PROJECT = compose.project(FILLED)
SERVICES: dict[str, Any] = PROJECT["services"]
READER_SQL = SERVICES["reader"]["volumes"][0].split(":")[0]
OURS = ("migrate", "indexer", "backfill")
each_service = pytest.mark.parametrize("name", SERVICES)


# --- what the file says --------------------------------------------------------------------------------------------


def fits(*files: Path) -> bool:
    return subprocess.run(compose.checked(*files), capture_output=True, check=False).returncode == 0


def test_the_files_fit_the_compose_specification(tmp_path: Path):
    """Also put together; and something that is not in it would be noticed."""
    merged, strange = tmp_path / "merged.yml", tmp_path / "strange.yml"
    merged.write_text(yaml.safe_dump(compose.project(FILLED, SECRETS)))
    assert fits(BASE, SECRETS, merged)
    for true, false in (
        ("restart: unless", "restrat: unless"),
        ("condition: service_", "condition: is_"),
    ):
        assert true in BASE.read_text()
        strange.write_text(BASE.read_text().replace(true, false, 1))
        assert not fits(strange)


@each_service
def test_a_service_says_what_it_is_and_whether_it_is_started_again(name: str):
    assert {"image", "restart"} <= SERVICES[name].keys()


@each_service
def test_an_image_has_a_version(name: str):
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+", tag), image
    assert image.count("/") <= 1, "a short name: no host"


@each_service
def test_a_service_is_reached_from_this_machine_alone(name: str):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


@each_service
def test_what_a_service_waits_for_and_mounts_is_there(name: str):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_healthy" if "healthcheck" in SERVICES[other] else "service_completed_successfully"
        assert how == {"condition": wanted}
        assert wanted == "service_healthy" or SERVICES[other]["restart"] == "no", "or it never ends"
    for mount in SERVICES[name].get("volumes", ()):
        source = mount.split(":")[0]
        assert (REPOSITORY / source).exists() if source.startswith(".") else source in PROJECT["volumes"]
        assert mount.endswith(":ro") or not source.startswith("."), "nothing of the checkout is written to"


def test_every_volume_is_written_by_one_service():
    mounts = [mount for one in SERVICES.values() for mount in one.get("volumes", ())]
    assert sorted(mount.split(":")[0] for mount in mounts if not mount.endswith(":ro")) == sorted(PROJECT["volumes"])


def test_the_room_of_the_ledger_s_volume_is_told_under_our_name():
    (jobs,) = [yaml.safe_load((REPOSITORY / "config/prometheus/prometheus.yml").read_text())["scrape_configs"]]
    (disk,) = [job for job in jobs if job["job_name"] == "disk"]
    (mount,) = SERVICES["disk"]["volumes"]
    renamed = disk["metric_relabel_configs"][0]
    assert mount.split(":")[:2] == ["postgres", renamed["regex"].partition(";")[2]]
    assert renamed["replacement"] in told()
    assert {job["static_configs"][0]["targets"][0].split(":")[0] for job in jobs} <= {*SERVICES, "127.0.0.1"}


def test_the_example_of_settings_has_every_variable_and_no_other():
    read = compose.variables(BASE.read_text())
    example = set(re.findall(r"^(?:# )?(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    versions = {name for name in read if name.endswith("_VERSION")}
    assert example == read - versions


@pytest.mark.parametrize("name", FILLED)
def test_without_a_password_nothing_starts(name: str):
    with pytest.raises(compose.Unset, match=name):
        compose.project({**FILLED, name: ""})


def test_secrets_in_files_leave_no_secret_in_the_environment():
    whole = compose.project({**FILLED, "SOLANA_RPC_URL": "https://a.example/?api-key=hunter5"}, SECRETS)
    assert not re.search(r"hunter\d", str(whole["services"]))
    named = {secret for one in whole["services"].values() for secret in one.get("secrets", ())}
    assert named == set(whole["secrets"])
    for service in whole["services"].values():
        read = set(re.findall(r"/run/secrets/(\w+)", str(service)))
        assert read == set(service.get("secrets", ()))


@pytest.mark.parametrize("name", OURS)
def test_no_setting_given_to_the_indexer_is_unknown_to_it(name: str):
    for overlay in ((), (SECRETS,)):
        service = compose.project(FILLED, *overlay)["services"][name]
        given = {key: value for key, value in compose.environment(service).items() if "/run/secrets" not in value}
        done = subprocess.run(
            [sys.executable, "-c", "from indexer.config import load; load()"],
            env=clean(given), cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


# --- its commands --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def there(open_folder: Path) -> Iterator[dict[str, str]]:
    """The service `postgres`, with less memory, as its command and environment say."""
    few = {"POSTGRES_SHARED_BUFFERS": "32MB", "POSTGRES_CACHE": "64MB"}
    (open_folder / "compose").mkdir()
    with cluster.running(compose.project(FILLED | few)["services"]["postgres"], open_folder / "compose") as at:
        yield at


@pytest.fixture(scope="module")
def chain() -> Iterator[Served]:
    small = build_chain(31, Profile(slots=150, transactions=1.0))
    with served(small, start_slot=small.first_slot + 120) as box:
        yield box


def url(at: dict[str, str]) -> str:
    return f"postgresql://{at['PGUSER']}:{at['PGPASSWORD']}@{at['PGHOST']}:{at['PGPORT']}/{at['PGDATABASE']}"


def started(name: str, at: dict[str, str], box: Served, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """A process of a service of ours; `arguments` in the place of its command, as `docker compose run` puts them."""
    service = compose.project(FILLED | {"DATABASE_URL": url(at)})["services"][name]
    given = {key: value for key, value in compose.environment(service).items() if not key.startswith("SOLANA_")}
    entry = service.get("entrypoint", ["perps-indexer"])
    command = [sys.executable, "-m", "indexer", *entry[1:], *(arguments or service["command"])]
    return subprocess.Popen(
        command, env=clean({**box.settings(url(at)), **given, **more}), cwd="/", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    """What it printed, having ended well."""
    out, complaints = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, complaints
    assert not re.search(r"hunter\d|SECRET", out + complaints)
    return out


def asked(at: dict[str, str], query: str) -> str:
    return cluster.libpq(["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query], at).strip()


def test_the_database_runs_as_it_is_told(there: dict[str, str]):
    assert asked(there, "SHOW max_locks_per_transaction") == "256"
    assert asked(there, "SHOW data_checksums") == "on"
    assert asked(there, "SELECT datcollate FROM pg_database WHERE datname = 'perps'") == "C"
    words = SERVICES["postgres"]["healthcheck"]["test"][1].split()
    assert "accepting connections" in cluster.libpq(words, there)


def test_migrate_then_the_reader_then_the_daemon(there: dict[str, str], chain: Served):
    """In the order in which services wait for each other."""
    assert "0001_ledger" in ended(started("migrate", there, chain))
    for _ in range(2):  # Every `up` runs it again.
        reader(there)
    port = cluster.free_port()
    here = {"PERPS_HTTP__ENABLED": "true", "PERPS_HTTP__HOST": "127.0.0.1", "PERPS_HTTP__PORT": str(port)}
    daemon = started("indexer", there, chain, **here)
    assert daemon.stderr is not None
    assert any('"daemon_started"' in line for line in daemon.stderr)
    until_healthy(port)
    served_metrics_are_those_that_the_guide_tells_of(port)
    daemon.terminate()  # As `docker compose stop` does.
    ended(daemon)
    assert "settled" in ended(started("backfill", there, chain, "--from", str(chain.chain.first_slot)))
    assert int(asked(there, "SELECT count(*) FROM perps.trades")) > 0


def until_healthy(port: int) -> None:
    """By the service's own check."""
    _, *words = SERVICES["indexer"]["healthcheck"]["test"]
    words = [sys.executable, *(word.replace("9464", str(port)) for word in words[1:])]
    deadline = time.monotonic() + PATIENCE_S
    while subprocess.run(words, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "it never got healthy"
        time.sleep(0.2)


def served_metrics_are_those_that_the_guide_tells_of(port: int) -> None:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Host": "indexer:9464"})  # By its name.
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            names = set(re.findall(r"^# HELP (\w+) ", answer.read().decode(), re.MULTILINE))
        if "perps_pool_connections" in names or time.monotonic() > deadline:
            break  # The daemon has told what it knows.
        time.sleep(0.2)
    of_the_server = {name for name in names if re.match("perps_http_(?!requests)|python_", name)}
    of_the_system = {name for name in names if name.startswith("process_")}
    guided = told().keys() - {"up", "ALERTS"}
    assert names - of_the_server - of_the_system == {name for name in guided if name.startswith("perps_")}
    assert {name for name in guided if name.startswith("process_")} <= of_the_system


def reader(at: dict[str, str]) -> None:
    """The service `reader`, with the file where it is mounted."""
    service = SERVICES["reader"]
    mounted = dict(mount.split(":")[1::-1] for mount in service["volumes"])
    words = [
        word.replace(path, str(REPOSITORY / file)) for word in service["command"] for path, file in mounted.items()
    ]
    given = {name: value for name, value in compose.environment(service).items() if not name.startswith("PG")}
    assert cluster.libpq(words, at | given) == ""


def shell(service: dict[str, Any], secrets: Path, **instead: str) -> list[str]:
    """The command of a service of the overlay, with its secrets in another folder."""
    name, option, text = compose.command(service)[:3]
    assert (name, option) == ("sh", "-c")
    for true, other in {"/run/secrets": str(secrets), **instead}.items():
        assert true in text
        text = text.replace(true, other)
    return [name, option, text]


def in_files(folder: Path) -> tuple[dict[str, Any], Path]:
    """Services with secrets in files, and the folder of these."""
    whole = compose.project(dict.fromkeys(FILLED, "unused"), SECRETS)
    for name, value in (("postgres_password", "hunter2"), ("reader_password", "hunter6"), ("grafana_password", "x")):
        (folder / name).write_text(f"{value}\n")
    return whole["services"], folder


def test_secrets_in_files_reach_the_reader(there: dict[str, str], chain: Served, tmp_path: Path):
    ended(started("migrate", there, chain))
    services, folder = in_files(tmp_path)
    program = bundled("psql")
    assert program is not None
    words = shell(
        services["reader"], folder, **{"exec psql": f"exec {program}", "/reader.sql": str(REPOSITORY / READER_SQL)}
    )
    given = {name: text for name, text in compose.environment(services["reader"]).items() if not name.startswith("PG")}
    at = {name: value for name, value in there.items() if name != "PGPASSWORD"} | {"PGPASSWORD": ""}
    done = subprocess.run(words, env={**os.environ, **at, **given}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    dashboards = there | {"PGUSER": given["READER_NAME"], "PGPASSWORD": "hunter6"}
    assert asked(dashboards, "SELECT version FROM perps.version")


def test_secrets_in_files_reach_grafana(tmp_path: Path):
    services, folder = in_files(tmp_path)
    words = shell(services["grafana"], folder, **{"/run.sh": "env"})
    given = {**os.environ, **compose.environment(services["grafana"])}
    told = subprocess.run(words, env=given, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "READER_PASSWORD=hunter6" in told
    assert "GF_SECURITY_ADMIN_PASSWORD=" in told  # Grafana takes its file where the variable is empty.
    assert "GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/grafana_password" in told


def test_the_role_of_dashboards_reads_the_views_and_nothing_else(there: dict[str, str], chain: Served):
    ended(started("migrate", there, chain))
    reader(there)
    given = compose.environment(SERVICES["grafana"])
    dashboards = there | {"PGUSER": given["READER_NAME"], "PGPASSWORD": given["READER_PASSWORD"]}
    assert asked(dashboards, "SELECT version FROM perps.version")
    assert asked(dashboards, "SHOW statement_timeout") == "30s"
    for refused in ("SELECT * FROM ledger.trades", "CREATE TABLE perps.mine ()", "CREATE TEMP TABLE mine ()"):
        with pytest.raises(AssertionError, match=r"permission denied|read-only transaction"):
            asked(dashboards, refused)


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus here")
def test_prometheus_takes_its_arguments(tmp_path: Path):
    words = [
        word.replace("/etc/prometheus", str(REPOSITORY / "config/prometheus"))
        for word in SERVICES["prometheus"]["command"]
    ]
    words = [word.replace("=/prometheus", f"={tmp_path}") for word in words]
    port = cluster.free_port()
    process = subprocess.Popen(
        ["prometheus", *words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert any("ready to receive web requests" in line for line in process.stderr)
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(shutil.which("prometheus-node-exporter") is None, reason="no prometheus-node-exporter here")
def test_the_disk_is_told_of_by_the_name_and_the_label_that_prometheus_looks_for():
    port = cluster.free_port()
    words = ["prometheus-node-exporter", *SERVICES["disk"]["command"], f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        told = answered(f"http://127.0.0.1:{port}/metrics")
    finally:
        process.kill()
        process.wait()
    assert re.search(r'^node_filesystem_avail_bytes\{[^}]*mountpoint="/', told, re.MULTILINE)


def answered(address: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < deadline, f"nobody answers at {address}"
            time.sleep(0.1)


# --- a ledger moves from one server to the other -------------------------------------------------------------------

VIEWS = ("trades", "volume_daily", "tvl_daily", "protocol_overview", "coverage", "status", "traders")


def dump(at: dict[str, str]) -> str:
    return cluster.libpq(["pg_dump", "--no-owner", "--no-privileges"], at)


def everything(at: dict[str, str]) -> dict[str, str]:
    return {
        view: asked(at, f"SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM perps.{view} AS row")
        for view in VIEWS
    }


def libpq_of(url: str) -> dict[str, str]:
    user, password, host, port, name = re.fullmatch(r"postgresql://(\w+):([^@]*)@([\d.]+):(\d+)/(\w+)", url).groups()  # type: ignore[union-attr]
    return {"PGUSER": user, "PGPASSWORD": password, "PGHOST": host, "PGPORT": port, "PGDATABASE": name}


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="pg_dump is of the embedded server's version")
def test_a_dump_of_the_embedded_ledger_restores_into_compose_and_back(
    there: dict[str, str], database_url: str, empty_database_url: str
):
    async def fill() -> None:
        async with numbers(database_url) as ledger:
            await weeks.fill(ledger)

    in_thread(fill())
    embedded, back = libpq_of(database_url), libpq_of(empty_database_url)
    there = there | {"PGDATABASE": "restored"}
    asked(there | {"PGDATABASE": "perps"}, "CREATE DATABASE restored ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
    restore = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    cluster.libpq(restore, there, text=dump(embedded))
    assert everything(there) == everything(embedded)
    cluster.libpq(restore, back, text=dump(there))
    assert everything(back) == everything(embedded)
