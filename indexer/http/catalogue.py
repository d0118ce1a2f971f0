"""What columns the tables have, asked of the database: names, types, and the COMMENT that says what each means.

It is kept for a while, since it changes only by a migration, and asked anew by one request at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from indexer.http.reader import session
from indexer.http.tables import TABLES
from indexer.http.trouble import Trouble

if TYPE_CHECKING:
    from indexer.http.reader import Pool

KEPT_S = 60.0
# Types as PostgreSQL calls them. What is not listed here is no column of the API.
KINDS = ("text", "int2", "int4", "int8", "numeric", "bool", "timestamptz", "date", "bytea", "_text")
_COLUMNS = """
SELECT c.relname::text AS relation, obj_description(c.oid, 'pg_class') AS says, a.attname::text AS name,
    t.typname::text AS kind, col_description(c.oid, a.attnum) AS means
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = to_regnamespace('perps') AND c.relkind IN ('v', 'm')
ORDER BY c.relname, a.attnum
"""


class Column(msgspec.Struct, frozen=True):
    """`kind`: one of KINDS. `means`: its COMMENT."""

    name: str
    kind: str
    means: str


class Relation(msgspec.Struct, frozen=True):
    """`says`: its COMMENT. `columns`: all there are, in order; `shown` is what the API gives of them."""

    says: str
    columns: Mapping[str, Column]

    @property
    def shown(self) -> list[Column]:
        """Without keys as bytes that stand beside their text."""
        return [
            one
            for name, one in self.columns.items()
            if name.removesuffix("_bytes") not in self.columns or not name.endswith("_bytes")
        ]


class Catalogue:
    """The tables of the API that the database has, by name."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asking = asyncio.Lock()
        self._found: dict[str, Relation] = {}
        self._until = 0.0

    async def relations(self) -> Mapping[str, Relation]:
        """Raises Trouble."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._until:
                self._found = await self._asked()
                self._until = now + KEPT_S
        return self._found

    async def relation(self, name: str) -> Relation:
        """Raises Trouble: there is no such table, or the database lacks it."""
        if name not in TABLES:
            raise Trouble("not_found", f"no table is called {name[:100]!r}", "see /api/v1/ for all tables")
        found = (await self.relations()).get(name)
        if found is None:
            raise Trouble("schema_outdated", f"the database has no view perps.{name}", "perps-indexer migrate")
        return found

    async def _asked(self) -> dict[str, Relation]:
        async with session(self._pool) as connection:
            rows = await connection.fetch(_COLUMNS)
        relations: dict[str, dict[str, Column]] = {}
        says: dict[str, str] = {}
        for relation, sentence, name, kind, means in rows:
            if relation in TABLES and kind in KINDS:
                relations.setdefault(relation, {})[name] = Column(name, kind, means or "")
                says[relation] = sentence or ""
        return {name: Relation(says[name], columns) for name, columns in relations.items()}
