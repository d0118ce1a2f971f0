"""The main job on real input: real transactions become the right rows in a real PostgreSQL, by one command."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from indexer.core.record import RECORD_KINDS
from tests.shared import requires_shared, shared
from tests.unit.test_cli_frame import REPOSITORY, run

pytestmark = requires_shared
README = re.compile(r"```\n(files .*?)```.*?```\n\$ \.venv/bin/perps-indexer sql \"(.*?)\"\n(.*?)```", re.DOTALL)
VIEWS = {cls.kind: cls.table for cls in RECORD_KINDS} | {"open_interest": "open_interest"}


def called(url: str, *arguments: str) -> Any:
    done = run(*arguments, DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return done


def rows(url: str, query: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in called(url, "sql", query, "--format", "json").stdout.splitlines()]


def test_replay_gives_what_the_captures_hold_and_twice_the_same(database_url: str) -> None:
    first = json.loads(called(database_url, "replay", "--json", str(shared("data"))).stdout)
    assert first["records"]["trade"] == 10
    assert first["records"]["swap"] == 1
    assert first["records"]["funding_rate"] == 1
    assert first["failures"] == {}
    assert (first["transactions"], first["blocks"]) == (611, 1)
    assert list(first["rows"]) == ["inserted"]
    again = json.loads(called(database_url, "replay", "--json", str(shared("data"))).stdout)
    assert again["rows"] == {"unchanged": first["rows"]["inserted"]}
    query = "select protocol, market, direction, size_usd, price_usd, fee_usd from perps.trades order by 1, 2, 3, 4"
    assert [tuple(row.values()) for row in rows(database_url, query)] == [
        ("drift", "BTC-PERP", "sell", "98.20089", "109112.1", "0"),
        ("drift", "BTC-PERP", "sell", "98.20089", "109112.1", "0"),
        ("drift", "JUP-PERP", "buy", "54.2208", "1.1296", "0.016267"),
        ("drift", "JUP-PERP", "buy", "193.1616", "1.1296", "0.057949"),
        ("drift", "JUP-PERP", "sell", "248.3241", "1.1339", "0.074498"),
        ("drift", "SOL", "buy", "248.463", "165.642", "0.124232"),
        ("drift", "SOL", "buy", "248.67345", "165.7823", "0.124337"),
        ("drift", "SOL-PERP", "sell", "17.42044", "87.1022", "0.005227"),
        ("gmx_solana", "GMX/USD[WSOL-USDC]", "sell", "296.714322", "14.8223946151", "0.115125"),
        ("jupiter_perps", "SOL-PERP", "sell", "3285.36", "84.65", "2.323578"),
    ]


def test_the_readme_shows_what_its_commands_print(database_url: str) -> None:
    summary, query, result = README.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))[0]
    assert called(database_url, "replay", str(shared("data"))).stdout.startswith(summary)
    assert called(database_url, "sql", query).stdout == result


def test_decode_and_the_views_say_the_same_by_the_same_names(database_url: str) -> None:
    called(database_url, "replay", str(shared("data")))
    lines = called(database_url, "decode", "--json", str(shared("data"))).stdout.splitlines()
    decoded = [json.loads(line) for line in lines]
    assert len(decoded) > 20
    stored = {
        identity(row): row for view in set(VIEWS.values()) for row in rows(database_url, f"select * from perps.{view}")
    }
    for record in decoded:
        row = stored[identity(record)]
        assert {name: comparable(name, row[name]) for name in record} == {
            name: comparable(name, value) for name, value in record.items()
        }


# What the view alone can know: the price of that time, and the protocol's share of Jupiter's fees.
FILLED_BY_VIEWS = {"lp_fee_usd", "protocol_fee_usd", "value_usd"}


def comparable(name: str, value: Any) -> Any:
    if name in FILLED_BY_VIEWS:
        return None
    if name == "block_time" and value is not None:
        return value.replace("Z", "+00:00").replace(" ", "T").removesuffix("+00:00")
    return value


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("record", "slot", "signature", "channel", "index", "part"))


def test_settling_the_block_settles_its_slot_for_all_streams(database_url: str) -> None:
    called(database_url, "replay", "--settle", str(shared("data", "blocks")))
    assert rows(database_url, "select distinct slot, settled from perps.trades") == [
        {"slot": 254170887, "settled": True}
    ]
    assert rows(database_url, "select protocol, state, slots from perps.coverage order by 1") == [
        {"protocol": name, "state": "settled", "slots": 1} for name in ("drift", "gmx_solana", "jupiter_perps")
    ]


def test_reprocess_changes_nothing_that_was_just_read(database_url: str) -> None:
    called(database_url, "replay", str(shared("data")))
    done = json.loads(called(database_url, "reprocess", "--json").stdout)
    assert list(done["rows"]) == ["unchanged"]
    assert "no failures" in called(database_url, "failures").stdout


@pytest.mark.parametrize("arguments", [("replay",), ("decode", "--json")])
def test_a_bad_named_file_is_one_line_and_leaves_no_trace(
    database_url: str, tmp_path: Any, arguments: tuple[str, ...]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"neither": 1}')
    done = run(*arguments, str(shared("data", "transactions")), str(bad), DATABASE_URL=database_url)
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if str(bad) in line] == done.stderr.splitlines()[-1:]
    assert "Traceback" not in done.stderr
    assert rows(database_url, "select count(*) as n from perps.trades") == [{"n": 0}]
