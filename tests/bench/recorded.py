"""Recordings as sources see them: a node that answers from a file, and a WebSocket that tells what is in one.

The production sources ask through the production pool; only the wire is a file. Nothing is read before it is asked for,
so that a recording of any length takes no memory.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from indexer.sources.wire import Reply


class _Request(msgspec.Struct):
    id: int
    method: str
    params: list[Any] = []


class RecordedNode:
    """`wire.Http` of one node that has the blocks of a file, and ends behind them."""

    def __init__(self, path: Path, genesis_hash: str, end: int) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._places = dict(_places(path))
        self._genesis_hash, self._end = genesis_hash, end

    async def post(self, url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> Reply:
        await asyncio.sleep(0)
        if body[:1] == b"[":
            many = msgspec.json.decode(body, type=list[_Request])
            return _reply(b"[" + b",".join(map(self._answer, many)) + b"]")
        return _reply(self._answer(msgspec.json.decode(body, type=_Request)))

    async def get(self, url: str, *, timeout_s: float, most_bytes: int) -> Reply:
        raise NotImplementedError

    @asynccontextmanager
    async def stream(self, url: str, body: bytes, *, idle_timeout_s: float) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    def _answer(self, asked: _Request) -> bytes:
        return b'{"jsonrpc":"2.0","result":%s,"id":%d}' % (self._result(asked), asked.id)

    def _result(self, asked: _Request) -> bytes:
        if asked.method == "getBlock":
            size, offset = self._places[asked.params[0]]
            return os.pread(self._file, size, offset)
        if asked.method == "getBlocks":
            first, last = asked.params[:2]
            return msgspec.json.encode([slot for slot in self._places if first <= slot <= last])
        known = {
            "getGenesisHash": self._genesis_hash,
            "getSlot": self._end,
            "getFirstAvailableBlock": next(iter(self._places)),
        }
        return msgspec.json.encode(known[asked.method])


def _places(path: Path) -> Iterator[tuple[int, tuple[int, int]]]:
    """By slot: size and offset of its block."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            head = line.index(b" ") + 1
            yield int(line[:head]), (len(line) - head - 1, offset + head)
            offset += len(line)


def _reply(body: bytes) -> Reply:
    return Reply(200, {}, body)


class RecordedLink:
    """`wire.Link`: takes every subscription, and tells of the first address what is in a file; then it is silent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers: deque[str] = deque()
        self._lines: Iterator[bytes] = iter(())
        self._mentions: list[Any] = []

    @asynccontextmanager
    async def dial(self, url: str) -> AsyncIterator[RecordedLink]:
        with self._path.open("rb") as file:
            self._lines = iter(file)
            yield self

    async def send(self, text: str) -> None:
        asked = msgspec.json.decode(text, type=_Request)
        if asked.method == "logsSubscribe":
            self._mentions.append(asked.params)
        # The frames of the file are of subscription 1, which the first address has; that of slots is 0.
        number = len(self._mentions) if asked.method == "logsSubscribe" else 0
        self._answers.append(f'{{"jsonrpc":"2.0","result":{number},"id":{asked.id}}}')

    async def receive(self) -> str | bytes:
        await asyncio.sleep(0)
        if self._answers:
            return self._answers.popleft()
        line = next(self._lines, None)
        if line is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody ends the silence")
        return line
