"""The statement that gives one page of a table. Pure: names come from the catalogue, values travel as parameters.

A page begins behind the key of the last row shown, never after a number of rows: rows that come meanwhile neither
double nor hide others. Numbers are given as the text that PostgreSQL writes, so that no digit gets lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from indexer.http.asked import Asked, is_key
from indexer.http.catalogue import Column, Relation
from indexer.http.tables import Table

_CASTS = {"int2": "int2", "int4": "int4", "int8": "int8", "bool": "bool", "timestamptz": "timestamptz", "date": "date"}


class Statement(msgspec.Struct, frozen=True):
    """Rows have the shown columns, in order, and then the parts of their key as text."""

    text: str
    values: Sequence[Any]


class _Values:
    """Parameters of a statement, in order."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def add(self, value: Any) -> str:
        self.given.append(value)
        return f"${len(self.given)}"


def statement(table: Table, relation: Relation, asked: Asked) -> Statement:
    """One row more than asked for: it says whether there is another page."""
    values = _Values()
    conditions = [
        *_filtered(relation, asked, values),
        *_timed(table, relation, asked, values),
        *_behind(table, relation, asked, values),
    ]
    shown = [_shown(column) for column in relation.shown]
    parts = [f"{_text(part, relation)} AS key_{number}" for number, part in enumerate(table.key)]
    order = ", ".join(f"{_ordered(part)} {asked.order}" for part in table.key)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    text = (
        f"SELECT {', '.join([*shown, *parts])} FROM perps.{_name(table.name)} AS t{where}"  # noqa: S608 (our names)
        f" ORDER BY {order} LIMIT {values.add(asked.limit + 1)}"
    )
    return Statement(text, values.given)


def page(
    table: Table, relation: Relation, asked: Asked, rows: Sequence[Sequence[Any]]
) -> tuple[list[dict[str, Any]], tuple[str, ...] | None]:
    """Rows by column, and the key of the last one where others follow. `rows`: what the statement gave."""
    names = [column.name for column in relation.shown]
    given = rows[: asked.limit]
    found = [dict(zip(names, row, strict=False)) for row in given]
    more = len(rows) > asked.limit
    return found, tuple(given[-1][len(names) :]) if more else None


def _filtered(relation: Relation, asked: Asked, values: _Values) -> list[str]:
    conditions = []
    for name, value in asked.filters.items():
        if is_key(relation.columns[name], relation):
            conditions.append(f"t.{_name(f'{name}_bytes')} = perps.key({values.add(value)})")
        else:
            conditions.append(f"t.{_name(name)} = {values.add(value)}")
    return conditions


def _timed(table: Table, relation: Relation, asked: Asked, values: _Values) -> list[str]:
    """Rows lie in the order of slots: slots known to be outside of the time bound what is read."""
    if table.time is None:
        return []
    column, is_day = f"t.{_name(table.time)}", relation.columns[table.time].kind == "date"
    conditions = []
    for moment, sign, bound in ((asked.begin, ">=", "> perps.slot_before"), (asked.end, "<", "< perps.slot_after")):
        if moment is not None:
            if is_day:
                # A day belongs to a span of time if it begins in it.
                conditions.append(f"{column}::timestamp AT TIME ZONE 'UTC' {sign} {values.add(moment)}")
            else:
                conditions.append(f"{column} {sign} {values.add(moment)}")
            if table.slotted:
                conditions.append(f"t.slot {bound}({values.add(moment)})")
    return conditions


def _behind(table: Table, relation: Relation, asked: Asked, values: _Values) -> list[str]:
    if asked.behind is None:
        return []
    sign = "<" if asked.order == "desc" else ">"
    given = [
        f"{values.add(text)}::text{_cast(part, relation)}" for part, text in zip(table.key, asked.behind, strict=True)
    ]
    columns = ", ".join(_ordered(part) for part in table.key)
    conditions = [f"({columns}) {sign} ({', '.join(given)})"]
    if not table.key[0].endswith("?"):
        conditions.append(f"t.{_name(table.key[0])} {sign}= {given[0]}")  # By itself an index can use it.
    return conditions


def _cast(part: str, relation: Relation) -> str:
    kind = "text" if part.endswith("?") else relation.columns[part].kind
    return f"::{_CASTS[kind]}" if kind in _CASTS else ""


def _ordered(part: str) -> str:
    """What rows are ordered by: bytes of texts, whatever language the database speaks; what may be NULL as text."""
    name = part.removesuffix("?")
    return f"coalesce(t.{_name(name)}::text, '') COLLATE \"C\"" if part.endswith("?") else f"t.{_name(name)}"


def _text(part: str, relation: Relation) -> str:
    name = part.removesuffix("?")
    if not part.endswith("?") and relation.columns[name].kind == "timestamptz":
        return f"t.{_name(name)}::text"
    return f"coalesce(t.{_name(name)}::text, '')"


def _shown(column: Column) -> str:
    name = f"t.{_name(column.name)}"
    match column.kind:
        case "numeric":
            return f"{name}::text AS {_name(column.name)}"
        case "bytea":
            return f"encode({name}, 'hex') AS {_name(column.name)}"
        case _:
            return name


def _name(name: str) -> str:
    """As an identifier: `index` and `at` are words of SQL."""
    return '"' + name.replace('"', '""') + '"'
