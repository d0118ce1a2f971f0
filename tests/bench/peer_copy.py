"""The limit: the server itself reads the rows of a recording from files in its own format, and nothing else happens.

Nothing is read from the chain's bytes, decoded, encoded, looked up, marked or settled: what is left is what a database
takes to keep these rows under these keys. A row that is there ends it.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import asyncpg

from tests.bench.flow_runs import Clock, Question, serve


async def run(question: Question, clock: Clock) -> int:
    folder = Path(question["folder"]) / f"{question['flow']}.copy"
    pages = json.loads((folder / "pages.json").read_bytes())
    connection = await asyncpg.connect(question["url"])
    found = 0
    async with clock.running():
        for page in pages:
            async with connection.transaction():
                for table, columns, path in page:
                    copied = await connection.execute(f"COPY ledger.{table} ({columns}) FROM '{path}' (FORMAT binary)")
                    found += int(copied.split()[1]) if table == "events" else 0
    await connection.close()
    return found


if __name__ == "__main__":
    serve({"asyncpg": version("asyncpg")}, run)
