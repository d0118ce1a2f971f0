"""The decoder of one struct: its source text with all its ends, compiled.

Bytes raise nothing but Undecodable, which is data and no bug, and Surplus, which carries what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from struct import error as struct_error
from typing import Any, Literal

from indexer.core.idl import Fields, Shape
from indexer.core.outline import Outlines, has_outlines
from indexer.core.payload import DISCRIMINATOR_BYTES
from indexer.core.shape import is_fixed, smallest_bytes, struct_class
from indexer.core.writer import DecoderWriter, Leaf, construction


class Undecodable(Exception):
    """The bytes do not fit the layout. Data, not a bug."""

    def __init__(self, reason: Literal["short_payload", "invalid_value"], detail: str) -> None:
        super().__init__(detail)
        self.reason: Literal["short_payload", "invalid_value"] = reason
        self.detail = detail


class Surplus(Exception):
    """The payload is read whole and has more bytes than the newest layout."""

    def __init__(self, fields: Any, extra_bytes: int) -> None:
        super().__init__(f"{extra_bytes} bytes more than the newest layout")
        self.fields = fields
        self.extra_bytes = extra_bytes


class _InvalidValue(Exception):
    """A tag, bool or enum byte without a meaning, or text that is no UTF-8."""


def compile_decoder(
    shape: Fields,
    *,
    ends: Sequence[str] = (),
    older: Mapping[int, Fields] | None = None,
    trailing: bool = False,
    result: Fields | None = None,
) -> Callable[[bytes], Any]:
    """The decoder of a struct behind its discriminator.

    `ends`: fields after which the bytes may stop. `older`: struct of payloads of exactly that length.
    `trailing`: whatever follows is left. `result`: whose class is made, where it is not the shape's.
    """
    olds = {f"older{length}": compile_decoder(old, result=result or shape) for length, old in (older or {}).items()}
    lengths = dict(zip(older or {}, olds, strict=True))
    text, scope = source(shape, ends, trailing, result or shape, lengths)
    scope |= olds | {
        "StructError": struct_error,
        "InvalidValue": _InvalidValue,
        "Undecodable": Undecodable,
        "Surplus": Surplus,
    }
    exec(compile(text, f"<decoder of {shape.name}>", "exec"), scope)  # noqa: S102 - our own text, from our own IDL.
    decode: Callable[[bytes], Any] = scope["decode"]
    if has_outlines(shape) and not older and not trailing:
        return Outlines(shape, result or shape, decode).decode
    return decode


def source(
    shape: Fields, ends: Sequence[str], trailing: bool, result: Fields, older: Mapping[int, str]
) -> tuple[str, dict[str, Any]]:
    """Source text of `decode(data)` and the names that it uses."""
    writer = DecoderWriter(shape)
    leaves, _, ends_after = writer.flatten(shape)
    names = [name for name, _ in shape.fields]
    unknown = set(ends) - set(names)
    assert not unknown, f"{shape.name} has no field {sorted(unknown)}"

    def build(fields_read: int) -> str:
        known = dict(zip(names, _expressions(writer, shape, leaves, ends_after), strict=True))
        read = set(names[:fields_read])
        parts = [known[name] if name in read else "None" for name, _ in result.fields]
        return construction(writer.bound("C", struct_class(result)), parts)

    def cut(fields_read: int) -> Callable[[], None]:
        return lambda: writer.emit(f"if n == {writer.at()}: return {build(fields_read)}")

    cuts = {ends_after[names.index(end)]: cut(names.index(end) + 1) for end in ends}
    writer.sequence(leaves, cuts)
    whole = build(len(names))
    if trailing:
        writer.emit(f"return {whole}")
    else:
        writer.emit(f"r = {whole}")
        writer.emit(f"if n == {writer.at()}: return r")
        writer.emit(f"raise Surplus(r, n - {writer.at()})")
    first_end = min((names.index(end) for end in ends), default=len(names) - 1)
    least = DISCRIMINATOR_BYTES + sum(smallest_bytes(item) for _, item in shape.fields[: first_end + 1])
    short = f"f'{{n}} bytes end inside a field, the layout has {least} or more'"
    head = ["def decode(data):", "    n = len(data)"]
    head += [f"    if n == {length}: return {name}(data)" for length, name in older.items()]
    tail = [
        "    except (StructError, IndexError):",
        f"        raise Undecodable('short_payload', {short}) from None",
        "    except (InvalidValue, UnicodeDecodeError):",
        f"        if n < {least}: raise Undecodable('short_payload', {short}) from None",
        "        raise Undecodable('invalid_value', 'a tag, enum or text has no meaning') from None",
    ]
    return "\n".join([*head, "    try:", *writer.lines, *tail]), writer.scope


def _expressions(
    writer: DecoderWriter, shape: Fields, leaves: Sequence[Leaf], ends_after: Sequence[int]
) -> Iterator[str]:
    start = 0
    for (_, item), end in zip(shape.fields, ends_after, strict=True):
        yield _expression(writer, item, iter(leaves[start:end]))
        start = end


def _expression(writer: DecoderWriter, item: Shape, leaves: Iterator[Leaf]) -> str:
    if isinstance(item, Fields) and not is_fixed(item):
        parts = [_expression(writer, inner, leaves) for _, inner in item.fields]
        return construction(writer.bound("C", struct_class(item)), parts)
    return writer.values.get(next(leaves).key, "None")
