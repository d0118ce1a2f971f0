"""The naive pipeline: json.loads, driftpy's parse_logs with its Anchor coder, executemany with ON CONFLICT.

It is given what it would have to make itself: the rows of each transaction, ready for PostgreSQL, so that it pays for
reading, for decoding, and for inserting the same columns of the same tables, and for nothing else. Of each transaction
it has to find exactly the events that those rows are of. Logs of transactions that do not name the program are not
parsed, as nobody would.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
from anchorpy.coder.coder import Coder
from anchorpy_core.idl import Idl
from driftpy.events.parse import parse_logs

from tests.bench.flow_runs import BLOCKS_AT_ONCE, NOTIFICATIONS_AT_ONCE, Clock, Question, serve

DRIFT = "dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH"
IDL = Path(__file__).parents[2] / "idl" / "drift.json"
Logs = tuple[str, list[str]]  # Signature and lines of a transaction that succeeded.


async def run(question: Question, clock: Clock) -> int:
    path = Path(question["folder"]) / question["flow"]
    names, rows = pickle.loads(path.with_suffix(".rows").read_bytes())  # Written by the one who asks.
    statements = {table: _insert(table, columns) for table, columns in names.items()}
    # What parse_logs takes of a Program.
    program = SimpleNamespace(coder=Coder(Idl.from_json(IDL.read_text(encoding="utf-8"))))
    connection = await asyncpg.connect(question["url"])
    found = 0
    async with clock.running():
        for page in _pages(path.with_suffix(".jsonl"), question["flow"]):
            together: dict[str, list[tuple[Any, ...]]] = {}
            for signature, lines in page:
                events = [event.name for event in parse_logs(program, lines)]
                found += len(events)
                mine = rows.get(signature, ())
                assert len(events) == sum(table == "events" for table, _ in mine), (signature, events)
                for table, row in mine:
                    together.setdefault(table, []).append(row)
            async with connection.transaction():
                for table, some in together.items():
                    await connection.executemany(statements[table], some)
    await connection.close()
    return found


def _insert(table: str, columns: list[str]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"INSERT INTO ledger.{table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT DO NOTHING"


def _pages(path: Path, flow: str) -> Iterator[list[Logs]]:
    """Transactions of so many lines of the recording."""
    is_told = flow == "notifications"
    of_line, most = (_of_notification, NOTIFICATIONS_AT_ONCE) if is_told else (_of_block, BLOCKS_AT_ONCE)
    page: list[Logs] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            page += of_line(line)
            if number % most == 0:
                yield page
                page = []
    yield page


def _of_block(line: bytes) -> Iterator[Logs]:
    for one in json.loads(line[line.index(b" ") :])["transactions"]:
        if one["meta"]["err"] is None and _names_drift(one):
            yield one["transaction"]["signatures"][0], one["meta"]["logMessages"]


def _names_drift(one: dict[str, Any]) -> bool:
    if DRIFT in one["transaction"]["message"]["accountKeys"]:
        return True
    loaded = one["meta"].get("loadedAddresses") or {}
    return DRIFT in loaded.get("readonly", ()) or DRIFT in loaded.get("writable", ())


def _of_notification(line: bytes) -> Iterator[Logs]:
    value = json.loads(line)["params"]["result"]["value"]
    if value["err"] is None:
        yield value["signature"], value["logs"]


if __name__ == "__main__":
    serve({name: version(name) for name in ("driftpy", "anchorpy", "asyncpg")}, run)
