"""The server of the SQD Portal protocol over the chain: the filtered archive of all history.

A response covers a range from `fromBlock` on and may end early. It sends the blocks that have matches, and always
the first and the last block of the range that it covered; its lines are made while it travels. The archive lags the
chain; what is not there yet is answered by 204, after a while. Where the client's parent is not that of the chain, 409
tells the blocks before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from indexer.simulation import weather
from indexer.simulation.budget import Budget
from indexer.simulation.chain import ChainBlock
from indexer.simulation.cluster import Cluster, Commitment, View
from indexer.simulation.encodings import Json
from indexer.simulation.exchange import Answer, Request
from indexer.simulation.faults import Faults, no_faults
from indexer.simulation.portal_items import Item, header, items, matching
from indexer.simulation.portal_query import BadQuery, Query, parsed
from indexer.simulation.subscriptions import Closed

_MOST_BLOCKS = 5_000  # Of one response.
_PREVIOUS_BLOCKS = 10  # Told to a client that is on another fork.
_NOTHING_YET_S = 5.0  # How long the portal waits before it says so.
_WALKED_BLOCKS = 512  # Kept walked, for who asks again soon.
_JSON_LINES = "application/jsonl"


class Portal:
    """exchange.Server for one dataset."""

    def __init__(
        self,
        cluster: Cluster,
        name: str = "portal",
        *,
        dataset: str = "solana-mainnet",
        behind: int = 50,
        first_slot: int | None = None,
        most_blocks: int = _MOST_BLOCKS,
        budget: Budget | None = None,
        faults: Faults | None = None,
    ) -> None:
        """`behind`: slots by which the archive lags the finalized chain. It begins at `first_slot`."""
        self.cluster, self.name, self.dataset = cluster, name, dataset
        self.behind, self.most_blocks, self._budget = behind, most_blocks, budget
        self.first_slot = cluster.chain.first_slot if first_slot is None else first_slot
        self.faults = faults or no_faults(cluster.clock)
        self._walked: dict[str, list[Item]] = {}  # By block hash.

    def respond(self, request: Request) -> Answer:
        return self._trouble() or self._route(request)

    def connect(self) -> Any:
        """A portal has no WebSocket. Raises Closed."""
        raise Closed(1006)

    # --- routes ----------------------------------------------------------------------------------------------------

    def _route(self, request: Request) -> Answer:
        prefix = f"/datasets/{self.dataset}/"
        if not request.path.startswith(prefix):
            return _refused(404, "unknown_dataset", f"Unknown dataset: {request.path}")
        path = request.path.removeprefix(prefix)
        if request.method == "POST" and path in _LEVELS:
            return self._stream(request.body, _LEVELS[path])
        if request.method == "GET" and path in _HEADS:
            return _told(_reference(self._view(_HEADS[path]).head(_HEADS[path])))
        if request.method == "GET" and path == "metadata":
            return _told({"dataset": self.dataset, "aliases": [], "real_time": True, "start_block": self.first_slot})
        if request.method == "GET" and (asked := re.fullmatch(r"timestamps/(\d+)/block", path)):
            return self._at_time(int(asked[1]))
        return _refused(404, "not_found", f"Not found: {request.method} {path}")

    def _at_time(self, seconds: int) -> Answer:
        """The first block whose time is not before."""
        for block in _blocks(self._view("finalized"), self.first_slot, "finalized"):
            if block.block_time >= seconds:
                return _told({"block_number": block.slot})
        return _refused(404, "not_found", "block not in hotblocks")

    def _stream(self, body: bytes, level: Commitment) -> Answer:
        try:
            query = parsed(body)
        except BadQuery as error:
            return _refused(400, "malformed_request", str(error))
        if query.from_block < self.first_slot:
            return _refused(400, "malformed_request", f"the dataset begins at block {self.first_slot}")
        view = self._view(level)
        if query.from_block > view.limit(level):
            return Answer(204, wait_s=_NOTHING_YET_S, more_headers=self._heads())
        if level != "finalized" and (conflict := self._conflict(view, query, level)) is not None:
            return Answer(409, msgspec.json.encode(conflict), more_headers=self._heads())
        blocks = _blocks(view, query.from_block, level, query.to_block)[: self.most_blocks]
        lines = partial(self._lines, self._ended_early(blocks), query)
        return self._on_its_way(Answer(200, b"", _JSON_LINES, self._heads(), parts=lines))

    def _lines(self, blocks: Sequence[ChainBlock], query: Query) -> Iterator[bytes]:
        """A line for each block of the covered range that is sent, and something empty for each of the others."""
        for place, block in enumerate(blocks):
            tables = matching(self._items(block), query)
            if tables or query.include_all_blocks or place in (0, len(blocks) - 1):
                yield msgspec.json.encode({"header": header(block, query), **tables}) + b"\n"
            else:
                yield b""

    def _items(self, block: ChainBlock) -> list[Item]:
        if block.blockhash not in self._walked:
            if len(self._walked) >= _WALKED_BLOCKS:
                self._walked.pop(next(iter(self._walked)))
            self._walked[block.blockhash] = items(block)
        return self._walked[block.blockhash]

    def _conflict(self, view: View, query: Query, level: Commitment) -> Json | None:
        """What is told to a client whose last block is not the parent of the first one that it asks for."""
        previous = _blocks(view, self.first_slot, level, query.from_block - 1)[-_PREVIOUS_BLOCKS:]
        if query.parent_block_hash is None or not previous or previous[-1].blockhash == query.parent_block_hash:
            return None
        self.faults.saw("portal_conflict")
        error = {"type": "invalid_request_error", "code": "base_block_mismatch", "message": "Base block mismatch"}
        return {"error": error, "previousBlocks": [_reference(block) for block in previous]}

    # --- what it sees, and its faults ------------------------------------------------------------------------------

    def _view(self, level: Commitment) -> View:
        """The archive lags; what is not final yet comes from nodes that do not."""
        if level != "finalized":
            return self.cluster.view()
        fault = self.faults.strikes("portal_behind", self.name)
        return self.cluster.view(self.behind + (0 if fault is None else round(fault.amount)))

    def _heads(self) -> dict[str, str]:
        final, head = self._view("finalized").head("finalized"), self._view("confirmed").head("confirmed")
        told = {} if head is None else {"x-sqd-head-number": str(head.slot)}
        if final is not None:
            told |= {"x-sqd-finalized-head-number": str(final.slot), "x-sqd-finalized-head-hash": final.blockhash}
        return told

    def _trouble(self) -> Answer | None:
        """An answer that is none, by the faults that are on."""
        faults, name = self.faults, self.name
        if self._budget is not None and (wait_s := self._budget.wait_s()):
            faults.saw("over_budget")
            return _overloaded(429, wait_s)
        if faults.strikes("portal_no_workers", name):
            return _refused(503, "no_workers", "No worker available")
        if fault := faults.strikes("portal_overloaded", name):
            return _overloaded(faults.random.choice((429, 529)), max(1, round(fault.amount)))
        if faults.strikes("portal_server_error", name):
            return weather.broken(faults.random)
        return None

    def _ended_early(self, blocks: list[ChainBlock]) -> list[ChainBlock]:
        fault = self.faults.active("portal_stops_early", self.name)
        if fault is None or len(blocks) <= (most := max(1, round(fault.amount))):
            return blocks
        return blocks[:most] if self.faults.strikes("portal_stops_early", self.name) else blocks

    def _on_its_way(self, answer: Answer) -> Answer:
        faults, name = self.faults, self.name
        if faults.strikes("portal_cut", name):
            return weather.cut(answer, faults.random, ending=faults.random.choice(("reset", "whole")))
        if faults.strikes("portal_hang", name):
            return weather.cut(answer, faults.random, ending="silence")
        fault = faults.strikes("portal_slow", name)
        return answer if fault is None else weather.slowed(answer, fault)


_LEVELS: Mapping[str, Commitment] = {"finalized-stream": "finalized", "stream": "confirmed"}
_HEADS: Mapping[str, Commitment] = {"finalized-head": "finalized", "head": "confirmed"}
_TYPES = {429: "rate_limit_error", 503: "availability_error", 529: "rate_limit_error"}


def _blocks(view: View, start: int, level: Commitment, end: int | None = None) -> list[ChainBlock]:
    last = view.limit(level) if end is None else min(end, view.limit(level))
    return [block for slot in view.slots(start, last, level) if (block := view.block(slot, level)) is not None]


def _reference(block: ChainBlock | None) -> Json | None:
    return None if block is None else {"number": block.slot, "hash": block.blockhash}


def _told(value: Any) -> Answer:
    return Answer(body=msgspec.json.encode(value))


def _overloaded(status: int, wait_s: int) -> Answer:
    return _refused(status, "overloaded", "Service is overloaded, please try again later", {"retry-after": str(wait_s)})


def _refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    error = {"type": _TYPES.get(status, "invalid_request_error"), "code": code, "message": message}
    return Answer(status, msgspec.json.encode({"error": error}), more_headers=headers or {})
