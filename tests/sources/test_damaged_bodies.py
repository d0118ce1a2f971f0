"""Bodies that lost, doubled or exchanged a piece between a node and us: over real sockets, none of them is a block.

What is said of cutting is of blocks that name nothing of ours (core/rpc/cut.py).
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import msgspec
import pytest

from indexer.core.jsonrpc import NoAnswer
from indexer.core.rpc import Block, BlockTask, block, block_reading
from indexer.core.rpc.cut import without_transactions
from indexer.sources import block_process
from indexer.sources import exchange as module
from indexer.sources.block_process import Job
from indexer.sources.block_readers import BlockReaders, open_block_readers
from indexer.sources.endpoint import Endpoint, EndpointSettings, Quarantine
from indexer.sources.exchange import Limits, exchange
from indexer.sources.http import SMALL_BYTES, open_http
from indexer.sources.packing import Damaged
from indexer.sources.reasons import Reason
from tests.adversarial.answers import as_block, as_json
from tests.adversarial.cases import CASES
from tests.mutation import Mutant, mutant
from tests.world import SLOT, data_line, frame, key, log_line, transaction

OTHER = frozenset((key(4040),))
Damage = Callable[[bytes, Random], bytes]


def cut(body: bytes, rng: Random) -> bytes:
    return body[: rng.randrange(1, len(body))]


def dropped(body: bytes, rng: Random) -> bytes:
    start, end = sorted(rng.sample(range(len(body)), 2))
    return body[:start] + body[end:]


def doubled(body: bytes, rng: Random) -> bytes:
    start, end = sorted(rng.sample(range(len(body)), 2))
    return body[:end] + body[start:end] + body[end:]


def zeroed(body: bytes, rng: Random) -> bytes:
    start, end = sorted(rng.sample(range(len(body)), 2))
    return body[:start] + bytes(end - start) + body[end:]


def flipped(body: bytes, rng: Random) -> bytes:
    place = rng.randrange(10, len(body) - 8)  # Within what is packed: the head of gzip has bits that mean nothing.
    return body[:place] + bytes([body[place] ^ 1 << rng.randrange(8)]) + body[place + 1 :]


DAMAGES: list[Damage] = [cut, dropped, doubled, zeroed, flipped]


def body_of(count: int) -> bytes:
    """An answer to request 3 that names nothing of OTHER; random data, so that it does not pack to nothing."""
    rng = Random(1)
    shown = [as_json(case.tx) for case in CASES[:3]]
    shown += [
        as_json(transaction(frame(key(n), log_line("hello"), data_line(rng.randbytes(300))))) for n in range(count)
    ]
    return msgspec.json.encode({"jsonrpc": "2.0", "result": as_block(*shown), "id": 3})


SMALL, LARGE = body_of(20), body_of(700)


def told(body: bytes, length: int, packing: str = "") -> bytes:
    """A reply that says how long it is."""
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{packing}\r\n".encode() + body


def chunked(body: bytes, packing: str = "") -> bytes:
    pieces = [body[start : start + 5000] for start in range(0, len(body), 5000)]
    framed = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{packing}\r\n".encode() + framed + b"0\r\n\r\n"


@asynccontextmanager
async def asking(
    reply: Callable[[], bytes], readers: BlockReaders | None = None, *, most_bytes: int = 10**8
) -> AsyncIterator[Callable[[], object]]:
    """Somebody who asks a server that sends these bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    endpoint = Endpoint(EndpointSettings(url=url), "node", Quarantine(), Random(0), 0.0)
    reading = block_reading(SLOT, OTHER)

    async with server, open_http() as http:

        async def ask() -> object:
            (found,) = await exchange(
                http, endpoint, 3, "getBlock", [([SLOT], reading)], Limits(5, most_bytes), readers
            )
            return found

        yield ask


GZIP = "Content-Encoding: gzip\r\n"


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_packed_body_that_was_damaged_is_no_block(damage: Damage, body: bytes) -> None:
    rng, packed = Random(7), gzip.compress(body)
    for framed in (lambda harmed: told(harmed, len(harmed), GZIP), lambda harmed: chunked(harmed, GZIP)):
        async with asking(lambda framed=framed: framed(damage(packed, rng))) as ask:
            for _ in range(30):
                assert isinstance(await ask(), Reason)


@pytest.mark.parametrize("damage", [cut, dropped])
@pytest.mark.parametrize("packing", ["", GZIP])
async def test_a_body_that_is_shorter_than_it_says_is_no_block(damage: Damage, packing: str) -> None:
    rng, body = Random(7), gzip.compress(SMALL) if packing else SMALL
    async with asking(lambda: told(damage(body, rng), len(body), packing)) as ask:
        for _ in range(30):
            assert isinstance(await ask(), Reason)


async def test_a_body_with_a_piece_twice_is_cut_to_its_length_and_no_block() -> None:
    rng = Random(7)
    async with asking(lambda: told(doubled(SMALL, rng), len(SMALL))) as ask:
        for _ in range(30):
            assert isinstance(await ask(), Reason)


@pytest.mark.parametrize("damage", [cut, dropped])
async def test_a_chunk_that_lost_bytes_is_no_block(damage: Damage) -> None:
    rng, whole = Random(7), chunked(SMALL)
    head = whole.index(b"\r\n\r\n") + 4
    async with asking(lambda: whole[:head] + damage(whole[head:], rng)) as ask:
        found = [await ask() for _ in range(60)]
    assert sum(isinstance(one, Block) for one in found) == 0


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("packing", ["", GZIP])
async def test_a_whole_body_is_a_block_by_whatever_way_it_came(body: bytes, packing: str) -> None:
    sent = gzip.compress(body) if packing else body
    async with open_block_readers(1) as readers:
        for framed in (told(sent, len(sent), packing), chunked(sent, packing)):
            for reader in (None, readers):
                async with asking(lambda framed=framed: framed, reader) as ask:
                    assert await ask() == module.answer(body, 3, block_reading(SLOT, OTHER))


def test_the_large_body_is_left_packed_and_the_small_one_is_not() -> None:
    assert len(gzip.compress(SMALL)) < SMALL_BYTES < len(gzip.compress(LARGE))


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
async def test_a_packed_body_without_its_checksum_is_no_block(body: bytes) -> None:
    packed = gzip.compress(body)
    for lost in range(1, 9):
        async with asking(lambda lost=lost: told(packed[:-lost], len(packed) - lost, GZIP)) as ask:
            assert isinstance(await ask(), Reason)


async def test_a_large_packed_body_of_an_error_is_an_error() -> None:
    reply = told(packed := gzip.compress(LARGE), len(packed), GZIP).replace(b"200 OK", b"503 Busy")
    async with asking(lambda: reply) as ask:
        assert isinstance(found := await ask(), Reason)
        assert "503" in found.text


async def test_a_large_packed_body_is_bounded_as_it_unpacks() -> None:
    reply = told(packed := gzip.compress(LARGE), len(packed), GZIP)
    async with open_block_readers(1) as readers:
        for reader in (None, readers):
            async with asking(lambda: reply, reader, most_bytes=len(LARGE) - 1) as ask:
                assert isinstance(found := await ask(), Reason)
                assert str(len(LARGE) - 1) in found.text


def spoilt(body: bytes) -> bytes:
    """The same with a quote too many in one of its transactions: whoever reads all of it sees that it is no JSON."""
    return body.replace(b"hello", b'he"lo', 1)


def in_members(body: bytes) -> list[bytes]:
    third = len(body) // 3
    return [gzip.compress(part) for part in (body[:third], body[third : 2 * third], body[2 * third :])]


def read_apart(body: bytes, *, is_packed: bool) -> Block:
    """As a process of its own reads it, in this one."""
    return block_process.read(Job(BlockTask(SLOT, OTHER), 3, is_packed, 10**8), body)


async def of_all_ways(body: bytes, packing: str = "") -> list[object]:
    """What it is to whoever reads it here, or in a process of its own."""
    async with open_block_readers(1) as readers:
        found = []
        for reader in (None, readers):
            async with asking(lambda: told(body, len(body), packing), reader) as ask:
                found.append(await ask())
        return found


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
async def test_a_body_that_came_unpacked_is_never_cut(body: bytes) -> None:
    assert without_transactions(spoilt(body)) != spoilt(body)
    for found in await of_all_ways(spoilt(body)):
        assert isinstance(found, Reason)
        assert "no JSON" in found.text
    with pytest.raises(NoAnswer):
        read_apart(spoilt(body), is_packed=False)


async def test_a_large_body_whose_checksum_holds_is_cut() -> None:
    packed = gzip.compress(spoilt(LARGE))
    whole = module.answer(LARGE, 3, block_reading(SLOT, OTHER))
    assert await of_all_ways(packed, GZIP) == [whole, whole]
    assert read_apart(packed, is_packed=True) == whole


async def test_a_body_of_several_checksums_is_read_and_not_cut() -> None:
    whole = module.answer(LARGE, 3, block_reading(SLOT, OTHER))
    assert await of_all_ways(b"".join(in_members(LARGE)), GZIP) == [whole, whole]
    packed = b"".join(in_members(spoilt(LARGE)))
    assert all(isinstance(found, Reason) for found in await of_all_ways(packed, GZIP))
    with pytest.raises(NoAnswer):
        read_apart(packed, is_packed=True)


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the bodies that were cut."""
    sizes: list[int] = []

    def cutting(body: bytes) -> bytes:
        sizes.append(len(body))
        return without_transactions(body)

    monkeypatch.setattr(block, "without_transactions", cutting)
    return sizes


@pytest.mark.parametrize("damage", DAMAGES)
async def test_no_packed_body_that_was_damaged_comes_to_be_cut(damage: Damage, cuts: list[int]) -> None:
    rng, packed = Random(7), gzip.compress(LARGE)
    for _ in range(40):
        with pytest.raises(Damaged):
            read_apart(damage(packed, rng), is_packed=True)
    harmed = damage(packed, rng)
    async with asking(lambda: told(harmed, len(harmed), GZIP)) as ask:
        assert isinstance(await ask(), Reason)
    assert not cuts
    read_apart(packed, is_packed=True)
    assert cuts == [len(LARGE)]


def test_no_body_that_lost_doubled_or_exchanged_a_member_comes_to_be_cut(cuts: list[int]) -> None:
    first, second, third = in_members(LARGE)
    for harmed in (first + third, first + second + second + third, second + first + third, first + second):
        with pytest.raises(NoAnswer):
            read_apart(harmed, is_packed=True)
    assert not cuts


def unpacked_and_cut() -> None:
    asyncio.run(test_a_body_that_came_unpacked_is_never_cut(SMALL))


def nothing_cut() -> None:
    asyncio.run(test_a_large_body_whose_checksum_holds_is_cut())


def members_cut() -> None:
    asyncio.run(test_a_body_of_several_checksums_is_read_and_not_cut())


def no_checksum() -> None:
    asyncio.run(test_a_packed_body_without_its_checksum_is_no_block(SMALL))


def no_bound() -> None:
    asyncio.run(test_a_large_packed_body_is_bounded_as_it_unpacks())


MUTANTS = [
    mutant("a packed body needs no end", no_checksum,
           "sources.packing", ("if not self._member.eof:", "if False:")),
    mutant("what is packed has no bound", no_bound,
           "sources.packing", ("if self._size > self._most_bytes:", "if False:")),
    mutant("a body that came unpacked is exact, here", unpacked_and_cut,
           "sources.exchange", ("is_exact=False", "is_exact=True")),
    mutant("a body that came unpacked is exact, apart", unpacked_and_cut,
           "sources.block_process", ("is_exact=False", "is_exact=True")),
    mutant("a packed body is not exact, here", nothing_cut,
           "sources.exchange", ("is_exact=came.is_exact", "is_exact=False")),
    mutant("a packed body is not exact, apart", nothing_cut,
           "sources.block_process", ("is_exact=came.is_exact", "is_exact=False")),
    mutant("members are not told apart", members_cut,
           "sources.packing", ("isal_zlib.decompressobj(_GZIP), False", "isal_zlib.decompressobj(_GZIP), True")),
]  # fmt: skip


@pytest.mark.parametrize("planted", MUTANTS, ids=lambda planted: planted.name)
def test_a_change_that_would_believe_damaged_bodies_is_noticed(
    planted: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.check(monkeypatch)
