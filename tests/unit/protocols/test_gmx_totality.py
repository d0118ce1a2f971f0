"""No values of any event make the rules raise, whatever encloses them. Synthetic events."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.core.payload import Enclosing, Event, Payload
from indexer.core.protocol import Scene
from indexer.core.record import Record
from indexer.core.reference import Reference
from indexer.protocols.gmx_solana import IDL, STORE, STORE_PROGRAM
from tests.encoder import document, encode_event, random_event
from tests.unit.protocols.gmx_world import MARKET, REFERENCE, Call, instruction, protocol, records

Drawn = tuple[str, dict[str, Any]]
INSTRUCTIONS = [i["name"] for i in document(IDL)["instructions"]]
REFERENCES = st.sampled_from((REFERENCE, Reference()))
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def payload(drawn: Drawn, *, known: bool) -> bytes:
    """`known`: of our Store, and on the known market at one revision, so that more of the rules are reached."""
    name, values = drawn
    ours = {"market_token": MARKET, "rev": 7, "store": STORE} if known else {}
    return encode_event(IDL, name, **values | {field: value for field, value in ours.items() if field in values})


calls = st.builds(
    lambda name, drawn, known, with_accounts: instruction(
        name, *(payload(one, known=known) for one in drawn), with_accounts=with_accounts
    ),
    st.sampled_from(INSTRUCTIONS),
    st.lists(random_event(IDL), max_size=4),
    st.booleans(),
    st.booleans(),
)


def places(rows: Sequence[Record]) -> list[tuple[Any, ...]]:
    return [(row.kind, row.origin.channel, row.origin.index, row.part) for row in rows]


@settings(max_examples=200, suppress_health_check=QUIET, deadline=None)
@given(st.lists(calls, max_size=2), REFERENCES)
def test_any_values_give_rows_and_each_row_a_place_of_its_own(drawn: list[Call], reference: Reference):
    rows = records(*drawn, reference=reference)
    assert len(set(places(rows))) == len(rows)


@settings(max_examples=100, suppress_health_check=QUIET, deadline=None)
@given(st.lists(random_event(IDL), max_size=4), REFERENCES)
def test_an_enclosing_instruction_of_which_nothing_is_known_is_no_obstacle(drawn: list[Drawn], reference: Reference):
    layouts, unknown = protocol().programs[STORE_PROGRAM].layouts, Enclosing(STORE_PROGRAM)
    events = []
    for index, one in enumerate(drawn):
        data = payload(one, known=True)
        layout = layouts[data[:8]]
        events.append(Event(layout.name, layout.decode(data), Payload(STORE_PROGRAM, "cpi", index, data, unknown)))
    rows = list(protocol().interpret(Scene("gmx_solana", 1, bytes(64), None, None, events, reference)))
    assert len(set(places(rows))) == len(rows)
