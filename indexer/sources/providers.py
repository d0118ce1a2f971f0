"""The pool of RPC endpoints: whoever can answer a question best is asked, and the next one if it cannot.

- Nothing of an endpoint is believed before its genesis hash was seen to be that of our cluster.
- Live requests go before backfill requests; backfill takes what is left of every budget.
- What one endpoint does not have, another is asked for. Where all have answered and none has it, that is
  Refused; where somebody did not answer, SourceInterrupted. Neither says anything about the chain.
- `past`: the answer counts only from an endpoint that was shown to have finalized that slot.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from indexer.core.jsonrpc import Reading, plain
from indexer.sources.addresses import fingerprint, names_of
from indexer.sources.ahead import gathered
from indexer.sources.base import Lane
from indexer.sources.block_readers import BlockReaders
from indexer.sources.endpoint import Endpoint, EndpointSettings, Quarantine
from indexer.sources.exchange import Limits, exchange
from indexer.sources.health import EndpointHealth
from indexer.sources.line import Grant, Line, Wish
from indexer.sources.reasons import Reason, Refused
from indexer.sources.wire import Http

_Value = TypeVar("_Value")
_log = structlog.get_logger()


class PoolSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`patience_s`: how long a question goes on after outages, before it raises SourceInterrupted."""

    genesis_hash: str
    live_timeout_s: float = 5.0
    backfill_timeout_s: float = 30.0
    patience_s: float = 30.0
    most_bytes: int = 64 * 1024 * 1024  # Of one answer; a large block is about 10 MB.
    most_at_once: int = 16  # Bodies of one `ask_many` on their way.
    quarantine: Quarantine = Quarantine()


class Answer(msgspec.Struct, Generic[_Value], frozen=True):
    value: _Value
    endpoint: str  # Its name, without credentials.


class Question(msgspec.Struct, Generic[_Value], frozen=True):
    """Parameters of one request, and how its result is read."""

    params: Sequence[Any]
    read: Reading[Any, _Value]


class _Terms(msgspec.Struct, frozen=True):
    """On which terms a question is asked; see `Providers.ask`."""

    lane: Lane
    past: int | None
    avoid: Collection[str]
    only: str | None
    patience_s: float
    slot: int | None = None


class Providers:
    """The pool. Make it inside a running event loop; it has no task of its own and nothing to close."""

    def __init__(
        self,
        http: Http,
        endpoints: Sequence[EndpointSettings],
        settings: PoolSettings,
        rng: Random,
        readers: BlockReaders | None = None,
    ) -> None:
        now = asyncio.get_running_loop().time()
        names = names_of([endpoint.url for endpoint in endpoints])
        self._http = http
        self._readers = readers
        self._settings = settings
        self._line = Line(rng)
        self._number = 0
        self._endpoints = {
            name: Endpoint(endpoint, name, settings.quarantine, rng, now)
            for name, endpoint in zip(names, endpoints, strict=True)
        }

    @property
    def names(self) -> Sequence[str]:
        """Every endpoint that is not known to be of another cluster."""
        return [name for name, endpoint in self._endpoints.items() if not endpoint.is_foreign]

    def health(self) -> Sequence[EndpointHealth]:
        return [endpoint.health() for endpoint in self._endpoints.values()]

    def fingerprints(self, key: bytes) -> Mapping[str, bytes]:
        """A keyed hash of each endpoint's address, by name: who shares its budget knows it by that."""
        return {name: fingerprint(endpoint.url, key) for name, endpoint in self._endpoints.items()}

    def share(self, name: str, among: int) -> None:
        """So many processes ask this endpoint, we too."""
        self._endpoints[name].share(among, asyncio.get_running_loop().time())

    def saw(
        self, name: str, *, slot: int | None = None, finalized_slot: int | None = None, first_block: int | None = None
    ) -> None:
        """What an answer showed of its endpoint: slots it has, and where its history begins now."""
        self._endpoints[name].saw(slot, finalized_slot, first_block)

    def lacking(self, slot: int) -> Collection[str]:
        """Whose history was seen to begin above the slot; nobody, where that holds for all: it may have changed."""
        ours = [endpoint for endpoint in self._endpoints.values() if not endpoint.is_foreign]
        lacking = {endpoint.name for endpoint in ours if (endpoint.first_block or 0) > slot}
        return lacking if len(lacking) < len(ours) else ()

    @property
    def finalized_head(self) -> int | None:
        """The highest finalized slot that anybody was seen to have."""
        slots = [e.finalized_slot for e in self._endpoints.values() if e.finalized_slot is not None]
        return max(slots, default=None)

    async def ask(
        self,
        method: str,
        params: Sequence[Any],
        read: Reading[Any, _Value],
        *,
        lane: Lane,
        past: int | None = None,
        avoid: Collection[str] = (),
        only: str | None = None,
        slot: int | None = None,
        patience_s: float | None = None,
    ) -> Answer[_Value]:
        """The first answer that `read` takes. Raises Refused and SourceInterrupted, with every endpoint's reason.

        `only`: no other endpoint is asked. `slot`: what it is about; who is known to begin above it is asked last.
        `patience_s` 0: every endpoint is asked once.
        """
        patience_s = self._settings.patience_s if patience_s is None else patience_s
        terms = _Terms(lane, past, avoid, only, patience_s, slot)
        return await self._ask(self._wish(method, params, terms), Question(params, read), past)

    async def ask_many(
        self,
        method: str,
        questions: Sequence[Question[_Value]],
        *,
        lane: Lane,
        past: int | None = None,
        avoid: Collection[str] = (),
    ) -> list[Answer[_Value] | Refused]:
        """An answer, or the refusal of all, for each question in order; in batches where an endpoint takes them.

        All readings have one shape. Raises SourceInterrupted where one of them meets an outage.
        """
        terms = _Terms(lane, past, avoid, None, self._settings.patience_s)
        answers: dict[int, Answer[_Value] | Refused] = {}
        waiting = deque(enumerate(questions))

        async def work(_: int) -> None:
            while waiting:
                answers.update(await self._ask_some(method, waiting, terms))

        most = self._settings.most_at_once
        await gathered(range(min(len(questions), most)), work, most)
        return [answers[place] for place in range(len(questions))]

    async def _ask(self, wish: Wish, question: Question[_Value], past: int | None) -> Answer[_Value]:
        while True:
            grant = await self._line.granted(wish)
            with self._line.using(grant) as endpoint:
                outcome = await self._from(endpoint, wish, past) or (await self._send(grant, wish, [question]))[0]
                if not isinstance(outcome, Reason):
                    return Answer(outcome, endpoint.name)
                wish.failed_at(endpoint, outcome)

    async def _ask_some(
        self, method: str, waiting: deque[tuple[int, Question[_Value]]], terms: _Terms
    ) -> dict[int, Answer[_Value] | Refused]:
        """Take as many of the waiting questions as one body may hold; what that does not answer is asked for alone."""
        wish = self._wish(method, waiting[0][1].params, terms, len(waiting))
        try:
            grant = await self._line.granted(wish)
        except Refused as refused:  # Nobody offers the method.
            return {waiting.popleft()[0]: refused for _ in range(len(waiting))}
        with self._line.using(grant) as endpoint:
            reason = await self._from(endpoint, wish, terms.past)
            taken = [waiting.popleft() for _ in range(min(grant.count, len(waiting)))]
            outcomes: list[_Value | Reason] = [reason] * len(taken) if reason else []
            if taken and not reason:
                outcomes = await self._send(grant, wish, [question for _, question in taken])

        async def settled(one: tuple[tuple[int, Question[_Value]], _Value | Reason]) -> Answer[_Value] | Refused:
            (_, question), outcome = one
            if isinstance(outcome, Reason):
                return await self._ask_alone(method, question, endpoint, outcome, terms)
            return Answer(outcome, endpoint.name)

        answers = await gathered(zip(taken, outcomes, strict=True), settled, self._settings.most_at_once)
        return {place: one for (place, _), one in zip(taken, answers, strict=True)}

    async def _ask_alone(
        self, method: str, question: Question[_Value], endpoint: Endpoint, reason: Reason, terms: _Terms
    ) -> Answer[_Value] | Refused:
        wish = self._wish(method, question.params, terms)
        if reason.kind != "again":
            wish.failed_at(endpoint, reason)
        try:
            return await self._ask(wish, question, terms.past)
        except Refused as refused:
            return refused

    def _wish(self, method: str, params: Sequence[Any], terms: _Terms, count: int = 1) -> Wish:
        endpoints = self._endpoints.values()
        allowed = tuple(e for e in endpoints if e.name not in terms.avoid and terms.only in (None, e.name))
        now = asyncio.get_running_loop().time()
        return Wish(_named(method, params), method, terms.lane, allowed, now, terms.patience_s, count, terms.slot)

    async def _from(self, endpoint: Endpoint, wish: Wish, past: int | None) -> Reason | None:
        """Why nothing may be taken from this endpoint: another cluster, or not shown to be past the slot."""
        if not endpoint.is_introduced:
            (found,) = await self._send(Grant(endpoint, 1), wish, [Question((), plain(str))], "getGenesisHash")
            if isinstance(found, Reason):
                return found
            endpoint.introduced(found, self._settings.genesis_hash)
            if endpoint.is_foreign:
                _log.error("endpoint_refused", endpoint=endpoint.name, reason=endpoint.reason)
                return Reason("failed", str(endpoint.reason))
        if past is None or (endpoint.finalized_slot or -1) >= past:
            return None
        (slot,) = await self._send(Grant(endpoint, 1), wish, [Question(_FINALIZED, plain(int))], "getSlot")
        if isinstance(slot, Reason):
            return slot
        endpoint.saw(slot, slot, None)
        return None if slot >= past else Reason("refused", f"its finalized slot is {slot}, it has to be past {past}")

    async def _send(
        self, grant: Grant, wish: Wish, questions: Sequence[Question[_Value]], method: str | None = None
    ) -> list[_Value | Reason]:
        """Send a body and tell the endpoint's state what became of it. `method`: one that the wish did not name."""
        endpoint, loop = grant.endpoint, asyncio.get_running_loop()
        sent_at, quarantined = loop.time(), endpoint.state == "quarantined"
        if method is not None:
            endpoint.asked(method, len(questions), sent_at)
        timeout_s = self._settings.live_timeout_s if wish.lane == "live" else self._settings.backfill_timeout_s
        number, self._number = self._number, self._number + len(questions)
        outcomes = await exchange(
            self._http,
            endpoint,
            number,
            method or wish.method,
            [(q.params, q.read) for q in questions],
            Limits(timeout_s, self._settings.most_bytes),
            self._readers,
        )
        reasons = [outcome if isinstance(outcome, Reason) else None for outcome in outcomes]
        endpoint.answered(method or wish.method, reasons, sent_at, loop.time())
        if (endpoint.state == "quarantined") != quarantined:
            _log.info("endpoint_changed", endpoint=endpoint.name, state=endpoint.state, reason=endpoint.reason)
        return outcomes


_FINALIZED = ({"commitment": "finalized"},)


def _named(method: str, params: Sequence[Any]) -> str:
    """With the signature, key or slot that is asked for; how it is asked for says nothing to people."""
    return f"{method} {params[0]}" if params and isinstance(params[0], str | int) else method
