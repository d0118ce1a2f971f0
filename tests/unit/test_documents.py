"""The documents name what there is, all of it and nothing else."""

from __future__ import annotations

import re
import tomllib
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


VIEWS = "".join(path.read_text() for path in sorted((REPOSITORY / "migrations/views").glob("*.sql")))
THERE = set(re.findall(r"CREATE (?:MATERIALIZED )?VIEW perps\.(\w+)", VIEWS))
# Rows of the guide's tables: the views, what one row is, columns to look at.
GUIDED = re.findall(r"^\| (`perps\.[^|]*) \| ([^|]*) \| ([^|]*) \|$", text("ANALYSIS.md"), re.MULTILINE)
PEOPLE = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "OPERATING.md", "ANALYSIS.md"]


def views_in(cell: str) -> list[str]:
    return re.findall(r"`perps\.(\w+)`", cell)


def test_the_analysts_guide_has_every_view_once():
    assert sorted(name for row in GUIDED for name in views_in(row[0])) == sorted(THERE)


@pytest.mark.parametrize("row", GUIDED, ids=[row[0] for row in GUIDED])
def test_the_analysts_guide_names_columns_that_the_views_have(row: tuple[str, str, str]):
    for view in views_in(row[0]):
        columns = set(re.findall(rf"COMMENT ON COLUMN perps\.{view}\.(\w+)", VIEWS))
        assert set(re.findall(r"`(\w+)`", row[2])) <= columns
        assert ("*materialized*" in row[1]) == (f"MATERIALIZED VIEW perps.{view} AS" in VIEWS)


@pytest.mark.parametrize("name", PEOPLE)
def test_a_document_names_views_and_functions_that_exist(name: str):
    functions = set(re.findall(r"FUNCTION perps\.(\w+)", VIEWS))
    assert set(re.findall(r"`(?:from )?perps\.(\w+)", text(name))) <= THERE | functions


@pytest.mark.parametrize("name", PEOPLE)
def test_a_document_names_settings_that_exist(name: str):
    sections = tomllib.loads(text("config/default.toml"))
    for section, keys in re.findall(r"`\[(\w+)\]((?: \w+)?)[^`]*`", text(name)):
        assert section in sections
        assert keys.strip() in {"", *re.findall(r"^(?:# )?(\w+) = ", text("config/default.toml"), re.MULTILINE)}


@pytest.mark.parametrize("name", PEOPLE)
def test_every_link_leads_to_a_file(name: str):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text(name))
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


@pytest.mark.parametrize("name", PEOPLE)
def test_every_link_within_leads_to_a_heading(name: str):
    headings = re.findall(r"^#+ (.*)$", text(name), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text(name))) <= anchors


@pytest.mark.parametrize("name", PEOPLE)
def test_every_path_that_is_named_exists(name: str):
    named = re.findall(r"`((?:config|migrations|tests|idl|indexer)/[\w./-]+)`", text(name))
    assert [path for path in named if "NNNN" not in path and not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z0-9-]+)", text("CONTRIBUTING.md"), re.MULTILINE))
def test_every_target_that_is_told_exists(target: str):
    assert re.search(rf"^{target}:", text("Makefile"), re.MULTILINE)
