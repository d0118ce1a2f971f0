"""Chains written by hand, a word a slot: run by the real runtime, with the truth of the chain and of its forks.

A letter is a transaction: `D` of Drift, `J` of Jupiter, `G` of GMX-Solana, each of which gives rows; in lower case the
same that failed. `V` is a `D` of version 1, `o` somebody else's. `.` is a block without transactions, `-` a slot
without a block. Other letters are scripts that the test gives. A fork holds copies of what its letters stood for last,
signed anew, so that nothing of it comes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from random import Random

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.simulation.chain import Chain, ChainBlock, Fork, Truth
from indexer.simulation.drift import DriftActivity
from indexer.simulation.gmx import GmxActivity
from indexer.simulation.instructions import fixed_key
from indexer.simulation.jupiter import JupiterActivity
from indexer.simulation.script import Invoke, Script, Text
from indexer.simulation.sender import Ran, Sender
from indexer.simulation.truth import joined, truth_of
from tests.simulation.scripts import emits, reference

FIRST = 1_000
SLOT_MS = 400
START_S = 1_759_000_000  # Unix seconds of the first slot.
GENESIS = sha256(b"a chain by hand").digest()
OTHERS = Script((Invoke(fixed_key("somebody else"), bytes(8), (), (Text("Instruction: Swap"),)),))
_VERSION_1 = {"V": "D"}


class HandChain(msgspec.Struct, frozen=True):
    chain: Chain
    forked: Truth  # Of the blocks that were dropped.

    @property
    def span(self) -> Span:
        """From the first block to the last one: no block proves what lies outside."""
        return Span(min(self.chain.blocks), max(self.chain.blocks) + 1)


def hand_chain(
    words: str, *, forks: Mapping[int, str] | None = None, own: Mapping[str, Script] | None = None
) -> HandChain:
    """Slots from FIRST on. `forks`: words of dropped blocks by their first slot; `own`: scripts of other letters."""
    maker = _Maker(own or {})
    blocks: dict[int, ChainBlock] = {}
    for slot, word in enumerate(words.split(), FIRST):
        if word != "-":
            blocks[slot] = maker.block(slot, word, blocks[max(blocks)] if blocks else None)
    main = joined(maker.truths)
    maker.truths.clear()
    dropped = [Fork(maker.fork(slot, word.split(), blocks)) for slot, word in (forks or {}).items()]
    made = Chain(
        genesis_hash=base58.encode(GENESIS),
        first_slot=FIRST,
        end_slot=FIRST + len(words.split()),
        genesis_time=START_S,
        slot_ms=SLOT_MS,
        blocks=blocks,
        forks=dropped,
        truth=main,
    )
    return HandChain(made, joined(maker.truths))


class _Maker:
    """Writes blocks; the scripts of one protocol come in the order of its market's life."""

    def __init__(self, own: Mapping[str, Script]) -> None:
        self.own = {"o": OTHERS, **own}
        self.sender = Sender(Random("a chain by hand"), GENESIS)
        self.activities = {
            "D": DriftActivity(Random("drift by hand"), reference()),
            "J": JupiterActivity(Random("jupiter by hand"), reference()),
            "G": GmxActivity(Random("gmx by hand"), reference()),
        }
        self.last: dict[str, Ran] = {}
        self.truths: list[Truth] = []

    def block(self, slot: int, word: str, parent: ChainBlock | None) -> ChainBlock:
        ran = [self._ran(letter, slot) for letter in word.strip(".")]
        return self._sealed(slot, ran, parent, is_dropped=False)

    def fork(self, first: int, words: Sequence[str], main: Mapping[int, ChainBlock]) -> list[ChainBlock]:
        made: list[ChainBlock] = []
        for slot, word in enumerate(words, first):
            parent = made[-1] if made else main[max(one for one in main if one < first)]
            copies = [self.sender.again(self.last[letter], GENESIS) for letter in word.strip(".-")]
            if word != "-":
                made.append(self._sealed(slot, copies, parent, is_dropped=True))
        return made

    def _ran(self, letter: str, slot: int) -> Ran:
        script = self.own.get(letter) or self._drawn(_VERSION_1.get(letter, letter), slot)
        self.last[letter] = self.sender.ran(script, GENESIS, is_v1=letter in _VERSION_1)
        return self.last[letter]

    def _drawn(self, letter: str, slot: int) -> Script:
        """The next script of the protocol that gives a row."""
        while True:
            (script,) = self.activities[letter.upper()].scripts(slot, _time(slot), 1)
            if any(emit.rows for emit in emits(script)):
                return _failing(script) if letter.islower() else script

    def _sealed(self, slot: int, ran: Sequence[Ran], parent: ChainBlock | None, *, is_dropped: bool) -> ChainBlock:
        previous = base58.encode(GENESIS) if parent is None else parent.blockhash
        content = f"{previous} {slot} {is_dropped}".encode()
        block = ChainBlock(
            slot=slot,
            parent_slot=FIRST - 1 if parent is None else parent.slot,
            height=slot - FIRST if parent is None else parent.height + 1,
            blockhash=base58.encode(sha256(content).digest()),
            previous_blockhash=previous,
            block_time=_time(slot),
            transactions=[one.transaction for one in ran],
        )
        self.truths += [truth_of(block, place, one) for place, one in enumerate(ran) if not one.transaction.failed]
        return block


def _failing(script: Script) -> Script:
    *before, last = script.calls
    return Script((*before, msgspec.structs.replace(last, fails=True)), script.is_v0)


def _time(slot: int) -> int:
    return START_S + (slot - FIRST) * SLOT_MS // 1000
