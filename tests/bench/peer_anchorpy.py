"""The peer: anchorpy as released, in an environment of its own. Nothing of ours is imported but the loop it answers in.

`decode` is base64 (of what stands in log lines) and its EventCoder; `log` is its EventParser on the same lines.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anchorpy.coder.coder import Coder
from anchorpy.program.common import Event
from anchorpy.program.event import EventParser
from anchorpy_core.idl import Idl
from solders.pubkey import Pubkey

from tests.bench.turns import Sample, Task, Values, Work, serve


def prepare(sample: Sample) -> Mapping[Work, Task]:
    coder = Coder(Idl.from_json(Path(sample["idl"]).read_text(encoding="utf-8")))
    parse = parser(EventParser(Pubkey.from_string(sample["program"]), coder))
    return {
        "decode": Task(*decoding(coder, sample), lambda event: shown([event])),
        "log": Task(parse, sample["lines"], shown),
    }


def decoding(coder: Coder, sample: Sample) -> tuple[Callable[[Any], Event | None], str | bytes]:
    """The call, and what it is given."""

    def decode_text(text: str) -> Event | None:
        return coder.events.parse(b64decode(text))  # type: ignore[no-any-return]

    text: str = sample["text"]
    return (coder.events.parse, b64decode(text)) if sample["is_cpi"] else (decode_text, text)


def parser(event_parser: EventParser) -> Callable[[list[str]], list[Event]]:
    def parse(lines: list[str]) -> list[Event]:
        events: list[Event] = []
        event_parser.parse_logs(lines, events.append)
        return events

    return parse


def shown(events: list[Event]) -> Values:
    return [(event.name, plain(event.data)) for event in events]


def plain(value: Any) -> Any:
    """Dataclasses and containers as lists, keys as lists of bytes, enums as ordinals."""
    if value is None or isinstance(value, int | str):
        return value
    if isinstance(value, Pubkey | bytes):
        return list(bytes(value))
    if isinstance(value, list):
        return [plain(part) for part in value]
    if hasattr(value, "__dataclass_fields__"):
        return [plain(getattr(value, name)) for name in value.__dataclass_fields__]
    return value.index  # A variant.


if __name__ == "__main__":
    serve({"anchorpy": version("anchorpy"), "construct": version("construct")}, prepare)
