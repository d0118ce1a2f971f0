"""The process that reads large blocks: `python -m indexer.sources.block_process`, spoken to by block_readers.py.

A frame on its input is a job and the body of an answer; a frame on its output is what came of it. It keeps nothing from
one to the next, and ends where its input does: whoever started it may be killed and leaves no process behind.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

import msgspec

from indexer.core.jsonrpc import Malformed, NoAnswer, RpcError, unchecked
from indexer.core.rpc import Block, BlockTask, block_reading
from indexer.core.transaction import Unavailable
from indexer.sources.packing import Damaged, Unpacked, unpacked

JOB = struct.Struct(">II")  # Bytes of the job, bytes of the body.
OUTCOME = struct.Struct(">I")  # Bytes of the outcome.
_NICENESS = 5  # A third of the weight of whoever is live, and of the database.
_Failed = NoAnswer | Malformed | Unavailable | Damaged
_FAILURES: dict[str, type[_Failed]] = {kind.__name__: kind for kind in (NoAnswer, Malformed, Unavailable, Damaged)}


class Job(msgspec.Struct, frozen=True):
    """A body to read: the answer to request `number`, packed or not."""

    task: BlockTask
    number: int
    is_packed: bool
    most_bytes: int


class _Read(msgspec.Struct, frozen=True, tag=True):
    block: Block


class _Failure(msgspec.Struct, frozen=True, tag=True):
    kind: str
    message: str


class _NodeError(msgspec.Struct, frozen=True, tag=True):
    code: int
    message: str


_Outcome = _Read | _Failure | _NodeError
_encode = msgspec.msgpack.Encoder().encode
_JOBS: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)
_OUTCOMES: msgspec.msgpack.Decoder[_Outcome] = msgspec.msgpack.Decoder(_Outcome)


def read(job: Job, body: bytes) -> Block:
    """The block in a body. Raises every kind of Fault, and Damaged."""
    reading = block_reading(job.task.slot, job.task.programs)
    came = unpacked(body, job.most_bytes) if job.is_packed else Unpacked(body, is_exact=False)
    return unchecked(came.text, job.number, reading, is_exact=came.is_exact)


def frame(job: Job, body: bytes) -> bytes:
    """What goes before the body."""
    shown = _encode(job)
    return JOB.pack(len(shown), len(body)) + shown


def result(outcome: bytes) -> Block:
    """The block of an outcome. Raises what `read` raised in the other process."""
    match _OUTCOMES.decode(outcome):
        case _Read(block):
            return block
        case _NodeError(code, message):
            raise RpcError(code, message)
        case _Failure(kind, message):
            raise _FAILURES[kind](message)


def outcome_of(job: Job, body: bytes) -> bytes:
    try:
        return _encode(_Read(read(job, body)))
    except RpcError as error:
        return _encode(_NodeError(error.code, error.message))
    except (NoAnswer, Malformed, Unavailable, Damaged) as failure:
        return _encode(_Failure(type(failure).__name__, str(failure)))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer frames until the input ends."""
    while len(head := source.read(JOB.size)) == JOB.size:
        job_bytes, body_bytes = JOB.unpack(head)
        job = _JOBS.decode(source.read(job_bytes))
        body = source.read(body_bytes)
        if len(body) < body_bytes:
            return
        outcome = outcome_of(job, body)
        sink.write(OUTCOME.pack(len(outcome)) + outcome)
        sink.flush()


if __name__ == "__main__":
    os.nice(_NICENESS)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # Nobody waits for it any more.
        sys.stdout = None  # Else it is flushed once more at the end, into the same pipe.
