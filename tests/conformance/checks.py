"""What the JavaScript clients must have read, each compared with the chain that was served.

The chain holds random worlds whose logs were truncated, cut and mixed up, so that the archive's own reading of them
says something.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from indexer.simulation.box import Box
from indexer.simulation.chain import Chain, ChainTransaction
from indexer.simulation.node_accounts import Account
from tests.adversarial.answers import text
from tests.property.worlds import world
from tests.simulation.small_chain import FIRST, GENESIS, blocks, chain, shown
from tests.world import key, signature, transaction

NOW, SKIPPED = FIRST + 190, FIRST + 4
SLOTS = [FIRST + n for n in range(3, 140) if FIRST + n != SKIPPED]
NOTIFICATIONS = 6
OWNER, HELD = text(key(700)), text(key(701))
PROGRAM = text(key(301))  # One of those that random worlds call.
FIELDS = {
    "block": ("number", "hash", "parentNumber", "parentHash", "height", "timestamp"),
    "transaction": (
        "transactionIndex", "version", "accountKeys", "signatures", "err", "fee", "computeUnitsConsumed",
        "hasDroppedLogMessages", "loadedAddresses",
    ),
    "instruction": (
        "transactionIndex", "instructionAddress", "programId", "accounts", "data", "isCommitted",
        "hasDroppedLogMessages", "computeUnitsConsumed", "error",
    ),
    "log": ("transactionIndex", "logIndex", "instructionAddress", "programId", "kind", "message"),
}  # fmt: skip
QUERY = {
    "type": "solana",
    "fields": {table: dict.fromkeys(names, True) for table, names in FIELDS.items()},
    "transactions": [{}],
    "instructions": [{}],
    "logs": [{}],
    "includeAllBlocks": True,
}
TIMEOUT_S = 120.0
Check = Callable[[Any, Chain], Any]


async def run(command: Sequence[str]) -> list[tuple[str, str | None]]:
    """(name, what is wrong or None) of every check."""
    made = served_chain()
    loop = asyncio.get_running_loop()
    born = loop.time()
    accounts = {HELD: [Account(OWNER, bytes(range(64)))]}
    box = Box(made, lambda: loop.time() - born, start_slot=NOW, speed=10.0, portal_behind=0, accounts=accounts)
    async with box.served() as addresses:
        place = [node.name for node in box.nodes].index("node-2")
        asked = {
            "rpc": addresses.rpc[place],
            "portal": addresses.portal,
            "program": PROGRAM,
            "slots": SLOTS,
            "skipped": SKIPPED,
            "notifications": NOTIFICATIONS,
            "owner": OWNER,
            "account": HELD,
            "query": QUERY,
        }
        process = await asyncio.create_subprocess_exec(
            *command, json.dumps(asked), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    if process.returncode != 0:
        return [("the clients accept every answer", err.decode().strip() or f"exit code {process.returncode}")]
    told = json.loads(out)
    return [("the clients accept every answer", None), *((name, _trouble(check, told, made)) for name, check in CHECKS)]


def _trouble(check: Check, told: Any, made: Chain) -> str | None:
    try:
        check(told, made)
    except AssertionError as error:
        return str(error) or "not so"
    return None


# --- the chain -----------------------------------------------------------------------------------------------------


def served_chain() -> Chain:
    """Random worlds, two in each slot, of version 0 and legacy."""
    filled = {
        FIRST + n: [_transaction(2 * n, 0), _transaction(2 * n + 1, "legacy")]
        for n in range(500)
        if FIRST + n != SKIPPED
    }
    return chain(blocks(filled))


def _transaction(number: int, version: int | str) -> ChainTransaction:
    rng = Random(number)
    made = transaction(*world(number % 100).frames, signature=signature(number), version=version)
    one = shown(number, tx=made, version=version)
    lines = list(one.logs)
    for _ in range(rng.choice((0, 0, 1, 2))):
        lines = _damaged(lines, rng)
    return _with_logs(one, lines)


def _damaged(lines: list[str], rng: Random) -> list[str]:
    if not lines:
        return lines
    here, there = sorted((rng.randrange(len(lines)), rng.randrange(len(lines))))
    kind = rng.randrange(5)
    if kind == 0:  # A line is lost.
        return lines[:here] + lines[here + 1 :]
    if kind == 1:  # It comes twice.
        return [*lines[:here], lines[there], *lines[here:]]
    if kind == 2:  # Lines are lost behind the truncation, but not all.
        return [*lines[:here], "Log truncated", *lines[there:]]
    if kind == 3:  # All of the rest.
        return lines[:here]
    return [*lines[:here], *reversed(lines[here : there + 1]), *lines[there + 1 :]]


def _with_logs(one: ChainTransaction, lines: list[str]) -> ChainTransaction:
    return msgspec.structs.replace(one, shown={**one.shown, "meta": {**one.shown["meta"], "logMessages": lines}})


# --- the checks ----------------------------------------------------------------------------------------------------


def _head(told: Any, made: Chain) -> None:
    assert told["genesisHash"] == GENESIS, told["genesisHash"]
    assert told["version"]["solana-core"] == "4.0.0", told["version"]
    final, processed = told["slots"]
    assert NOW - 40 < final < processed < NOW + 400, told["slots"]
    assert told["firstAvailable"] == FIRST, told["firstAvailable"]
    assert told["latest"]["blockhash"] in {block.blockhash for block in made.blocks.values()}
    assert told["epoch"]["slotsInEpoch"] == 432_000


def _blocks(told: Any, made: Chain) -> None:
    first = made.blocks[SLOTS[0]]
    assert told["blocks"] == SLOTS, told["blocks"]
    assert told["blockTime"] == first.block_time
    block = told["block"]
    assert (block["blockhash"], block["parentSlot"]) == (first.blockhash, first.parent_slot)
    sent = [one["transaction"]["signatures"][0] for one in block["transactions"]]
    assert sent == [one.signature for one in first.transactions], sent
    logs = [one["meta"]["logMessages"] for one in block["transactions"]]
    assert logs == [list(one.logs) for one in first.transactions]
    assert len(told["parsedBlock"]["transactions"]) == len(sent)


def _errors(told: Any, _: Chain) -> None:
    assert f"Slot {SKIPPED} was skipped" in str(told["skipped"]), told["skipped"]
    assert told["versionTooHigh"] == -32015, told["versionTooHigh"]


def _history(told: Any, made: Chain) -> None:
    expected = {
        one.signature for block in made.blocks.values() for one in block.transactions if PROGRAM in one.mentions
    }
    rows = told["signatures"]
    assert len(rows) == 20, len(rows)
    assert {row["signature"] for row in rows} <= expected
    assert [row["slot"] for row in rows] == sorted((row["slot"] for row in rows), reverse=True)
    named = [row["signature"] for row in rows]
    assert [row["signature"] for row in told["older"]] == named[5:9]
    assert [one["transaction"]["signatures"][0] for one in told["transactions"]] == named[:3]
    assert told["parsed"]["slot"] == rows[0]["slot"]
    assert [one["slot"] for one in told["statuses"]["value"]] == [row["slot"] for row in rows[:2]]


def _accounts(told: Any, _: Chain) -> None:
    assert told["account"]["owner"] == OWNER, told["account"]
    assert told["account"]["data"]["data"] == list(range(64))
    assert told["owned"] == [HELD]


def _notifications(told: Any, made: Chain) -> None:
    assert len(told["notified"]) >= NOTIFICATIONS
    for one in told["notified"]:
        (sent,) = [tx for tx in made.blocks[one["slot"]].transactions if tx.signature == one["signature"]]
        assert one["logs"] == list(sent.logs)
        assert PROGRAM in sent.mentions


def _portal(told: Any, made: Chain) -> None:
    numbers = [line["header"]["number"] for line in told["portal"]]
    assert numbers == SLOTS, numbers
    for line in told["portal"]:
        block = made.blocks[line["header"]["number"]]
        assert line["header"]["hash"] == block.blockhash
        assert line["header"]["parentHash"] == block.previous_blockhash


def _archive(told: Any, _: Chain) -> None:
    """Instructions, owners of lines and flags: what the archive makes of our blocks is what our portal sends."""
    dropped, read = 0, 0
    for line in told["portal"]:
        theirs = told["normalized"][str(line["header"]["number"])]
        if theirs is None:
            continue
        read += 1
        for table in ("transactions", "instructions", "logs"):
            ours = line.get(table, [])
            assert len(ours) == len(theirs[table]), f"{table} of {line['header']}: {len(ours)}, {len(theirs[table])}"
            for mine, other in zip(ours, theirs[table], strict=True):
                wanted = {name: other.get(name) for name in mine}
                assert mine == wanted, f"{line['header']['number']}: {mine} is {wanted} to the archive"
        dropped += sum(one["hasDroppedLogMessages"] for one in line["transactions"])
    assert read > 100, f"the archive read {read} blocks only"
    assert dropped > 50, f"logs were dropped {dropped} times only"


CHECKS: Sequence[tuple[str, Check]] = (
    ("web3.js reads the head", _head),
    ("web3.js reads blocks", _blocks),
    ("web3.js is told errors", _errors),
    ("web3.js reads transactions and signatures", _history),
    ("web3.js reads accounts", _accounts),
    ("web3.js is notified of logs", _notifications),
    ("SQD's HTTP client and validators read the portal", _portal),
    ("SQD's archive reads our blocks as our portal sends them", _archive),
)
