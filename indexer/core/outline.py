"""Straight decoders for payloads of which many have the same outline: the same Options present, the same end.

A payload whose outline is known is one fixed run: its tags are compared all at once, its values read by one unpack.
Outlines are learnt from what the decoder of the layout has read. A straight decoder gives what that one gives, or
asks it, so that no result depends on what was learnt. How much is learnt, and how often it is looked for, is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from struct import Struct, calcsize
from typing import Any

from indexer.core.idl import Fields, Option, Shape
from indexer.core.payload import DISCRIMINATOR_BYTES
from indexer.core.shape import is_fixed, smallest_bytes, struct_class
from indexer.core.writer import DecoderWriter, construction

Decode = Callable[[bytes], Any]
Outline = tuple[bool, ...]  # Of each field up to the end: whether it is an Option that is absent.

_FEWEST_OPTIONS = 4  # Below that, branches cost no more than the comparison.
_EVERY, _OFTEN = 16, 4  # Every 16th payload that no outline fits is looked at; what is seen for the 4th time is learnt.
_OUTLINES, _OF_ONE_LENGTH, _COUNTED = 256, 6, 1024


def has_outlines(shape: Fields) -> bool:
    """Whether it is worth while: many Options, and nothing whose length the bytes tell otherwise."""
    options = [item for _, item in shape.fields if isinstance(item, Option)]
    fixed = all(is_fixed(item.item if isinstance(item, Option) else item) for _, item in shape.fields)
    return fixed and len(options) >= _FEWEST_OPTIONS


class Outlines:
    """The decoder of a layout, quick for the outlines that it has learnt."""

    def __init__(self, shape: Fields, result: Fields, decode: Decode) -> None:
        self._shape, self._result, self.plain = shape, result, decode
        self._values = attrgetter(*(name for name, _ in shape.fields))
        self._first: dict[int, Decode] = {}  # By length of the payload: each asks the next one where it does not fit.
        self.learnt: Counter[int] = Counter()  # How many there are, by length.
        self._seen: Counter[Outline] = Counter()
        self._missed = 0

    def decode(self, data: bytes) -> Any:
        return (self._first.get(len(data)) or self._otherwise)(data)

    def _otherwise(self, data: bytes) -> Any:
        """What no outline fits."""
        fields = self.plain(data)
        self._missed += 1
        if self._missed % _EVERY == 0:
            self._look(fields, len(data))
        return fields

    def _look(self, fields: Any, length: int) -> None:
        """Learn the outline of what was read, if it comes often."""
        outline = self._outline(fields, length)
        if outline is None or self.learnt[length] == _OF_ONE_LENGTH or self.learnt.total() == _OUTLINES:
            return
        if len(self._seen) == _COUNTED:
            self._seen.clear()
        self._seen[outline] += 1
        if self._seen[outline] == _OFTEN:
            following = self._first.get(length, self._otherwise)
            self._first[length] = straight_decoder(self._shape, self._result, outline, following)
            self.learnt[length] += 1

    def _outline(self, fields: Any, length: int) -> Outline | None:
        """Up to the field with which the payload ends; None: it was read by an older layout."""
        outline, size = [], DISCRIMINATOR_BYTES
        for value, (_, item) in zip(self._values(fields), self._shape.fields, strict=True):
            if size == length:
                break
            outline.append(isinstance(item, Option) and value is None)
            size += _size(item, outline[-1])
        return tuple(outline) if size == length else None


def straight_decoder(shape: Fields, result: Fields, outline: Outline, otherwise: Decode) -> Decode:
    """The decoder of payloads of one outline, among those of its length. `otherwise` reads what does not fit."""
    text, scope = _source(shape, result, outline)
    scope["otherwise"] = otherwise
    exec(compile(text, f"<straight decoder of {shape.name}>", "exec"), scope)  # noqa: S102 - our own text, from our own IDL.
    decode: Decode = scope["decode"]
    return decode


def _source(shape: Fields, result: Fields, outline: Outline) -> tuple[str, dict[str, Any]]:
    writer = DecoderWriter(shape)
    values, tags, told = f"<{DISCRIMINATOR_BYTES}x", f"<{DISCRIMINATOR_BYTES}x", []
    known: dict[str, str] = {}
    names: list[str] = []
    checks: list[str] = []
    for (name, item), is_absent in zip(shape.fields, outline, strict=False):
        if isinstance(item, Option):
            tags, values = tags + "B", values + "x"
            told.append(0 if is_absent else 1)
        if not is_absent:
            run, known[name] = writer.fixed(item.item if isinstance(item, Option) else item)
            values, tags = values + run.format, tags + f"{calcsize('<' + run.format)}x"
            names += run.names
            checks += run.checks
    fields = [known.get(name, "None") for name, _ in result.fields]
    read_tags, expected = writer.bound("T", Struct(tags).unpack), writer.bound("E", tuple(told))
    lines = [
        f"if {read_tags}(data) != {expected}: return otherwise(data)",
        f"{', '.join(names)}, = {writer.bound('V', Struct(values).unpack)}(data)",
        *([f"if {' or '.join(checks)}: return otherwise(data)"] if checks else []),
        f"return {construction(writer.bound('C', struct_class(result)), fields)}",
    ]
    return "\n    ".join(["def decode(data):", *lines]), writer.scope


def _size(item: Shape, is_absent: bool) -> int:
    if isinstance(item, Option):
        return 1 if is_absent else 1 + smallest_bytes(item.item)
    return smallest_bytes(item)
