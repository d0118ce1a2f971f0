"""Writes the decoder of one struct as Python source.

Fixed fields gather in a run and are read by one `Struct.unpack_from`. The tag of the next Option
ends a run, so that it is read together with what stands before it; behind an Option the fields up to
the next tag are read in both branches. The position is a constant until the first branch or
variable-length field, a variable `p` after it. Slices never raise, so every length that comes from
the bytes is compared with what is left before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from struct import Struct, calcsize
from typing import Any

import msgspec

from indexer.core.idl import Array, Enum, Fields, Option, Shape, Simple, Vec
from indexer.core.payload import DISCRIMINATOR_BYTES
from indexer.core.shape import FORMATS, WIDE, is_fixed, smallest_bytes, struct_class

_MOST_ARGUMENTS = 30  # Of more, Python makes a list first, one by one.


def construction(name: str, parts: Sequence[str]) -> str:
    """The call that makes a struct from the expressions of its fields."""
    if len(parts) <= _MOST_ARGUMENTS:
        return f"{name}({', '.join(parts)})"
    pieces = (parts[start : start + _MOST_ARGUMENTS] for start in range(0, len(parts), _MOST_ARGUMENTS))
    tuples = " + ".join(f"({', '.join(piece)},)" for piece in pieces)
    return f"{name}(*({tuples}))"


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


class Leaf(msgspec.Struct, frozen=True):
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
            return construction(self.bound("C", struct_class(shape)), parts)
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
        if type_name in WIDE:
            low, high = self.name("v"), self.name("v")
            run.format += WIDE[type_name]
            run.names += [low, high]
            return f"({low} | {high} << 64 if {high} else {low})"  # Most values fit the lower half.
        if type_name == "bool":
            name = self._variable("B", run)
            run.checks.append(f"{name} > 1")
            return f"({name} == 1)"
        return self._variable(FORMATS[type_name], run)

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

    def flatten(self, shape: Fields) -> tuple[list[Leaf], Callable[[], str], list[int]]:
        """Leaves of a struct, the expression that builds it from them, and the leaf count after each field."""
        leaves: list[Leaf] = []
        builders: list[Callable[[], str]] = []
        ends: list[int] = []
        for _, item in shape.fields:
            if isinstance(item, Fields) and not is_fixed(item):
                inner, build, _ = self.flatten(item)
                leaves += inner
            else:
                leaf = Leaf(next(self._keys), item)
                leaves.append(leaf)
                build = self._value_of(leaf)
            builders.append(build)
            ends.append(len(leaves))
        return leaves, lambda: self._build(shape, [b() for b in builders]), ends

    def _value_of(self, leaf: Leaf) -> Callable[[], str]:
        return lambda: self.values.get(leaf.key, "None")

    def _build(self, shape: Fields, parts: Sequence[str]) -> str:
        return construction(self.bound("C", struct_class(shape)), parts)

    def sequence(self, leaves: Sequence[Leaf], cuts: Mapping[int, Callable[[], None]]) -> None:
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
        leaves: Sequence[Leaf],
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
        self, leaves: Sequence[Leaf], place: int, cuts: Mapping[int, Callable[[], None]]
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
        leaf = Leaf(next(self._keys), item)
        self.sequence([leaf], {})
        return self.values[leaf.key]

    # -- variable length -----------------------------------------------------------------------

    def _variable_length(self, leaf: Leaf) -> None:
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
