"""PostgreSQL over TLS, as DATABASE_URL says it: a server is who its certificate says it is, or is told nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.other_postgres import installed
from tests.store.tls import PASSWORD, USER, fronted, serving
from tests.unit.test_cli_frame import refused, run

MINE, OTHERS = trustme.CA(), trustme.CA()


@pytest.fixture(scope="module", params=["front", "server"])
def port(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[int]:
    """Of a server whose certificate is of `localhost`, by an authority of its own."""
    folder, certificate = open_folder / f"tls-{request.param}", MINE.issue_cert("localhost")
    folder.mkdir()
    if request.param == "front":
        with serving(folder, None, None) as behind, fronted(behind, certificate) as port:
            yield port
        return
    if (programs := installed()) is None:
        pytest.skip("no PostgreSQL of the system here; the embedded one is built without TLS")
    with serving(folder, programs, certificate) as port:
        yield port


@pytest.fixture(scope="module")
def authorities(open_folder: Path) -> dict[str, Path]:
    files = {name: open_folder / f"{name}.pem" for name in ("mine", "others", "nobody")}
    MINE.cert_pem.write_to_path(files["mine"])
    OTHERS.cert_pem.write_to_path(files["others"])
    return files


def url(port: int, mode: str, host: str, authority: Path | None) -> str:
    trusted = f"&sslrootcert={authority}" if authority else ""
    return f"postgresql://{USER}:{PASSWORD}@{host}:{port}/postgres?sslmode={mode}{trusted}"


def test_commands_work_with_a_server_that_is_who_it_says(port: int, authorities: dict[str, Path]) -> None:
    there = url(port, "verify-full", "localhost", authorities["mine"])
    for command in ("migrate", "status"):
        done = run(command, DATABASE_URL=there)
        assert (done.returncode, done.stderr, PASSWORD in done.stdout) == (0, "", False)
    assert "0001_ledger" in run("sql", "SELECT name FROM ledger.migrations LIMIT 1", DATABASE_URL=there).stdout


@pytest.mark.parametrize("port", ["front"], indirect=True)
@pytest.mark.parametrize(
    ("mode", "host", "authority", "says"),
    [
        ("verify-full", "localhost", "others", "certificate"),
        ("verify-full", "127.0.0.1", "mine", "certificate"),
        ("verify-full", "localhost", "nobody", "nobody.pem"),
        ("disable", "localhost", None, "cannot use the database"),
    ],
)
def test_a_server_that_is_not_trusted_is_told_of_in_a_line(
    mode: str, host: str, authority: str | None, says: str, port: int, authorities: dict[str, Path]
) -> None:
    there = url(port, mode, host, authorities[authority] if authority else None)
    line = refused(run("status", DATABASE_URL=there))
    assert says in line
    assert f"{host}:{port}/postgres" in line
    assert PASSWORD not in line
