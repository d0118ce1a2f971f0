"""What is asked of the Portal: one query for a stream, with everything that its rows need and nothing else.

An unknown name in a query is refused as a whole, so that these are the names of the Portal's own catalogue.
- All instructions of a matching transaction are asked for: without them nobody knows a flat position.
- Log lines are asked for as what matching instructions wrote: a log filter would bring those of failed transactions
  too, and nothing of a transaction that lost all its lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.core.instructions import EVENT_TAG
from indexer.core.protocol import Program
from indexer.core.protocol import Protocol as Stream

_BLOCK = ("number", "hash", "parentNumber", "parentHash", "timestamp")
_TRANSACTION = ("transactionIndex", "version", "signatures", "err", "hasDroppedLogMessages")
_INSTRUCTION = (
    "transactionIndex", "instructionAddress", "programId", "accounts", "data", "error", "isCommitted",
    "hasDroppedLogMessages",
)  # fmt: skip
_LOG = ("transactionIndex", "logIndex", "instructionAddress", "programId", "kind", "message")


def stream_query(stream: Stream, span: Span) -> bytes:
    """The body of a stream request for everything of `stream` in `span`."""
    programs = stream.programs.values()
    logging = [program for program in programs if program.channel == "log"]
    emitting = [program for program in programs if program.channel == "cpi"]
    wanted = {"isCommitted": True, "transaction": True, "transactionInstructions": True}
    instructions: list[dict[str, Any]] = []
    if logging:
        instructions.append({"programId": _ids(logging), "logs": True, **wanted})
    if emitting:
        instructions.append({"programId": _ids(emitting), "d8": ["0x" + EVENT_TAG.hex()], **wanted})
    fields = {"transaction": _selected(_TRANSACTION), "instruction": _selected(_INSTRUCTION)}
    fields |= {"log": _selected(_LOG)} if logging else {}
    return _query(span, fields, {"instructions": instructions})


def headers_query(span: Span) -> bytes:
    """The body of a request for the first and the last block of `span`, without anything in them."""
    return _query(span, {}, {})


def _query(span: Span, fields: dict[str, Any], items: dict[str, Any]) -> bytes:
    selection = {"block": _selected(_BLOCK), **fields}
    bounds = {"type": "solana", "fromBlock": span.start, "toBlock": span.end - 1}
    return msgspec.json.encode({**bounds, "fields": selection, **items})


def _selected(names: Iterable[str]) -> dict[str, bool]:
    return dict.fromkeys(names, True)


def _ids(programs: Iterable[Program]) -> list[str]:
    return [base58.encode(program.id) for program in programs]
