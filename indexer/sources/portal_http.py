"""Requests to a Portal: a rate budget, retries, and bodies read line by line.

A Portal ends a body early without a word, so that only whole lines count; what is missing behind them is asked for
again. What may pass is a Refusal, what asking again does not mend is SourceInterrupted. No message shows a key.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from indexer.redaction import redacted
from indexer.sources.addresses import fingerprint, shown
from indexer.sources.base import SourceInterrupted
from indexer.sources.wire import Http, WireBroken

_MAY_PASS = frozenset((429, 502, 503, 504, 529))  # 529: the Portal is at its capacity.
_LONGEST_RETRY_AFTER_S = 300.0
_EXCERPT_BYTES = 300


class PortalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the Portal source. Times in seconds, sizes in bytes."""

    requests: int = 20  # In any `period_s`: what the public Portal allows without a key.
    period_s: float = 10.0
    timeout_s: float = 30.0  # Of small answers.
    idle_timeout_s: float = 60.0  # Without a byte of a stream: archives are slow to begin.
    answer_bytes: int = 65_536  # Of small answers.
    line_bytes: int = 67_108_864  # A block with all instructions of its matching transactions.
    attempts: int = 6  # One after the other without any progress.
    first_pause_s: float = 1.0  # Between attempts, doubled each time, with jitter.
    longest_pause_s: float = 30.0
    no_worker_pause_s: float = 5.0  # After 503: none of the archive's workers has the data at the moment.
    head_s: float = 10.0  # How old a finalized head may be: each costs a request, and it is far from what is read.
    page_transactions: int = 300
    page_s: float = 10.0  # A page is put after so long though it is small: what it settles is not to be read again.
    pages_ahead: int = 2
    fetches: int = 16  # At once, of transactions that the archive does not have whole.


class PortalCounts(msgspec.Struct, kw_only=True):
    """Since the start."""

    requests: int = 0
    refusals: int = 0  # Answers and broken connections after which the same was asked again.
    lines: int = 0
    transactions: int = 0
    doubtful: int = 0  # Transactions that the archive does not have whole.
    fetched: int = 0  # Of these, fetched elsewhere.


class Refusal(Exception):
    """Nothing, or not everything, came; the same may be asked again after `pause_s`."""

    def __init__(self, message: str, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Retries:
    """Attempts at one thing. `progressed` forgets the failed ones."""

    def __init__(self, settings: PortalSettings, rng: Random) -> None:
        self._settings, self._rng, self._failed = settings, rng, 0

    def progressed(self) -> None:
        self._failed = 0

    async def after(self, refusal: Refusal) -> None:
        """Wait until it may be asked again. Raises SourceInterrupted where it was asked often enough."""
        settings = self._settings
        pause = min(settings.first_pause_s * 2.0**self._failed, settings.longest_pause_s)
        self._failed += 1
        if self._failed >= settings.attempts:
            raise SourceInterrupted(str(refusal)) from None
        await asyncio.sleep(max(refusal.pause_s, pause * self._rng.uniform(0.5, 1.0)))


class _Budget:
    """At most `most` requests in any period."""

    def __init__(self, most: int, period_s: float) -> None:
        self._most = most
        self._period_s = period_s
        self._began: deque[float] = deque(maxlen=most)
        self._turn = asyncio.Lock()

    def share(self, among: int) -> None:
        """So many processes ask, we too: each has an equal part; at least one request a period."""
        self._began = deque(self._began, maxlen=max(1, self._most // among))

    async def take(self) -> None:
        async with self._turn:
            clock = asyncio.get_running_loop().time
            if len(self._began) == self._began.maxlen:
                await asyncio.sleep(max(0.0, self._began[0] + self._period_s - clock()))
            self._began.append(clock())


class PortalHttp:
    """`url` of a dataset: `https://.../datasets/solana-mainnet`. It may hold a key."""

    def __init__(self, url: str, http: Http, rng: Random, settings: PortalSettings) -> None:
        self._url, self._http, self._rng, self._settings = urlsplit(url), http, rng, settings
        self._budget = _Budget(settings.requests, settings.period_s)
        self.endpoint = shown(url)  # A path may be a key.
        self.counts = PortalCounts()

    def fingerprint(self, key: bytes) -> bytes:
        """A keyed hash of its address."""
        return fingerprint(urlunsplit(self._url), key)

    def share(self, among: int) -> None:
        """So many processes ask this Portal, we too."""
        self._budget.share(among)

    async def get(self, path: str) -> Any:
        """The JSON of a small answer; None where there is none (204, 404). Raises SourceInterrupted."""
        retries = Retries(self._settings, self._rng)
        while True:
            try:
                return await self._get(path)
            except Refusal as refusal:
                self.counts.refusals += 1
                await retries.after(refusal)

    async def lines(self, query: bytes) -> AsyncGenerator[bytes, None]:
        """Whole lines of /finalized-stream; none where there is nothing. Raises Refusal, SourceInterrupted."""
        await self._begin()
        try:
            url = self._at("/finalized-stream")
            async with self._http.stream(url, query, idle_timeout_s=self._settings.idle_timeout_s) as answer:
                if answer.status not in (200, 204):
                    raise self._refused(answer.status, answer.headers, await _excerpt(answer.chunks()))
                lines = _Lines(self._settings.line_bytes)
                async for chunk in answer.chunks():
                    for line in self._counted(lines.whole(chunk)):
                        yield line
                for line in self._counted(lines.last()):
                    yield line
        except WireBroken as error:
            raise self._broken(error) from None

    async def _get(self, path: str) -> Any:
        await self._begin()
        settings = self._settings
        try:
            reply = await self._http.get(self._at(path), timeout_s=settings.timeout_s, most_bytes=settings.answer_bytes)
        except WireBroken as error:
            raise self._broken(error) from None
        if reply.status in (204, 404):
            return None
        if reply.status != 200:
            raise self._refused(reply.status, reply.headers, reply.body)
        try:
            return msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise Refusal(f"{self.endpoint}: {path} is no JSON: {error}") from None

    async def _begin(self) -> None:
        await self._budget.take()
        self.counts.requests += 1

    def _counted(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Raises Refusal, SourceInterrupted, each with the address."""
        try:
            for line in lines:
                self.counts.lines += 1
                yield line
        except _TooLong as error:
            raise SourceInterrupted(f"{self.endpoint}: {error}") from None
        except _CutShort as error:
            raise Refusal(f"{self.endpoint}: {error}") from None

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes) -> Refusal | SourceInterrupted:
        said = body[:_EXCERPT_BYTES].decode("utf-8", "replace").strip()
        message = redacted(f"{self.endpoint}: HTTP {status}: {said}")
        if status not in _MAY_PASS:
            return SourceInterrupted(message)
        return Refusal(message, _retry_after(headers) or (self._settings.no_worker_pause_s if status == 503 else 0.0))

    def _broken(self, error: WireBroken) -> Refusal:
        return Refusal(redacted(f"{self.endpoint}: {error}"))

    def _at(self, path: str) -> str:
        return urlunsplit(self._url._replace(path=self._url.path.rstrip("/") + path))


class _TooLong(Exception):
    """A line beyond what is read."""


class _CutShort(Exception):
    """A body that ends within a line."""


class _Lines:
    """Lines, without their end, of a body that comes in pieces; a rest without one only if it is whole JSON."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()

    def whole(self, chunk: bytes) -> Iterator[bytes]:
        """Those that end in this piece. Raises _TooLong."""
        *ended, rest = chunk.split(b"\n")
        if ended and self._rest:
            self._rest += ended[0]
            ended[0] = bytes(self._rest)
            self._rest.clear()
        for line in ended:
            self._check(line)
            if line:
                yield line
        self._rest += rest
        self._check(self._rest)

    def last(self) -> Iterator[bytes]:
        """The rest. Raises _CutShort."""
        if self._rest:
            if not _is_whole(self._rest):
                raise _CutShort(f"the answer ends within a line, behind {len(self._rest)} bytes of it")
            yield bytes(self._rest)

    def _check(self, line: bytes | bytearray) -> None:
        if len(line) > self._most_bytes:
            raise _TooLong(f"a line of {len(line)} bytes and more, the limit is {self._most_bytes}")


async def _excerpt(chunks: AsyncIterator[bytes]) -> bytes:
    """The beginning of a body. Raises WireBroken."""
    found = b""
    async for chunk in chunks:
        found += chunk[:_EXCERPT_BYTES]
        if len(found) >= _EXCERPT_BYTES:
            break
    return found


def _is_whole(line: bytearray) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; None where the header is absent or no whole number: Portals send no dates."""
    text = headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return min(float(text), _LONGEST_RETRY_AFTER_S)
