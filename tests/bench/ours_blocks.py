"""Our side of blocks: the bytes of an answer as a block with the transactions that may be ours, as sources read it.

`packed`: a body that was unpacked to its checksum, which is not timed; `not packed`: one that came as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from indexer.core import base58
from indexer.core.jsonrpc import answer
from indexer.core.rpc import Block, block_reading
from tests.bench.turns import Sample, Task, Values, Work, serve


def prepare(sample: Sample) -> Mapping[Work, Task]:
    reading = block_reading(sample["slot"], [base58.key(name) for name in sample["programs"]])

    def read(is_exact: bool, body: bytes) -> Block:
        return answer(body, 1, reading, is_exact=is_exact)

    body, show = Path(sample["path"]).read_bytes(), partial(shown, sample["event"])
    return {"packed": Task(partial(read, True), body, show), "not packed": Task(partial(read, False), body, show)}


def shown(event: str, block: Block) -> Values:
    signatures: list[Any] = [[tx.tx_index, base58.encode(tx.signature)] for tx in block.transactions]
    return [(event, [block.parent_slot, block.blockhash, block.block_time, signatures])]


if __name__ == "__main__":
    serve({name: version(name) for name in ("perps-indexer", "msgspec", "ahocorasick-rs")}, prepare)
