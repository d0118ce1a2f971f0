"""The documents name what there is, all of it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from indexer.cli import app

REPOSITORY = Path(__file__).parents[2]


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_the_tests_readme_has_a_row_for_every_test_file():
    tests = REPOSITORY / "tests"
    listed = re.findall(r"^\| `([^`]*test_\w+\.py)` \|", text("tests/README.md"), re.MULTILINE)
    assert sorted(listed) == sorted(str(path.relative_to(tests)) for path in tests.rglob("test_*.py"))


def test_the_readme_has_every_command():
    (table,) = re.findall(r"## Commands\n(.*?)\n## ", text("README.md"), re.DOTALL)
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    rows = {words for cell in cells for words in re.findall(r"`(.*?)`", cell)}
    groups = {group.name for group in app.registered_groups}
    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names <= {row.split()[0] for row in rows}
    assert groups <= {row.split()[0] for row in rows}


def test_the_readme_names_views_that_exist():
    named = set(re.findall(r"`(?:from )?(perps\.[a-z0-9_]+)`", text("README.md")))
    made = "".join(path.read_text() for path in sorted((REPOSITORY / "migrations/views").glob("*.sql")))
    there = {f"perps.{name}" for name in re.findall(r"CREATE (?:MATERIALIZED )?VIEW perps\.(\w+)", made)}
    assert named == there


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_link_leads_to_a_file(name: str):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text(name))
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z0-9-]+)", text("CONTRIBUTING.md"), re.MULTILINE))
def test_every_target_that_is_told_exists(target: str):
    assert re.search(rf"^{target}:", text("Makefile"), re.MULTILINE)
