"""Events by self-CPI are told by the first digits of their data: whatever the source, nothing else is decoded."""

from __future__ import annotations

import json
from collections.abc import Callable
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.core.instructions import EVENT_TAG, self_cpi_payloads
from indexer.core.jsonrpc import answer
from indexer.core.rpc import TRANSACTION, block_reading
from indexer.core.transaction import Transaction
from indexer.sources.portal_lines import read_block
from indexer.sources.portal_query import stream_query
from tests.adversarial.answers import as_block, as_json
from tests.mutation import Mutant, mutant
from tests.programs import JUPITER, JUPITER_AUTHORITY, protocols
from tests.sources.archive import Archive, chained
from tests.world import SLOT, frame, transaction

OUTER = b"the outer instruction"
(STREAM,) = (protocol for protocol in protocols() if JUPITER in protocol.programs)


def by_signature(made: Transaction) -> Transaction:
    return answer(msgspec.json.encode({"id": 1, "result": as_json(made)}), 1, TRANSACTION)


def by_block(made: Transaction) -> Transaction:
    body = msgspec.json.encode({"id": 1, "result": as_block(as_json(made))})
    (found,) = answer(body, 1, block_reading(SLOT, [JUPITER])).transactions
    return found


def by_portal(made: Transaction) -> Transaction:
    query = json.loads(stream_query(STREAM, Span(SLOT, SLOT + 1)))
    (line,) = Archive(chained({SLOT: [made]}, SLOT - 1)).lines(query)
    (found,) = read_block(line, has_logs=False).transactions
    return found


SOURCES = [by_signature, by_block, by_portal]
some_bytes = st.binary(max_size=40)
near_the_tag = st.tuples(st.integers(0, 7), st.integers(1, 255), some_bytes).map(
    lambda at: EVENT_TAG[: at[0]] + bytes([EVENT_TAG[at[0]] ^ at[1]]) + EVENT_TAG[at[0] + 1 :] + at[2]
)
inner_data = some_bytes.map(lambda data: EVENT_TAG + data) | near_the_tag | some_bytes | st.just(EVENT_TAG[:7])


def check(source: Callable[[Transaction], Transaction], inner: list[bytes]) -> None:
    inside = [frame(JUPITER, discriminator=data, accounts=[JUPITER_AUTHORITY]) for data in inner]
    found = source(transaction(frame(JUPITER, *inside, discriminator=OUTER)))
    assert found.instructions is not None
    with patch.object(base58, "decode", wraps=base58.decode) as decode:
        payloads = self_cpi_payloads(found.instructions, JUPITER, JUPITER_AUTHORITY)
    tagged = [data for data in inner if data.startswith(EVENT_TAG)]
    assert [payload.data for payload in payloads] == [data[len(EVENT_TAG) :] for data in tagged]
    decoded = sorted(base58.decode(call.args[0]) for call in decode.call_args_list)
    assert decoded == sorted([*tagged, *([OUTER] if tagged else [])])


@pytest.mark.parametrize("source", SOURCES)
@given(st.lists(inner_data, min_size=1, max_size=5))
def test_exactly_what_begins_with_the_tag_is_decoded_and_an_event(
    source: Callable[[Transaction], Transaction], inner: list[bytes]
) -> None:
    check(source, [*inner, EVENT_TAG + b"12345678"])  # Without an event the archive does not send it.


MUTANTS = [
    mutant("every instruction is decoded", lambda: check(by_block, [b"something else"]),
           "core.instructions", ("if instruction.raw is None and not", "if False and not")),
    mutant("the glance is too narrow", lambda: check(by_block, [EVENT_TAG + bytes(9)]),
           "core.base58", ("low <= head <= high", "low < head < low")),
]  # fmt: skip


@pytest.mark.parametrize("planted", MUTANTS, ids=lambda planted: planted.name)
def test_a_wrong_glance_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.check(monkeypatch)
