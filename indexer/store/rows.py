"""Records as rows: which columns a table has, a record's values in that order, and the way back.

A row is a tuple in the order of `Table.names`. Keys are bytes, times are Unix seconds, numbers are
int or Decimal. Both stores hold rows made here, so that they can only agree. Text is made storable:
PostgreSQL has no NUL character and no lone surrogates.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import msgspec

from indexer.core.payload import Enclosing
from indexer.core.record import DECODER_VERSION, RECORD_KINDS, EventRow, Failure, Origin, Record
from indexer.store.known import Known

Row = tuple[Any, ...]
Key = tuple[Any, ...]

# Where the source's type proves a bound; every other integer is `numeric`, since u64 and u128 must survive.
_BOUNDED = {
    "slot": "bigint",
    "index": "integer",
    "part": "smallint",
    "tx_index": "integer",
    "block_time": "timestamp with time zone",
    "decoder_version": "smallint",
    "hop": "integer",
    "taker_order_id": "bigint",
    "maker_order_id": "bigint",
    "enclosing_index": "integer",
    "stack_height": "smallint",
}
_TYPES = {bool: "boolean", int: "numeric", Decimal: "numeric", bytes: "bytea", str: "text", tuple: "bytea[]"}
_ENCLOSING = {
    "enclosing_program": "program_id",
    "enclosing_index": "index",
    "enclosing_discriminator": "discriminator",
    "enclosing_accounts": "accounts",
    "stack_height": "stack_height",
}
_KEY = ("slot", "signature", "channel", "index", "part")
_LAST_TIME = 253_402_300_799  # The end of the year 9999: later ones are no times, and no database can show them.


class Column(NamedTuple):
    name: str
    sql_type: str
    nullable: bool
    python_type: type
    is_free_text: bool = False  # Any text at all, not one of our own words.


class MakesRow(Protocol):
    def __call__(self, record: Record, *, settled: bool) -> Row: ...


class Table:
    """One record class as a table of schema `ledger`.

    `row` makes a record's row, `key` gives a row's key: a page has thousands, so both are made for this class alone.
    """

    def __init__(self, cls: type[Record]) -> None:
        self.cls = cls
        self.kind = cls.kind
        self.name = cls.table
        self.columns = tuple(_columns(cls))
        self.names = tuple(column.name for column in self.columns)
        self.position = {name: place for place, name in enumerate(self.names)}
        # One transaction can fail for two protocols and for two reasons at one position.
        self.key_names = (*_KEY, "reason", "protocol") if cls is Failure else _KEY
        self.key: Callable[[Row], Key] = itemgetter(*(self.position[name] for name in self.key_names))
        self._fields = [name for name in cls.__struct_fields__ if name not in ("origin", "part", "enclosing")]
        self._has_enclosing = "enclosing" in cls.__struct_fields__
        self.row = _maker(cls, self.columns, has_enclosing=self._has_enclosing)

    def record(self, row: Row) -> Record:
        """The record of a row, however the row's integers came (int or Decimal)."""
        values = dict(zip(self.names, map(_typed, row, self.columns), strict=True))
        fields: dict[str, Any] = {name: values[name] for name in (*self._fields, "part")}
        if self._has_enclosing:
            fields["enclosing"] = _enclosing(values)
        return self.cls(origin=Origin(**{name: values[name] for name in Origin.__struct_fields__}), **fields)


def _columns(cls: type[Record]) -> typing.Iterator[Column]:
    for name, hint in typing.get_type_hints(Origin).items():
        yield _column(name, hint)
    yield _column("part", int)
    yield _column("settled", bool)
    yield _column("decoder_version", int)
    hints = typing.get_type_hints(cls)
    for field in cls.__struct_fields__:
        if field not in ("origin", "part", "enclosing"):
            yield _column(field, hints[field])
    if "enclosing" in hints:
        yield from _enclosing_columns(optional=type(None) in typing.get_args(hints["enclosing"]))


def _enclosing_columns(*, optional: bool) -> typing.Iterator[Column]:
    hints = typing.get_type_hints(Enclosing)
    for name, field in _ENCLOSING.items():
        column = _column(name, hints[field])
        yield column._replace(nullable=column.nullable or optional)


def _column(name: str, hint: Any) -> Column:
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    given = [option for option in options if option is not type(None)]
    assert len(given) == 1, f"{name}: a column has one type, not {hint}"
    plain = _plain(given[0])
    bounded = _BOUNDED.get(name) if plain is int else None
    return Column(name, bounded or _TYPES[plain], type(None) in options, plain, given[0] is str)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _plain(hint: Any) -> type:
    """The class behind a Literal of texts or a generic tuple."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return str
    return typing.cast("type", origin or hint)


def _maker(cls: type[Record], columns: Sequence[Column], *, has_enclosing: bool) -> MakesRow:
    """Source text with one expression for each column, compiled."""
    lines = [
        "def row(record, *, settled):",
        "    origin = record.origin",
        *(["    enclosing = record.enclosing"] if has_enclosing else []),
        f"    return ({', '.join(map(_expression, columns))},)",
    ]
    scope = {"storable_time": _TIMES, "storable_text": _TEXTS, "DECODER_VERSION": DECODER_VERSION}
    exec(compile("\n".join(lines), f"<row of {cls.table}>", "exec"), scope)  # noqa: S102 - our own text and classes.
    return typing.cast("MakesRow", scope["row"])


def _expression(column: Column) -> str:
    """Of a record's value in that column."""
    name = column.name
    if name in _ENCLOSING:
        value = f"enclosing.{_ENCLOSING[name]}"
        value = f"(None if {value} is None else list({value}))" if column.python_type is tuple else value
        return f"enclosing and {value}"
    if name in ("settled", "decoder_version"):
        return {"settled": "settled", "decoder_version": "DECODER_VERSION"}[name]
    value = f"origin.{name}" if name in Origin.__struct_fields__ else f"record.{name}"
    if name == "block_time":
        return f"storable_time[{value}]"
    return f"storable_text[{value}]" if column.is_free_text else value


def _enclosing(values: Mapping[str, Any]) -> Enclosing | None:
    if values["enclosing_program"] is None:
        return None
    return Enclosing(**{field: values[name] for name, field in _ENCLOSING.items()})


def _typed(value: Any, column: Column) -> Any:
    if value is None:
        return None
    if column.python_type is int:
        return int(value)
    if column.python_type is Decimal:
        return Decimal(value)
    return tuple(value) if column.python_type is tuple else value


def _storable_time(seconds: int) -> int | None:
    """None for what is no time: an event may carry any 64 bits."""
    return seconds if 0 < seconds <= _LAST_TIME else None


def _storable_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


_TIMES: Known[int, int | None] = Known(_storable_time, None)
_TEXTS: Known[str, str | None] = Known(_storable_text, None)

RECORD_TABLES = tuple(Table(cls) for cls in RECORD_KINDS)
EVENTS = Table(EventRow)
FAILURES = Table(Failure)
TABLES = (*RECORD_TABLES, EVENTS, FAILURES)
BY_CLASS: Mapping[type[msgspec.Struct], Table] = {table.cls: table for table in TABLES}
