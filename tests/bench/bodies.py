"""getBlock answers for the benchmark: blocks of today's density by seed, and the real one beside the checkout.

A synthetic block has 1,500 transactions in 6 MB: two thirds votes, the rest swaps with loaded addresses, inner
instructions, balances and logs as nodes show them. Seven transactions in it are ours, one in 70 of those that are no
votes. A block without ours has other programs in their place, everything else being equal.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from solders.transaction import VersionedTransaction

from indexer.core import base58
from tests.adversarial.answers import as_block, as_json, text
from tests.bench.samples import KINDS, Kind
from tests.encoder import program_id
from tests.programs import GMX, GMX_AUTHORITY, JUPITER, JUPITER_AUTHORITY
from tests.world import SLOT, Frame, data_line, event, frame, key, log_line, signature, transaction

TRANSACTIONS, VOTES, OURS_EACH = 1500, 1000, (3, 1, 1, 1, 1)
REAL_SLOT = 254_170_887
_AUTHORITIES = {JUPITER: JUPITER_AUTHORITY, GMX: GMX_AUTHORITY}
_VOTE, _TOKEN = "Vote111111111111111111111111111111111111111", "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def synthetic(seed: int) -> bytes:
    """An answer to request 1 for block SLOT."""
    rng = Random(seed)
    votes = [_vote(rng) for _ in range(VOTES)]
    ours = [
        _ours(kind, rng.getrandbits(30)) for kind, count in zip(KINDS, OURS_EACH, strict=True) for _ in range(count)
    ]
    swaps = [_swap(rng) for _ in range(TRANSACTIONS - VOTES - len(ours))]
    shown = [*votes, *swaps, *ours]
    rng.shuffle(shown)
    return _answer(as_block(*({"slot": SLOT, "blockTime": 1_757_600_011, **one} for one in shown)))


def foreign(rng: Random, count: int) -> list[msgspec.Raw]:
    """So many transactions of a block that name no program of ours, two thirds of them votes, as JSON."""
    votes = count * VOTES // TRANSACTIONS
    shown = [_vote(rng) for _ in range(votes)] + [_swap(rng) for _ in range(count - votes)]
    return [msgspec.Raw(msgspec.json.encode(one)) for one in shown]


def real(path: Path) -> bytes:
    """The block of the shared material, its bodies shown in encoding json."""
    block = json.loads(path.read_bytes())["result"]
    for one in block["transactions"]:
        one["transaction"] = _body(VersionedTransaction.from_bytes(b64decode(one["transaction"][0])))
    return _answer(block)


def without(body: bytes, programs: Sequence[str]) -> bytes:
    """The same with other programs in the place of these."""
    for number, name in enumerate(programs):
        body = body.replace(name.encode(), text(key(-9000 - number)).encode())
    return body


def _answer(block: dict[str, Any]) -> bytes:
    ordered = {name: block[name] for name in sorted(block)}  # As nodes do.
    return json.dumps({"jsonrpc": "2.0", "result": ordered, "id": 1}, separators=(",", ":")).encode()


def _body(signed: VersionedTransaction) -> dict[str, Any]:
    message = signed.message
    calls = [_call(i.program_id_index, list(i.accounts), base58.encode(bytes(i.data))) for i in message.instructions]
    return _signed([str(one) for one in signed.signatures], [str(one) for one in message.account_keys], calls)


def _signed(signatures: list[str], keys: list[str], calls: list[dict[str, Any]]) -> dict[str, Any]:
    header = {"numReadonlySignedAccounts": 0, "numReadonlyUnsignedAccounts": 3, "numRequiredSignatures": 1}
    message = {"accountKeys": keys, "header": header, "instructions": calls, "recentBlockhash": _key(0)}
    return {"message": message, "signatures": signatures}


def _call(program: int, accounts: list[int], data: str, height: int | None = None) -> dict[str, Any]:
    return {"accounts": accounts, "data": data, "programIdIndex": program, "stackHeight": height}


@cache
def _key(number: int) -> str:
    return text(key(number))


def _shown(
    rng: Random, body: dict[str, Any], inner: list[Any], lines: list[str], loaded: list[str], version: Any, **more: Any
) -> dict[str, Any]:
    balances = [rng.randrange(10**6, 10**11) for _ in (*body["message"]["accountKeys"], *loaded)]
    meta = {
        "computeUnitsConsumed": rng.randrange(2000, 300_000), "err": None, "fee": 5000, "innerInstructions": inner,
        "loadedAddresses": {"readonly": loaded[::2], "writable": loaded[1::2]}, "logMessages": lines,
        "postBalances": balances, "postTokenBalances": [], "preBalances": balances, "preTokenBalances": [],
        "rewards": None, "status": {"Ok": None}, **more,
    }  # fmt: skip
    return {"meta": meta, "transaction": body, "version": version}


def _vote(rng: Random) -> dict[str, Any]:
    keys = [_key(rng.randrange(2000)), _key(rng.randrange(2000)), _VOTE]
    body = _signed([_signature(rng)], keys, [_call(2, [1, 0], base58.encode(rng.randbytes(148)))])
    lines = [f"Program {_VOTE} invoke [1]", f"Program {_VOTE} success"]
    return _shown(rng, body, [], lines, [], "legacy")


def _swap(rng: Random) -> dict[str, Any]:
    loaded = [_key(10_000 + rng.randrange(4000)) for _ in range(rng.randrange(6, 26))]
    programs = [_key(20_000 + rng.randrange(60)) for _ in range(3)]
    keys = [_key(5000 + rng.randrange(4000)) for _ in range(9)] + [*programs, _TOKEN]
    everyone = range(len(keys) + len(loaded))
    calls = [
        _call(9 + n, rng.sample(everyone, 8), base58.encode(rng.randbytes(rng.randrange(9, 60)))) for n in range(3)
    ]
    inner, lines = [], []
    for outer, program in enumerate(programs):
        hops = rng.randrange(1, 5)
        nested = [_call(12, rng.sample(everyone, 4), base58.encode(rng.randbytes(10)), 2) for _ in range(hops)]
        inner.append({"index": outer, "instructions": nested})
        lines += [f"Program {program} invoke [1]", "Program log: Instruction: Swap"]
        for _ in range(hops):
            lines += [f"Program {_TOKEN} invoke [2]", "Program log: Instruction: TransferChecked"]
            lines += [f"Program {_TOKEN} consumed 6238 of {rng.randrange(10**6)} compute units"]
            lines += [f"Program {_TOKEN} success"]
        lines += [data_line(rng.randbytes(128)), f"Program {program} consumed 61234 of 400000 compute units"]
        lines += [f"Program {program} success"]
    body = _signed([_signature(rng)], keys, calls)
    tokens = [_token(rng, place) for place in range(5)]
    return _shown(rng, body, inner, lines, loaded, 0, preTokenBalances=tokens, postTokenBalances=tokens)


def _token(rng: Random, place: int) -> dict[str, Any]:
    amount = rng.randrange(10**12)
    shown = {"amount": str(amount), "decimals": 6, "uiAmount": amount / 10**6, "uiAmountString": str(amount / 10**6)}
    owner, mint = _key(5000 + rng.randrange(4000)), _key(30_000 + rng.randrange(200))
    return {"accountIndex": place, "mint": mint, "owner": owner, "programId": _TOKEN, "uiTokenAmount": shown}


def _signature(rng: Random) -> str:
    return text(rng.randbytes(64))


def _ours(kind: Kind, number: int) -> dict[str, Any]:
    """A transaction that emits the event, as its program does."""
    program = base58.key(program_id(kind.idl_file))
    named = [key(5000 + place) for place in range(14)]
    if kind.is_cpi:
        emitted: str | Frame = event(program, _AUTHORITIES[program], kind.payload())
    else:
        emitted = log_line(kind.payload()) if kind.prefix == "Program log: " else data_line(kind.payload())
    outer = frame(program, log_line(f"Instruction: {kind.instruction}"), emitted, accounts=named)
    return as_json(transaction(outer, signature=signature(number)))
