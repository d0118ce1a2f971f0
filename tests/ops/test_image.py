"""The image: it starts from a version, holds what a run needs and nothing else, and runs as nobody in particular."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.ops.compose import REPOSITORY

TEXT = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
# Instructions in their order, lines joined.
STEPS = re.findall(r"^([A-Z]+) (.*)$", TEXT.replace("\\\n", " "), re.MULTILINE)
LINTER = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


def said(instruction: str) -> list[str]:
    return [words for name, words in STEPS if name == instruction]


def test_it_starts_from_a_version_of_python_that_we_support():
    (version,) = re.findall(r"^PYTHON=(\d+)\.(\d+)\.\d+-slim-\w+$", said("ARG")[0])
    assert (3, 11) <= tuple(map(int, version)) < (3, 14)
    assert said("FROM") == ["python:${PYTHON} AS build", "python:${PYTHON}"]


def test_it_runs_as_a_user_by_number_who_owns_nothing():
    last = max(index for index, (name, _) in enumerate(STEPS) if name == "USER")
    assert STEPS[last][1] == "10001"
    assert not any(name in ("RUN", "COPY") for name, _ in STEPS[last:])
    assert "--chown" not in TEXT


def test_its_entry_is_our_command():
    assert said("ENTRYPOINT") == ['["perps-indexer"]']
    assert "perps-indexer" in PYPROJECT["project"]["scripts"]


def test_what_is_copied_is_there_and_is_sent_to_the_builder():
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = {word for words in said("COPY") if not words.startswith("--from") for word in words.split()[:-1]}
    assert copied == sent
    assert all((REPOSITORY / name).exists() for name in copied)
    assert "*" in lines, "all else stays at home: .env, .data, .git"
    assert not any(fnmatch(".env", name) for name in sent)


def test_a_wheel_can_be_built_of_what_is_copied():
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*wheel["only-include"], *PYPROJECT["project"]["license-files"], PYPROJECT["project"]["readme"]}
    assert wanted | {"pyproject.toml"} <= {word for words in said("COPY") for word in words.split()[:-1]}


def test_pictures_of_documents_are_in_no_wheel_and_no_image():
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines.index("config/pictures") > lines.index("!config"), "the last line that fits decides"
    assert "config/pictures" in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]


def test_what_is_installed_was_checked_against_hashes():
    lock, install = said("RUN")[:2]
    assert {"--require-hashes", "--no-deps", "requirements.lock"} <= set(lock.split())
    assert {"--no-index", "--find-links"} <= set(install.split())
    (extras,) = re.findall(r"\.\[([\w,]+)\]", install)
    assert set(extras.split(",")) <= PYPROJECT["project"]["optional-dependencies"].keys() - {"dev"}


@pytest.mark.skipif(LINTER is None, reason="no hadolint here; make ops needs it")
def test_a_linter_has_nothing_to_say():
    done = subprocess.run([str(LINTER), REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
