"""Rows as PostgreSQL's binary COPY reads them: thousands in a page, so each table has a function made for its columns.

What must stay true: the bytes say exactly what the rows say, whatever lies in them; and what one page teaches (how a
market is called) is known to the next, within a bound. Fields that every row has in the same length are packed at
once and go first, so the order of columns is this file's: `COPY` must name them (`Copying.names`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from struct import Struct
from typing import Any, NamedTuple

from indexer.store import numeric
from indexer.store.known import Known
from indexer.store.rows import Column, Row, Table
from indexer.store.times import microseconds

BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # The signature, no flags, no more header.
END = b"\xff\xff"
CHUNK_ROWS = 50  # Sent at once: the server works on them while the next are made.
_NULL = b"\xff\xff\xff\xff"
_BYTEA_OID = 17
_FORMATS = {"bigint": "q", "integer": "i", "smallint": "h", "boolean": "?"}


class Copying(NamedTuple):
    """How one table is copied: its columns in the order of the fields, and a row's fields behind their count."""

    names: tuple[str, ...]
    encode: Callable[[Row], bytes]

    def chunks(self, rows: Sequence[Row]) -> Iterator[bytes]:
        """All that COPY reads but for its end."""
        for start in range(0, len(rows), CHUNK_ROWS):
            fields = b"".join(map(self.encode, rows[start : start + CHUNK_ROWS]))
            yield fields if start else BEGIN + fields


@cache
def copying(table: Table) -> Copying:
    fixed = [column for column in table.columns if column.sql_type in _FORMATS and not column.nullable]
    others = [column for column in table.columns if column not in fixed]
    sizes = [Struct(">" + _FORMATS[column.sql_type]).size for column in fixed]
    values = ", ".join(f"{size}, {_name(column)}" for size, column in zip(sizes, fixed, strict=True))
    lines = [
        "def encode(row):",
        f"    {', '.join(map(_name, table.columns))}, = row",
        f"    return join((pack({len(table.columns)}, {values}), {', '.join(map(_expression, others))}))",
    ]
    layout = ">h" + "".join(f"i{_FORMATS[column.sql_type]}" for column in fixed)
    scope: dict[str, Any] = {**_SCOPE, "pack": Struct(layout).pack}
    exec(compile("\n".join(lines), f"<fields of {table.name}>", "exec"), scope)  # noqa: S102 - our own text.
    return Copying(tuple(column.name for column in (*fixed, *others)), scope["encode"])


def _name(column: Column) -> str:
    """Of the value in that column; like nothing else that the source text names."""
    return f"_{column.name}"


def _expression(column: Column) -> str:
    """Of the value's field."""
    name = _name(column)
    if column.sql_type in ("numeric", "bytea[]"):
        return f"NULL if {name} is None else {'number' if column.sql_type == 'numeric' else 'keys'}({name})"
    if column.sql_type == "bytea":
        return f"NULL if {name} is None else length[len({name})] + {name}"
    return f"{_KNOWN[column.sql_type]}[{name}]"


def _keys(keys: Sequence[bytes]) -> bytes:
    """An array of one dimension, or of none if it is empty. Before each key stands its length."""
    if not keys:
        return _EMPTY_ARRAY
    if set(map(len, keys)) == _KEY_LENGTHS:
        elements = _KEY_LENGTH + _KEY_LENGTH.join(keys)
    else:
        elements = b"".join(map(_bytes_field, keys))
    return _array(_ARRAY_HEAD_BYTES + len(elements), 1, 0, _BYTEA_OID, len(keys), 1) + elements


def _text_field(text: str) -> bytes:
    return _bytes_field(text.encode())


def _bytes_field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _time_field(seconds: int) -> bytes:
    return _bytes_field(Struct(">q").pack(microseconds(seconds)))


_KEY_LENGTHS, _KEY_LENGTH = {32}, (32).to_bytes(4, "big")
_ARRAY_HEAD_BYTES = 20
# The length of it all, dimensions, whether an element is NULL, their type; how many, and the first one's place.
_array = Struct(">iiiIii").pack
_EMPTY_ARRAY = _bytes_field(Struct(">iiI").pack(0, 0, _BYTEA_OID))
_KNOWN = {
    "text": "text", "timestamp with time zone": "time", "bigint": "bigint", "integer": "integer",
    "smallint": "smallint", "boolean": "boolean",
}  # fmt: skip


def _number_fields(layout: str) -> Known[Any, bytes]:
    return Known(lambda value: _bytes_field(Struct(layout).pack(value)), _NULL)


_SCOPE: dict[str, Any] = {
    "NULL": _NULL,
    "join": b"".join,
    "number": numeric.field,
    "keys": _keys,
    "length": Known(lambda count: count.to_bytes(4, "big"), _NULL),
    "text": Known(_text_field, _NULL),
    "time": Known(_time_field, _NULL),
    **{name: _number_fields(">" + layout) for name, layout in _FORMATS.items()},
}
