"""Look at the HTML report with a real browser: `make e2e`.

The report is of the ledger of `tests.report.weeks`. A missing browser is an error, unless ALLOW_MISSING names chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from indexer.report import page
from indexer.report.comparison import PROTOCOLS, read_report
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from tests.aggregates.days import numbers
from tests.e2e import checks
from tests.e2e.browser import NoBrowser, browser
from tests.report import weeks


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="Keep pictures of the page there, to look at.")
    pictures: Path | None = parser.parse_args().pictures
    with tempfile.TemporaryDirectory(prefix="perps-indexer-e2e-") as folder:
        Path(folder).chmod(0o755)  # The server may run as another user.
        try:
            failed = asyncio.run(_checked(Path(folder).resolve(), pictures))
        except NoBrowser as missing:
            return _missing(missing)
    print(f"{failed} failed")
    return 1 if failed else 0


async def _checked(folder: Path, pictures: Path | None) -> int:
    failed = 0
    async with browser() as shown:  # First: without one the rest is for nothing.
        file = await _report(folder)
        async for name, trouble in checks.run(shown, file, pictures):
            print(f"{'ok' if trouble is None else 'FAILED':7} {name}{'' if trouble is None else ': ' + trouble}")
            failed += trouble is not None
    return failed


async def _report(folder: Path) -> Path:
    with EmbeddedPostgres(folder / "server") as server:
        assert server.url is not None, "it runs"
        await migrate(server.url)
        async with numbers(server.url) as ledger:
            await weeks.fill(ledger)
        report = await read_report(server.url, None, 7, PROTOCOLS, with_course=True, timeout_s=10)
    return _written(folder / "report.html", page.html(report))


def _written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def _missing(missing: NoBrowser) -> int:
    allowed = "chromium" in os.environ.get("ALLOW_MISSING", "").split(",")
    print(f"{'skipped' if allowed else 'error'}: {missing}; the report was not looked at", file=sys.stderr)
    return 0 if allowed else 1


if __name__ == "__main__":
    sys.exit(main())
