"""Transactions of any kind: true worlds, worlds taken apart, lines and JSON of no shape at all."""

from __future__ import annotations

from base64 import b64encode
from random import Random
from typing import Any

from hypothesis import strategies as st

from indexer.core import base58
from tests.encoder import IDL_FILES, drawn_payload
from tests.property.worlds import PROGRAMS, world_transaction

NAMES = tuple(base58.encode(program) for program in PROGRAMS)

# By seed: a world has hundreds of values, which hypothesis would draw one by one.
seeds = st.integers(0, 2**32 - 1)
worlds = seeds.map(world_transaction)
spoilt = seeds.map(lambda seed: _spoilt(Random(seed)))


def _spoilt(rng: Random) -> bytes:
    """A payload of any event of any program, whole or damaged."""
    payload = drawn_payload(rng, rng.choice(IDL_FILES))
    place = rng.randrange(8, len(payload))
    damaged = payload[:place], payload[place:], payload + b"\1", payload[:place] + b"\xff" + payload[place + 1 :]
    return rng.choice((payload, *damaged))


# --- no shape at all ------------------------------------------------------------------------------------------------

encoded = spoilt.map(lambda p: b64encode(p).decode())
_whole_lines = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ("Log truncated", "Program data: ", "Program log: ", "Program ", "Program  invoke []", "", " ", "]")
    ),
    st.builds("Program {} invoke [{}]".format, st.sampled_from(NAMES), st.integers(-1, 12) | st.text(max_size=3)),
    st.builds("Program {} success".format, st.sampled_from(NAMES)),
    st.builds("Program {} failed: {}".format, st.sampled_from(NAMES), st.text(max_size=5)),
    st.builds("Program data: {}".format, encoded),
    st.builds("Program log: {}".format, encoded),
)
lines = st.builds(lambda line, end: line[:end], _whole_lines, st.none() | st.integers(-12, -1))
leaves: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(NAMES)
)
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def disturbed(draw: st.DrawFn, answer: Any) -> Any:
    """A JSON value with one place of it, at any depth, replaced by anything, dropped or doubled."""
    if isinstance(answer, dict) and answer and draw(st.integers(0, 15)):
        name = draw(st.sampled_from(sorted(answer)))
        if not draw(st.integers(0, 9)):
            return {kept: part for kept, part in answer.items() if kept != name}
        return {**answer, name: draw(disturbed(answer[name]))}
    if isinstance(answer, list) and answer and draw(st.integers(0, 15)):
        place = draw(st.integers(0, len(answer) - 1))
        part = draw(disturbed(answer[place]))
        return [*answer[:place], *draw(st.sampled_from(([part], [], [part, part]))), *answer[place + 1 :]]
    if isinstance(answer, int) and not isinstance(answer, bool) and draw(st.booleans()):
        return answer + draw(st.sampled_from((-1, 1, 255)))
    if isinstance(answer, str) and answer and draw(st.booleans()):
        place = draw(st.integers(0, len(answer) - 1))
        return answer[:place] + draw(st.sampled_from(("", "1", "z", "=", " ", "é"))) + answer[place + 1 :]
    return draw(json_values)
