"""One body to one endpoint and back: what came of every request in it, a value or a reason.

Whatever a wire or a node can do ends here as a Reason; nothing of the address is in its text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgspec

from indexer.core.jsonrpc import (
    Fault,
    Malformed,
    NoAnswer,
    Reading,
    RpcError,
    answer,
    batch,
    batch_answers,
    plain,
    request,
)
from indexer.core.rpc import BlockTask
from indexer.core.transaction import Unavailable
from indexer.sources.block_process import Job
from indexer.sources.block_readers import LARGE_BYTES, BlockReaders
from indexer.sources.endpoint import Endpoint
from indexer.sources.packing import Damaged, Unpacked, Unpacking, pieces
from indexer.sources.reasons import Reason, reason_of_fault, reason_of_status
from indexer.sources.wire import Http, Reply, WireBroken

_Value = TypeVar("_Value")
_FAULTS = (NoAnswer, RpcError, Malformed, Unavailable)
_BAD_REQUEST, _TOO_LARGE = 400, 413


class Limits(msgspec.Struct, frozen=True):
    timeout_s: float
    most_bytes: int


async def exchange(
    http: Http,
    endpoint: Endpoint,
    number: int,
    method: str,
    asked: Sequence[tuple[Sequence[Any], Reading[Any, _Value]]],
    limits: Limits,
    readers: BlockReaders | None = None,
) -> list[_Value | Reason]:
    """Send the requests in one body, a batch where they are several. `number`: of the first; no other is on its way.

    `readers`: large blocks are read by them; None: all is read here.
    """
    is_single = len(asked) == 1
    body = request(number, method, asked[0][0]) if is_single else batch(number, method, [params for params, _ in asked])
    try:
        reply = await http.post(endpoint.url, body, timeout_s=limits.timeout_s, most_bytes=limits.most_bytes)
        if is_single and reply.status == 200:
            return [await _single(reply, number, asked[0][1], endpoint, limits, readers)]
        came = await _unpacked(reply, limits.most_bytes)
        reply = msgspec.structs.replace(reply, body=came.text, is_packed=False)
    except (WireBroken, Damaged) as broken:
        if not is_single:
            endpoint.batch_went(well=False, size=len(asked))
        return _all(asked, Reason("failed", str(broken)), endpoint)
    readings = [reading for _, reading in asked]
    return _all(asked, _reason(reply), endpoint) if is_single else _batch(reply, number, readings, endpoint)


async def _single(
    reply: Reply,
    number: int,
    reading: Reading[Any, _Value],
    endpoint: Endpoint,
    limits: Limits,
    readers: BlockReaders | None,
) -> _Value | Reason:
    """Raises Damaged."""
    is_large = reply.is_packed or len(reply.body) >= LARGE_BYTES
    try:
        if readers is not None and is_large and isinstance(reading.task, BlockTask):
            job = Job(reading.task, number, reply.is_packed, limits.most_bytes)
            return reading.check(cast(_Value, await readers.read(job, reply.body)))
        came = await _unpacked(reply, limits.most_bytes)
        return answer(came.text, number, reading, is_exact=came.is_exact)
    except _FAULTS as fault:
        return _scrubbed(reason_of_fault(fault), endpoint)


async def _unpacked(reply: Reply, most_bytes: int) -> Unpacked:
    """The body unpacked, by pieces between which others go on. Raises Damaged."""
    if not reply.is_packed:
        return Unpacked(reply.body, is_exact=False)
    unpacking = Unpacking(most_bytes)
    for piece in pieces(reply.body):
        unpacking.feed(piece)
        await asyncio.sleep(0)
    return unpacking.end()


def _batch(
    reply: Reply, number: int, readings: Sequence[Reading[Any, _Value]], endpoint: Endpoint
) -> list[_Value | Reason]:
    if reply.status != 200:
        return _all(readings, _batch_refused(_reason(reply), reply.status, len(readings), endpoint), endpoint)
    try:
        outcomes = batch_answers(reply.body, number, readings)
    except _FAULTS as fault:
        reason = reason_of_fault(fault)
        status = _BAD_REQUEST if isinstance(fault, RpcError) else reply.status
        return _all(readings, _batch_refused(reason, status, len(readings), endpoint), endpoint)
    endpoint.batch_went(well=True, size=len(readings))
    return [_scrubbed(reason_of_fault(o), endpoint) if isinstance(o, _FAULTS) else o for o in outcomes]


def _batch_refused(reason: Reason, status: int, size: int, endpoint: Endpoint) -> Reason:
    """One answer to all of a batch: too much, too large, an outage, or an endpoint that takes none."""
    if reason.kind == "overloaded":
        return reason
    if status // 100 == 4 and status != _TOO_LARGE:
        endpoint.takes_no_batches()
        return Reason("again", f"takes no batches: {reason.text}")
    endpoint.batch_went(well=False, size=size)
    return Reason("again", reason.text) if status == _TOO_LARGE else reason


def _reason(reply: Reply) -> Reason:
    return reason_of_status(reply, _fault(reply.body))


def _fault(body: bytes) -> Fault | None:
    """What a body says as JSON-RPC, if it is some."""
    try:
        answer(body, 0, plain(msgspec.Raw))
    except _FAULTS as fault:
        return fault
    return None


def _all(asked: Sequence[Any], reason: Reason, endpoint: Endpoint) -> list[Any]:
    return [_scrubbed(reason, endpoint)] * len(asked)


def _scrubbed(reason: Reason, endpoint: Endpoint) -> Reason:
    return msgspec.structs.replace(reason, text=endpoint.scrubbed(reason.text))
