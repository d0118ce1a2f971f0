"""The largest and smallest numbers of the chain, from payload to printed row: nothing is lost on the way."""

from __future__ import annotations

import csv
import json
from random import Random
from typing import Any

from indexer.app import seed
from indexer.core.record import RECORD_KINDS, Record
from indexer.core.shown import shown
from indexer.core.transaction import Transaction
from indexer.ingest.page import provisional_page
from indexer.store.postgres import open_store
from tests.encoder import IDL_FILES, drawn_payload
from tests.programs import DRIFT, GMX, GMX_AUTHORITY, JUPITER, JUPITER_AUTHORITY, VAULTS, protocols
from tests.unit.test_cli_frame import sql
from tests.world import call, cpi_transaction, key, log_transaction, signature

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
