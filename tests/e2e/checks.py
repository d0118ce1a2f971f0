"""What must hold of the HTML report in a browser, each with what is wrong; None: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from tests.e2e.browser import DESKTOP, PHONE, Page

CHARTS = 7
_DRAWN = "document.documentElement.dataset.drawn"
_MARKS = "Array.from(document.querySelectorAll('figure'), f => f.querySelectorAll('svg path').length).join()"
_INK = "getComputedStyle(document.body).color + ' on ' + getComputedStyle(document.body).backgroundColor"
_LABEL = "document.querySelector('figure svg text').getAttribute('fill')"
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_TABLES = "Array.from(document.querySelectorAll('table'), t => t.innerText.length).filter(n => n > 50).length"


async def run(page: Page, file: Path, pictures: Path | None) -> AsyncIterator[tuple[str, str | None]]:
    looks = {}
    for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
        for scheme in ("light", "dark"):
            name = f"{width}, {scheme}"
            await page.open(file.as_uri(), size, dark=scheme == "dark")
            yield f"{name}: every chart is drawn", _unless(await page.until(_DRAWN), str(CHARTS))
            counts = [int(count) for count in (await page.evaluate(_MARKS)).split(",")]
            yield f"{name}: no chart is empty", None if min(counts) > 2 else f"paths {counts}"
            yield f"{name}: nothing but tables is wider than the screen", _unless(await page.evaluate(_WIDER), 0)
            looks[scheme] = (await page.evaluate(_INK), await page.evaluate(_LABEL))
            if pictures is not None:
                (pictures / f"{width}-{scheme}.png").write_bytes(await page.picture())
        yield f"{width}: page and charts change their colours", _differ(looks["light"], looks["dark"])
    yield "no script complains", "; ".join(page.complaints) or None
    yield "nothing is asked of anybody", _unless({url.split("?")[0] for url in page.asked}, {file.as_uri()})
    await page.open(file.as_uri(), PHONE, scripts=False)
    tables = await page.evaluate(_TABLES)
    yield "tables are there without scripts", None if tables >= 9 else f"{tables} tables"


def _unless(found: object, wanted: object) -> str | None:
    return None if found == wanted else f"{found!r}, not {wanted!r}"


def _differ(one: tuple[str, str], other: tuple[str, str]) -> str | None:
    return None if one[0] != other[0] and one[1] != other[1] else f"{one} and {other}"
