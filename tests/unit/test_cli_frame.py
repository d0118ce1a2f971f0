"""The command line's frame: results on standard output, one line per error, exit code 2, exact values."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from indexer import __version__
from indexer.report.psql import without_password

REPOSITORY = Path(__file__).parents[2]


def run(*arguments: str, text: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "indexer", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=clean(environment),
    )


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "20", **environment}


def sql(url: str, query: str, *options: str) -> str:
    done = run("sql", query, *options, DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line of an error."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_version():
    assert run("--version").stdout == f"perps-indexer {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "no such command 'nosuch' (see perps-indexer --help)"),
        (["db", "nosuch"], "(see perps-indexer db --help)"),
        (["replay"], "missing argument"),
        (["replay", "--nosuch", "x"], "no such option: --nosuch (see perps-indexer replay --help)"),
        (["sql", "--format", "xml", "select 1"], "'xml' is not one of"),
    ],
)
def test_a_command_line_that_does_not_fit_is_one_line_with_the_help_to_read(arguments: list[str], words: str):
    line = refused(run(*arguments))
    assert words in line.replace("python -m indexer", "perps-indexer")
    assert "Value error" not in line


@pytest.mark.parametrize("arguments", [[], ["db"]])
def test_without_arguments_the_help_is_shown(arguments: list[str]):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr


def shell(command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A line of bash, in which `perps` is the command."""
    program = f"set -o pipefail; perps() {{ '{sys.executable}' -m indexer \"$@\"; }}; {command}"
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False, "cwd": "/"}
    return subprocess.run(["bash", "-c", program], env=clean(environment), **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["sql 'select 1'", "sql --format csv 'select generate_series(1, 99999)'", "--help"])
def test_a_full_disk_under_our_output_is_one_line(empty_database_url: str, command: str):
    done = shell(f"perps {command} > /dev/full", DATABASE_URL=empty_database_url)
    assert done.stderr == "error: standard output: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_as_empty_ones(empty_database_url: str, closed: str):
    done = shell(f"perps sql 'select 7 as n' {closed}", DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("7" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


def test_text_is_utf_8_whatever_the_locale_says(empty_database_url: str):
    done = shell(
        "perps sql 'select $$é→$$ as x'", DATABASE_URL=empty_database_url, PYTHONIOENCODING="ascii", LC_ALL="C"
    )
    assert "é→" in done.stdout


def test_an_unknown_setting_is_one_line_with_key_and_file(tmp_path: Path):
    (tmp_path / "mine.toml").write_text("[log]\nlevl = 1\n")
    assert "mine.toml: unknown setting log.levl" in refused(run("--config", str(tmp_path / "mine.toml"), "migrate"))


@pytest.mark.parametrize("command", [["migrate"], ["sql", "select 1"], ["db", "status"]])
def test_an_unreachable_database_is_one_line_with_its_address_and_no_password(command: list[str]):
    line = refused(run(*command, DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/x"))
    assert "127.0.0.1:1/x" in line
    assert "hunter2" not in line


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert "PERPS_DATA_DIR" in refused(run("sql", "select 1", PERPS_DATA_DIR=str(tmp_path / "file")))


def test_a_view_that_is_not_there_has_a_remedy(empty_database_url: str):
    assert "perps-indexer migrate" in refused(run("sql", "table perps.trades", DATABASE_URL=empty_database_url))


def test_the_status_tells_the_server_s_whole_version(empty_database_url: str):
    version = sql(empty_database_url, "show server_version", "--format", "csv").splitlines()[1]
    assert run("db", "status", DATABASE_URL=empty_database_url).stdout.endswith(f"PostgreSQL {version}\n")


def test_the_embedded_commands_refuse_to_work_beside_database_url():
    assert "unset DATABASE_URL" in refused(run("db", "start", DATABASE_URL="postgresql://h/x"))


def test_embedded_from_nothing_to_stopped(open_folder: Path):
    data = {"PERPS_DATA_DIR": str(open_folder / "command line")}
    assert "not running" in run("db", "status", **data).stdout
    assert "perps-indexer db start" in refused(run("db", "url", **data))
    assert run("sql", "select 1 as one", "--format", "csv", **data).stdout == "one\n1\n"
    assert "not running" in run("db", "status", **data).stdout, "an implicit server ends with its command"
    assert run("db", "start", **data).stdout.startswith("running on 127.0.0.1:")
    url = run("db", "url", **data).stdout.strip()
    assert sql(url, "select 2 as two", "--format", "json") == '{"two": 2}\n'
    assert run("migrate", **data).stdout == "up to date\n"
    assert run("db", "stop", **data).stdout == "stopped\n"
    assert run("db", "stop", **data).stdout == "was not running\n"


EXACT = """select 1.100000000000000000::numeric as n, 18446744073709551615::numeric as u, '\\xdeadbeef'::bytea as b,
 '2026-01-31 12:00:00.5+02'::timestamptz as t, null::text as nothing,
 '' as empty, true as yes, '{"a": 1.10}'::jsonb as j,
 array[1, null] as a, int8range(1, 5) as r -- the end"""


def test_csv_is_what_postgresql_writes(empty_database_url: str):
    names, values = csv.reader(sql(empty_database_url, EXACT, "--format", "csv").splitlines())
    assert names == ["n", "u", "b", "t", "nothing", "empty", "yes", "j", "a", "r"]
    assert values[:4] == ["1.100000000000000000", "18446744073709551615", "\\xdeadbeef", "2026-01-31T10:00:00.5Z"]
    assert values[4:] == ["", "", "t", '{"a": 1.10}', "{1,NULL}", "[1,5)"]


def test_json_is_one_object_a_line_with_decimals_as_strings(empty_database_url: str):
    line = sql(empty_database_url, EXACT, "--format", "json")
    assert line.count("\n") == 1
    assert '{"a": 1.10}' in line
    row = json.loads(line)
    assert (row["n"], row["u"]) == ("1.100000000000000000", "18446744073709551615")
    assert (row["t"], row["b"]) == ("2026-01-31T10:00:00.5Z", "\\xdeadbeef")
    assert (row["nothing"], row["empty"], row["yes"]) == (None, "", True)


def test_json_refuses_two_columns_of_one_name(empty_database_url: str):
    assert "doubled: a" in refused(run("sql", "select 1 a, 2 a", "--format", "json", DATABASE_URL=empty_database_url))


def test_a_table_is_never_cut_however_narrow_the_terminal(empty_database_url: str):
    out = sql(empty_database_url, "select repeat('x', 300) as wide, 1 as n union all select 'short', 22")
    assert "x" * 300 + " |  1\n" in out
    assert out.endswith("(2 rows)\n")


def test_a_table_shows_control_characters_escaped(empty_database_url: str):
    out = sql(empty_database_url, "select E'a\\x1b[31m\\nb' as name")
    assert "\x1b" not in out
    assert "a\\x1b[31m\\nb" in out


def test_many_rows_all_arrive(empty_database_url: str):
    lines = sql(
        empty_database_url, "select g, repeat('y', g % 7) from generate_series(1, 25000) g", "--format", "csv"
    ).splitlines()
    assert len(lines) == 25_001
    assert lines[-1] == "25000,yyy"


def test_special_characters_survive(empty_database_url: str):
    row = json.loads(
        sql(empty_database_url, "select E'tab\\tnewline\\nback\\\\slash é \\\\N' as s", "--format", "json")
    )
    assert row["s"] == "tab\tnewline\nback\\slash é \\N"


@pytest.mark.parametrize(
    "query", ["show timezone", "  -- which\n EXPLAIN select 1", "table pg_am", "values (1)", "select 1;;"]
)
def test_every_reading_statement_works(empty_database_url: str, query: str):
    assert "row" in sql(empty_database_url, query)


def test_the_query_may_come_from_standard_input(empty_database_url: str):
    assert (
        run("sql", "-", "--format", "csv", text="select 7 as n;\n", DATABASE_URL=empty_database_url).stdout == "n\n7\n"
    )


def test_an_empty_standard_input_is_an_error(empty_database_url: str):
    assert "empty" in refused(run("sql", DATABASE_URL=empty_database_url))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select\n nonsense", "(line 2, column 2)"),
        ("create table x (n int)", "read-only"),
        ("with w as (delete from pg_am returning 1) select * from w", "read-only"),
        ("select 1; select 2", "multiple commands"),
        ("select 1/0", "division by zero"),
        ("  ; -- nothing", "empty"),
    ],
)
def test_a_query_that_postgresql_refuses_is_one_line(empty_database_url: str, query: str, words: str):
    assert words in refused(run("sql", query, DATABASE_URL=empty_database_url))


def test_a_reader_that_has_seen_enough_is_no_error(empty_database_url: str):
    query = "select generate_series(1, 300000)"
    done = shell(f"perps sql --format csv '{query}' | head -1", DATABASE_URL=empty_database_url)
    assert done.stdout == "generate_series\n"
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.parametrize(
    ("url", "bare", "password"),
    [
        ("postgresql://u:p%40ss@h:5/d?sslmode=require", "postgresql://u@h:5/d?sslmode=require", "p@ss"),
        ("postgresql://u@h/d?password=x", "postgresql://u@h/d", "x"),
        ("postgresql://h/d", "postgresql://h/d", None),
    ],
)
def test_psql_gets_the_url_without_its_password(url: str, bare: str, password: str | None):
    assert without_password(url) == (bare, password)


def test_without_a_query_psql_runs_with_the_password_in_its_environment(tmp_path: Path):
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\necho "$@" "$PGPASSWORD"\nexit 3\n')
    psql.chmod(0o755)
    # A terminal is needed, else standard input is the query: `script` is not everywhere, pty is.
    program = f"import pty, sys; sys.exit(pty.spawn([{sys.executable!r}, '-m', 'indexer', 'sql']) >> 8)"
    environment = clean({"DATABASE_URL": "postgresql://u:hunter2@h/d", "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/", env=environment
    )
    assert "postgresql://u@h/d hunter2" in done.stdout
    assert done.returncode == 3
