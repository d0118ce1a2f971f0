"""Writes the decoder of one struct as Python source and compiles it.

Fixed fields gather in a run and are read by one `Struct.unpack_from`. The tag of the next Option
ends a run, so that it is read together with what stands before it; behind an Option the fields up to
the next tag are read in both branches. The position is a constant until the first branch or
variable-length field, a variable `p` after it. Slices never raise, so every length that comes from
the bytes is compared with what is left before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from struct import Struct, calcsize
from struct import error as struct_error
from typing import Any, Literal

import msgspec

from indexer.core.idl import Array, Enum, Fields, Option, Shape, Simple, Vec
from indexer.core.payload import DISCRIMINATOR_BYTES

_FORMATS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q"}
_FORMATS |= {"publicKey": "32s", "f32": "4s"}
_WIDE = {"u128": "QQ", "i128": "Qq"}


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


@cache
def struct_class(shape: Fields) -> type[msgspec.Struct]:
    """The class whose instances hold the values of a struct; every field may be None."""
    return msgspec.defstruct(shape.name, [(name, Any, None) for name, _ in shape.fields], frozen=True, gc=False)


@cache
def is_fixed(shape: Shape) -> bool:
    """True where every value of the shape has the same number of bytes."""
    if isinstance(shape, Array):
        return is_fixed(shape.item)
    if isinstance(shape, Fields):
        return all(is_fixed(item) for _, item in shape.fields)
    return isinstance(shape, Enum) or (isinstance(shape, Simple) and shape.name not in ("string", "bytes"))


class _Run:
    """Fixed fields that follow each other: one format, its variables, and what must hold of them."""

    def __init__(self) -> None:
        self.format = ""
        self.names: list[str] = []
        self.checks: list[str] = []

    def add(self, other: _Run) -> None:
        self.format += other.format
        self.names += other.names
        self.checks += other.checks


class _Leaf(msgspec.Struct, frozen=True):
    """A field of the flattened struct: fixed, or an Option, a Vec, a text."""

    key: int
    shape: Shape


class DecoderWriter:
    """One decoder being written. `body()` writes; the names it used lie in `scope`."""

    def __init__(self, shape: Fields) -> None:
        self.shape = shape
        self.lines: list[str] = []
        self.depth = 2
        self.position: int | None = DISCRIMINATOR_BYTES  # None: the variable p holds it.
        self.run = _Run()
        self.scope: dict[str, Any] = {}
        self.values: dict[int, str] = {}  # Leaf -> expression that gives its value.
        self._numbers = count()
        self._keys = count()

    # -- names ---------------------------------------------------------------------------------

    def name(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def bound(self, prefix: str, value: Any) -> str:
        """A name for an object that the code uses; the same object keeps its name."""
        for name, known in self.scope.items():
            if known is value:
                return name
        name = self.name(prefix)
        self.scope[name] = value
        return name

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    # -- fixed shapes --------------------------------------------------------------------------

    def fixed(self, shape: Shape) -> tuple[_Run, str]:
        """The run of a fixed shape and the expression that makes its value."""
        run = _Run()
        return run, self._fixed(shape, run)

    def _fixed(self, shape: Shape, run: _Run) -> str:
        if isinstance(shape, Fields):
            parts = [self._fixed(item, run) for _, item in shape.fields]
            return f"{self.bound('C', struct_class(shape))}({', '.join(parts)})"
        if isinstance(shape, Array):
            if shape.item == Simple("u8"):
                return self._variable(f"{shape.length}s", run)
            return f"[{', '.join(self._fixed(shape.item, run) for _ in range(shape.length))}]"
        if isinstance(shape, Enum):
            name = self._variable("B", run)
            run.checks.append(f"{name} >= {len(shape.variants)}")
            return name
        assert isinstance(shape, Simple), shape
        return self._simple(shape.name, run)

    def _simple(self, type_name: str, run: _Run) -> str:
        if type_name in _WIDE:
            low, high = self.name("v"), self.name("v")
            run.format += _WIDE[type_name]
            run.names += [low, high]
            return f"({low} | {high} << 64 if {high} else {low})"  # Most values fit the lower half.
        if type_name == "bool":
            name = self._variable("B", run)
            run.checks.append(f"{name} > 1")
            return f"({name} == 1)"
        return self._variable(_FORMATS[type_name], run)

    def _variable(self, code: str, run: _Run) -> str:
        name = self.name("v")
        run.format += code
        run.names.append(name)
        return name

    # -- positions -----------------------------------------------------------------------------

    def at(self) -> str:
        return "p" if self.position is None else str(self.position)

    def advance(self, size: int) -> None:
        if self.position is None:
            self.emit(f"p += {size}")
        else:
            self.position += size

    def flush(self) -> None:
        """Read the run that has gathered."""
        run, self.run = self.run, _Run()
        if run.format:
            if run.format == "B":
                self.emit(f"{run.names[0]} = data[{self.at()}]")
            else:
                reader = self.bound("S", _reader(run.format))
                comma = "," if len(run.names) == 1 else ""
                self.emit(f"{', '.join(run.names)}{comma} = {reader}(data, {self.at()})")
            self.advance(calcsize("<" + run.format))
        if run.checks:
            self.emit(f"if {' or '.join(run.checks)}: raise InvalidValue")

    def loosen(self) -> None:
        """From here the position depends on the bytes."""
        if self.position is not None:
            self.emit(f"p = {self.position}")
            self.position = None

    # -- sequences -----------------------------------------------------------------------------

    def flatten(self, shape: Fields) -> tuple[list[_Leaf], Callable[[], str], list[int]]:
        """Leaves of a struct, the expression that builds it from them, and the leaf count after each field."""
        leaves: list[_Leaf] = []
        builders: list[Callable[[], str]] = []
        ends: list[int] = []
        for _, item in shape.fields:
            if isinstance(item, Fields) and not is_fixed(item):
                inner, build, _ = self.flatten(item)
                leaves += inner
            else:
                leaf = _Leaf(next(self._keys), item)
                leaves.append(leaf)
                build = self._value_of(leaf)
            builders.append(build)
            ends.append(len(leaves))
        return leaves, lambda: self._build(shape, [b() for b in builders]), ends

    def _value_of(self, leaf: _Leaf) -> Callable[[], str]:
        return lambda: self.values.get(leaf.key, "None")

    def _build(self, shape: Fields, parts: Sequence[str]) -> str:
        return f"{self.bound('C', struct_class(shape))}({', '.join(parts)})"

    def sequence(self, leaves: Sequence[_Leaf], cuts: Mapping[int, Callable[[], None]]) -> None:
        """Read leaves in order. `cuts[n]` writes what happens when exactly n leaves have been read."""
        place, tag = 0, None
        while place < len(leaves):
            leaf = leaves[place]
            if is_fixed(leaf.shape):
                run, self.values[leaf.key] = self.fixed(leaf.shape)
                self.run.add(run)
            elif isinstance(leaf.shape, Option):
                place, tag = self._option(leaf.key, leaf.shape.item, leaves, place, cuts, tag)
            else:
                self._variable_length(leaf)
            place += 1
            if place in cuts:
                self.flush()
                cuts[place]()
        self.flush()

    def _option(
        self,
        key: int,
        item: Shape,
        leaves: Sequence[_Leaf],
        place: int,
        cuts: Mapping[int, Callable[[], None]],
        tag: str | None,
    ) -> tuple[int, str | None]:
        """Read an Option and the fixed fields behind it. Returns the last leaf read and the next Option's tag."""
        if tag is None:
            tag = self._variable("B", self.run)
            self.flush()
        behind, place, next_tag = self._behind(leaves, place, cuts)
        value = self.name("o")
        before = self.position
        self.emit(f"if {tag} == 1:")
        self._branch(before, behind, lambda: self._some(value, item, behind))
        self.emit(f"elif {tag} == 0:")
        self._branch(before, behind, lambda: self._none(value, behind))
        self.emit("else: raise InvalidValue")
        self.position = None
        self.values[key] = value
        return place, next_tag

    def _behind(
        self, leaves: Sequence[_Leaf], place: int, cuts: Mapping[int, Callable[[], None]]
    ) -> tuple[_Run, int, str | None]:
        run = _Run()
        while place + 1 not in cuts and place + 1 < len(leaves):
            following = leaves[place + 1]
            if isinstance(following.shape, Option):
                return run, place, self._variable("B", run)
            if not is_fixed(following.shape):
                break
            inner, self.values[following.key] = self.fixed(following.shape)
            run.add(inner)
            place += 1
        return run, place, None

    def _branch(self, before: int | None, behind: _Run, write: Callable[[], None]) -> None:
        self.depth += 1
        self.position = before
        write()
        self.loosen()
        self.depth -= 1

    def _some(self, value: str, item: Shape, behind: _Run) -> None:
        if is_fixed(item):
            run, expression = self.fixed(item)
            self.run.add(run)
            self.run.add(behind)
            self.flush()
            self.emit(f"{value} = {expression}")
            return
        self.emit(f"{value} = {self._inner(item)}")
        self.run.add(behind)
        self.flush()

    def _none(self, value: str, behind: _Run) -> None:
        self.emit(f"{value} = None")
        self.run.add(behind)
        self.flush()

    def _inner(self, item: Shape) -> str:
        """Read one value of any shape here; the expression that gives it."""
        if isinstance(item, Fields):
            leaves, build, _ = self.flatten(item)
            self.sequence(leaves, {})
            return build()
        leaf = _Leaf(next(self._keys), item)
        self.sequence([leaf], {})
        return self.values[leaf.key]

    # -- variable length -----------------------------------------------------------------------

    def _variable_length(self, leaf: _Leaf) -> None:
        length = self._variable("I", self.run)
        self.flush()
        self.loosen()
        value = self.name("o")
        self.values[leaf.key] = value
        if isinstance(leaf.shape, Simple) or leaf.shape == Vec(Simple("u8")):
            self._bytes(value, length, is_text=leaf.shape == Simple("string"))
        else:
            assert isinstance(leaf.shape, Vec), leaf.shape
            self._vec(value, length, leaf.shape.item)

    def _bytes(self, value: str, length: str, *, is_text: bool) -> None:
        self.emit(f"if {length} > n - p: raise IndexError")
        decode = '.decode("utf-8")' if is_text else ""
        self.emit(f"{value} = data[p:p + {length}]{decode}")
        self.emit(f"p += {length}")

    def _vec(self, value: str, length: str, item: Shape) -> None:
        smallest = max(1, smallest_bytes(item))
        self.emit(f"if {length} * {smallest} > n - p: raise IndexError")
        self.emit(f"{value} = []")
        self.emit(f"for _ in range({length}):")
        self.depth += 1
        if is_fixed(item):
            run, expression = self.fixed(item)
            self.run.add(run)
            self.flush()
        else:
            expression = self._inner(item)
        self.emit(f"{value}.append({expression})")
        self.depth -= 1


@cache
def _reader(code: str) -> Callable[[bytes, int], tuple[Any, ...]]:
    return Struct("<" + code).unpack_from


@cache
def smallest_bytes(shape: Shape) -> int:
    """Fewest bytes that a value of the shape can have."""
    if isinstance(shape, Fields):
        return sum(smallest_bytes(item) for _, item in shape.fields)
    if isinstance(shape, Array):
        return shape.length * smallest_bytes(shape.item)
    if isinstance(shape, Option | Enum):
        return 1
    if isinstance(shape, Vec) or shape.name in ("string", "bytes"):
        return 4
    return {"bool": 1, "u128": 16, "i128": 16}.get(shape.name) or calcsize(_FORMATS[shape.name])


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
        return f"{writer.bound('C', struct_class(result))}({', '.join(parts)})"

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
    writer: DecoderWriter, shape: Fields, leaves: Sequence[_Leaf], ends_after: Sequence[int]
) -> Iterator[str]:
    start = 0
    for (_, item), end in zip(shape.fields, ends_after, strict=True):
        yield _expression(writer, item, iter(leaves[start:end]))
        start = end


def _expression(writer: DecoderWriter, item: Shape, leaves: Iterator[_Leaf]) -> str:
    if isinstance(item, Fields) and not is_fixed(item):
        parts = [_expression(writer, inner, leaves) for _, inner in item.fields]
        return f"{writer.bound('C', struct_class(item))}({', '.join(parts)})"
    return writer.values.get(next(leaves).key, "None")


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
    olds = {f"older{length}": compile_decoder(old, result=shape) for length, old in (older or {}).items()}
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
    return decode
