"""`export`: what a reader of the file gets is what the view has, every digit, and no file is ever half there."""

from __future__ import annotations

import csv
import errno
import os
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from indexer.errors import InputError
from indexer.report import export as exporting
from indexer.report.export import Days, export
from indexer.report.whole_file import whole_file
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from tests.store.ledger import NOON, origin, page, price, trade
from tests.unit.test_cli_frame import refused, run

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def exported(url: str, view: str, to: Path, since: str | None = None, until: str | None = None) -> list[int]:
    counted: list[int] = []
    days = [None if day is None else date.fromisoformat(day) for day in (since, until)]
    await export(url, view, to, Days(*days), counted.append, timeout_s=5)
    return counted


async def rows_of(url: str, view: str) -> list[dict[str, Any]]:
    async with connected(url) as connection:
        return [dict(row) for row in await connection.fetch(f"SELECT * FROM perps.{view}")]


async def views(url: str) -> list[str]:
    async with connected(url) as connection:
        return [row["relname"] for row in await connection.fetch(exporting._VIEWS)]


def alike(row: dict[str, Any]) -> list[str]:
    """Values as text; what has no type in Parquet is text there."""
    return [f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) for value in row.values()]


async def test_a_parquet_file_has_the_rows_of_the_view_whatever_the_view(week_url: str, tmp_path: Path) -> None:
    moving = {"status", "freshness", "today", "providers"}  # They tell the time of asking.
    for view in await views(week_url):
        await exported(week_url, view, tmp_path / "rows.parquet")
        table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
        there = await rows_of(week_url, view)
        if view not in moving:
            assert sorted(map(alike, table.to_pylist())) == sorted(map(alike, there)), view


async def test_types_are_those_of_money_days_and_moments(week_url: str, tmp_path: Path) -> None:
    for view in ("trades", "volume_daily", "token_prices_hourly"):
        await exported(week_url, view, tmp_path / f"{view}.parquet")
    trades = pyarrow.parquet.read_schema(tmp_path / "trades.parquet")
    money, moment = pyarrow.decimal128(38, 18), pyarrow.timestamp("us", tz="UTC")
    shown = {name: trades.field(name).type for name in ("slot", "block_time", "size_usd", "settled", "trader_bytes")}
    assert list(shown.values()) == [pyarrow.int64(), moment, money, pyarrow.bool_(), pyarrow.binary()]
    daily = pyarrow.parquet.read_schema(tmp_path / "volume_daily.parquet")
    assert [daily.field(name).type for name in ("day", "volume_usd", "trades")] == [
        pyarrow.date32(), money, pyarrow.int64(),
    ]  # fmt: skip
    prices = pyarrow.parquet.read_schema(tmp_path / "token_prices_hourly.parquet")
    assert prices.field("protocols").type == pyarrow.list_(pyarrow.string())


@pytest.mark.parametrize(
    ("dollars", "kind"),
    [
        ("99999999999999999999.999999999999999999", pyarrow.decimal128(38, 18)),
        ("0.0000000000000000001", pyarrow.decimal256(76, 38)),
        ("100000000000000000000", pyarrow.decimal256(76, 38)),
        ("0." + "0" * 38 + "1", pyarrow.string()),
    ],
)
async def test_a_number_that_does_not_fit_makes_its_column_wider_and_keeps_every_digit(
    emptied: str, tmp_path: Path, dollars: str, kind: Any
) -> None:
    async with open_store(emptied) as store:
        await store.write(
            page(price(origin(100), dollars, mint=b"\1" * 32), price(origin(101), "1.5", mint=b"\1" * 32))
        )
    await exported(emptied, "price_observations", tmp_path / "prices.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "prices.parquet")
    assert table.schema.field("price_usd").type == kind
    assert [Decimal(value) for value in table["price_usd"].to_pylist()] == [Decimal(dollars), Decimal("1.5")]


@pytest.fixture
def emptied(database_url: str) -> str:
    return database_url


async def test_rows_come_in_batches_whatever_their_number(
    week_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH_ROWS", 10)
    counted = await exported(week_url, "volume_daily", tmp_path / "days.parquet")
    assert counted == [10, 10, 10]
    assert pyarrow.parquet.ParquetFile(tmp_path / "days.parquet").num_row_groups == 3


@pytest.mark.parametrize("ending", ["parquet", "csv"])
async def test_the_first_day_is_in_it_and_the_day_until_is_not(week_url: str, tmp_path: Path, ending: str) -> None:
    found = {}
    for view, column in (("volume_daily", "day"), ("tvl_tokens_hourly", "hour"), ("trades", "block_time")):
        to = tmp_path / f"rows.{ending}"
        await exported(week_url, view, to, "2023-11-16", "2023-11-18")
        values = (
            [row[column] for row in csv.DictReader(to.read_text().splitlines())]
            if ending == "csv"
            else [f"{value}" for value in pyarrow.parquet.read_table(to)[column].to_pylist()]
        )
        found[view] = {value[:10] for value in values}
    assert found == {view: {"2023-11-16", "2023-11-17"} for view in found}


async def test_in_csv_null_is_an_empty_field_and_an_empty_text_is_quoted(emptied: str, tmp_path: Path) -> None:
    to = tmp_path / "trades.csv"
    async with open_store(emptied) as store:
        said = ("", None, 'a "b", c')
        await store.write(page(*(trade(origin(100 + n), explanation=words) for n, words in enumerate(said))))
    await exported(emptied, "trades", to)
    lines = to.read_text().splitlines()
    place = lines[0].split(",").index("explanation")
    assert [line.split(",")[place] for line in lines[1:3]] == ['""', ""]
    rows = list(csv.DictReader(lines))
    assert rows[2]["explanation"] == 'a "b", c'
    assert [rows[0][name] for name in ("block_time", "size_usd", "settled")] == ["2023-11-15T12:00:00Z", "5", "f"]
    assert datetime.fromisoformat(rows[0]["block_time"]) == datetime.fromtimestamp(NOON, UTC)


# --- whole or not at all ---------------------------------------------------------------------------------------------


def refuse(to: Path, error: Exception) -> None:
    with whole_file(to) as file:
        file.write(b"half")
        raise error


async def test_a_file_stays_as_it_was_until_the_new_one_is_whole(tmp_path: Path) -> None:
    to = tmp_path / "rows.csv"
    to.write_text("old")
    with pytest.raises(ZeroDivisionError):
        refuse(to, ZeroDivisionError())
    with pytest.raises(InputError, match=r"rows\.csv: cannot be written: No space left"):
        refuse(to, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert os.listdir(tmp_path) == ["rows.csv"]  # noqa: PTH208 (nothing else is left)
    assert to.read_text() == "old"
    with whole_file(to) as file:
        file.write(b"new")
        assert to.read_text() == "old"
    assert to.read_text() == "new"


async def test_an_error_of_a_connection_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        refuse(tmp_path / "rows.csv", ConnectionResetError(errno.ECONNRESET, "reset"))


async def test_without_pyarrow_one_line_names_the_remedy(
    week_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="Parquet needs pyarrow") as wrong:
        await exported(week_url, "trades", tmp_path / "trades.parquet")
    assert wrong.value.remedy == "pip install 'perps-indexer[parquet]', or let the name end in .csv"
    await exported(week_url, "trades", tmp_path / "trades.csv")


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["parquet", "csv"])
async def test_the_command_says_how_many_rows_it_wrote(week_url: str, tmp_path: Path, ending: str) -> None:
    to = tmp_path / f"volume.{ending}"
    arguments = ("--to", str(to), "--from", "2023-11-23", "--until", "2023-11-24")
    done = run("export", "perps.volume_daily", *arguments, DATABASE_URL=week_url)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{to}: 3 rows of perps.volume_daily\n", "")
    written = len(to.read_text().splitlines()) - 1 if ending == "csv" else pyarrow.parquet.read_table(to).num_rows
    assert written == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense", "--to", "x.csv"], "no view perps.nonsense (one of actions, "),
        (["ledger.trades", "--to", "x.csv"], "no view perps.ledger.trades"),
        (
            ["tokens", "--to", "x.csv", "--from", "2026-01-01"],
            "perps.tokens has no time: none of day, hour, block_time",
        ),
        (["trades", "--to", "x.xlsx"], "x.xlsx: no format for '.xlsx' (let the name end in .parquet or .csv)"),
        (["trades", "--to", "x.csv", "--from", "yesterday"], "no day: 'yesterday' (give --from a UTC day"),
        (["trades", "--to", "x.csv", "--from", "2026-01-02", "--until", "2026-01-02"], "no day lies from 2026-01-02"),
        (["trades", "--to", "folder.csv"], "folder.csv: is a folder (name a file in it)"),
        (["trades", "--to", "/nowhere/x.csv"], "/nowhere/x.csv: cannot be written: No such file or directory"),
    ],
)
async def test_what_does_not_fit_is_one_line(week_url: str, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    arguments = [str(tmp_path / one) if one == "folder.csv" else one for one in arguments]
    assert words in refused(run("export", *arguments, DATABASE_URL=week_url))
