"""A recorded day of the Portal, served on loopback by a process of its own.

`python -m tests.bench.recorded_portal FOLDER`: it says its port and answers until its input ends. Answers are those
that the simulated Portal gave: blocks that match, the first and the last block of what an answer covers, packed. One
that was given once is kept as it was sent, so that in later rounds the server costs next to nothing.
"""

from __future__ import annotations

import asyncio
import sys
from bisect import bisect_left, bisect_right
from functools import lru_cache
from gzip import compress
from pathlib import Path

import msgspec
from aiohttp import web

MOST_BLOCKS = 5_000  # Of one answer, as the simulated Portal's.
DATASET = "/datasets/solana-mainnet"
_PACKED = 1  # Level.
Lines = dict[int, bytes]  # By slot.


class _Query(msgspec.Struct, rename="camel"):
    from_block: int
    to_block: int | None = None
    instructions: msgspec.Raw = msgspec.Raw(b"")


class RecordedPortal:
    def __init__(self, folder: Path) -> None:
        self._headers = _lines(folder / "headers.jsonl")
        self._slots = [*self._headers]
        self._programs = msgspec.json.decode((folder / "programs.json").read_bytes(), type=dict[str, str])
        self._matching = {name: _lines(folder / f"{name}.jsonl") for name in self._programs}
        self._kept = lru_cache(maxsize=4096)(self._answer)

    async def respond(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix(DATASET)
        if path == "/finalized-stream":
            body = self._kept(await request.read())
            headers = {"content-type": "application/jsonl", "content-encoding": "gzip"}
            return web.Response(status=200 if body else 204, body=body, headers=headers if body else None)
        known = {"/metadata": {"start_block": self._slots[0]}, "/finalized-head": self._head()}
        return web.json_response(known[path])

    def _head(self) -> dict[str, object]:
        header = msgspec.json.decode(self._headers[self._slots[-1]])["header"]
        return {"number": header["number"], "hash": header["hash"]}

    def _answer(self, query: bytes) -> bytes:
        asked = msgspec.json.decode(query, type=_Query)
        first = bisect_left(self._slots, asked.from_block)
        end = len(self._slots) if asked.to_block is None else bisect_right(self._slots, asked.to_block)
        covered = self._slots[first : min(end, first + MOST_BLOCKS)]
        if not covered:
            return b""
        matching = self._of_stream(bytes(asked.instructions))
        ends = (covered[0], covered[-1])
        lines = [matching.get(slot) or self._headers[slot] for slot in covered if slot in matching or slot in ends]
        return compress(b"\n".join(lines) + b"\n", _PACKED)

    def _of_stream(self, instructions: bytes) -> Lines:
        """What an answer has beside headers: everything of the stream whose first program is asked for."""
        names = (name for name, program in self._programs.items() if program.encode() in instructions)
        return next((self._matching[name] for name in names), {})


def _lines(path: Path) -> Lines:
    found = {}
    with path.open("rb") as file:
        for line in file:
            slot, _, rest = line.partition(b" ")
            found[int(slot)] = rest.rstrip(b"\n")
    return found


async def main(folder: Path) -> None:
    app = web.Application(client_max_size=1_000_000)
    app.router.add_route("*", "/{path:.*}", RecordedPortal(folder).respond)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
