"""Look at the HTML report and the web pages with a real browser: `make e2e`.

Both are of the ledger of `tests.report.weeks`. A missing browser is an error, unless ALLOW_MISSING names chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from indexer.report.comparison import PROTOCOLS, read_report
from indexer.report.page import html
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from tests.aggregates.days import numbers
from tests.e2e import checks, page_checks
from tests.e2e.browser import NoBrowser, Page, browser
from tests.pages.served import served
from tests.report import weeks


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="Keep pictures of all pages there, to look at.")
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
        with EmbeddedPostgres(folder / "server") as server:
            assert server.url is not None, "it runs"
            await _fill(server.url)
            async for name, trouble in _looked(shown, server.url, folder, pictures):
                print(f"{'ok' if trouble is None else 'FAILED':7} {name}{'' if trouble is None else ': ' + trouble}")
                failed += trouble is not None
    return failed


async def _looked(page: Page, url: str, folder: Path, pictures: Path | None) -> AsyncIterator[tuple[str, str | None]]:
    async with served(url) as address:
        async for name, trouble in page_checks.run(page, address, pictures):
            yield f"pages: {name}", trouble
    page.forget()
    report = await read_report(url, None, 7, PROTOCOLS, with_course=True, timeout_s=10)
    file = _written(folder / "report.html", html(report))
    async for name, trouble in checks.run(page, file, pictures):
        yield f"report: {name}", trouble


async def _fill(url: str) -> None:
    await migrate(url)
    async with numbers(url) as ledger:
        await weeks.fill(ledger)


def _written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def _missing(missing: NoBrowser) -> int:
    allowed = "chromium" in os.environ.get("ALLOW_MISSING", "").split(",")
    print(f"{'skipped' if allowed else 'error'}: {missing}; nothing was looked at", file=sys.stderr)
    return 0 if allowed else 1


if __name__ == "__main__":
    sys.exit(main())
