"""The largest and smallest numbers of the chain, from payload to printed row: nothing is lost on the way."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random
from typing import Any

from indexer.app import seed
from indexer.core import base58
from indexer.core.record import RECORD_KINDS, Record
from indexer.core.rpc import MAX_SLOT
from indexer.core.shown import shown
from indexer.core.transaction import Transaction
from indexer.ingest.page import provisional_page
from indexer.store.postgres import open_store
from tests.encoder import IDL_FILES, drawn_payload
from tests.ingest.test_replay import SWAP, answer, block, write
from tests.programs import DRIFT, GMX, GMX_AUTHORITY, JUPITER, JUPITER_AUTHORITY, VAULTS, protocols
from tests.unit.test_cli_frame import run, sql
from tests.world import EVENT_TAG, call, cpi_transaction, key, log_transaction, signature

EACH = 80  # Transactions of each program; many of the numbers in them are the largest or smallest of their type.
VIEWS = {cls.kind: cls.table for cls in RECORD_KINDS} | {"open_interest": "open_interest"}
# What the view alone knows, or knows better: the price of that time, the protocol's share, a later action.
FILLED_BY_VIEWS = {"lp_fee_usd", "protocol_fee_usd", "value_usd", "provider"}


def transactions() -> list[Transaction]:
    dice, made = Random(11), []
    for program, idl in zip((DRIFT, VAULTS, GMX, JUPITER), IDL_FILES, strict=True):
        for _ in range(EACH):
            facts: dict[str, Any] = {"signature": signature(len(made)), "slot": 1000 + len(made)}
            payloads = [drawn_payload(dice, idl) for _ in range(3)]
            if program in (DRIFT, VAULTS):
                made.append(log_transaction(program, *payloads, **facts))
            else:
                authority = GMX_AUTHORITY if program == GMX else JUPITER_AUTHORITY
                made.append(cpi_transaction(program, authority, call(bytes(8), [key(1)] * 20, *payloads), **facts))
    return made


def identity(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("slot", "signature", "channel", "index", "part"))


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in FILLED_BY_VIEWS}


async def test_decode_and_both_formats_of_sql_say_the_same_whatever_the_numbers(database_url: str) -> None:
    async with open_store(database_url) as store:
        await store.seed(seed())
        reference = await store.reference()
        page = provisional_page(transactions(), protocols(), reference, "test")
        await store.write(page)
    by_kind: dict[str, list[Record]] = {}
    for record in page.records:
        by_kind.setdefault(record.kind, []).append(record)
    assert len(by_kind) >= 8
    digits = 0
    for kind, records in by_kind.items():
        query = f"select * from perps.{VIEWS[kind]}"
        as_json = {
            identity(row): row for row in map(json.loads, sql(database_url, query, "--format", "json").splitlines())
        }
        as_csv = {
            identity(row): row for row in csv.DictReader(sql(database_url, query, "--format", "csv").splitlines())
        }
        assert len(records) == len(as_json) == len(as_csv)
        for record in records:
            told = shown(record, reference)
            row, line = as_json[identity(told)], as_csv[identity(told)]
            assert comparable({name: row[name] for name in told}) == comparable(told)
            assert {name: line[name] for name, value in row.items() if type(value) is str} == {
                name: value for name, value in row.items() if type(value) is str
            }
            digits = max(digits, *(len(value) for name, value in told.items() if name.endswith("usd") and value), 0)
    assert digits > 20


def test_the_last_slot_and_the_deepest_call_are_stored_and_made_again(database_url: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database_url}
    own, authority = base58.encode(JUPITER), base58.encode(JUPITER_AUTHORITY)
    deep = answer(1, program=JUPITER)
    deep["transaction"]["message"]["accountKeys"].append(authority)
    data = base58.encode(EVENT_TAG + drawn_payload(Random(1), "jupiter_perps.json"))
    inner = [
        {"programIdIndex": 1, "accounts": [], "data": "1", "stackHeight": 2**15 - 2},
        {"programIdIndex": 1, "accounts": [2], "data": data, "stackHeight": 2**15 - 1},
    ]
    names = [f"Program {own} {what}" for what in ("invoke [1]", "success")]
    deep["meta"] |= {"innerInstructions": [{"index": 0, "instructions": inner}], "logMessages": names}
    file = write(tmp_path / "b.json", block(deep, answer(2, SWAP), slot=MAX_SLOT))
    assert run("replay", "--settle", str(file), **settings).returncode == 0
    events = "select slot, stack_height from ledger.events order by stack_height"
    assert sql(database_url, events, "--format", "csv").split()[1:] == [f"{MAX_SLOT},1", f"{MAX_SLOT},{2**15 - 2}"]
    settled = f"select count(*) from perps.coverage where last_slot = {MAX_SLOT}"
    assert sql(database_url, settled, "--format", "csv").split()[1:] == ["3"]
    assert "unchanged" in run("reprocess", **settings).stdout
