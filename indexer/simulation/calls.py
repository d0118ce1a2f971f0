"""The calls of a script, as a tree: how deep it is, how much is in it, what it emits, and the same with a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from indexer.simulation.script import Emit, Invoke, Part, Script
from indexer.simulation.streams import STREAMS


def depth(call: Invoke) -> int:
    """How many levels it takes; an event by self-CPI is one."""
    below = [depth(part) if isinstance(part, Invoke) else int(_is_call(part)) for part in call.inside]
    return 1 + max(below, default=0)


def count_calls(calls: Iterable[Invoke]) -> int:
    """Instructions of all levels."""
    return sum(1 + sum(_is_call(part) for part in call.inside) for call in invokes(calls))


def _is_call(part: Part) -> bool:
    return isinstance(part, Emit) and part.channel == "cpi"


def invokes(calls: Iterable[Invoke]) -> Iterator[Invoke]:
    """All of them, in order of running."""
    for call in calls:
        yield call
        yield from invokes(part for part in call.inside if isinstance(part, Invoke))


def emissions(calls: Iterable[Invoke]) -> Iterator[tuple[bytes, Emit]]:
    """What our programs emit, each with its program."""
    for call in invokes(calls):
        for part in call.inside:
            if isinstance(part, Emit) and call.program_id in STREAMS:
                yield call.program_id, part


def with_parts(script: Script, change: Callable[[Part], Part]) -> Script:
    """The same script with every part that is no call as `change` makes it."""

    def changed(call: Invoke) -> Invoke:
        parts = (changed(one) if isinstance(one, Invoke) else change(one) for one in call.inside)
        return msgspec.structs.replace(call, inside=tuple(parts))

    return Script(tuple(changed(call) for call in script.calls), script.is_v0)
