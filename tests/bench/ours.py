"""Our side: the production layouts, with every older end they allow, and the production log reader.

`decode` is base64 (of what stands in log lines), dispatch by discriminator, and the generated decoder. `log` reads a
transaction of which only the logs are known. Its programs are read from log lines whatever channel they use on chain,
as the peer reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
import pybase64

from indexer.app import protocols
from indexer.core import base58
from indexer.core.emitted import LogPrograms, log_payloads
from indexer.core.layout import Layout
from indexer.core.payload import DISCRIMINATOR_BYTES, Event
from indexer.core.transaction import Transaction
from tests.bench.turns import Sample, Task, Work, serve

Layouts = Mapping[bytes, Layout]


def prepare(sample: Sample) -> Mapping[Work, Task]:
    program_id = base58.key(sample["program"])
    layouts = next(p.programs[program_id].layouts for p in protocols() if program_id in p.programs)
    tx = Transaction(
        slot=0, signature=bytes(64), succeeded=True, keys=None, instructions=None, logs=tuple(sample["lines"])
    )
    parse = parser(layouts, LogPrograms({program_id: tuple(layouts)}))
    return {
        "decode": Task(*decoding(layouts, sample), lambda event: [(event[0], plain(event[1]))]),
        "log": Task(parse, tx, lambda events: [(event.name, plain(event.fields)) for event in events]),
    }


def decoding(layouts: Layouts, sample: Sample) -> tuple[Callable[[Any], tuple[str, Any] | None], str | bytes]:
    """The call, and what it is given."""

    def decode(data: bytes) -> tuple[str, Any] | None:
        layout = layouts.get(data[:DISCRIMINATOR_BYTES])
        return None if layout is None else (layout.name, layout.decode(data))

    def decode_text(text: str) -> tuple[str, Any] | None:
        data = pybase64.b64decode(text, None, True)
        layout = layouts.get(data[:DISCRIMINATOR_BYTES])
        return None if layout is None else (layout.name, layout.decode(data))

    text: str = sample["text"]
    return (decode, pybase64.b64decode(text)) if sample["is_cpi"] else (decode_text, text)


def parser(layouts: Layouts, programs: LogPrograms) -> Callable[[Transaction], list[Event]]:
    def parse(tx: Transaction) -> list[Event]:
        events = []
        for payload in log_payloads(tx, programs)[0]:
            data = payload.data
            layout = layouts.get(data[:DISCRIMINATOR_BYTES])
            if layout is not None:
                events.append(Event(layout.name, layout.decode(data), payload))
        return events

    return parse


def plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return [plain(part) for part in msgspec.structs.astuple(value)]
    if isinstance(value, bytes | list):
        return [plain(part) for part in value]
    return value


if __name__ == "__main__":
    serve({name: version(name) for name in ("perps-indexer", "pybase64", "msgspec")}, prepare)
